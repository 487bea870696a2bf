import type { PreferenceEvent } from '../../channels/neutral.ts'
import { indexable, isSameAddress } from '../../resources/identities/address.ts'
import type { KnownMessage } from '../../resources/messages/queries.ts'
import { addressesOf, knownBy } from './people.ts'
import { type Cause, contactOf, type Outcome, type Records } from './records.ts'
import { wish } from './wishes.ts'

/**
 * A wish about being contacted. It is the wish of whom the message went to that it hands back, whatever address it came
 * from; without one it is that of everybody in the business unit with that address, proved or not: too many left alone
 * is better than one who is not. Nobody is made by it, or it would be kept for a contact that nobody ever writes to.
 */
export function applyPreference(records: Records, event: PreferenceEvent, cause: Cause): Outcome {
  const message = answered(records.messages, event)
  const contact = message && contactOf(records, message.contactId)
  const ids = contact ? [contact.id] : whoseAddress(records, event, cause)
  const [contactId] = ids
  if (contactId === undefined) return { status: 'ignored', reason: 'unknown_person' }
  for (const id of ids) wish(records, event, 'event', cause, id)
  return { status: 'processed', contactId }
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
