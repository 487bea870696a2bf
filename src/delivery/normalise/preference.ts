import type { PreferenceEvent } from '../../channels/neutral.ts'
import { indexable, isSameAddress } from '../../resources/identities/address.ts'
import type { KnownMessage } from '../../resources/messages/queries.ts'
import { addressesOf } from './party-addresses.ts'
import { knownBy, personOf } from './people.ts'
import { type Cause, contactOf, type Outcome, type Records } from './records.ts'
import { type Occurrence, wish } from './wishes.ts'

/**
 * A wish about being contacted. It is the wish of whom the message went to that it hands back, whatever address it came
 * from; without one it is that of everybody in the business unit with that address, proved or not: too many left alone
 * is better than one who is not; but whoever claims to have a mail of ours that there is not is not believed. Nobody is
 * made by it of a mail address, or it would be kept for a contact that nobody ever writes to.
 */
export function applyPreference(records: Records, event: PreferenceEvent, cause: Cause): Outcome {
  const message = answered(records.messages, event)
  const contact = message && contactOf(records, message.contactId)
  const isProved = event.from.identities.some((one) => one.verified)
  const isMadeUp = !contact && !isProved && (event.messageId ?? event.externalId) !== undefined
  const ids = contact ? [contact.id] : isMadeUp ? [] : whoseAddress(records, event, cause)
  const [contactId] = ids
  if (contactId === undefined) return ofStranger(records, event, cause)
  for (const id of ids) {
    const address = { contactId: id, identityId: addressOfTheirs(records, event, id) }
    wish(records, event, cause, { ...address, ...saidBy(event), messageId: message?.id ?? null })
  }
  return { status: 'processed', contactId }
}

/**
 * Whom a provider knows by an id of its own is kept with their wish: it is by this id that they would be written to. Of a
 * mail address nobody knows under which contact it will come.
 */
function ofStranger(records: Records, event: PreferenceEvent, cause: Cause): Outcome {
  const isKnowable = event.from.identities.some((one) => one.verified && one.kind !== 'email')
  const person = isKnowable ? personOf(records, event.from, cause, false) : null
  if (!person) return { status: 'ignored', reason: 'unknown_person' }
  if ('status' in person) return person
  const place = { contactId: person.contact.id, identityId: person.identity.id, messageId: null }
  wish(records, event, cause, { ...place, ...saidBy(event) })
  return { status: 'processed', contactId: person.contact.id }
}

const saidBy = ({ detail }: PreferenceEvent): Pick<Occurrence, 'source' | 'evidence'> => ({
  source: 'preference',
  evidence: { detail },
})

/** The address from which a contact said it; null: they are known by the message alone. */
function addressOfTheirs(records: Records, { from }: PreferenceEvent, contactId: string): string | null {
  const addresses = addressesOf(from, records.channel.id)
  const own = records.identities.find(
    (row) =>
      contactOf(records, row.contactId)?.id === contactId && addresses.some((address) => isSameAddress(address, row)),
  )
  return own?.id ?? null
}

/** The message of ours that a wish hands back. */
export function answered<T extends KnownMessage>(
  messages: readonly T[],
  { messageId, externalId }: Pick<PreferenceEvent, 'messageId' | 'externalId'>,
): T | undefined {
  const ownId = messageId?.toLowerCase()
  const theirs = externalId === undefined ? undefined : indexable(externalId)
  return messages.find(
    (one) => one.direction === 'outbound' && (one.id === ownId || (theirs !== undefined && one.externalId === theirs)),
  )
}

/** Everybody with one of the addresses; first whoever is known by it. */
function whoseAddress(records: Records, { from }: PreferenceEvent, { atMs }: Cause): string[] {
  const addresses = addressesOf(from, records.channel.id)
  const holders = records.identities.filter((row) => addresses.some((address) => isSameAddress(address, row)))
  const known = knownBy(records, addresses, atMs)
  const all = [known?.contact, ...holders.map((row) => contactOf(records, row.contactId))]
  return [...new Set(all.flatMap((one) => one?.id ?? []))]
}
