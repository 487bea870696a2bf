import type { Post, RawEvent, Split } from '../channel.ts'
import {
  at,
  canonicalHash,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  parseJson,
  textAt,
} from '../json.ts'
import { timeOf } from '../time.ts'
import { botIdOf, type TelegramSettings } from './settings.ts'
import { isPrivateChat } from './thread.ts'
import { itemsOf, laneOf, MESSAGE_KINDS, sceneOf, type Update } from './update.ts'

/**
 * A Telegram webhook holds one update; one raw event it becomes, but for several messages that were deleted at once.
 * Updates are unique per bot, whatever channel it was posted to. What has another shape is kept whole under "unknown".
 */
export function splitTelegram({ rawBody }: Post, settings: TelegramSettings): Split {
  const body = parseJson(rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  if (!isObject(body)) return { malformed: 'not_an_object' }
  const account = accountOf(settings)
  const items = itemsOf(body)
  if (items.length === 0) return { events: [wholeEvent(account, body)], rejected: [] }
  return { events: items.flatMap((item) => itemEvents(account, body, item)), rejected: [] }
}

/** Settings are `unknown` to the properties that hold for every channel. */
function accountOf(settings: Partial<TelegramSettings>): string | null {
  const { botToken } = settings
  return botToken === undefined ? null : botIdOf({ botToken, secretToken: '' })
}

function itemEvents(account: string | null, update: JsonObject, { kind, item }: Update): RawEvent[] {
  const ids = kind === 'deleted_business_messages' ? listAt(item, 'message_ids') : []
  if (ids.length === 0) return [itemEvent(account, update, { kind, item })]
  return ids.map((id) => itemEvent(account, update, { kind, item: { ...item, message_ids: [id] } }))
}

function itemEvent(account: string | null, update: JsonObject, { kind, item }: Update): RawEvent {
  const own = withoutOthers({ kind, item })
  const id = at(update, 'update_id')
  const updateId = textAt(update, 'update_id')
  const part = kind === 'deleted_business_messages' ? `:${textAt(listAt(item, 'message_ids')[0]) ?? ''}` : ''
  return {
    account,
    dedupeKey: updateId === undefined ? `${kind}:#${canonicalHash(item)}` : `${updateId}:${kind}${part}`,
    lane: laneOf(own),
    kind: safeName(kind),
    occurredAt: timeOf(at(item, 'edit_date') ?? at(item, 'date')),
    // A computed member is an own one, so that a kind "__proto__" stays data.
    payload: { ...(id === undefined ? {} : { update_id: id }), [kind]: own.item },
  }
}

function wholeEvent(account: string | null, body: JsonObject): RawEvent {
  const updateId = textAt(body, 'update_id')
  return {
    account,
    dedupeKey: updateId === undefined ? `#${canonicalHash(body)}` : `${updateId}:unknown`,
    lane: null,
    kind: 'unknown',
    occurredAt: null,
    payload: body,
  }
}

/**
 * A raw event is kept under its own contact's key. In a group, what it answers or pins was said by other people: their
 * words and names are not its own, and the messages themselves came in by updates of their own.
 */
function withoutOthers(update: Update): Update {
  const { kind, item } = update
  const scene = sceneOf(update)
  if (!MESSAGE_KINDS.has(kind) || isPrivateChat(at(scene, 'chat') ?? null)) return update
  const author = textAt(item, 'from', 'id')
  const kept = Object.entries(item).map(([name, value]): [string, JsonValue] => {
    const isMessage = name === 'reply_to_message' || name === 'pinned_message'
    if (!isMessage || !isObject(value) || (author !== undefined && textAt(value, 'from', 'id') === author))
      return [name, value]
    const chat = textAt(value, 'chat', 'id')
    const named = { message_id: at(value, 'message_id'), date: at(value, 'date') }
    return [name, compact({ ...named, chat: chat === undefined ? undefined : { id: at(value, 'chat', 'id') ?? null } })]
  })
  return { kind, item: Object.fromEntries(kept) }
}

/** Kinds are shown and filtered by: the provider's word where it is one, else "unknown". */
export function safeName(word: string): string {
  return /^[a-z0-9_]{1,64}$/.test(word) ? word : 'unknown'
}
