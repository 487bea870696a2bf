import type { Readable } from 'node:stream'
import { emptyHash, signedHeaders } from '../../privacy/aws-signature.ts'
import type { ErrandResult, KeptEvent } from '../channel.ts'
import { type HttpClient, HttpClientError, type HttpDownload } from '../http-client.ts'
import { at } from '../json.ts'
import { mailPlace } from './mail-place.ts'
import type { EmailSettings, MailBucket } from './settings.ts'
import { sesMail } from './split-ses.ts'

/** SES takes no larger ones. */
const MAIL_BYTES_MAX = 40 * 1024 * 1024
const FAULT_BYTES_MAX = 64 * 1024
const TIMEOUT_MS = 20_000

/**
 * Fetches a mail that SES has put into a bucket, as it would have been posted. Only the bucket of the settings is asked,
 * whatever a notification names, and nothing but that one object.
 * Source: AWS, S3 "GetObject" and "Error responses"; SES, "Deliver to S3 bucket action".
 */
export async function fetchBucketMail(
  { payload }: KeptEvent,
  settings: EmailSettings,
  http: Pick<HttpClient, 'download'>,
): Promise<ErrandResult> {
  const { inbound } = settings
  const notification = at(payload, 'event') ?? null
  const place = mailPlace(notification)
  if (inbound.kind !== 'ses' || place === undefined) return failed('not_in_a_bucket')
  const { bucket, topicArn } = inbound
  if (bucket === undefined) return failed('bucket_credentials_missing', 'reauthorise')
  if (place.bucket !== bucket.name) return failed('bucket_is_another')
  const url = objectUrl(bucket, place.key, topicArn)
  if (url === undefined) return failed('bucket_key_unusable')
  try {
    const { accessKeyId: keyId, secretAccessKey: secret, region } = bucket
    const request = { method: 'GET', url, headers: {}, bodyHash: emptyHash }
    const answer = await http.download({
      url: url.href,
      headers: signedHeaders(request, { keyId, secret, region }, new Date()),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAIL_BYTES_MAX,
    })
    if (answer.status !== 200) return await refusal(answer)
    if (isEncrypted(answer)) {
      answer.stream.on('error', () => {}).destroy()
      return failed('bucket_mail_encrypted')
    }
    const mail = await whole(answer)
    return mail.length === 0
      ? failed('bucket_mail_empty')
      : { outcome: 'done', found: [sesMail(notification, mail, settings)] }
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'too_large') return failed('bucket_mail_too_large')
    if (error.code === 'blocked_address') return failed('bucket_blocked_address')
    return { outcome: 'retry', reason: error.code, isFetch: true }
  }
}

/**
 * The path names the bucket: so a name with dots fits Amazon's certificate too. undefined where the key would lead out of
 * the bucket.
 */
function objectUrl({ apiBaseUrl, name, region }: MailBucket, key: string, topicArn: string): URL | undefined {
  const domain = topicArn.startsWith('arn:aws-cn:') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const base = (apiBaseUrl ?? `https://s3.${region}.${domain}`).replace(/\/+$/, '')
  const segments = key.split('/')
  if (segments.some((one) => one === '.' || one === '..') || !key.isWellFormed()) return undefined
  return URL.parse(`${base}/${name}/${segments.map(encodeURIComponent).join('/')}`) ?? undefined
}

/** What SES encrypts itself (with a key of KMS) carries the sealed key among its metadata. */
const isEncrypted = ({ headers }: HttpDownload): boolean =>
  Object.keys(headers).some((name) => /^x-amz-meta-x-amz-(?:key|cek-alg)/.test(name))

/** In one piece of memory where its length is told: a mail of 40 MB is not there twice. @throws HttpClientError */
async function whole({ headers, stream }: HttpDownload): Promise<Buffer> {
  const length = Number(headers['content-length'] ?? Number.NaN)
  if (!Number.isSafeInteger(length)) return collected(stream)
  const mail = Buffer.allocUnsafe(length)
  let size = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    if (size + piece.length > length) break
    piece.copy(mail, size)
    size += piece.length
  }
  if (size !== length) throw new HttpClientError('network', true, 'the answer ended early')
  return mail
}

async function collected(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

const CODES: ReadonlyMap<string, string> = new Map([
  ['NoSuchKey', 'bucket_mail_gone'],
  ['NoSuchBucket', 'bucket_not_found'],
  ['InvalidObjectState', 'bucket_mail_archived'],
  ['PermanentRedirect', 'bucket_in_another_region'],
  ['TemporaryRedirect', 'bucket_in_another_region'],
  ['AuthorizationHeaderMalformed', 'bucket_in_another_region'],
  ['RequestTimeTooSkewed', 'bucket_clock_differs'],
])

/** S3 hides what is not there (403) from those who may not list: either way somebody must look at the rights. */
async function refusal({ status, stream }: HttpDownload): Promise<ErrandResult> {
  const word = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(await beginning(stream))?.[1] ?? ''
  const known = CODES.get(word)
  if (known !== undefined) return failed(known)
  if (status === 408 || status === 429 || status >= 500 || word === 'RequestTimeout')
    return { outcome: 'retry', reason: `http_${status}`, isFetch: true }
  return status === 401 || status === 403
    ? failed('bucket_access_denied', 'reauthorise')
    : failed(status === 404 ? 'bucket_mail_gone' : `bucket_http_${status}`)
}

async function beginning(stream: Readable): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece)
      size += piece.length
      if (size > FAULT_BYTES_MAX) break
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(pieces).toString('latin1')
}

const failed = (code: string, kind: 'permanent' | 'reauthorise' = 'permanent'): ErrandResult => ({
  outcome: 'failed',
  code,
  class: kind,
  isFetch: true,
})
