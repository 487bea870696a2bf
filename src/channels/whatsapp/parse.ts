import type { Parsed } from '../channel.ts'
import { at, camelCased, cleanJson, compact, isObject, type JsonValue, listAt, numberAt, textAt } from '../json.ts'
import type { Direction, MessageEvent, NeutralEvent, Party } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { parsePreference, parseUserIdUpdate, systemIdentityChange } from './change.ts'
import { customerOfItem, groupOfItem, type Item, isCallStatus, itemOf } from './event.ts'
import { bodyOf } from './message.ts'
import { parseNotice } from './notice.ts'
import { businessOf, isBusiness } from './party.ts'
import { parseStatus } from './status.ts'

/** One stored WhatsApp event as neutral events. Total over any JSON. */
export function parseWhatsApp(event: { kind: string; payload: JsonValue }): Parsed {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  const item = itemOf(payload)
  if (item === undefined) return parseNotice(payload)
  if (!isObject(item.item)) return { outcome: 'failed', reason: 'not_an_object' }
  if (isCallStatus(item)) return { outcome: 'ignored', reason: 'call_status' }
  switch (item.family) {
    case 'messages':
      return parseMessage(item, 'inbound')
    case 'message_echoes':
      return parseMessage(item, 'outbound')
    case 'history':
      return parseMessage(item, fromBusiness(item) ? 'outbound' : 'inbound')
    case 'statuses':
      return parseStatus(item)
    case 'calls':
      return parseCall(item)
    case 'user_preferences':
      return parsePreference(item)
    case 'user_id_update':
      return parseUserIdUpdate(item)
    // The business's own address book: people who may never have written to it.
    case 'state_sync':
      return { outcome: 'ignored', reason: 'address_book' }
    case 'groups':
      return parseNotice(payload)
  }
}

function fromBusiness({ value, item }: Item): boolean {
  return at(item, 'history_context', 'from_me') === true || isBusiness(value, textAt(item, 'from'))
}

function parseMessage(source: Item, direction: Direction): Parsed {
  const { item, value } = source
  const change = systemIdentityChange(source)
  if (change !== undefined) return { outcome: 'events', events: [change] }
  const customer = customerOfItem(source)
  const externalId = textAt(item, 'id')
  const group = groupOfItem(item)
  if (customer.identities.length === 0 && group === undefined)
    return { outcome: 'failed', reason: direction === 'inbound' ? 'no_sender' : 'no_recipient' }
  const common = {
    direction,
    ...parties(direction, customer, businessOf(value)),
    occurredAt: timeOf(at(item, 'timestamp')),
    ...(group === undefined ? {} : { thread: { id: group, kind: 'group' as const } }),
  }
  return (
    about(source, common) ??
    (externalId === undefined
      ? { outcome: 'failed', reason: 'no_message_id' }
      : one({
          type: 'message',
          externalId,
          historical: source.family === 'history',
          ...common,
          ...bodyOf(item, listAt(value, 'errors')),
          ...context(item),
        }))
  )
}

type Common = Pick<MessageEvent, 'direction' | 'from' | 'to' | 'thread' | 'occurredAt'>

/** Edits, revokes and reactions name the message that they are about; undefined for other types. */
function about({ item, value }: Item, common: Common): Parsed | undefined {
  switch (textAt(item, 'type')) {
    case 'reaction': {
      const externalId = textAt(item, 'reaction', 'message_id')
      if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
      return one({ type: 'reaction', externalId, ...common, emoji: textAt(item, 'reaction', 'emoji') ?? null })
    }
    case 'edit': {
      const externalId = textAt(item, 'edit', 'original_message_id')
      if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
      return one({
        type: 'edit',
        externalId,
        ...common,
        ...bodyOf(at(item, 'edit', 'message') ?? null, listAt(value, 'errors')),
      })
    }
    case 'revoke': {
      const externalId = textAt(item, 'revoke', 'original_message_id')
      return externalId === undefined
        ? { outcome: 'failed', reason: 'no_target' }
        : one({ type: 'delete', externalId, ...common })
    }
    default:
      return undefined
  }
}

function context(item: JsonValue): Pick<MessageEvent, 'replyTo' | 'referral' | 'forwarded'> {
  const replyTo = textAt(item, 'context', 'id')
  const referral = camelCased(at(item, 'referral') ?? null)
  const forwarded =
    at(item, 'context', 'frequently_forwarded') === true
      ? 'often'
      : at(item, 'context', 'forwarded') === true
        ? 'once'
        : undefined
  return {
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(isObject(referral) ? { referral } : {}),
    ...(forwarded === undefined ? {} : { forwarded }),
  }
}

/** A call is in the history when it ends; connecting and ringing are signalling. */
function parseCall(source: Item): Parsed {
  const { item, value } = source
  const externalId = textAt(item, 'id')
  if (textAt(item, 'event') !== 'terminate') return { outcome: 'ignored', reason: 'call_signalling' }
  const customer = customerOfItem(source)
  if (externalId === undefined || customer.identities.length === 0)
    return { outcome: 'failed', reason: 'call_incomplete' }
  const direction: Direction = textAt(item, 'direction') === 'BUSINESS_INITIATED' ? 'outbound' : 'inbound'
  const status = textAt(item, 'status')?.toLowerCase() ?? 'ended'
  const durationSeconds = numberAt(item, 'duration')
  const content = compact({
    status,
    durationSeconds,
    startedAt: timeOf(at(item, 'start_time'))?.toISOString(),
    endedAt: timeOf(at(item, 'end_time'))?.toISOString(),
    errors: listAt(value, 'errors').length > 0 ? camelCased(listAt(value, 'errors')) : undefined,
  })
  const text = `[call] ${status}${durationSeconds === undefined ? '' : `, ${durationSeconds} s`}`
  return one({
    type: 'message',
    externalId,
    direction,
    historical: false,
    ...parties(direction, customer, businessOf(value)),
    occurredAt: timeOf(at(item, 'timestamp')),
    message: { type: 'call', content, text },
    media: [],
  })
}

function parties(direction: Direction, customer: Party, business: Party): { from: Party; to: Party } {
  return direction === 'inbound' ? { from: customer, to: business } : { from: business, to: customer }
}

function one(event: NeutralEvent): Parsed {
  return { outcome: 'events', events: [event] }
}
