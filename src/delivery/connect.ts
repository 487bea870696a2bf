import { z } from 'zod'
import type { ConnectResult } from '../channels/channel.ts'
import { channelType } from '../channels/index.ts'
import { sql } from '../db/sql.ts'
import { channelTrouble } from '../resources/channels/health.ts'
import { webhookUrl } from '../resources/channels/webhook-url.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { channelAtWork, type Tenant } from './channel-at-work.ts'
import type { Task, WorkContext } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), channelId: z.uuid() })

const retryMsMax = 900_000
/** What still fails then waits for a change of the settings, or for the hourly upkeep. */
const attemptsMax = 12

/**
 * Tells a provider where to post, where it lets itself be told; repeated when settings or our own address change. How it
 * went stands in the channel's health.
 */
export const connectChannel: Task = async (context, payload, { attempts }) => {
  const { channelId, ...tenant } = ids.parse(payload)
  const { db, http, config, log } = context
  const channel = await channelAtWork(db, tenant, channelId)
  if (!channel?.type.connect) return
  const url = webhookUrl(config.publicUrl, channelId)
  const result = await channel.type.connect(channel.settings, url, http)
  log.info({ channelId, channelType: channel.type.type, outcome: result.outcome }, 'a channel was connected or not')
  await writeState(context, tenant, channelId, url, result)
  if (result.outcome !== 'retry' || attempts >= attemptsMax) return
  const { retryAfterMs } = result
  // The queue tries it again, later each time. It knows nothing of what a provider asks for: that takes a job of its own.
  if (retryAfterMs === undefined) throw new Error('the provider did not take our address')
  await db.change(systemCaller(db, tenant, channelId), { action: 'update', resource: 'channels' }, async (tx) => {
    const at = new Date(Date.now() + Math.min(retryAfterMs, retryMsMax))
    await tx.enqueue(
      'connect',
      `connect/${tenant.tenantId}/${channelId}/${at.toISOString()}`,
      { ...tenant, channelId },
      at,
    )
    tx.touch({ resource: 'channels', ids: [channelId], changed: [] })
  })
}

async function writeState(
  { db }: WorkContext,
  tenant: Tenant,
  channelId: string,
  url: string,
  result: ConnectResult,
): Promise<void> {
  const state = { done: 'connected', retry: 'pending', failed: 'failed' }[result.outcome]
  const error = result.outcome === 'done' ? null : result.outcome === 'retry' ? result.reason : result.code
  await db.change(systemCaller(db, tenant, channelId), { action: 'update', resource: 'channels' }, async (tx) => {
    await tx.query(sql`UPDATE app.channel SET connect_state = ${state}, connect_error = ${error?.slice(0, 100) ?? null},
        connected_at = CASE WHEN ${state} = 'connected' THEN now() ELSE connected_at END, connected_url = CASE WHEN ${state} = 'connected' THEN ${url} ELSE connected_url END
      WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ${channelId}::uuid`)
    if (result.outcome === 'failed' && result.class === 'reauthorise')
      await channelTrouble(tx, channelId, { code: 'reauthorise', at: new Date().toISOString() })
    tx.touch({ resource: 'channels', ids: [channelId], changed: ['connect'] })
  })
}

/** Types whose provider can be told. */
const connectable = (types: readonly string[]): string[] => types.filter((one) => channelType(one)?.connect)

/** Channels whose provider knows another address of ours, or none: PUBLIC_URL has changed, or a job was given up. */
export async function sweepConnections({ db, config }: WorkContext, tenant: Tenant, runId: string): Promise<void> {
  const rows = await db.lookup<{ id: string; type: string }>(
    tenant,
    sql`SELECT c.id, c.type FROM app.channel c WHERE c.tenant_id = ${tenant.tenantId}::uuid AND c.status = 'active' AND c.state = 'active'
      AND c.connect_state IS DISTINCT FROM 'failed' AND c.connected_url IS DISTINCT FROM ${config.publicUrl} || '/v1/ingest/' || c.id::text AND c.updated_at < now() - interval '1 minute'`,
  )
  const types = connectable([...new Set(rows.map((row) => row.type))])
  const stale = rows.filter((row) => types.includes(row.type))
  if (stale.length === 0) return
  await db.change(systemCaller(db, tenant, runId), { action: 'update', resource: 'channels' }, async (tx) => {
    tx.touch({ resource: 'channels', ids: stale.map(({ id }) => id), changed: [] })
    await tx.enqueueAll(
      'connect',
      stale.map(({ id }) => ({
        key: `connect/${tenant.tenantId}/${id}`,
        payload: { tenantId: tenant.tenantId, region: tenant.region, channelId: id },
      })),
    )
  })
}
