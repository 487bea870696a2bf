import { originOf } from './checkpoint-note.ts'
import { parseNote } from './note.ts'
import { isWhole } from './outside.ts'

/**
 * That a month's events were dropped on purpose, as it is kept beside the checkpoints outside the database: a signed
 * note, which whoever owns the database cannot write.
 *
 *     custodia/01a202d7-05ad-78ba-911f-183f11be662b
 *     month dropped 2025-01 events 1204
 */
export interface DroppedMonth {
  /** "2025-01" */
  month: string
  events: number
}

export function formatDrop(tenantId: string, { month, events }: DroppedMonth, more: readonly string[]): string {
  return [originOf(tenantId), `month dropped ${month} events ${events}`, ...more].map((line) => `${line}\n`).join('')
}

/** @returns null for what is no such note of this tenant; its signature has not been looked at */
export function readDrop(tenantId: string, note: string): DroppedMonth | null {
  const [origin, said] = isWhole(note) ? (parseNote(note)?.text ?? '').split('\n') : []
  const [, month, events] = /^month dropped (\d{4}-\d\d) events (\d{1,15})$/.exec(said ?? '') ?? []
  if (origin !== originOf(tenantId) || month === undefined) return null
  return { month, events: Number(events) }
}
