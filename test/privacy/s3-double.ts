import { createHash, createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { localServer, type Seen } from '../channels/local-server.ts'

/** Answers in place of the bucket; false: the bucket answers after all. */
export type Fault = (seen: Seen, response: ServerResponse) => unknown

export interface S3Double {
  url: string
  region: string
  keyId: string
  secret: string
  /** By key, within the bucket. */
  objects: Map<string, { bytes: Buffer; at: Date }>
  seen: Seen[]
  /** What becomes of the next requests, one each. */
  faults: Fault[]
  /** What becomes of all of them. */
  always: Fault | undefined
  /** Requests that were not signed as they must be, and why. */
  unsigned: string[]
  pageSize: number
  close(): Promise<void>
}

export const answered =
  (status: number, code: string): Fault =>
  (_seen, response) =>
    fail(response, status, code)

/** A bucket on a loopback port that takes nothing but requests with the right signature, recomputed from what came over the line. */
export async function s3Double(t: { teardown(end: () => Promise<void>): unknown }): Promise<S3Double> {
  const server = await localServer((seen, response): void => {
    const why = wrongly(seen, double)
    const fault = why === null ? (double.faults.shift() ?? double.always) : answered(403, 'SignatureDoesNotMatch')
    if (why !== null) double.unsigned.push(why)
    if (!fault || fault(seen, response) === false) answer(seen, response, double)
  })
  const double: S3Double = {
    url: `${server.url}/files`,
    ...{ region: 'eu-central-1', keyId: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
    ...{ objects: new Map(), seen: server.seen, faults: [], always: undefined, unsigned: [], pageSize: 1_000 },
    close: () => server.close(),
  }
  t.teardown(double.close)
  return double
}

function answer(seen: Seen, response: ServerResponse, { objects, pageSize }: S3Double): unknown {
  const url = new URL(seen.path, 'http://double')
  const [, bucket, ...rest] = url.pathname.split('/')
  const key = rest.map(decodeURIComponent).join('/')
  if (bucket !== 'files') return fail(response, 404, 'NoSuchBucket')
  if (seen.method === 'PUT') {
    objects.set(key, { bytes: seen.bytes, at: new Date() })
    return response.writeHead(200).end()
  }
  if (seen.method === 'DELETE') {
    objects.delete(key)
    return response.writeHead(204).end()
  }
  if (key === '') return list(url.searchParams, response, objects, pageSize)
  const bytes = objects.get(key)?.bytes
  if (!bytes) return fail(response, 404, 'NoSuchKey')
  if (seen.headers.range === undefined)
    return response.writeHead(200, { 'content-length': String(bytes.length) }).end(bytes)
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(seen.headers.range)) ?? []
  const [start, end] = [Number(from), Math.min(Number(to), bytes.length - 1)]
  if (start >= bytes.length) return fail(response, 416, 'InvalidRange')
  return response
    .writeHead(206, {
      'content-range': `bytes ${start}-${end}/${bytes.length}`,
      'content-length': String(end - start + 1),
    })
    .end(bytes.subarray(start, end + 1))
}

function list(
  query: URLSearchParams,
  response: ServerResponse,
  objects: S3Double['objects'],
  pageSize: number,
): unknown {
  const prefix = query.get('prefix') ?? ''
  // Such a token has to be escaped in XML and encoded in the address.
  const after = /^a&b\+(.*)$/.exec(query.get('continuation-token') ?? '')?.[1] ?? ''
  const max = Math.min(pageSize, Number(query.get('max-keys') ?? 1_000))
  const found = [...objects]
    .filter(([key]) => key.startsWith(prefix) && key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const page = found.slice(0, max)
  const next =
    found.length > max ? `<NextContinuationToken>${escaped(`a&b+${page.at(-1)?.[0]}`)}</NextContinuationToken>` : ''
  return response
    .writeHead(200, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>files</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><IsTruncated>${next !== ''}</IsTruncated>${next}${page
        .map(
          ([key, { bytes, at }]) =>
            `<Contents><Key>${escaped(key)}</Key><LastModified>${at.toISOString()}</LastModified><ETag>&quot;x&quot;</ETag><Size>${bytes.length}</Size></Contents>`,
        )
        .join('')}</ListBucketResult>`,
    )
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;')

function fail(response: ServerResponse, status: number, code: string): unknown {
  return response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>words of the bucket</Message></Error>`)
}

/** Why a request is not signed as AWS describes it; null: it is. Written from the description, not from our own code. */
function wrongly({ method, path, headers, bytes }: Seen, { region, keyId, secret }: S3Double): string | null {
  const form = /^AWS4-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/
  const [, credential, names = '', signature] = form.exec(headers.authorization ?? '') ?? []
  if (!signature) return 'no authorization'
  const time = String(headers['x-amz-date'])
  const at = Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  if (!(Math.abs(Date.now() - at) < 900_000)) return 'not of now'
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  if (credential !== `${keyId}/${scope}`) return 'credential'
  const list = names.split(';')
  const needed = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  if (!needed.every((name) => list.includes(name)) || list.join() !== [...list].sort().join()) return 'signed headers'
  const hash = createHash('sha256').update(bytes).digest('hex')
  if (headers['x-amz-content-sha256'] !== hash) return 'body'
  // The service takes no chunked body.
  if (method === 'PUT' && headers['content-length'] !== String(bytes.length)) return 'length'
  const [uri, query = ''] = path.split('?')
  const canonical = [
    method,
    uri,
    // What a form encodes as + is a space to a form only.
    query.replaceAll('+', '%20').split('&').sort().join('&'),
    ...list.map((name) => `${name}:${headers[name]}`),
    '',
    names,
    hash,
  ].join('\n')
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const key = mac(mac(mac(mac(`AWS4${secret}`, time.slice(0, 8)), region), 's3'), 'aws4_request')
  return mac(key, toSign).toString('hex') === signature ? null : 'signature'
}
