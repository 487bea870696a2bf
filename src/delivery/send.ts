import { z } from 'zod'
import type { SendResult } from '../channels/channel.ts'
import { claimMessage, type Dispatch, nextMessage } from './send-claim.ts'
import { completed, filesAnswer, type Tenant } from './send-complete.ts'
import { isRepeatable } from './send-outgoing.ts'
import { recordResult } from './send-settle.ts'
import type { Task, WorkContext } from './task.ts'

const outboxOf = z.object({ tenantId: z.uuid(), region: z.string(), conversationId: z.uuid() })

/** Then another job goes on, so that a stop of the service does not wait for a long conversation. */
const workMsMax = 15_000
/** A claim that was held up for so long (a stopped process) may be over before the call is. */
const startMsMax = 10_000

/**
 * Sends what waits in one conversation, oldest first. The messages themselves are the queue. Each is taken in one
 * transaction, handed to the provider outside of any, and its result written down in another; at every moment at most
 * one message of a conversation is on its way, whoever and however many work on it, and in this or another process:
 * - taken by somebody and not settled: it is left to them, and its successors with it
 * - taken by somebody who died: after the lease it is sent again where the provider recognises it, else its fate is
 *   `unknown`, and it is never sent again by itself
 * - put back to be tried later, or not its turn yet: its successors wait
 */
export const send: Task = async (context, payload) => {
  const outbox = outboxOf.parse(payload)
  const startedAt = performance.now()
  for (;;) {
    const id = await nextMessage(context.db, outbox)
    if (id === null) return
    const claimedAt = performance.now()
    const claim = await claimMessage(context.db, outbox, id)
    if (claim === 'taken' || claim === 'later') return
    if (claim === 'settled') continue
    const result = await dispatch(context, claim, outbox, claimedAt)
    const goesOn = performance.now() - startedAt > workMsMax
    const mayFollow = await recordResult(context.db, outbox, claim, result, goesOn)
    if (!mayFollow || goesOn) return
  }
}

async function dispatch(context: WorkContext, claim: Dispatch, tenant: Tenant, claimedAt: number): Promise<SendResult> {
  const { http, log } = context
  const { id, attempts, channel } = claim
  // Before anybody is called: a message whose files cannot be read now has certainly not gone out.
  if (!(await filesAnswer(context, tenant, claim))) return { outcome: 'retry', reason: 'file_store_away' }
  const startedAt = performance.now()
  if (startedAt - claimedAt > startMsMax) return { outcome: 'retry', reason: 'held_up' }
  const message = completed(context, tenant, claim)
  const result = await channel.type.send(message, channel.settings, http).catch((error: unknown): SendResult => {
    log.error(
      { err: error, messageId: id, channelType: channel.type.type },
      'sending failed in a way that nobody foresaw',
    )
    return { outcome: 'unknown', reason: 'internal' }
  })
  const settled: SendResult =
    result.outcome === 'unknown' && isRepeatable(message) ? { ...result, outcome: 'retry' } : result
  const { outcome } = settled
  const reason = 'reason' in settled ? settled.reason : 'code' in settled ? settled.code : undefined
  const durationMs = Math.round(performance.now() - startedAt)
  log.info(
    { messageId: id, channelType: channel.type.type, outcome, reason, attempts, durationMs },
    'message sent or not',
  )
  return settled
}
