import { at, isObject, type JsonObject, type JsonValue, objectAt, textAt } from '../json.ts'
import type { Identity, Party } from '../neutral.ts'
import { phoneOf } from '../phone.ts'

/**
 * The members of a connector event beside those that the contract spells out. A status, edit, delete or
 * reaction names its message in `messageId` (the event id or the externalId by which we know it);
 * a status has `status` and `error {code, message}`; a reaction has `emoji`, null when taken back; an
 * outbound message may have `to`, else `from` is the customer whom it was sent to. A message of type `button` says in
 * `payload` the id of the button or row that was chosen, in `title` its words.
 */
export const EVENT_TYPES: ReadonlySet<string> = new Set(['message', 'status', 'edit', 'delete', 'reaction'])

export function targetOf(event: JsonValue): string | undefined {
  return textAt(event, 'messageId') ?? textAt(event, 'message', 'id') ?? textAt(event, 'message', 'externalId')
}

export function statusOf(event: JsonValue): string | undefined {
  return textAt(event, 'status') ?? textAt(event, 'message', 'status')
}

/** undefined: not said at all; null: taken back. */
export function reactionEmoji(event: JsonValue): string | null | undefined {
  for (const emoji of [at(event, 'emoji'), at(event, 'reaction', 'emoji'), at(event, 'message', 'emoji')]) {
    if (emoji === null || emoji === '') return null
    if (typeof emoji === 'string') return emoji
  }
  return undefined
}

/**
 * Whom `from` or `to` names. `value` is verified as the connector's own address of the person, within this
 * channel. An email or a phone is what the connector claims: it may suggest a contact, not choose one.
 */
export function partyOf(person: JsonValue | undefined): Party {
  const value = textAt(person, 'value')
  const kind = textAt(person, 'kind')
  const party: Party = { identities: value === undefined ? [] : [{ kind: 'connector', value, verified: true }] }
  const phoneGiven = textAt(person, 'phone') ?? (kind === 'phone' ? value : undefined)
  const email = emailOf(textAt(person, 'email') ?? (kind === 'email' ? value : undefined))
  const phone = phoneGiven === undefined ? undefined : phoneOf(phoneGiven)
  const displayName = textAt(person, 'displayName')
  const customFields = at(person, 'customFields')
  if (phone !== undefined) {
    party.identities.push(claimed('phone', phone))
    party.phone = phone
  } else if (phoneGiven !== undefined) party.phoneAsGiven = phoneGiven
  if (email !== undefined) {
    party.identities.push(claimed('email', email))
    party.email = email
  }
  if (displayName !== undefined) party.displayName = displayName
  if (isObject(customFields)) party.customFields = customFields
  return party
}

function claimed(kind: Identity['kind'], value: string): Identity {
  return { kind, value, verified: false }
}

function emailOf(text: string | undefined): string | undefined {
  const trimmed = text?.trim().toLowerCase()
  return trimmed !== undefined && /^[^\s@]+@[^\s@]+$/.test(trimmed) ? trimmed : undefined
}

export function messageOf(event: JsonValue): JsonObject {
  return objectAt(event, 'message')
}
