import type { IdentityChangeEvent } from '../../channels/neutral.ts'
import { isSameAddress } from '../../resources/identities/address.ts'
import { addressesOf, type PartyAddress } from './party-addresses.ts'
import { identityFor, knownBy, markPrimary } from './people.ts'
import { profileOf } from './profile.ts'
import {
  type Cause,
  type ContactRecord,
  changeIdentity,
  contactOf,
  gain,
  type IdentityRecord,
  iso,
  type Outcome,
  type Records,
} from './records.ts'

/**
 * The provider says that a person has another address. The new one joins the contact; a number that was given up is no
 * longer theirs, since numbers are handed to others. Their conversations go on at the new one.
 */
export function applyIdentityChange(records: Records, event: IdentityChangeEvent, cause: Cause): Outcome {
  const channelId = records.channel.id
  const old = addressesOf({ identities: event.old }, channelId)
  const current = addressesOf({ identities: event.current }, channelId)
  const contact = contactFor(records, event, old, current, cause)
  if (!contact) return { status: 'waiting', reason: 'unknown_contact' }
  for (const address of old) {
    const holder = knownBy(records, [address], cause.atMs)?.contact
    // The provider names them as one person's.
    if (holder && holder !== contact) records.conflicts.push({ contactId: contact.id, otherContactId: holder.id })
  }
  const before = records.identities.find(
    (row) => contactOf(records, row.contactId) === contact && old.some((address) => isSameAddress(address, row)),
  )
  const rows = current.map((address) => identityFor(records, contact, address, cause.atMs, before))
  const place = { contactId: contact.id }
  // The new address is somebody else's: two people, or one that was met twice. A person decides.
  if (current.length === 0 || rows.every((row) => row === undefined))
    return { status: 'ignored', reason: 'address_of_another', ...place }
  for (const address of old) supersede(records, contact, address, current, rows, event, cause)
  return {
    status: 'processed',
    ...(rows.includes(undefined) ? { reason: 'address_of_another' } : {}),
    ...place,
  }
}

/**
 * Whoever had the old address; or has the new one already and had the old one once (said again by another channel). Where
 * a user's own id has changed, whoever has any of the others: we may never have met them by the old one. Of a number that
 * is new to somebody nobody says whose it was before: it may have been a stranger's.
 */
function contactFor(
  records: Records,
  { reason }: IdentityChangeEvent,
  old: readonly PartyAddress[],
  current: readonly PartyAddress[],
  cause: Cause,
): ContactRecord | undefined {
  const known = knownBy(records, old, cause.atMs)?.contact
  if (known) return known
  const now = knownBy(records, current, cause.atMs)?.contact
  const had = (row: IdentityRecord): boolean =>
    contactOf(records, row.contactId) === now && old.some((address) => isSameAddress(address, row))
  return now && (reason === 'user_id_changed' || records.identities.some(had)) ? now : undefined
}

function supersede(
  records: Records,
  contact: ContactRecord,
  address: PartyAddress,
  current: readonly PartyAddress[],
  rows: readonly (IdentityRecord | undefined)[],
  event: IdentityChangeEvent,
  cause: Cause,
): void {
  const isStill = current.some((one) => one.kind === address.kind && one.match === address.match)
  const next = rows.find((row) => row?.kind === address.kind && row.state === 'active')
  if (isStill || !next) return
  for (const row of records.identities) {
    if (row.id === next.id || contactOf(records, row.contactId) !== contact || !isSameAddress(address, row)) continue
    moveConversations(records, row, next)
    if (event.reason !== 'phone_changed' || row.state !== 'active') continue
    row.state = 'trashed'
    row.trashedMs = cause.atMs
    row.isPrimary = false
    changeIdentity(row, { trashedAt: iso(cause.atMs), isPrimary: false })
  }
  if (event.reason === 'phone_changed' && address.kind === 'phone') replacePhone(records, contact, address, next)
}

function moveConversations(records: Records, from: IdentityRecord, to: IdentityRecord): void {
  for (const one of records.conversations) {
    const isTaken = records.conversations.some(
      (other) => other.identityId === to.id && other.threadKey === one.threadKey,
    )
    if (one.identityId !== from.id || isTaken) continue
    one.identityId = to.id
    one.isChanged = true
  }
}

function replacePhone(records: Records, contact: ContactRecord, old: PartyAddress, next: IdentityRecord): void {
  if (contact.phone === null || !old.variants.includes(contact.phone)) return
  const { country } = profileOf({ identities: [], phone: next.matchValue })
  gain(contact, { phone: next.matchValue, replacedPhone: contact.phone, ...(country === null ? {} : { country }) })
  contact.phone = next.matchValue
  markPrimary(records, contact)
}
