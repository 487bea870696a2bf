import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'

/** The key of the job that drains a lane: at most one waits per lane. */
export const laneKey = (tenantId: string, lane: string): string => `normalise/${tenantId}/${lane}`

/**
 * Has lanes drained, by a job each.
 * @param lanes hexadecimal; repeated ones count once
 */
export async function enqueueLanes(tx: Tx, channelId: string, lanes: readonly string[]): Promise<void> {
  const { tenantId, region } = tx.principal
  const jobs = [...new Set(lanes)].map((lane) => ({
    key: laneKey(tenantId, lane),
    payload: { tenantId, region, channelId, lane },
  }))
  await tx.enqueueAll('normalise', jobs)
}

export interface ReplayTarget {
  /** hexadecimal */
  lane: string
  hasPayload: boolean
  /** null where no active channel serves the event's account. */
  channelId: string | null
  businessUnitId: string | null
}

/** Where an event goes when it is processed again: its channel, or the one that serves its account by now. */
export async function replayTarget(tx: Tx, id: string): Promise<ReplayTarget> {
  const [row] = await tx.query<ReplayTarget>(sql`
    SELECT encode(e.lane, 'hex') AS lane, e.sealed_payload IS NOT NULL AS "hasPayload", c.id AS "channelId", c.business_unit_id AS "businessUnitId"
      FROM app.inbound_event e JOIN app.channel r ON r.tenant_id = e.tenant_id AND r.id = e.received_channel_id
      LEFT JOIN app.channel c ON c.tenant_id = e.tenant_id AND c.state = 'active'
        AND CASE WHEN e.channel_id IS NOT NULL THEN c.id = e.channel_id
                 ELSE c.type = e.type AND c.account = e.account AND c.app_hash = r.app_hash AND c.status = 'active' END
     WHERE e.tenant_id = ${tx.principal.tenantId}::uuid AND e.id = ${id}::uuid`)
  if (!row) throw new Error('a locked event is gone')
  return row
}

/** What an event told of could not be fetched: it counts as failed, and can be replayed. */
export async function eventMissed(tx: Tx, id: string, reason: string): Promise<{ id: string; version: number }[]> {
  return tx.query(sql`UPDATE app.inbound_event SET status = 'failed', reason = ${reason}, version = version + 1, updated_at = now()
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid AND status IN ('processed', 'failed') RETURNING id, version`)
}
