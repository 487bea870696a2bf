import type { BounceEvent, ProgressEvent, ThreadChangeEvent } from '../../channels/neutral.ts'
import { addressOf, indexable } from '../../resources/identities/address.ts'
import { waitingReason } from '../../resources/inbound-events/lane.ts'
import { messageOf, placeOf } from './message.ts'
import { addressesOf } from './party-addresses.ts'
import { knownBy } from './people.ts'
import { type Cause, changeMessage, contactOf, type Outcome, type Records } from './records.ts'
import { errorOf, isFurther } from './status.ts'

/**
 * How far the customer has come: what was sent to them until then. The moment stays with the conversation, since a
 * message may be on its way whose sending is not written down yet.
 */
export function applyProgress(records: Records, event: ProgressEvent, cause: Cause): Outcome {
  // That one member of a group has read it says nothing of the others.
  if (event.thread?.kind === 'group') return { status: 'ignored', reason: 'group_member_progress' }
  const known = knownBy(records, addressesOf(event.recipient, records.channel.id), cause.atMs)
  if (!known) return { status: 'ignored', reason: 'unknown_contact' }
  const threadKey = indexable(event.thread?.id ?? '')
  const own = records.conversations.filter(
    (one) => one.threadKey === threadKey && contactOf(records, one.contactId) === known.contact,
  )
  const conversation = own.find((one) => one.identityId === known.identity.id) ?? own[0]
  if (!conversation) return { status: 'ignored', reason: 'unknown_conversation', contactId: known.contact.id }
  // A clock that is ahead of ours must not mark what nobody has sent yet.
  const upToMs = Math.min(event.upTo.getTime(), cause.receivedMs)
  records.aside.progress.push({ conversationId: conversation.id, status: event.status, upToMs })
  return { status: 'processed', contactId: known.contact.id, conversationId: conversation.id }
}

/** An address did not take a message. The message has failed; of an address that never will, nothing more is sent to it. */
export function applyBounce(records: Records, event: BounceEvent, cause: Cause): Outcome {
  const { messageId, externalId, isPermanent, code, text } = event
  const byOurs = records.messages.find((one) => one.id === messageId?.toLowerCase())
  const message = byOurs ?? (externalId === undefined ? undefined : messageOf(records, externalId))
  // It may be faster than our writing down under which id the message went out.
  if (!message && (messageId ?? externalId) !== undefined && !cause.isLastTry) return { status: 'waiting' }
  // Anybody can write a report: one that hands back no mail of ours says nothing, and of no other person's address.
  if (!message) return { status: 'ignored', reason: waitingReason }
  if (isPermanent && message.direction === 'outbound') {
    const { kind, value } = event.address
    const address = addressOf(kind, value, records.channel.id)
    const { contactId } = message
    records.aside.bounces.push({ address, contactId, code: code.slice(0, 100), atMs: cause.atMs })
  }
  if (message.direction === 'outbound' && isFurther(message.status, 'failed')) {
    message.status = 'failed'
    const error = { code, message: text, class: isPermanent ? 'permanent' : 'transient' } as const
    changeMessage(message, { status: 'failed', error: errorOf(error) })
  }
  return { status: 'processed', ...placeOf(message) }
}

/** A thread goes on under another id: so do its conversations, those of this batch and those that nobody has at hand. */
export function applyThreadChange(records: Records, { old, current }: ThreadChangeEvent): Outcome {
  const [from, to] = [indexable(old.id), indexable(current.id)]
  if (from === to || from === '' || to === '') return { status: 'ignored', reason: 'same_thread' }
  for (const one of records.conversations) {
    const isTaken = records.conversations.some(
      (other) => other.threadKey === to && ((one.isGroup && other.isGroup) || other.identityId === one.identityId),
    )
    if (one.threadKey === from && !isTaken) one.threadKey = to
  }
  records.aside.threads.push({ from, to })
  return { status: 'processed' }
}
