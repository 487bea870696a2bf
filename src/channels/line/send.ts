import type { OutboundMessage, SendResult } from '../channel.ts'
import { headerOf, retryAfterMs } from '../headers.ts'
import { type HttpClient, HttpClientError, type HttpResponse } from '../http-client.ts'
import { type JsonValue, listAt, parseJson, textAt } from '../json.ts'
import { classOf, isBadQuote, isSpentReplyToken } from './errors.ts'
import { messagesOf, withoutQuote } from './outbound.ts'
import { apiBaseUrl, type LineSettings } from './settings.ts'

/** Four calls in a row (a reply, a push, each without its quote) stay below the time after which a message counts as abandoned. */
const TIMEOUT_MS = 12_000
const ANSWER_BYTES_MAX = 64 * 1024

/**
 * Sends a text and its files in one request. Answers to the customer's last event are free: the reply token goes first,
 * and where LINE says that it is spent, the same messages are pushed.
 *
 * A push carries our id as `X-Line-Retry-Key`: LINE takes it once within 24 hours and answers 409 to repetitions, so
 * that every doubt may be retried. A reply takes no such key: once it may have arrived and no answer tells, its outcome
 * is `unknown`. Source: LINE, Messaging API "Send reply message", "Send push message", "Retry failed API requests".
 */
export async function sendLine(
  message: OutboundMessage,
  settings: LineSettings,
  http: HttpClient,
): Promise<SendResult> {
  const to = addressOf(message.recipient)
  if (to === undefined) return failed('no_address', 'the recipient has no LINE address')
  const messages = await messagesOf(message)
  if ('code' in messages) return failed(messages.code, messages.message)
  const { replyHandle } = message
  let { list } = messages
  for (const way of replyHandle === undefined ? (['push'] as const) : (['reply', 'push'] as const)) {
    let result = await call(way)
    if (result === 'quote nothing') {
      list = withoutQuote(list)
      result = await call(way)
    }
    if (typeof result !== 'string') return result
  }
  return failed('refused', 'LINE refused the message')

  async function call(way: 'reply' | 'push'): Promise<SendResult | Refused> {
    const body = way === 'reply' ? { replyToken: replyHandle, messages: list } : { to, messages: list }
    const headers: Record<string, string> = way === 'reply' ? {} : { 'x-line-retry-key': message.id }
    try {
      const response = await http.request({
        method: 'POST',
        url: `${apiBaseUrl(settings)}/v2/bot/message/${way}`,
        headers: {
          ...headers,
          authorization: `Bearer ${settings.channelAccessToken}`,
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
        maxBytes: ANSWER_BYTES_MAX,
      })
      return resultOf(way, response)
    } catch (error) {
      if (!(error instanceof HttpClientError)) throw error
      if (error.code === 'blocked_address') return failed('blocked_address', 'apiBaseUrl is not a public https address')
      return way === 'reply' && error.requestSent
        ? { outcome: 'unknown', reason: error.code }
        : { outcome: 'retry', reason: error.code }
    }
  }
}

/** Why LINE did not take the messages, where there is another way. */
type Refused = 'push instead' | 'quote nothing'

/** A group or a room where the conversation is there, else the person. */
function addressOf({ identities, thread }: OutboundMessage['recipient']): string | undefined {
  return thread?.id ?? identities.find(({ kind }) => kind === 'line')?.value
}

function resultOf(way: 'reply' | 'push', response: HttpResponse): SendResult | Refused {
  const { status } = response
  const answer = parseJson(response.body) ?? null
  // Accepted before, under the same key: the answer to that was lost, the message was not.
  if ((status >= 200 && status < 300) || (way === 'push' && status === 409)) return sentAs(response, answer)
  if (way === 'reply' && isSpentReplyToken(status, answer)) return 'push instead'
  if (isBadQuote(status, answer)) return 'quote nothing'
  const failure = classOf(status, answer)
  if (failure !== 'transient')
    return {
      outcome: 'failed',
      code: `http_${status}`,
      message: textAt(answer, 'message') ?? 'LINE gave no reason',
      class: failure,
    }
  // 429 is refused before it is done; any other trouble on LINE's side may come after.
  if (way === 'reply' && status !== 429) return { outcome: 'unknown', reason: `http_${status}` }
  const afterMs = retryAfterMs(response.headers)
  return {
    outcome: 'retry',
    reason: `http_${status}`,
    ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
    // LINE counts the requests of a channel, whomever they are for ("Rate limits").
    ...(status === 429 ? { pauses: 'account' as const } : {}),
  }
}

/** Known by the first of the messages that it became; by the request, where LINE tells no ids. */
function sentAs(response: HttpResponse, answer: JsonValue): SendResult {
  const externalId =
    textAt(listAt(answer, 'sentMessages')[0], 'id') ??
    headerOf(response.headers, 'x-line-accepted-request-id') ??
    headerOf(response.headers, 'x-line-request-id')
  return externalId === undefined
    ? { outcome: 'unknown', reason: 'no_message_id' }
    : { outcome: 'sent', externalId, recipientIds: [] }
}

function failed(code: string, message: string): SendResult {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
