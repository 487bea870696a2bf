import { randomUUIDv7 } from 'node:crypto'
import type { Party } from '../../channels/neutral.ts'
import { madeUpName, madeUpNames } from '../../resources/contacts/made-up-name.ts'
import { customKeyOf } from '../../resources/custom-fields/value.ts'
import { type Address, identifierHash, isSameAddress } from '../../resources/identities/address.ts'
import { matchValue } from '../../resources/identities/match.ts'
import { addressesOf, type PartyAddress } from './party-addresses.ts'
import { nameOf, type Profile, profileOf } from './profile.ts'
import {
  type Cause,
  type ContactRecord,
  changeIdentity,
  contactOf,
  gain,
  type IdentityRecord,
  iso,
  type Outcome,
  personKey,
  type Records,
} from './records.ts'

/** Somebody with the address that they wrote from, or are written to at. */
export interface Person {
  contact: ContactRecord
  identity: IdentityRecord
}

/** How precisely it is known when an address was last heard from. */
const seenEveryMs = 60_000

/** Whether an address was this contact's at that moment: one that was given up later still explains earlier events. */
const isHeld = (row: IdentityRecord, atMs: number): boolean =>
  row.state === 'active' || (row.verified && row.trashedMs !== null && row.trashedMs > atMs)

/** Whether the business unit has marked the address as shared by several people. */
const isShared = ({ shared, keys }: Records, address: Address): boolean =>
  shared.size > 0 && shared.has(identifierHash(keys, address).toString('hex'))

/** Mail names its sender and mostly proves nothing: without this, each mail of somebody would be another contact. */
const isCorrespondent = ({ channel, conversations }: Records, address: PartyAddress, row: IdentityRecord): boolean =>
  channel.type === 'email' &&
  !address.verified &&
  !row.verified &&
  conversations.some((one) => one.identityId === row.id)

/**
 * Whether the contact of an address is proved to be somebody else of the same channel than who comes: two users of a site
 * may sit before one browser, and what it calls its visitor is a claim.
 */
function isAnotherUsers(records: Records, addresses: readonly PartyAddress[], { contactId }: IdentityRecord): boolean {
  const contact = contactOf(records, contactId)
  return addresses.some(
    ({ kind, channelId, verified }) =>
      verified &&
      channelId !== null &&
      records.identities.some(
        (row) =>
          row.verified &&
          row.kind === kind &&
          row.channelId === channelId &&
          row.state === 'active' &&
          contactOf(records, row.contactId) === contact &&
          !addresses.some((one) => isSameAddress(one, row)),
      ),
  )
}

/**
 * Who is known by one of these addresses, in their order of preference. Claims link nobody, except within one channel:
 * whoever comes with the same visitor's token again is the same visitor, and whoever wrote to this mailbox from the same
 * address before is the same correspondent, as long as both times nobody vouched for the address. Shared addresses link nobody either; but what
 * comes from such an address alone is for whoever holds it, or each mail from info@ would be another contact.
 */
export function knownBy(
  records: Records,
  addresses: readonly PartyAddress[],
  atMs: number,
): { contact: ContactRecord; identity: IdentityRecord } | undefined {
  const isNobodys = addresses.length > 0 && addresses.every((address) => isShared(records, address))
  for (const address of addresses) {
    const links = (row: IdentityRecord): boolean =>
      (row.identifying || isNobodys) &&
      ((address.verified && row.verified) || row.channelId !== null || isCorrespondent(records, address, row))
    const identity = records.identities.find(
      (row) =>
        isSameAddress(address, row) &&
        links(row) &&
        isHeld(row, atMs) &&
        contactOf(records, row.contactId) &&
        !(address.channelId !== null && !address.verified && isAnotherUsers(records, addresses, row)),
    )
    const contact = identity && contactOf(records, identity.contactId)
    if (identity && contact) return { contact, identity }
  }
  return undefined
}

/**
 * Finds or makes the contact of a party, and adds what the party tells of them: further addresses, and values where the
 * contact has none. Nothing that a person set is overwritten, nobody is merged.
 * @param isHere they did something just now: whoever was put into the trash is back
 * @param isWrittenTo they were written to: it went to whoever has the address for certain, else to whoever claims it
 */
export function personOf(
  records: Records,
  party: Party,
  cause: Cause,
  isHere: boolean,
  isWrittenTo = false,
): Person | Outcome {
  const given = addressesOf(party, records.channel.id)
  if (given.length === 0)
    return party.identities.length === 0
      ? { status: 'ignored', reason: 'no_customer' }
      : { status: 'failed', reason: 'address_too_long' }
  const profile = profileOf(party)
  const ways = isWrittenTo ? [true, false].map((verified) => given.map((one) => ({ ...one, verified }))) : [given]
  const addresses = ways.find((one) => knownBy(records, one, cause.atMs)) ?? given
  const known = knownBy(records, addresses, cause.atMs)
  if (!known) {
    const decision = records.intake.get(personKey(addresses))
    // An event before this one in the batch made them unknown: alone, the question will have been asked.
    if (decision === undefined) throw new Error('the intake has not been asked about this person')
    if (decision === 'block') return { status: 'suppressed', reason: 'intake_block' }
    if (decision === 'review') return { status: 'failed', reason: 'intake_review' }
  }
  const contact = known?.contact ?? makeContact(records, profile)
  learn(contact, profile)
  if (isHere && contact.state === 'trashed') {
    contact.state = 'active'
    gain(contact, { restores: true })
  }
  const rows: IdentityRecord[] = []
  for (const address of addresses) {
    const row = identityFor(records, contact, address, cause.atMs, known?.identity ?? rows[0])
    if (row) rows.push(row)
  }
  markPrimary(records, contact)
  const identity = rows[0] ?? known?.identity
  if (!identity) throw new Error('a person without an address')
  hear(identity, party, cause.atMs, isHere)
  return { contact, identity }
}

function makeContact(records: Records, profile: Profile): ContactRecord {
  const id = randomUUIDv7()
  const contact: ContactRecord = {
    ...profile,
    id,
    displayName: profile.displayName ?? madeUpName(records.channel.type),
    state: 'active',
    mergedIntoId: null,
    wrappedKey: records.keys.newContactKey(id),
    isNew: true,
    gain: null,
  }
  records.contacts.set(id, contact)
  return contact
}

/** Fills what is empty. */
function learn(contact: ContactRecord, profile: Profile): void {
  const { displayName, email, phone, country } = profile
  if (displayName !== null && (contact.displayName === null || madeUpNames.has(contact.displayName))) {
    contact.displayName = displayName
    gain(contact, { displayName })
  }
  if (contact.email === null && email !== null) {
    contact.email = email
    gain(contact, { email })
  }
  if (contact.phone === null && phone !== null) {
    contact.phone = phone
    gain(contact, { phone })
  }
  if (contact.country === null && country !== null) {
    contact.country = country
    gain(contact, { country })
  }
  const told = Object.fromEntries(Object.entries(profile.told).filter(([name]) => !Object.hasOwn(contact.told, name)))
  if (Object.keys(told).length > 0) {
    contact.told = { ...contact.told, ...told }
    gain(contact, told)
  }
  const known = new Set(Object.keys(contact.customFields).map(customKeyOf))
  const fields = Object.entries(profile.customFields).filter(([name]) => !known.has(customKeyOf(name)))
  if (fields.length > 0) {
    contact.customFields = { ...contact.customFields, ...Object.fromEntries(fields) }
    gain(contact, { customFields: { ...contact.gain?.customFields, ...Object.fromEntries(fields) } })
  }
}

/**
 * The contact's row for an address; undefined where it is somebody else's, which stays as it is.
 * @param metWith the address of the same person by which they are known
 */
export function identityFor(
  records: Records,
  contact: ContactRecord,
  address: PartyAddress,
  atMs: number,
  metWith?: IdentityRecord,
): IdentityRecord | undefined {
  const same = records.identities.filter((row) => isSameAddress(address, row))
  const holder = same.find((row) => row.verified && row.state === 'active')
  const other = holder && contactOf(records, holder.contactId)
  if (address.verified && other && other !== contact) {
    if (holder?.identifying) records.conflicts.push({ contactId: contact.id, otherContactId: other.id })
    return undefined
  }
  const own = same.find((row) => contactOf(records, row.contactId) === contact && isHeld(row, atMs))
  if (own) {
    if (address.verified && !own.verified && own.state === 'active') {
      own.verified = true
      changeIdentity(own, { verified: true })
    }
    return own
  }
  return makeIdentity(records, contact, address, metWith)
}

function makeIdentity(
  records: Records,
  contact: ContactRecord,
  address: PartyAddress,
  metWith: IdentityRecord | undefined,
): IdentityRecord {
  const { kind, channelId, value, match, verified } = address
  const identifying = !isShared(records, address)
  const common = {
    id: randomUUIDv7(),
    contactId: contact.id,
    kind,
    channelId,
    matchValue: match,
    verified,
    identifying,
  }
  const record: IdentityRecord = {
    ...common,
    displayName: null,
    isPrimary: false,
    state: 'active',
    lastSeenMs: null,
    trashedMs: null,
    made: {
      ...common,
      value,
      displayName: null,
      isPrimary: false,
      metWithId: metWith?.id ?? null,
      source: records.channel.type,
      lastSeenAt: null,
      trashedAt: null,
    },
    change: null,
    isSeen: false,
  }
  records.identities.push(record)
  return record
}

/** The addresses that a contact's own phone and email are. */
export function markPrimary(records: Records, contact: ContactRecord): void {
  for (const kind of ['phone', 'email'] as const) {
    const value = contact[kind]
    if (value === null) continue
    const rows = records.identities.filter(
      (row) => row.contactId === contact.id && row.kind === kind && row.state === 'active',
    )
    const match = matchValue(kind, value)
    const row = rows.find((one) => one.matchValue === match)
    if (!row || rows.some((one) => one.isPrimary)) continue
    row.isPrimary = true
    changeIdentity(row, { isPrimary: true })
  }
}

/** Notes when somebody was heard from, and under which name. */
function hear(identity: IdentityRecord, party: Party, atMs: number, isHere: boolean): void {
  const isLatest = identity.lastSeenMs === null || atMs >= identity.lastSeenMs
  const name = nameOf(party.displayName)
  if (isLatest && name !== null && name !== identity.displayName) {
    identity.displayName = name
    changeIdentity(identity, { displayName: name })
  }
  if (!isHere || !isLatest) return
  const isDue = identity.lastSeenMs === null || atMs - identity.lastSeenMs >= seenEveryMs
  if (identity.made) identity.made.lastSeenAt = iso(atMs)
  else identity.isSeen ||= isDue
  if (isDue || identity.made) identity.lastSeenMs = atMs
}
