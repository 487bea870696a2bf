import type { Tx } from '../db/database.ts'
import { array, sql } from '../db/sql.ts'

/**
 * The raw events that came in the person's lanes and have led to nobody yet: those that wait, failed or were not
 * understood. A lane in which somebody else is too (a group's, an account's) is left alone: what of it is the person's
 * shows when it is read, see erased_address; what is never read expires.
 */
export async function laneEvents(tx: Tx, contactIds: readonly string[]): Promise<string[]> {
  const mine = sql`e.tenant_id = ${tx.principal.tenantId}::uuid`
  const contacts = array(contactIds, 'uuid')
  const lanes = await tx.query<{ lane: Buffer }>(
    sql`SELECT DISTINCT e.lane FROM app.inbound_event e WHERE ${mine} AND e.contact_id = ANY (${contacts}) AND e.lane <> ''::bytea`,
  )
  if (lanes.length === 0) return []
  const theirs = sql`e.lane = ANY (${sql.param(lanes.map((row) => row.lane))}::bytea[])`
  const waiting = sql`${mine} AND ${theirs} AND e.contact_id IS NULL AND e.sealed_payload IS NOT NULL`
  // In two parts, each by its own index.
  const found = await tx.query<{ id: string; lane: Buffer }>(
    sql`SELECT e.id, e.lane FROM app.inbound_event e WHERE ${waiting} AND e.status = 'stored'
      UNION ALL SELECT e.id, e.lane FROM app.inbound_event e WHERE ${waiting} AND e.status <> 'stored'`,
  )
  if (found.length === 0) return []
  const shared = await tx.query<{ lane: Buffer }>(
    sql`SELECT DISTINCT e.lane FROM app.inbound_event e WHERE ${mine} AND ${theirs} AND e.contact_id IS NOT NULL AND NOT e.contact_id = ANY (${contacts})`,
  )
  const others = new Set(shared.map((row) => row.lane.toString('hex')))
  return found.flatMap(({ id, lane }) => (others.has(lane.toString('hex')) ? [] : [id]))
}
