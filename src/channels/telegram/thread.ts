import { at, type JsonValue, textAt } from '../json.ts'
import type { Thread } from '../neutral.ts'

/**
 * Telegram's chats as threads. A chat with the bot alone is no thread of its own: its id is the person's. The id of
 * another names all that is needed to answer there:
 *   "-100123"              a group
 *   "-100123/7"            a topic of a forum
 *   "-100123/direct/7"     a person's direct messages to a channel
 *   "55@connection"        a chat of the business's own account, which the bot serves through a business connection
 */
export interface Place {
  chatId: string
  topicId?: string
  directTopicId?: string
  connectionId?: string
}

export function threadOf(message: JsonValue): Thread | undefined {
  const chatId = textAt(message, 'chat', 'id')
  if (chatId === undefined) return undefined
  const connectionId = textAt(message, 'business_connection_id')
  if (connectionId !== undefined) return { id: `${chatId}@${connectionId}`, kind: 'direct' }
  const isPrivate = isPrivateChat(at(message, 'chat') ?? null)
  const directTopic = textAt(message, 'direct_messages_topic', 'topic_id')
  if (directTopic !== undefined && !isPrivate) return { id: `${chatId}/direct/${directTopic}`, kind: 'direct' }
  const topic = at(message, 'is_topic_message') === true ? textAt(message, 'message_thread_id') : undefined
  if (topic !== undefined) return { id: `${chatId}/${topic}`, kind: isPrivate ? 'direct' : 'group' }
  return isPrivate ? undefined : { id: chatId, kind: 'group' }
}

/** Ids of groups and channels are negative. */
export function isPrivateChat(chat: JsonValue): boolean {
  const type = textAt(chat, 'type')
  return type === undefined ? !(textAt(chat, 'id') ?? '').startsWith('-') : type === 'private' || type === 'sender'
}

/** The group that a thread is in: all its topics share one pace. A person's own chat is none. */
export function groupOfThread(threadId: string): string | null {
  const chatId = placeOf(threadId)?.chatId
  return chatId?.startsWith('-') ? chatId : null
}

const PLACE = /^(-?\d{1,20})(?:\/(\d{1,20})|\/direct\/(\d{1,20})|@([^\s@]{1,200}))?$/

/** Where a thread's answers go; undefined for an id that is none of ours. */
export function placeOf(threadId: string): Place | undefined {
  const [, chatId, topicId, directTopicId, connectionId] = PLACE.exec(threadId) ?? []
  if (chatId === undefined) return undefined
  return {
    chatId,
    ...(topicId === undefined ? {} : { topicId }),
    ...(directTopicId === undefined ? {} : { directTopicId }),
    ...(connectionId === undefined ? {} : { connectionId }),
  }
}

/**
 * A message's id counts within its chat; and a chat of the business's own account has other messages than the same
 * person's chat with the bot, though both bear the person's id.
 */
export function messageIdOf(chatId: string, messageId: string, connectionId?: string): string {
  return connectionId === undefined ? `${chatId}:${messageId}` : `${chatId}@${connectionId}:${messageId}`
}

/** The id under which a message of Telegram's is kept; undefined where it names no chat or no id. */
export function externalIdOf(message: JsonValue): string | undefined {
  const chatId = textAt(message, 'chat', 'id')
  const messageId = textAt(message, 'message_id')
  if (chatId === undefined || messageId === undefined) return undefined
  return messageIdOf(chatId, messageId, textAt(message, 'business_connection_id'))
}

/** The number of a message in its chat, as the API wants it back; undefined for one of another chat, or a button. */
export function messageNumberOf(externalId: string, { chatId, connectionId }: Place): number | undefined {
  const number = Number(/:(\d{1,15})$/.exec(externalId)?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(number)) return undefined
  return externalId === messageIdOf(chatId, String(number), connectionId) ? number : undefined
}
