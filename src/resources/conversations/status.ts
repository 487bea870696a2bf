import type { JsonRow } from '../../db/database.ts'
import type { Columns } from '../../db/row-changes.ts'
import type { Fault } from '../../errors.ts'

export interface StatusChange {
  faults: readonly Fault[]
  /** What follows from the new status. */
  columns: Columns
  /** When the conversation is to wake up, where that is new. */
  wakeAt: Date | null
}

/**
 * The rules of a conversation's status. Only a snoozed one has `snoozedUntil`, and that lies ahead; whatever ends the
 * sleep clears it. Closing says that no answer is owed any more: nobody waits, and nothing is left for those who have not looked.
 * @param before the row as it was; @param after as the body would make it
 */
export function statusChange(before: JsonRow, after: JsonRow, body: JsonRow, now: Date): StatusChange {
  const asked = 'status' in body || 'snoozedUntil' in body
  if (!asked) return { faults: [], columns: {}, wakeAt: null }
  if (after.status !== 'snoozed') {
    const faults =
      typeof body.snoozedUntil === 'string' ? [fault('not_snoozed', 'Only a snoozed conversation sleeps.')] : []
    return {
      faults,
      columns: {
        ...(before.snoozedUntil === null ? {} : { snoozed_until: null }),
        ...(after.status === 'closed' ? settled(before) : {}),
      },
      wakeAt: null,
    }
  }
  const until = typeof after.snoozedUntil === 'string' ? new Date(after.snoozedUntil) : null
  if (until === null) return failed('required', 'A snoozed conversation needs the time when it wakes up.')
  if (until <= now) return failed('not_in_future', 'The time to wake up has passed.')
  return { faults: [], columns: {}, wakeAt: until }
}

const settled = ({ waitingSince, unreadCount }: JsonRow): Columns => ({
  ...(waitingSince === null ? {} : { waiting_since: null }),
  ...(unreadCount === 0 ? {} : { unread_count: 0 }),
})

const fault = (code: string, message: string): Fault => ({ path: '/snoozedUntil', code, message })
const failed = (code: string, message: string): StatusChange => ({
  faults: [fault(code, message)],
  columns: {},
  wakeAt: null,
})
