import type { ConnectResult } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { at, type JsonObject, type JsonValue, textAt } from '../json.ts'
import { callBot } from './api.ts'
import { failureOf } from './errors.ts'
import type { TelegramSettings } from './settings.ts'
import { updateOf } from './update.ts'

/** What is asked for. Left out, Telegram leaves out reactions; what a bot for sellers or searchers gets is not of use. */
const ALLOWED_UPDATES = [
  'message',
  'edited_message',
  'callback_query',
  'message_reaction',
  'my_chat_member',
  'chat_join_request',
  'business_connection',
  'business_message',
  'edited_business_message',
  'deleted_business_messages',
]

/**
 * Tells Telegram where to post, with which secret, and what. Doing it again changes nothing, and updates that wait for
 * a webhook (24 hours at most) are posted then. Source: Telegram, Bot API "setWebhook".
 */
export function connectTelegram(
  settings: TelegramSettings,
  webhookUrl: string,
  http: HttpClient,
): Promise<ConnectResult> {
  const { secretToken } = settings
  // Without it nothing that is posted could be believed.
  if (secretToken === undefined)
    return Promise.resolve({ outcome: 'failed', code: 'secret_missing', class: 'permanent' })
  return tell(http, settings, 'setWebhook', {
    url: webhookUrl,
    secret_token: secretToken,
    allowed_updates: ALLOWED_UPDATES,
  })
}

/** Answers a pressed button, so that the person's app stops waiting. Too late is as good as done. */
export async function answerCallback(
  event: { payload: JsonValue },
  settings: TelegramSettings,
  http: HttpClient,
): Promise<ConnectResult> {
  const update = updateOf(event.payload)
  const id = update?.kind === 'callback_query' ? textAt(at(update.item, 'id')) : undefined
  if (id === undefined) return { outcome: 'failed', code: 'no_query_id', class: 'permanent' }
  return tell(http, settings, 'answerCallbackQuery', { callback_query_id: id })
}

async function tell(
  http: HttpClient,
  settings: TelegramSettings,
  method: string,
  json: JsonObject,
): Promise<ConnectResult> {
  try {
    const answer = await callBot(http, settings, method, { json })
    if (answer.ok || /query is too old|query ID is invalid/i.test(answer.description)) return { outcome: 'done' }
    const failure = failureOf(answer.status, answer.description)
    if (failure.class === 'transient')
      return {
        outcome: 'retry',
        reason: failure.code,
        ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
      }
    if (failure.class === 'reauthorise') return { outcome: 'failed', code: failure.code, class: 'reauthorise' }
    // An address that Telegram cannot or will not post to: no https, a private address, a port that it does not use.
    return {
      outcome: 'failed',
      code: /webhook/i.test(answer.description) ? 'bad_webhook' : failure.code,
      class: 'permanent',
    }
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address') return { outcome: 'failed', code: error.code, class: 'permanent' }
    return { outcome: 'retry', reason: error.code }
  }
}
