import { at, isObject, type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../json.ts'
import type { Party } from '../neutral.ts'
import { counterpartyOf, idsAt, partyOf } from './party.ts'

/**
 * One item of a webhook with what surrounds it. A stored payload keeps the provider's own shape,
 * `{id, time, field, value}` with one item left in the array that was split, so that reading it back is
 * the same as reading it fresh.
 */
export interface Item {
  /** which array it stood in */
  family: Family
  field: string
  /** `value` of the change, with this item and its contact alone */
  value: JsonObject
  item: JsonValue
}

export const FAMILIES = [
  'messages',
  'statuses',
  'message_echoes',
  'calls',
  'user_preferences',
  'user_id_update',
  'state_sync',
  'groups',
] as const
export type Family = (typeof FAMILIES)[number] | 'history'

/** Reads back what `split` stored; undefined for payloads that hold no single item. */
export function itemOf(payload: JsonValue): Item | undefined {
  const value = objectAt(payload, 'value')
  const field = textAt(payload, 'field') ?? 'unknown'
  for (const family of FAMILIES) {
    const [item] = listAt(value, family)
    if (item !== undefined) return { family, field, value, item }
  }
  const [message] = listAt(historyThread(value), 'messages')
  return message === undefined ? undefined : { family: 'history', field, value, item: message }
}

export function historyThread(value: JsonObject): JsonValue {
  return listAt(at(listAt(value, 'history')[0], 'threads'))[0] ?? null
}

/** The customer whom an item is about; no identities where it is about none. */
export function customerOfItem({ family, value, item }: Item): Party {
  const contacts = listAt(value, 'contacts')
  switch (family) {
    case 'messages':
      return partyOf(idsAt(item, 'from', 'from_'), contacts)
    case 'message_echoes':
    case 'calls':
      return counterpartyOf(value, item)
    case 'history': {
      const party = counterpartyOf(value, item)
      return party.identities.length > 0 ? party : partyOf(idsAt(historyThread(value), 'id', ''), contacts)
    }
    case 'statuses':
      return partyOf(
        groupOfItem(item) === undefined
          ? idsAt(item, 'recipient_id', 'recipient_')
          : idsAt(item, 'recipient_participant_id', 'recipient_participant_'),
        contacts,
      )
    case 'user_preferences':
      return partyOf(idsAt(item, 'wa_id', ''), contacts)
    case 'user_id_update':
      return partyOf({ phone: textAt(item, 'wa_id'), bsuid: previousUserId(item) }, [])
    case 'state_sync':
    case 'groups':
      return { identities: [] }
  }
}

/** The group that a message or a status belongs to. */
export function groupOfItem(item: JsonValue): string | undefined {
  const group = textAt(item, 'group_id')
  if (group !== undefined) return group
  return textAt(item, 'recipient_type') === 'group' ? textAt(item, 'recipient_id') : undefined
}

/** `user_id: {previous, current}`; older drafts of the field said `old_user_id` or `previous_user_id`. */
export function previousUserId(item: JsonValue): string | undefined {
  return textAt(item, 'user_id', 'previous') ?? textAt(item, 'previous_user_id') ?? textAt(item, 'old_user_id')
}

/** Statuses and calls share names; a call's status is told by its field or type. */
export function isCallStatus({ family, field, item }: Pick<Item, 'family' | 'field' | 'item'>): boolean {
  return family === 'statuses' && (field === 'calls' || (isObject(item) && textAt(item, 'type') === 'call'))
}
