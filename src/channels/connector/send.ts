import type { MediaDownload, OutboundContent, OutboundMessage, SendResult } from '../channel.ts'
import { MediaError } from '../channel.ts'
import { retryAfterMs } from '../headers.ts'
import { type HttpClient, HttpClientError, type HttpResponse } from '../http-client.ts'
import { parseJson, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { isRich } from '../rich/content.ts'
import { signWebhook, webhookKey } from '../standard-webhooks.ts'
import type { ConnectorSettings } from './settings.ts'

/** The protocol sets no limit; this one keeps a message within what any receiver takes. */
export const TEXT_LENGTH_MAX = 65_536
export const MEDIA_BYTES_MAX = 100 * 1024 * 1024
/** Shorter than a stop of the service may take: what is on its way is waited for. */
const TIMEOUT_MS = 20_000
const ANSWER_BYTES_MAX = 64 * 1024
const EXTERNAL_ID_LENGTH_MAX = 255

/**
 * Posts an answer to the connector, signed like what it posts to us. `webhook-id` is our message's id, the
 * same at every attempt: the receiver drops what it has seen, so that every doubt may be retried.
 */
export async function sendConnector(
  message: OutboundMessage,
  settings: ConnectorSettings,
  http: HttpClient,
): Promise<SendResult> {
  const { outboundUrl, secret } = settings
  if (outboundUrl === undefined) return failed('no_outbound_url', 'this connector has no outboundUrl')
  if (secret === undefined || webhookKey(secret) === undefined)
    return failed('no_secret', 'this connector has no secret')
  if (message.content.text.trim() === '') return failed('text_empty', 'there is no text to send')
  if ([...message.content.text].length > TEXT_LENGTH_MAX)
    return failed('text_too_long', `a text has at most ${TEXT_LENGTH_MAX} characters`)
  const now = new Date()
  const body = JSON.stringify(outboundBody(message, now))
  try {
    return resultOf(
      message.id,
      await http.request({
        method: 'POST',
        url: outboundUrl,
        body,
        timeoutMs: TIMEOUT_MS,
        maxBytes: ANSWER_BYTES_MAX,
        headers: {
          ...signWebhook(message.id, now, body, secret),
          'content-type': 'application/json',
          accept: 'application/json',
        },
      }),
    )
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address') return failed('blocked_address', 'outboundUrl is not a public https address')
    return { outcome: 'retry', reason: error.code }
  }
}

function outboundBody(message: OutboundMessage, now: Date) {
  const { identities, thread } = message.recipient
  const to = identities.find(({ kind }) => kind === 'connector') ?? identities[0]
  return {
    type: 'message.outbound',
    timestamp: now.toISOString(),
    data: {
      id: message.id,
      to: to === undefined ? null : { value: to.value, kind: to.kind },
      thread: thread?.id ?? null,
      replyTo: message.replyTo ?? null,
      message: messageBody(message.content),
    },
  }
}

/** Words, or the neutral form as it was put into the outbox. */
const messageBody = (content: OutboundContent): Record<string, unknown> =>
  isRich(content) ? { ...content } : { type: 'text', text: content.text }

function resultOf(messageId: string, response: HttpResponse): SendResult {
  const { status } = response
  if (status >= 200 && status < 300) {
    const answer = parseJson(response.body)
    const externalId = textAt(answer, 'externalId') ?? textAt(answer, 'data', 'externalId')
    const usable = externalId !== undefined && externalId.length <= EXTERNAL_ID_LENGTH_MAX
    return { outcome: 'sent', externalId: usable ? externalId : messageId, recipientIds: [] }
  }
  if (status === 408 || status === 429 || status >= 500) {
    const afterMs = retryAfterMs(response.headers)
    // It speaks of itself, whomever the message is for (RFC 6585, 4; RFC 9110, 15.6.4).
    const isOfAccount = status === 429 || (status === 503 && afterMs !== undefined)
    return {
      outcome: 'retry',
      reason: `http_${status}`,
      ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
      ...(isOfAccount ? { pauses: 'account' as const } : {}),
    }
  }
  return failed(
    `http_${status}`,
    status < 400 ? 'the connector redirected, which is not followed' : 'the connector refused the message',
  )
}

/** Attachments are plain addresses: one GET, without credentials. @throws MediaError */
export async function fetchConnectorMedia(
  ref: MediaRef,
  _settings: ConnectorSettings,
  http: HttpClient,
): Promise<MediaDownload> {
  if (ref.url === undefined) throw new MediaError('not_a_reference', false)
  try {
    const { status, headers, stream } = await http.download({
      url: ref.url,
      headers: {},
      timeoutMs: TIMEOUT_MS,
      maxBytes: MEDIA_BYTES_MAX,
    })
    if (status === 200) {
      const length = Number(headers['content-length'] ?? Number.NaN)
      const mediaType = headers['content-type'] ?? ref.mediaType ?? null
      return { stream, mediaType, sizeBytes: Number.isSafeInteger(length) ? length : null, sha256: ref.sha256 ?? null }
    }
    stream.on('error', () => {}).destroy()
    if (status === 401 || status === 403) throw new MediaError('unauthorised', false)
    throw status === 404 || status === 410
      ? new MediaError('gone', false)
      : new MediaError('unavailable', status >= 500 || status === 429)
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address' || error.code === 'too_large') throw new MediaError(error.code, false)
    throw new MediaError('unavailable', true)
  }
}

function failed(code: string, message: string): SendResult {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
