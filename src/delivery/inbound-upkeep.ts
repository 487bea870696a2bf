import { sql } from '../db/sql.ts'
import { enqueueLanes } from '../resources/inbound-events/queries.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { WorkContext } from './task.ts'

/** An event that belongs to nobody we know is kept so long for replays; then only what recognises its repetition stays. */
const payloadDays = 90
const lanesMax = 1_000

/**
 * What was taken in is dealt with, even if its job was given up or a channel came unnoticed: every lane that stands
 * still gets a job, every unrouted event that a channel serves by now is given to it. And raw events without a contact
 * expire.
 */
export async function sweepInbound(
  { db }: WorkContext,
  tenant: { tenantId: string; region: string },
  runId: string,
): Promise<void> {
  const caller = systemCaller(db, tenant, runId)
  const entry = { action: 'update', resource: 'inbound-events' } as const
  const mine = sql`e.tenant_id = ${tenant.tenantId}::uuid`

  const lanes = await db.lookup<{ lane: string; channel_id: string }>(
    tenant,
    sql`SELECT encode(e.lane, 'hex') AS lane, min(e.channel_id::text) AS channel_id FROM app.inbound_event e
      WHERE ${mine} AND e.status = 'stored' AND e.channel_id IS NOT NULL AND e.received_at < now() - interval '5 minutes'
        AND (e.retry_at IS NULL OR e.retry_at < now() - interval '5 minutes') GROUP BY e.lane LIMIT ${lanesMax}::int`,
  )
  const channels = await db.lookup<{ id: string }>(
    tenant,
    sql`SELECT DISTINCT c.id FROM app.inbound_event e
      JOIN app.channel r ON r.tenant_id = e.tenant_id AND r.id = e.received_channel_id
      JOIN app.channel c ON c.tenant_id = e.tenant_id AND c.type = e.type AND c.app_hash = r.app_hash AND (c.account = e.account OR e.account LIKE 'scope:%')
      WHERE ${mine} AND e.status = 'unrouted' AND c.status = 'active' AND c.state = 'active'`,
  )
  if (lanes.length > 0 || channels.length > 0)
    await db.change(caller, entry, async (tx) => {
      tx.touch({
        resource: 'channels',
        ids: [...new Set([...lanes.map((one) => one.channel_id), ...channels.map((one) => one.id)])],
      })
      for (const [channelId, own] of Map.groupBy(lanes, (one) => one.channel_id))
        await enqueueLanes(
          tx,
          channelId,
          own.map((one) => one.lane),
        )
      for (const { id } of channels)
        await tx.enqueue('route', `route/${tenant.tenantId}/${id}`, { ...tenant, channelId: id })
    })

  const old = sql`${mine} AND e.contact_id IS NULL AND e.sealed_payload IS NOT NULL AND e.status <> 'stored' AND e.received_at < now() - make_interval(days => ${payloadDays}::int)`
  const [expired] = await db.lookup<{ some: boolean }>(
    tenant,
    sql`SELECT EXISTS (SELECT FROM app.inbound_event e WHERE ${old}) AS some`,
  )
  if (!expired?.some) return
  await db.change(caller, entry, async (tx) => {
    const rows = await tx.query<{ id: string }>(
      sql`UPDATE app.inbound_event e SET sealed_payload = NULL, version = version + 1, updated_at = now()
        WHERE ${mine} AND e.id IN (SELECT e.id FROM app.inbound_event e WHERE ${old} LIMIT ${lanesMax}::int) RETURNING e.id`,
    )
    tx.touch({ resource: 'inbound-events', ids: rows.map((row) => row.id), changed: ['payload'] })
  })
}
