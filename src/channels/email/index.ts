import type { ChannelType, ConnectResult, KeptEvent, Parsed, Post, Verdict } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { at } from '../json.ts'
import { fetchBucketMail } from './bucket-mail.ts'
import { MailgunTokens } from './mailgun-signature.ts'
import { emailPart, MEDIA_BYTES_MAX } from './media.ts'
import { NOTIFICATIONS } from './notification.ts'
import { parseEmail } from './parse.ts'
import { sendEmail, TEXT_LENGTH_MAX } from './send.ts'
import { type EmailSettings, emailSettings, withInboundSecret } from './settings.ts'
import { setupEmail } from './setup.ts'
import { verifySharedSecret } from './shared-secret.ts'
import { SnsCertificates, subscribeUrl } from './sns.ts'
import { splitEmail } from './split.ts'
import { mailgunSignature } from './split-mailgun.ts'

const certificates = new SnsCertificates()
const tokens = new MailgunTokens()

/** A mail of 35 MB, and what a form adds to it. */
const POST_BYTES_MAX = 40 * 1024 * 1024
const TIMEOUT_MS = 15_000

/** Mail: in through the service that receives it, out by SMTP. */
export const email: ChannelType<EmailSettings, Promise<Parsed>> = {
  type: 'email',
  settings: emailSettings,
  secrets: ['inbound.secret', 'inbound.bucket.secretAccessKey', 'smtp.password'],
  generate: withInboundSecret,
  account: () => null,
  appSecret: () => null,
  prepare: async (post, { inbound }, http) => {
    if (inbound.kind !== 'ses') return
    // A stranger who does not know the secret makes us fetch nothing.
    if (inbound.secret !== undefined && !verifySharedSecret(post, inbound.secret).ok) return
    await certificates.prepare(post, inbound.topicArn, http)
  },
  verify: verifyEmail,
  split: splitEmail,
  postBytesMax: POST_BYTES_MAX,
  parse: parseEmail,
  setup: setupEmail,
  errand: (event, settings, http) =>
    event.kind === NOTIFICATIONS.subscription
      ? confirmSubscription(event, settings, http)
      : fetchBucketMail(event, settings, http),
  reaches: ['email'],
  isIdempotent: false,
  threadKind: 'direct',
  send: sendEmail,
  mediaPart: emailPart,
  sends: { files: ['image', 'video', 'audio', 'document', 'sticker'], filesMax: 20, templates: false, subject: true },
  limits: { textLength: TEXT_LENGTH_MAX, mediaBytesMax: MEDIA_BYTES_MAX },
  window: { replyHours: null },
}

function verifyEmail(post: Post, { inbound }: EmailSettings): Verdict {
  switch (inbound.kind) {
    case 'mailgun':
      return tokens.verify(mailgunSignature(post), post.rawBody, inbound.secret, post.receivedAt)
    case 'ses': {
      const verdict = inbound.secret === undefined ? null : verifySharedSecret(post, inbound.secret)
      return verdict !== null && !verdict.ok ? verdict : certificates.verify(post, inbound.topicArn)
    }
    default:
      return verifySharedSecret(post, inbound.secret)
  }
}

/** Follows the link by which SNS wants to hear that its topic is wanted; only of the one topic, and only to Amazon. */
async function confirmSubscription(
  event: KeptEvent,
  settings: EmailSettings,
  http: HttpClient,
): Promise<ConnectResult> {
  const { inbound } = settings
  const message = at(event.payload, 'event') ?? null
  const url = subscribeUrl(message)
  if (event.kind !== NOTIFICATIONS.subscription || inbound.kind !== 'ses' || url === undefined)
    return { outcome: 'failed', code: 'not_a_subscription', class: 'permanent' }
  if (at(message, 'TopicArn') !== inbound.topicArn)
    return { outcome: 'failed', code: 'other_topic', class: 'permanent' }
  try {
    const { status } = await http.request({
      method: 'GET',
      url,
      headers: {},
      timeoutMs: TIMEOUT_MS,
      maxBytes: 256 * 1024,
    })
    if (status >= 200 && status < 300) return { outcome: 'done' }
    return status === 429 || status >= 500
      ? { outcome: 'retry', reason: `http_${status}` }
      : { outcome: 'failed', code: `http_${status}`, class: 'permanent' }
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    return { outcome: 'retry', reason: error.code }
  }
}
