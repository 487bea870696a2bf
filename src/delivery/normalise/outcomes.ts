import { applyEvent } from './apply.ts'
import type { Happening } from './load.ts'
import { momentOf, type Reading } from './read.ts'
import type { Outcome, Records } from './records.ts'

/** What a reading says happened; nothing where it was not understood or says nothing. */
export function happeningsOf({ event, parsed }: Reading): Happening[] {
  if (parsed.outcome !== 'events') return []
  return parsed.events.map((one) => ({ event: one, atMs: momentOf(one, event.receivedMs) }))
}

/**
 * Applies events in their order. One that is about a message which comes behind it in the batch is looked at again
 * after it: providers deliver out of order.
 * @param triesMax after how many an event is not tried again
 */
export function applyAll(records: Records, readings: readonly Reading[], triesMax: number): Outcome[] {
  const outcomes = readings.map((reading) => apply(records, reading, triesMax))
  for (let isMoving = true; isMoving; ) {
    isMoving = false
    for (const [i, reading] of readings.entries()) {
      if (!isOpen(outcomes[i])) continue
      const again = apply(records, reading, triesMax)
      if (isOpen(again)) continue
      outcomes[i] = again
      isMoving = true
    }
  }
  return outcomes
}

/** What it is about may come behind it. */
const isOpen = (outcome: Outcome | undefined): boolean =>
  outcome?.status === 'waiting' || outcome?.awaitsGroup !== undefined

function apply(records: Records, reading: Reading, triesMax: number): Outcome {
  const { event, parsed } = reading
  if (parsed.outcome !== 'events') return { status: parsed.outcome, reason: parsed.reason }
  const isLastTry = event.attempts >= triesMax
  return joined(
    happeningsOf(reading).map((one) =>
      applyEvent(records, one.event, { eventId: event.id, atMs: one.atMs, receivedMs: event.receivedMs, isLastTry }),
    ),
  )
}

/** One outcome of the several things that a provider told in one event: done only when all of it is. */
function joined(outcomes: readonly Outcome[]): Outcome {
  const [first] = outcomes
  if (!first) return { status: 'ignored', reason: 'empty' }
  const having = (status: Outcome['status']) => outcomes.find((one) => one.status === status)
  return having('waiting') ?? having('processed') ?? first
}
