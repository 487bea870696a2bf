import type { MessageEvent, Party } from '../../channels/neutral.ts'
import { isSameAddress } from '../../resources/identities/address.ts'
import { addressesOf } from './party-addresses.ts'
import { type Person, personOf } from './people.ts'
import { type Cause, type ConversationRecord, contactOf, type Outcome, type Records } from './records.ts'

/** Whose message it is, and the conversation that it names, where it belongs there. */
export interface Addressee {
  person: Person
  thread: ConversationRecord | undefined
}

/**
 * The customer of a message. Where a person has written down to whom it goes (a mail from the mailbox itself), it is the
 * one in whose thread it is, if it went to them. Else it is whom alone it went to: what goes to several, or was written
 * by a machine, makes nobody known.
 * @param named the conversation that the message names
 */
export function addresseeOf(
  records: Records,
  event: MessageEvent,
  party: Party,
  named: ConversationRecord | undefined,
  cause: Cause,
): Addressee | Outcome {
  const isInbound = event.direction === 'inbound'
  if (isInbound || event.alsoTo === undefined) {
    const person = personOf(records, party, cause, isInbound && !event.historical)
    return 'status' in person ? person : { person, thread: named }
  }
  const holder = named && holderAmong(records, named, [...party.identities, ...event.alsoTo])
  if (holder) return { person: holder, thread: named }
  if (event.alsoTo.length > 0) return { status: 'ignored', reason: 'several_recipients' }
  if (event.automated !== undefined) return { status: 'ignored', reason: 'own_automatic' }
  const person = personOf(records, party, cause, false, true)
  return 'status' in person ? person : { person, thread: undefined }
}

/** The contact of a conversation with the address at which it was written to; undefined where it went to others. */
function holderAmong(
  records: Records,
  { contactId, identityId }: ConversationRecord,
  identities: Party['identities'],
): Person | undefined {
  const contact = contactOf(records, contactId)
  const addresses = addressesOf({ identities }, records.channel.id)
  const rows = records.identities.filter(
    (row) => contactOf(records, row.contactId) === contact && addresses.some((one) => isSameAddress(one, row)),
  )
  const identity = rows.find(({ id }) => id === identityId) ?? rows[0]
  return contact && identity && { contact, identity }
}
