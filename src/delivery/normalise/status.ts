import { compact, type JsonObject } from '../../channels/json.ts'
import type { MessageEvent, StatusEvent } from '../../channels/neutral.ts'
import { indexable } from '../../resources/identities/address.ts'
import { messageOf, placeOf } from './message.ts'
import { changeMessage, type MessageRecord, type Outcome, type Records } from './records.ts'

/**
 * How far a message has come; a status only ever moves it up, so that callbacks may come in any order. Nothing undoes a
 * failure. `unknown` (our own send was cut off) may become anything.
 */
const rank: Readonly<Record<string, number>> = { unknown: 0, queued: 1, sent: 2, delivered: 3, read: 4, failed: 5 }

export function isFurther(from: string, to: string): boolean {
  return (rank[to] ?? 0) > (rank[from] ?? Number.POSITIVE_INFINITY)
}

/** What the provider says of a message of ours. It may say so before we have written down that we sent it. */
export function applyStatus(records: Records, event: StatusEvent): Outcome {
  const message = messageOf(records, event.externalId) ?? ownMessage(records, event)
  if (!message) return { status: 'waiting' }
  const place = placeOf(message)
  if (message.direction !== 'outbound') return { status: 'ignored', reason: 'not_outbound', ...place }
  if (event.status === 'deleted') return { status: 'ignored', reason: 'status_deleted', ...place }
  // One member of a group who could not be reached is not the message's failure.
  if (event.status === 'failed' && event.thread?.kind === 'group' && event.recipient.identities.length > 0)
    return { status: 'ignored', reason: 'group_member_failed', ...place }
  if (message.externalId === null) {
    message.externalId = indexable(event.externalId)
    changeMessage(message, { externalId: message.externalId })
  }
  if (isFurther(message.status, event.status)) {
    message.status = event.status
    changeMessage(message, { status: event.status, error: event.error ? errorOf(event.error) : null })
  }
  return { status: 'processed', ...place }
}

/** The echo of a message that was sent from here says that it was sent, and under which id; undefined for any other. */
export function applyOwnEcho(records: Records, event: MessageEvent): Outcome | undefined {
  const own = records.messages.find((one) => one.id === event.messageId?.toLowerCase())
  if (own?.direction !== 'outbound' || event.direction !== 'outbound' || event.to === undefined) return undefined
  const { externalId, messageId = own.id, occurredAt, to } = event
  if (own.externalId !== null) return { status: 'duplicate', ...placeOf(own) }
  const sent = { type: 'status', externalId, messageId, status: 'sent', providerStatus: 'echo' } as const
  return applyStatus(records, { ...sent, recipient: to, occurredAt })
}

/** Found by the id of ours that the provider hands back: the answer to our send was lost, or is still on its way. */
function ownMessage(records: Records, { messageId }: StatusEvent): MessageRecord | undefined {
  const own = records.messages.find((one) => one.id === messageId?.toLowerCase())
  return own?.externalId === null ? own : undefined
}

/** Numbers and addresses that a provider's sentence may name. */
const personal = /(?:\d[\s().-]*){5,}|@/
const messageLength = 500

/** The provider's reason, without its sentence where that may name somebody. */
export function errorOf({ code, message, class: kind }: NonNullable<StatusEvent['error']>): JsonObject {
  return compact({
    code: code.slice(0, 100),
    class: kind,
    message: personal.test(message) ? undefined : message.slice(0, messageLength),
  })
}
