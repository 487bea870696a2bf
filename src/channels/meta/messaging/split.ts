import type { RawEvent } from '../../channel.ts'
import {
  at,
  canonicalHash,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  manyAt,
  objectAt,
  textAt,
} from '../../json.ts'
import { timeOf } from '../../time.ts'
import { saysMore } from '../entry.ts'
import { SAID_FIELDS, saidOf } from './comment.ts'
import { detailOf, type Item, isEcho, itemOf, messagingChange, type Platform, sidesOf, syntheticId } from './item.ts'

const LISTS = ['messaging', 'standby', 'changes'] as const

/**
 * The entries `{id, time, messaging[] | standby[] | changes[]}` of a webhook as one raw event per item, each in the
 * provider's own shape with itself alone. Whatever has another shape is kept whole under "unknown".
 * Source: Meta, Messenger Platform "Webhooks".
 */
export function messagingEvents(platform: Platform, entries: readonly JsonValue[]): RawEvent[] {
  return entries.flatMap((entry) => entryEvents(platform, entry))
}

function entryEvents(platform: Platform, given: JsonValue): RawEvent[] {
  const entry = withChanges(given)
  if (!isObject(entry)) return [unknownEvent(null, entry)]
  const present = LISTS.filter((list) => Array.isArray(entry[list]) || isObject(entry[list]))
  const rest = Object.fromEntries(Object.entries(entry).filter(([key]) => !present.some((list) => list === key)))
  const events = present.flatMap((list) =>
    manyAt(entry, list).map((one) => {
      const payload = { ...rest, [list]: [one] }
      return (list === 'changes' && changeEvent(platform, payload, one)) || itemEvent(platform, payload)
    }),
  )
  if (present.length > 0 && !saysMore(rest, LISTS)) return events
  return [...events, unknownEvent(textAt(entry, 'id') ?? null, rest)]
}

/** With Instagram Login, an entry may be the one change itself. */
function withChanges(entry: JsonValue): JsonValue {
  if (!isObject(entry) || textAt(entry, 'field') === undefined || LISTS.some((list) => list in entry)) return entry
  const { field, value, ...rest } = entry
  return { ...rest, changes: [compact({ field, value })] }
}

function itemEvent(platform: Platform, payload: JsonObject): RawEvent {
  const source = itemOf(platform, payload)
  if (source?.name === undefined) return unknownEvent(textAt(payload, 'id') ?? null, payload)
  return {
    account: textAt(payload, 'id') ?? null,
    dedupeKey: dedupeKey(source),
    lane: sidesOf(source).customer.identities[0]?.value ?? null,
    kind: kindOf(source),
    occurredAt: timeOf(at(source.item, 'timestamp')) ?? timeOf(at(payload, 'time')),
    payload,
  }
}

/** What concerns the page rather than a conversation: comments, mentions, insights. */
function changeEvent(platform: Platform, payload: JsonObject, change: JsonValue): RawEvent | undefined {
  if (messagingChange(change) !== undefined) return undefined
  const field = textAt(change, 'field') ?? 'unknown'
  const event = wholeEvent(`changes.${safeName(field)}`, textAt(payload, 'id') ?? null, payload)
  const said = SAID_FIELDS.has(field) ? saidOf(platform, payload) : null
  if (said === null || 'outcome' in said) return event
  const { did, key, threadId, occurredAt } = said
  // A comment under an advertisement is told for its post once more; each edit is another.
  const dedupeKey = did === 'add' ? `said:${key}` : event.dedupeKey
  return { ...event, dedupeKey, lane: threadId, occurredAt }
}

const unknownEvent = (account: string | null, payload: JsonValue): RawEvent => wholeEvent('unknown', account, payload)

/** The entry's time, which redeliveries repeat, tells two equal ones apart. */
function wholeEvent(kind: string, account: string | null, payload: JsonValue): RawEvent {
  const occurredAt = timeOf(at(payload, 'time'))
  return { account, dedupeKey: `${kind}:#${canonicalHash(payload)}`, lane: null, kind, occurredAt, payload }
}

/** Messages by their mid; what has none by its contents. Taking a message back repeats its mid, so does each edit. */
function dedupeKey(source: Item): string {
  const { name } = source
  const detail = detailOf(source)
  const mid = textAt(detail, 'mid')
  const edits = textAt(detail, 'num_edit')
  if (mid !== undefined && name === 'message')
    return at(detail, 'is_deleted') === true ? `message:${mid}:deleted` : `message:${mid}`
  if (mid !== undefined && name === 'postback') return `postback:${mid}`
  if (mid !== undefined && name === 'message_edit' && edits !== undefined) return `message_edit:${mid}:${edits}`
  return syntheticId(source)
}

function kindOf(source: Item): string {
  const detail = detailOf(source)
  const name = source.name ?? 'unknown'
  if (name === 'reaction') return `reaction.${safeName(textAt(detail, 'action') ?? 'unknown')}`
  if (name !== 'message') return name
  if (isEcho(source)) return 'message.echo'
  if (at(detail, 'is_deleted') === true) return 'message.deleted'
  if (at(detail, 'is_unsupported') === true) return 'message.unsupported'
  const [attachment] = listAt(detail, 'attachments')
  if (attachment !== undefined) return `message.${safeName(textAt(attachment, 'type') ?? 'unknown')}`
  return Object.keys(objectAt(detail, 'quick_reply')).length > 0 ? 'message.quick_reply' : 'message.text'
}

/** Kinds are shown and filtered by: the provider's word where it is one, else "unknown". */
function safeName(word: string): string {
  const name = word.toLowerCase()
  return /^[a-z0-9_]{1,64}$/.test(name) ? name : 'unknown'
}
