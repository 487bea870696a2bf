import { randomUUIDv7 } from 'node:crypto'
import { readerOf } from '../access/principal.ts'
import { type AuditEntry, eventValues } from './audit-event.ts'
import { clearQuotaValues } from './clear-quota.ts'
import { keptStatement } from './kept-statement.ts'
import type { NotedRead } from './noted-read.ts'
import type { Caller, ReadPlan } from './plans.ts'
import { standingSql, standingValues } from './principals.ts'
import { readStatement } from './read-statement.ts'
import { keysOf, noteOf } from './sealed-note.ts'
import { type Compiled, compile, type SQL } from './sql.ts'

/** A read as the one statement that checks, selects and audits, ready to be sent. */
export interface PlannedRead {
  statement: Compiled
  values: Readonly<Record<string, unknown>>
  /** It shares its transaction with no other read. */
  isAlone: boolean
  /** What is said beside it, where something is. */
  noted: NotedRead | null
}

export function plannedRead(
  { principal, meta }: Caller,
  entry: AuditEntry,
  { key, isAskedFor, parts, values, wanted, query, clearValues = 0 }: ReadPlan,
): PlannedRead {
  const cacheKey = `read/${wanted === undefined ? 'many' : 'one'}/${clearValues > 0 ? 'counted/' : ''}${key}`
  const build = (): SQL =>
    readStatement(parts(), standingSql(principal.credential), wanted !== undefined, clearValues > 0)
  const statement = key === null ? compile(build()) : keptStatement(principal, cacheKey, build, isAskedFor)
  const eventId = randomUUIDv7()
  const all = {
    ...eventValues(eventId, principal, { ...entry, query: query ?? entry.query }, meta, null),
    ...standingValues(principal),
    ...clearQuotaValues(principal),
    reader: readerOf(principal),
    clearValues,
    ...values,
    wanted,
  }
  const note = noteOf(entry, meta)
  return {
    statement,
    values: all,
    // What counts holds a lock on its quota, and what requests shape may take long: neither is for others to wait for.
    isAlone: clearValues > 0 || statement.kept !== 'own',
    noted: note && { statement, values: all, eventId, note, keys: keysOf(meta) },
  }
}
