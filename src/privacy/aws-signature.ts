import { createHash, createHmac } from 'node:crypto'

/** Who signs, and for which region. */
export interface SigningKey {
  keyId: string
  secret: string
  region: string
}

export interface SignableRequest {
  method: string
  url: URL
  /** All of them are signed, and `host` with them; in lower case. */
  headers: Readonly<Record<string, string>>
  /** Hex SHA-256 of the body. */
  bodyHash: string
}

/** Of a request without a body. */
export const emptyHash: string = createHash('sha256').digest('hex')

const algorithm = 'AWS4-HMAC-SHA256'

/**
 * The headers of a request to an S3 service with its signature in them, good for minutes around `at`; `host` is left to
 * whoever sends it. Source: AWS, "Create a signed AWS API request" (Signature Version 4); for S3 a path is encoded once
 * and is not normalised.
 */
export function signedHeaders(request: SignableRequest, key: SigningKey, at: Date): Record<string, string> {
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${key.region}/s3/aws4_request`
  const headers = { ...request.headers, 'x-amz-content-sha256': request.bodyHash, 'x-amz-date': time }
  const signed = Object.entries({ ...headers, host: request.url.host }).sort(byName)
  const names = signed.map(([name]) => name).join(';')
  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    request.bodyHash,
  ].join('\n')
  const toSign = [algorithm, time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const signingKey = [day, key.region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${key.secret}`)
  const signature = hmac(signingKey, toSign).toString('hex')
  const authorization = `${algorithm} Credential=${key.keyId}/${scope},SignedHeaders=${names},Signature=${signature}`
  return { ...headers, authorization }
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** By code unit: the order must be the same everywhere, whatever the machine's language. */
const byName = ([one]: readonly [string, string], [other]: readonly [string, string]): number =>
  one < other ? -1 : one > other ? 1 : 0

const canonicalPath = ({ pathname }: URL): string =>
  pathname
    .split('/')
    .map((segment) => encoded(decodeURIComponent(segment)))
    .join('/')

const canonicalQuery = ({ searchParams }: URL): string =>
  [...searchParams]
    .map(([name, value]): [string, string] => [encoded(name), encoded(value)])
    .sort(
      ([name, value], [otherName, otherValue]) =>
        byName([name, ''], [otherName, '']) || byName([value, ''], [otherValue, '']),
    )
    .map((pair) => pair.join('='))
    .join('&')

/** RFC 3986: everything but the unreserved characters. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
