import type { OutboundMessage, SendResult } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { compact, type JsonObject, type JsonValue, textAt } from '../json.ts'
import { isRich } from '../rich/content.ts'
import { type BotAnswer, callBot } from './api.ts'
import { failureOf } from './errors.ts'
import { richMethod } from './rich.ts'
import type { TelegramSettings } from './settings.ts'
import { messageIdOf, messageNumberOf, type Place, placeOf } from './thread.ts'
import { formOf, uploadOf } from './upload.ts'

export const TEXT_LENGTH_MAX = 4096
export const CAPTION_LENGTH_MAX = 1024
/** Of a file that a bot sends. */
const FILE_BYTES_MAX = 50 * 1024 * 1024

/**
 * Sends a text, with buttons or without, one file with the text as its caption, a place or a contact card. Telegram
 * knows no idempotency key and tells no bot of its own messages: once the request may have arrived and no answer tells,
 * the outcome is `unknown`. A group that has become a supergroup says so in its error, and gets the message under its
 * new id.
 * Source: Telegram, Bot API "sendMessage", "sendPhoto" and its kin, "sendLocation", "sendVenue", "sendContact".
 */
export async function sendTelegram(
  message: OutboundMessage,
  settings: TelegramSettings,
  http: HttpClient,
): Promise<SendResult> {
  const refused = refusalOf(message)
  if (refused !== undefined) return refused
  const place = destinationOf(message.recipient)
  if (place === undefined) return failed('no_address', 'the recipient has no Telegram address')
  if (
    isRich(message.content) &&
    (message.files.length > 0 || richMethod(message.content, targetOf(message, place)) === undefined)
  )
    return failed('type_not_supported', 'Telegram has no form for this')
  try {
    const answer = await attempt(place)
    // A message of the group as it was is none of the new one's: nothing there can be reacted to.
    if (answer.ok || answer.migratedTo === undefined || message.content.type === 'reaction')
      return resultOf(answer, place, message)
    const moved = { chatId: answer.migratedTo }
    return resultOf(await attempt(moved), moved, message)
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address') return failed('blocked_address', 'apiBaseUrl is not a public https address')
    return error.requestSent ? { outcome: 'unknown', reason: error.code } : { outcome: 'retry', reason: error.code }
  }

  function attempt(to: Place): Promise<BotAnswer> {
    const [file] = message.files
    const { content } = message
    const { text } = content
    const fields = content.type === 'reaction' ? { chat_id: numeric(to.chatId) } : addressFields(to, message)
    const rich = isRich(content) ? richMethod(content, targetOf(message, to)) : undefined
    if (rich !== undefined) return callBot(http, settings, rich.method, { json: { ...fields, ...rich.fields } })
    if (file === undefined)
      return callBot(http, settings, 'sendMessage', { json: { ...fields, text, ...preview(message) } })
    const { method, field } = uploadOf(file)
    const form = formOf({ ...fields, ...(text === '' ? {} : { caption: text }) }, field, file)
    return callBot(http, settings, method, { form })
  }
}

/** What Telegram would refuse as well. It counts characters, not UTF-16 units. */
function refusalOf({ content, files }: OutboundMessage): SendResult | undefined {
  const length = [...content.text].length
  const [file] = files
  if (file === undefined && content.text.trim() === '') return failed('text_empty', 'there is no text to send')
  if (files.length > 1) return failed('too_many_files', 'a message has one file at most')
  if (file !== undefined && file.sizeBytes > FILE_BYTES_MAX) return failed('file_too_large', 'a file has at most 50 MB')
  if (file === undefined && length > TEXT_LENGTH_MAX)
    return failed('text_too_long', `a text has at most ${TEXT_LENGTH_MAX} characters`)
  if (file !== undefined && length > CAPTION_LENGTH_MAX)
    return failed('caption_too_long', `the text under a file has at most ${CAPTION_LENGTH_MAX} characters`)
  return undefined
}

/** The thread where the conversation is in one, else the person's own chat with the bot. */
function destinationOf({ identities, thread }: OutboundMessage['recipient']): Place | undefined {
  const id = thread?.id ?? identities.find(({ kind }) => kind === 'telegram')?.value
  return id === undefined ? undefined : placeOf(id)
}

/** An answer to a message that is gone is still an answer: it goes out without its reference. */
function addressFields(place: Place, { replyTo }: OutboundMessage): JsonObject {
  const answered = replyTo === undefined ? undefined : messageNumberOf(replyTo, place)
  return compact({
    chat_id: numeric(place.chatId),
    business_connection_id: place.connectionId,
    message_thread_id: place.topicId === undefined ? undefined : numeric(place.topicId),
    direct_messages_topic_id: place.directTopicId === undefined ? undefined : numeric(place.directTopicId),
    reply_parameters: answered === undefined ? undefined : { message_id: answered, allow_sending_without_reply: true },
  })
}

/** What a reaction is to. A chat of the business's own account is out of a bot's reach here. */
function targetOf({ replyTo }: OutboundMessage, place: Place): number | undefined {
  return replyTo === undefined || place.connectionId !== undefined ? undefined : messageNumberOf(replyTo, place)
}

/** Ids have 52 bits; a longer one goes as its exact digits, which Telegram takes as well. */
function numeric(id: string): JsonValue {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : id
}

function preview({ content }: OutboundMessage): JsonObject {
  if (content.type !== 'text' || content.previewUrl === undefined) return {}
  return { link_preview_options: { is_disabled: !content.previewUrl } }
}

function resultOf(answer: BotAnswer, place: Place, { id, content }: OutboundMessage): SendResult {
  if (answer.ok) {
    // No message comes of a reaction: it is known by our own id.
    if (content.type === 'reaction') return { outcome: 'sent', externalId: id, recipientIds: [] }
    const chatId = textAt(answer.result, 'chat', 'id') ?? place.chatId
    const messageId = textAt(answer.result, 'message_id')
    return messageId === undefined
      ? { outcome: 'unknown', reason: 'no_message_id' }
      : { outcome: 'sent', externalId: messageIdOf(chatId, messageId, place.connectionId), recipientIds: [] }
  }
  const { status, description, retryAfterMs } = answer
  const failure = failureOf(status, description)
  if (failure.class !== 'transient')
    return {
      outcome: 'failed',
      code: failure.code,
      message: description === '' ? 'Telegram gave no reason' : description,
      class: failure.class,
    }
  // 429 and 503 are said before anything is done. Other trouble on Telegram's side may come after the message went out.
  if (status !== 429 && status !== 503 && status !== 408) return { outcome: 'unknown', reason: failure.code }
  // It does not say whose limit it is. A group has one of its own (20 a minute). Between two people our own pace stays
  // below the chat's (one a second): what is refused there all the same is the bot.
  const isOfAccount = status === 429 && !place.chatId.startsWith('-')
  return {
    outcome: 'retry',
    reason: failure.code,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(isOfAccount ? { pauses: 'account' as const } : {}),
  }
}

function failed(code: string, message: string): SendResult {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
