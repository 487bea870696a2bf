import type { OutboundMessage, SendResult } from '../channel.ts'
import { retryAfterMs } from '../headers.ts'
import { type HttpClient, HttpClientError, type HttpResponse } from '../http-client.ts'
import { at, type JsonValue, listAt, numberAt, parseJson, textAt } from '../json.ts'
import type { Identity } from '../neutral.ts'
import { classOf, retryDelayMs } from './errors.ts'
import { identitiesOf, idsAt, isBsuid } from './party.ts'
import { apiBaseUrl, type WhatsAppSettings } from './settings.ts'

export const TEXT_LENGTH_MAX = 4096
/** Shorter than a stop of the service may take: what is on its way is waited for. */
const TIMEOUT_MS = 20_000
const ANSWER_BYTES_MAX = 256 * 1024

/**
 * Sends one text. WhatsApp has no idempotency key: once the request may have arrived and no answer
 * tells, the outcome is `unknown`. Our id travels as `biz_opaque_callback_data` and comes back in the
 * statuses, so an unknown outcome is settled by the first of them.
 * Source: Meta, Cloud API "Messages"; BSUIDs go in `recipient`, since in `to` they are answered 200 and dropped.
 */
export async function sendWhatsApp(
  message: OutboundMessage,
  settings: WhatsAppSettings,
  http: HttpClient,
): Promise<SendResult> {
  const text = message.content.text
  if (text.trim() === '') return failed('text_empty', 'there is no text to send')
  if ([...text].length > TEXT_LENGTH_MAX)
    return failed('text_too_long', `a text has at most ${TEXT_LENGTH_MAX} characters`)
  const address = addressOf(message.recipient)
  if (address === undefined) return failed('no_address', 'the recipient has no WhatsApp address')
  const body = {
    messaging_product: 'whatsapp',
    ...address,
    type: 'text',
    text: { body: text, preview_url: message.content.type === 'text' && (message.content.previewUrl ?? false) },
    ...(message.replyTo === undefined ? {} : { context: { message_id: message.replyTo } }),
    biz_opaque_callback_data: message.id,
  }
  try {
    return resultOf(
      await http.request({
        method: 'POST',
        url: `${apiBaseUrl(settings)}/${encodeURIComponent(settings.phoneNumberId)}/messages`,
        headers: {
          authorization: `Bearer ${settings.accessToken}`,
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
        maxBytes: ANSWER_BYTES_MAX,
      }),
    )
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address') return failed('blocked_address', 'apiBaseUrl is not a public https address')
    return error.requestSent ? { outcome: 'unknown', reason: error.code } : { outcome: 'retry', reason: error.code }
  }
}

/** Where to: a group, or the first identity that WhatsApp can be sent to. */
function addressOf({ identities, thread }: OutboundMessage['recipient']): Record<string, string> | undefined {
  if (thread?.kind === 'group') return { recipient_type: 'group', to: thread.id }
  for (const { kind, value } of identities) {
    const individual = { recipient_type: 'individual' }
    if (kind === 'whatsapp_bsuid' || kind === 'whatsapp_parent_bsuid') return { ...individual, recipient: value }
    if (kind !== 'whatsapp' && kind !== 'phone') continue
    if (isBsuid(value)) return { ...individual, recipient: value }
    const digits = value.replace(/[^\d]/g, '')
    if (digits !== '') return { ...individual, to: digits }
  }
  return undefined
}

function resultOf(response: HttpResponse): SendResult {
  const answer = parseJson(response.body) ?? null
  const error = at(answer, 'error')
  if (response.status >= 200 && response.status < 300 && error === undefined) {
    const externalId = textAt(listAt(answer, 'messages')[0], 'id')
    return externalId === undefined
      ? { outcome: 'unknown', reason: 'no_message_id' }
      : { outcome: 'sent', externalId, recipientIds: recipientsOf(answer) }
  }
  return error === undefined ? statusResult(response) : errorResult(error, response)
}

function recipientsOf(answer: JsonValue): Identity[] {
  return listAt(answer, 'contacts').flatMap((contact) => identitiesOf(idsAt(contact, 'wa_id', '')))
}

/** An error in Meta's own words says that the message was not taken. */
function errorResult(error: JsonValue, response: HttpResponse): SendResult {
  const code = numberAt(error, 'code')
  const failure = code === undefined ? undefined : classOf(code)
  if (code === undefined || failure === undefined) return statusResult(response)
  if (failure === 'transient' || at(error, 'is_transient') === true)
    return retry(String(code), retryAfterMs(response.headers) ?? retryDelayMs(code))
  const details = textAt(error, 'error_data', 'details') ?? textAt(error, 'message') ?? 'the provider gave no reason'
  return { outcome: 'failed', code: String(code), message: details, class: failure }
}

/** Without such words the status decides; a gateway (502, 504) may have lost the answer to a message that went out. */
function statusResult(response: HttpResponse): SendResult {
  const { status } = response
  if (status === 502 || status === 504) return { outcome: 'unknown', reason: `http_${status}` }
  if (status === 408 || status === 429 || status >= 500) return retry(`http_${status}`, retryAfterMs(response.headers))
  if (status === 401 || status === 403)
    return {
      outcome: 'failed',
      code: `http_${status}`,
      message: 'the provider refused the token',
      class: 'reauthorise',
    }
  return failed(`http_${status}`, 'the provider refused the message')
}

function retry(reason: string, afterMs: number | undefined): SendResult {
  return { outcome: 'retry', reason, ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }) }
}

function failed(code: string, message: string): SendResult {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
