import type { NeutralEvent, NoticeEvent } from '../../channels/neutral.ts'
import { identifierHash } from '../../resources/identities/address.ts'
import { erasedReason } from '../../resources/inbound-events/lane.ts'
import { applyDelete, applyEdit, applyReaction } from './change.ts'
import { applyBounce, applyProgress, applyThreadChange } from './delivery.ts'
import { applyIdentityChange } from './identity-change.ts'
import { addressesNamed } from './load.ts'
import { applyMessage } from './message.ts'
import { applyPreference } from './preference.ts'
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
      return applyProgress(records, event, cause)
    case 'bounce':
      return applyBounce(records, event, cause)
    case 'threadChange':
      return applyThreadChange(records, event)
    case 'errand':
      records.aside.errands.add(cause.eventId)
      return { status: 'processed' }
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

/** Only trouble is shown, by its kind: sentences may name people. */
function applyNotice(records: Records, { kind, severity }: NoticeEvent, cause: Cause): Outcome {
  if (severity !== 'info') records.trouble = { code: kind, at: iso(cause.atMs) }
  return { status: 'processed' }
}
