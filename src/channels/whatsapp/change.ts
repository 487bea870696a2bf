import type { Parsed } from '../channel.ts'
import { at, compact, textAt } from '../json.ts'
import type { Identity, IdentityChangeEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { customerOfItem, type Item, previousUserId } from './event.ts'
import { type Ids, identitiesOf, idsOf } from './party.ts'

/** "User A changed from US.123 to US.456": where the old id is said nowhere else. */
const CHANGED_FROM_TO = /changed from (\S+) to (\S+?)\.?$/

/**
 * A `system` message about a new phone or a new BSUID.
 * @returns undefined for system messages that change no address (a new security code)
 */
export function systemIdentityChange({ item }: Item): IdentityChangeEvent | undefined {
  const type = textAt(item, 'system', 'type')
  if (type !== 'user_changed_number' && type !== 'user_changed_user_id' && type !== 'customer_changed_number')
    return undefined
  const text = textAt(item, 'system', 'body')
  const [, fromText, toText] = CHANGED_FROM_TO.exec(text ?? '') ?? []
  const userIdChange = type === 'user_changed_user_id'
  const old: Ids = {
    phone: textAt(item, 'from') ?? textAt(item, 'system', 'customer') ?? (userIdChange ? undefined : fromText),
    // `from_user_id` is the old id or already the new one, depending on when Meta wrote it.
    bsuid:
      textAt(item, 'system', 'previous_user_id') ??
      (userIdChange ? fromText : undefined) ??
      unless(textAt(item, 'from_user_id'), textAt(item, 'system', 'user_id')),
    parentBsuid: textAt(item, 'system', 'previous_parent_user_id'),
  }
  const current: Ids = {
    phone:
      textAt(item, 'system', 'wa_id') ?? textAt(item, 'system', 'new_wa_id') ?? (userIdChange ? undefined : toText),
    bsuid: textAt(item, 'system', 'user_id') ?? (userIdChange ? toText : undefined),
    parentBsuid: textAt(item, 'system', 'parent_user_id'),
  }
  return changeEvent(userIdChange ? 'user_id_changed' : 'phone_changed', old, current, item, text)
}

/** The field `user_id_update`: `[{wa_id, user_id: {previous, current}, parent_user_id: {…}, timestamp}]`. */
export function parseUserIdUpdate({ item }: Item): Parsed {
  const before: Ids = { bsuid: previousUserId(item), parentBsuid: textAt(item, 'parent_user_id', 'previous') }
  const current: Ids = {
    phone: textAt(item, 'wa_id'),
    bsuid: textAt(item, 'user_id', 'current') ?? textAt(item, 'new_user_id') ?? textAt(item, 'user_id'),
    parentBsuid: textAt(item, 'parent_user_id', 'current') ?? textAt(item, 'parent_user_id'),
  }
  // Without an old id it is the number that says whose the new one is.
  const isNamed = before.bsuid !== undefined || before.parentBsuid !== undefined
  const old = isNamed ? before : { phone: current.phone }
  const event = changeEvent('user_id_changed', old, current, item, textAt(item, 'detail'))
  return event === undefined
    ? { outcome: 'failed', reason: 'identity_change_incomplete' }
    : { outcome: 'events', events: [event] }
}

function changeEvent(
  reason: IdentityChangeEvent['reason'],
  oldIds: Ids,
  currentIds: Ids,
  item: Item['item'],
  text: string | undefined,
): IdentityChangeEvent | undefined {
  const current = identitiesOf(idsOf(currentIds))
  const old = identitiesOf(idsOf(oldIds))
  const changed = current.some((identity) => !includes(old, identity)) && old.length > 0
  if (!changed) return undefined
  return {
    type: 'identityChange',
    reason,
    old,
    current,
    ...(text === undefined ? {} : { text }),
    occurredAt: timeOf(at(item, 'timestamp')),
  }
}

function includes(identities: Identity[], wanted: Identity): boolean {
  return identities.some(({ kind, value }) => kind === wanted.kind && value === wanted.value)
}

function unless(value: string | undefined, same: string | undefined): string | undefined {
  return value === same ? undefined : value
}

/** `user_preferences`: whether somebody wants marketing from this number. A sign-up is a resumption with its own evidence. */
export function parsePreference(source: Item): Parsed {
  const { item } = source
  const value = textAt(item, 'value')?.toLowerCase()
  const state = value === 'stop' ? 'stop' : value === 'resume' || value === 'signup' ? 'resume' : undefined
  const from = customerOfItem(source)
  if (textAt(item, 'category') !== 'marketing_messages' || state === undefined)
    return { outcome: 'failed', reason: 'preference_unknown' }
  if (from.identities.length === 0) return { outcome: 'failed', reason: 'no_sender' }
  const detail = compact({ value, text: textAt(item, 'detail'), signupId: textAt(item, 'signup_id') })
  return {
    outcome: 'events',
    events: [
      { type: 'preference', from, category: 'marketing', state, detail, occurredAt: timeOf(at(item, 'timestamp')) },
    ],
  }
}
