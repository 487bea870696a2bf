import { at, isObject, type JsonObject, type JsonValue, textAt } from '../json.ts'
import { threadOf } from './thread.ts'

/**
 * One update of the Bot API: `{update_id, <kind>: {…}}`. A stored payload has this very shape, one kind left, so that
 * reading it back is the same as reading it fresh. Source: Telegram, Bot API "Update".
 */
export interface Update {
  kind: string
  item: JsonObject
}

/** Kinds that hold a message. */
export const MESSAGE_KINDS: ReadonlySet<string> = new Set([
  'message',
  'edited_message',
  'channel_post',
  'edited_channel_post',
  'business_message',
  'edited_business_message',
])

/** The kinds of an update, in an order of their own: one, though readers of saved updates have seen several together. */
export function itemsOf(update: JsonObject): Update[] {
  const items = Object.entries(update).flatMap(([kind, item]) =>
    kind !== 'update_id' && isObject(item) ? [{ kind, item }] : [],
  )
  return items.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
}

/** The first kind of a stored payload. */
export function updateOf(payload: JsonValue): Update | undefined {
  return isObject(payload) ? itemsOf(payload)[0] : undefined
}

/** The chat in which an update happened, in the message's own shape; null where it happened in none. */
export function sceneOf({ kind, item }: Update): JsonValue {
  if (kind === 'callback_query') return at(item, 'message') ?? null
  return at(item, 'chat') === undefined ? null : item
}

/** All that happens in a chat is in order (Telegram delivers so), and all that one person does outside of chats. */
export function laneOf(update: Update): string | null {
  const scene = sceneOf(update)
  const chatId = textAt(scene, 'chat', 'id')
  if (chatId !== undefined) {
    const thread = threadOf(scene)
    return thread?.id.includes('@') === true ? `chat:${thread.id}` : `chat:${chatId}`
  }
  const person = textAt(update.item, 'from', 'id') ?? textAt(update.item, 'user', 'id')
  return person === undefined ? null : `chat:${person}`
}
