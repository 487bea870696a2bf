import { z } from 'zod'
import { sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { leafText } from '../../audit/leaf.ts'
import type { JsonRow } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { auditEvents } from '../audit-events/schema.ts'

/**
 * The events of which a principal may read every field in clear, as SQL over an event; true for all, false for none.
 * The sealed form of an event says all of it, and stays unreadable where a field is masked or hidden.
 */
export function wholeWhere(principal: Principal): SQL | boolean {
  const parts: SQL[] = []
  for (const name of auditEvents.fields.keys()) {
    const clear = sight(principal, auditEvents, name)?.clear ?? false
    if (clear === false) return false
    if (clear !== true) parts.push(sql`(${clear})`)
  }
  return parts.length === 0 ? true : sql.join(parts, sql` AND `)
}

const bytes = z.string().transform((text) => Buffer.from(text.slice(2), 'hex'))
const names = z.array(z.string())

/** As JSON has the columns of audit.event and audit.shape. */
const sealedRow = z.object({
  tenant_id: z.string(),
  event_id: z.string(),
  occurred_at: z.string(),
  epoch: z.int(),
  transaction_id: z.string(),
  sequence: z.int(),
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  on_behalf_of: z.string().nullable(),
  action: z.string(),
  resource: z.string(),
  shape: z.array(z.object({ resource: z.string(), shown: names, masked: names, changed: names.optional() })),
  ids: names,
  counts: z.array(z.int()).nullable(),
  versions: z.array(z.int().nullable()).nullable(),
  row_count: z.int(),
  outcome: z.string(),
  code: z.string().nullable(),
  purpose: z.string().nullable(),
  query: z.unknown(),
  sealed_note: bytes.nullable(),
  change_subjects: names.nullable(),
  sealed_changes: z.array(bytes).nullable(),
  cause_id: z.string().nullable(),
  request_id: z.string().nullable(),
  ip: z.string().nullable(),
  salt: z.string(),
})

const columns = sql.raw(
  Object.keys(sealedRow.shape)
    .map((name) => (name === 'shape' ? 's.shape' : `e.${name}`))
    .join(', '),
)

/**
 * What the sealed forms of some events are made of.
 * @param events a SELECT of their ids and times
 */
export const sealedPart = (events: SQL): Part => ({
  name: 'sealed',
  resource: null,
  tenant: null,
  columns,
  from: sql`(${events}) AS w(id, at)
    JOIN audit.event AS e ON e.tenant_id = ${named('eventTenant')}::uuid AND e.event_id = w.id AND e.occurred_at = w.at
    JOIN audit.shape AS s ON s.tenant_id = e.tenant_id AND s.shape_id = e.shape_id`,
  where: sql`true`,
  shown: [],
  masked: [],
  byRow: false,
})

/** The sealed form of each event, by its id. What somebody has written by hand may have none: of it only the hash is told. */
export function leavesOf(rows: readonly JsonRow[]): Map<string, string> {
  return new Map(
    rows.flatMap((row): [string, string][] => {
      const { data } = sealedRow.safeParse(row)
      return data ? [[data.event_id, leafText(data)]] : []
    }),
  )
}
