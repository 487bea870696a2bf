import type { Tx } from '../../db/database.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import type { ContactKey } from '../../privacy/keyring.ts'
import { indexable } from '../../resources/identities/address.ts'
import { awaitedHash, type SettledEvent, waitingReason } from '../../resources/inbound-events/lane.ts'
import { payloadContext } from '../../resources/inbound-events/payload.ts'
import type { Reading } from './read.ts'
import { iso, type Outcome, type Records } from './records.ts'

/**
 * What is to be written of each event. Once its contact is known, what the provider sent is kept under that contact's
 * key; what the intake blocked is not kept at all.
 */
export async function settledEvents(
  tx: Tx,
  records: Records,
  readings: readonly Reading[],
  outcomes: readonly Outcome[],
  waitingDelaysMs: readonly number[],
): Promise<SettledEvent[]> {
  const keyOf = contactKeys(tx, records)
  const now = Date.now()
  return Promise.all(
    readings.map(async (reading, i): Promise<SettledEvent> => {
      const { event, payload } = reading
      const outcome = outcomes[i] ?? { status: 'waiting' }
      const delayMs = outcome.status === 'waiting' ? waitingDelaysMs[event.attempts] : undefined
      const isKept = outcome.contactId !== undefined && outcome.contactId !== event.contactId && payload !== null
      const key = isKept && outcome.contactId !== undefined ? await keyOf(outcome.contactId) : null
      return {
        id: event.id,
        ...(outcome.status === 'waiting'
          ? waited(outcome, delayMs)
          : { status: outcome.status, reason: outcome.reason ?? null }),
        retryAt: delayMs === undefined ? null : iso(now + delayMs),
        contactId: outcome.contactId ?? null,
        conversationId: outcome.conversationId ?? null,
        messageId: outcome.messageId ?? null,
        sealedPayload: key && payload ? key.seal(payload, payloadContext(event.id)).toString('base64') : null,
        isDropped: outcome.status === 'suppressed',
        awaits: awaitsOf(records, reading, outcome, delayMs !== undefined),
      }
    }),
  )
}

/** Still waiting, or given up: it can be replayed when what it is about has come. */
function waited({ reason }: Outcome, delayMs: number | undefined): { status: string; reason: string } {
  return delayMs === undefined
    ? { status: 'ignored', reason: reason ?? waitingReason }
    : { status: 'stored', reason: waitingReason }
}

/** What has to come for the event to be taken up again, once nobody tries it by itself any more. */
function awaitsOf(records: Records, reading: Reading, outcome: Outcome, isTriedAgain: boolean): string | null {
  if (outcome.awaitsGroup) return outcome.awaitsGroup.toString('base64')
  return outcome.status === 'waiting' && !isTriedAgain ? awaitedBy(records, reading) : null
}

/** The message that an event is about which was not there. */
function awaitedBy({ keys, channel }: Records, { parsed }: Reading): string | null {
  const events = parsed.outcome === 'events' ? parsed.events : []
  const [externalId] = events.flatMap((one) => ('externalId' in one && one.externalId ? [one.externalId] : []))
  return externalId === undefined ? null : awaitedHash(keys, channel.id, indexable(externalId)).toString('base64')
}

/** The keys of contacts, each opened once. */
function contactKeys(tx: Tx, records: Records): (contactId: string) => Promise<ContactKey> {
  const known = new Map<string, Promise<ContactKey>>()
  return (contactId) => {
    let key = known.get(contactId)
    if (!key) {
      const wrapped =
        records.contacts.get(contactId)?.wrappedKey ??
        records.messages.find((one) => one.contactId === contactId)?.wrappedKey
      key = wrapped ? Promise.resolve(tx.keys.contact(contactId, wrapped)) : contactKey(tx, contactId)
      known.set(contactId, key)
    }
    return key
  }
}
