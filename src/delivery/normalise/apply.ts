import { randomUUIDv7 } from 'node:crypto'
import type { NeutralEvent, NoticeEvent, PreferenceEvent } from '../../channels/neutral.ts'
import { identifierHash } from '../../resources/identities/address.ts'
import { erasedReason } from '../../resources/inbound-events/lane.ts'
import { applyDelete, applyEdit, applyReaction } from './change.ts'
import { applyIdentityChange } from './identity-change.ts'
import { addressesNamed } from './load.ts'
import { applyMessage } from './message.ts'
import { personOf } from './people.ts'
import { type Cause, iso, type Outcome, type Records } from './records.ts'
import { applyOwnEcho, applyStatus } from './status.ts'

/** Changes the records as an event says. Nothing here waits for anything. */
export function applyEvent(records: Records, event: NeutralEvent, cause: Cause): Outcome {
  if (isErased(records, event, cause)) return { status: 'suppressed', reason: erasedReason }
  switch (event.type) {
    case 'message':
      return applyOwnEcho(records, event) ?? applyMessage(records, event, cause)
    case 'status':
      return applyStatus(records, event)
    case 'edit':
      return applyEdit(records, event, cause)
    case 'delete':
      return applyDelete(records, event, cause)
    case 'reaction':
      return applyReaction(records, event, cause)
    case 'identityChange':
      return applyIdentityChange(records, event, cause)
    case 'preference':
      return applyPreference(records, event, cause)
    case 'notice':
      return applyNotice(records, event, cause)
    case 'progress':
    case 'bounce':
    case 'threadChange':
    case 'errand':
      throw new Error(`nothing is known of an event of type ${event.type}`)
  }
}

/**
 * Whether it is from or for somebody who was erased after it had come in: then it is part of what was erased. What comes
 * in later makes a new contact.
 */
function isErased({ channel, erased, keys }: Records, event: NeutralEvent, { receivedMs }: Cause): boolean {
  if (erased.size === 0) return false
  const hashes = addressesNamed(event, channel.id).map((one) => identifierHash(keys, one).toString('hex'))
  return hashes.some((hash) => receivedMs <= (erased.get(hash) ?? Number.NEGATIVE_INFINITY))
}

/** A wish about being contacted counts from whomever it comes, known or not: it is kept with the event that proves it. */
function applyPreference(records: Records, event: PreferenceEvent, cause: Cause): Outcome {
  const person = personOf(records, event.from, cause, false)
  if ('status' in person) return person
  records.consents.push({
    id: randomUUIDv7(),
    contactId: person.contact.id,
    category: event.category,
    state: event.state,
    source: records.channel.type,
    evidenceEventId: cause.eventId,
    occurredAt: iso(cause.atMs),
  })
  return { status: 'processed', contactId: person.contact.id }
}

/** Only trouble is shown, by its kind: sentences may name people. */
function applyNotice(records: Records, { kind, severity }: NoticeEvent, cause: Cause): Outcome {
  if (severity !== 'info') records.trouble = { code: kind, at: iso(cause.atMs) }
  return { status: 'processed' }
}
