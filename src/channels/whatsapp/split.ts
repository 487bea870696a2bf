import type { RawEvent } from '../channel.ts'
import {
  at,
  canonicalHash,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  manyAt,
  objectAt,
  textAt,
} from '../json.ts'
import { saysMore } from '../meta/entry.ts'
import { timeOf } from '../time.ts'
import { customerOfItem, FAMILIES, groupOfItem, type Item, isCallStatus } from './event.ts'
import { contactOf, idsAt, laneOf } from './party.ts'

/**
 * The entries `{id: WABA, time, changes: [{field, value}]}` of a WhatsApp webhook as one raw event per message, status,
 * echo, preference, …; a change without such items is one event. Whatever has another shape is kept whole under
 * "unknown". Source: Meta, Cloud API webhooks.
 */
export function whatsappEvents(entries: readonly JsonValue[]): RawEvent[] {
  return entries.flatMap(entryEvents)
}

function entryEvents(entry: JsonValue): RawEvent[] {
  const changes = manyAt(entry, 'changes')
  if (!isObject(entry) || (changes.length === 0 && !Array.isArray(entry.changes)))
    return [wholeEvent('unknown', isObject(entry) ? entry : {}, entry)]
  const { changes: _split, ...rest } = entry
  const events = changes.flatMap((change) => changeEvents(rest, change))
  return saysMore(rest, ['changes']) ? [...events, wholeEvent('unknown', rest, rest)] : events
}

function changeEvents(entry: JsonObject, change: JsonValue): RawEvent[] {
  const value = at(change, 'value')
  if (!isObject(change) || !isObject(value)) return [wholeEvent('unknown', entry, { ...entry, change })]
  const field = textAt(change, 'field') ?? 'unknown'
  const events = itemsOf(field, value).map((item) => itemEvent(entry, change, item))
  return events.length > 0 ? events : [wholeEvent(safeName(field), entry, { ...entry, ...change })]
}

/** Every item with its own copy of `value`, in which all other items and other people's contacts are gone. */
function itemsOf(field: string, value: JsonObject): Item[] {
  const present = FAMILIES.filter((family) => Array.isArray(value[family]) || isObject(value[family]))
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !present.some((family) => family === key)))
  const items = present.flatMap((family) =>
    manyAt(value, family).map((item): Item => ({ family, field, item, value: { ...rest, [family]: [item] } })),
  )
  const all = [...items, ...historyItems(field, value, rest)]
  return all.map((item) => withOwnContact(item, all.length === 1))
}

function historyItems(field: string, value: JsonObject, rest: JsonObject): Item[] {
  return listAt(value, 'history').flatMap((chunk) =>
    listAt(chunk, 'threads').flatMap((thread) =>
      listAt(thread, 'messages').map(
        (item): Item => ({
          family: 'history',
          field,
          item,
          value: { ...rest, history: [{ ...objectAt(chunk), threads: [{ ...objectAt(thread), messages: [item] }] }] },
        }),
      ),
    ),
  )
}

/** A raw event is kept under its own contact's key: it must not hold anybody else's profile. */
function withOwnContact(item: Item, alone: boolean): Item {
  const contacts = listAt(item.value, 'contacts')
  if (contacts.length === 0) return item
  const person = customerOfItem(item).identities
  const value = (kind: string) => person.find((identity) => identity.kind === kind)?.value
  const contact = contactOf(
    { phone: value('whatsapp'), bsuid: value('whatsapp_bsuid'), parentBsuid: value('whatsapp_parent_bsuid') },
    contacts,
  )
  // One item, one contact, ids that differ: it is this item's all the same, for its name (see partyOf).
  const kept = contact ?? (alone && contacts.length === 1 ? contacts[0] : undefined)
  return { ...item, value: { ...item.value, contacts: kept === undefined ? [] : [kept] } }
}

function itemEvent(entry: JsonObject, change: JsonObject, item: Item): RawEvent {
  const group = groupOfItem(item.item)
  return {
    account: textAt(item.value, 'metadata', 'phone_number_id') ?? null,
    scope: textAt(entry, 'id') ?? null,
    dedupeKey: dedupeKey(item),
    lane: group === undefined ? laneOf(customerOfItem(item)) : `group:${group}`,
    kind: kindOf(item),
    occurredAt: timeOf(at(item.item, 'timestamp')) ?? timeOf(at(entry, 'time')),
    payload: { ...entry, ...change, value: item.value },
  }
}

/**
 * Without an item, the entry's time tells two equal notices apart (quality fell, rose, fell again).
 * Redeliveries repeat the whole body, its time included.
 */
function wholeEvent(kind: string, entry: JsonObject, payload: JsonValue): RawEvent {
  return {
    account: textAt(payload, 'value', 'metadata', 'phone_number_id') ?? null,
    scope: textAt(entry, 'id') ?? null,
    dedupeKey: `${kind}:#${canonicalHash(payload)}`,
    lane: null,
    kind,
    occurredAt: timeOf(at(entry, 'time')),
    payload,
  }
}

/**
 * Messages by wamid, statuses by (wamid, status, recipient). An edit or a revoke is kept apart from the
 * message should it carry the same wamid. Items without an id are known by their contents.
 */
function dedupeKey(item: Item): string {
  const id = textAt(item.item, 'id')
  const type = textAt(item.item, 'type')
  if (id === undefined) return `${item.family}:#${canonicalHash(item.item)}`
  switch (item.family) {
    case 'messages':
    case 'message_echoes':
    case 'history':
      return type === 'edit' || type === 'revoke' ? `${item.family}:${id}:${type}` : `${item.family}:${id}`
    case 'statuses': {
      const status = textAt(item.item, 'status') ?? ''
      const participant = idsAt(item.item, 'recipient_participant_id', 'recipient_participant_')
      const recipient = idsAt(item.item, 'recipient_id', 'recipient_')
      return `statuses:${id}:${status.toLowerCase()}:${participant.phone ?? participant.bsuid ?? recipient.phone ?? recipient.bsuid ?? ''}`
    }
    case 'calls':
      return `calls:${id}:${textAt(item.item, 'event') ?? textAt(item.item, 'status') ?? ''}`
    default:
      return `${item.family}:#${canonicalHash(item.item)}`
  }
}

function kindOf(item: Item): string {
  const of = (family: string, member: string) => `${family}.${safeName(textAt(item.item, member) ?? 'unknown')}`
  switch (item.family) {
    case 'messages':
    case 'history':
      return of(item.family, 'type')
    case 'message_echoes':
      return of('smb_message_echoes', 'type')
    case 'statuses':
      return isCallStatus(item) ? 'calls.status' : of('statuses', 'status')
    case 'calls':
      return of('calls', 'event')
    case 'user_preferences':
      return of('user_preferences', 'value')
    case 'user_id_update':
      return 'user_id_update'
    case 'state_sync':
      return 'smb_app_state_sync'
    case 'groups':
      return safeName(item.field)
  }
}

/** Kinds are shown and filtered by: the provider's word where it is one, else "unknown". */
function safeName(word: string): string {
  const name = word.toLowerCase()
  return /^[a-z0-9_]{1,64}$/.test(name) ? name : 'unknown'
}
