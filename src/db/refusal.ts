import { randomUUIDv7 } from 'node:crypto'
import type pg from 'pg'
import { type AuditEntry, eventStatement, eventValues, isUuid, touchedValues } from './audit-event.ts'
import type { Caller } from './plans.ts'
import { standingSql, standingValues } from './principals.ts'
import { keysOf, noteForTouched } from './sealed-note.ts'
import { compile, fill, type SQL } from './sql.ts'
import { begin, committed, together, unwritten } from './transaction.ts'

/** What was refused: its code, the records that were named, and the fields and people that it was about. */
export interface Refusal {
  code: string
  ids: readonly string[]
  fields: readonly string[]
  subjectIds: readonly string[]
}

/** A refused attempt as an audit event that waits to be written, in a transaction of its own. */
export interface RefusalEvent {
  /** @returns whether the principal is still let in @throws Problem unavailable when it could not be recorded */
  write(client: pg.PoolClient): Promise<boolean>
}

/** @param query reads the key that what was said beside the attempt is sealed under */
export async function refusalEvent(
  { principal, meta }: Caller,
  entry: AuditEntry,
  { code, ids, fields, subjectIds }: Refusal,
  query: <T>(statement: SQL) => Promise<T[]>,
): Promise<RefusalEvent> {
  const standing = compile(standingSql(principal.credential))
  const eventId = randomUUIDv7()
  const touched = [{ resource: entry.resource, ids: ids.filter(isUuid), masked: fields, subjectIds }]
  const sealedNote = await noteForTouched(entry, meta, eventId, touched, {
    tenantId: principal.tenantId,
    keys: () => keysOf(meta),
    query,
  })
  const values = {
    ...eventValues(eventId, principal, entry, meta, sealedNote),
    ...touchedValues(touched, 'denied', code),
    ...standingValues(principal),
  }
  return {
    write: async (client) => {
      const [, who, , end] = await together(client, () => [
        client.query(begin(principal)),
        client.query(standing.text, fill(standing, values)),
        client.query(eventStatement.text, fill(eventStatement, values)).catch(unwritten),
        client.query('COMMIT'),
      ])
      committed(end)
      return who?.rows.length === 1
    },
  }
}
