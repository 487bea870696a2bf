import { createVerify, type KeyObject, X509Certificate } from 'node:crypto'
import type { Post, Verdict } from '../channel.ts'
import { sameSecret } from '../constant-time.ts'
import type { HttpClient } from '../http-client.ts'
import { type JsonValue, parseJson, textAt } from '../json.ts'

/**
 * Amazon SNS: what it signs and with what. Source: AWS, "Verifying the signatures of Amazon SNS messages".
 */
const HOST = /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?$/
const PATH = /^\/SimpleNotificationService-[A-Za-z0-9]{1,128}\.pem$/
const CERTIFICATES_MAX = 32
const CERTIFICATE_BYTES_MAX = 64 * 1024
const TIMEOUT_MS = 10_000
/** So long is an address that gave no certificate not asked again; SNS sends a post it was refused again for longer. */
const FAILED_MS = 30_000
const FAILED_MAX = 256

/** `Key\nValue\n` in alphabetical order of the keys, of those that the type has. */
export function canonicalString(message: JsonValue): string {
  const type = textAt(message, 'Type')
  const keys =
    type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
  return keys
    .map((key): [string, string | undefined] => [key, textAt(message, key)])
    .map(([key, value]) => (value === undefined ? '' : `${key}\n${value}\n`))
    .join('')
}

/** The address of the certificate that a message names; undefined where it is not Amazon's own. */
export function certificateUrl(message: JsonValue): string | undefined {
  const text = textAt(message, 'SigningCertURL') ?? textAt(message, 'SigningCertUrl')
  return text !== undefined && isAmazons(text, PATH) ? text : undefined
}

/** Where a subscription is confirmed; undefined where it is not Amazon's own. */
export function subscribeUrl(message: JsonValue): string | undefined {
  const text = textAt(message, 'SubscribeURL')
  return text !== undefined && isAmazons(text, /^\/$/) ? text : undefined
}

function isAmazons(text: string, path: RegExp): boolean {
  const url = URL.parse(text)
  return (
    url !== null &&
    url.protocol === 'https:' &&
    url.port === '' &&
    url.username === '' &&
    url.password === '' &&
    HOST.test(url.hostname) &&
    path.test(url.pathname)
  )
}

/** SNS carries 256 KB at most. */
const POST_BYTES_MAX = 1024 * 1024

/** What a post says; null where it cannot be SNS's. */
export function snsMessage({ rawBody }: Pick<Post, 'rawBody'>): JsonValue {
  return rawBody.length > POST_BYTES_MAX ? null : (parseJson(rawBody) ?? null)
}

/** Amazon's certificates by address: each is fetched once, before a post that names it is verified. */
export class SnsCertificates {
  readonly #keys = new Map<string, KeyObject>()
  /** until when (milliseconds since 1970), by address; the oldest first */
  readonly #failed = new Map<string, number>()
  readonly #fetching = new Map<string, Promise<void>>()

  /** Total: what cannot be fetched is not there when the post is verified. */
  async prepare(
    post: Post,
    topicArn: string,
    http: Pick<HttpClient, 'request'>,
    now: () => number = Date.now,
  ): Promise<void> {
    const message = snsMessage(post)
    const url = certificateUrl(message)
    // A stranger's post for another topic makes us fetch nothing.
    if (url === undefined || this.#keys.has(url) || textAt(message, 'TopicArn') !== topicArn) return
    if ((this.#failed.get(url) ?? 0) > now()) return
    // Posts that come at once wait for the same answer.
    const fetching = this.#fetching.get(url) ?? this.#fetch(url, http, now)
    this.#fetching.set(url, fetching)
    await fetching
  }

  async #fetch(url: string, http: Pick<HttpClient, 'request'>, now: () => number): Promise<void> {
    const key = await fetchKey(url, http)
    this.#fetching.delete(url)
    this.#failed.delete(url)
    if (key !== undefined) put(this.#keys, url, key, CERTIFICATES_MAX)
    else put(this.#failed, url, now() + FAILED_MS, FAILED_MAX)
  }

  verify(post: Post, topicArn: string): Verdict {
    const message = snsMessage(post)
    const signature = textAt(message, 'Signature')
    const url = certificateUrl(message)
    if (signature === undefined || url === undefined) return { ok: false, reason: 'signature_missing' }
    const key = this.#keys.get(url)
    const version = textAt(message, 'SignatureVersion') ?? '1'
    const algorithm = version === '2' ? 'RSA-SHA256' : version === '1' ? 'RSA-SHA1' : undefined
    const isPinned = sameSecret(textAt(message, 'TopicArn') ?? '', topicArn)
    if (key === undefined || algorithm === undefined || !isPinned) return { ok: false, reason: 'signature_invalid' }
    try {
      const isGenuine = createVerify(algorithm)
        .update(canonicalString(message), 'utf8')
        .verify(key, Buffer.from(signature, 'base64'))
      return isGenuine ? { ok: true } : { ok: false, reason: 'signature_invalid' }
    } catch {
      return { ok: false, reason: 'signature_invalid' }
    }
  }
}

/** The key of the certificate at an address; undefined where there is none: the post is refused, and comes again. */
async function fetchKey(url: string, http: Pick<HttpClient, 'request'>): Promise<KeyObject | undefined> {
  try {
    const answer = await http.request({
      method: 'GET',
      url,
      headers: {},
      timeoutMs: TIMEOUT_MS,
      maxBytes: CERTIFICATE_BYTES_MAX,
    })
    return answer.status === 200 ? new X509Certificate(answer.body).publicKey : undefined
  } catch {
    return undefined
  }
}

/** At most `max` of them: the oldest makes room. */
function put<T>(map: Map<string, T>, name: string, value: T, max: number): void {
  if (map.size >= max) map.delete(map.keys().next().value ?? '')
  map.set(name, value)
}
