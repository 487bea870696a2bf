import { z } from 'zod'
import type { ConnectResult, KeptEvent } from '../channels/channel.ts'
import { parseJson } from '../channels/json.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { channelTrouble } from '../resources/channels/health.ts'
import { payloadContext } from '../resources/inbound-events/payload.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { channelAtWork, type Tenant } from './channel-at-work.ts'
import type { Task } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), channelId: z.uuid(), eventId: z.uuid() })

/** Then it is given up; with the queue's back-off that is some hours. */
const attemptsMax = 12

/** Does at the provider what an event asks for (a subscription to be confirmed, a button's answer); trouble is in the health. */
export const runErrand: Task = async ({ db, http, log }, payload, { attempts }) => {
  const { channelId, eventId, ...tenant } = ids.parse(payload)
  const channel = await channelAtWork(db, tenant, channelId)
  const event = await storedEvent(db, tenant, eventId)
  if (!channel?.type.errand || !event) return
  const result = await channel.type.errand(event, channel.settings, http)
  log.info({ eventId, channelType: channel.type.type, outcome: result.outcome, attempts }, 'an errand was done or not')
  const isOver = result.outcome !== 'retry' || attempts >= attemptsMax
  if (isOver) await write(db, tenant, channelId, eventId, result)
  else throw new Error('the provider did not take an errand')
}

async function write(
  db: Database,
  tenant: Tenant,
  channelId: string,
  eventId: string,
  result: ConnectResult,
): Promise<void> {
  await db.change(systemCaller(db, tenant, eventId), { action: 'update', resource: 'channels' }, async (tx) => {
    // What it was done with is what the provider had said.
    tx.touch({ resource: 'inbound-events', ids: [eventId], shown: ['payload'], changed: [] })
    if (result.outcome === 'done') tx.touch({ resource: 'channels', ids: [channelId], changed: [] })
    else {
      const code = result.outcome === 'failed' && result.class === 'reauthorise' ? 'reauthorise' : 'errand_failed'
      await channelTrouble(tx, channelId, { code, at: new Date().toISOString() })
      tx.touch({ resource: 'channels', ids: [channelId], changed: ['lastError', 'lastErrorAt'] })
    }
  })
}

/** An event as its channel split it off; null when it has expired or its person was erased. */
export async function storedEvent(db: Database, tenant: Tenant, eventId: string): Promise<KeptEvent | null> {
  const [row] = await db.lookup<{
    kind: string
    sealed_payload: Buffer | null
    contact_id: string | null
    wrapped_key: Buffer | null
  }>(
    tenant,
    sql`SELECT e.kind, e.sealed_payload, e.contact_id, k.wrapped_key FROM app.inbound_event e
      LEFT JOIN app.contact_key k ON k.tenant_id = e.tenant_id AND k.contact_id = e.contact_id
      WHERE e.tenant_id = ${tenant.tenantId}::uuid AND e.id = ${eventId}::uuid`,
  )
  if (!row?.sealed_payload) return null
  const keys = await db.tenantKeys(tenant)
  const holders = [
    row.contact_id !== null && row.wrapped_key ? keys.contact(row.contact_id, row.wrapped_key) : keys,
    keys,
  ]
  for (const key of holders)
    try {
      const payload = parseJson(key.open(row.sealed_payload, payloadContext(eventId)))
      return payload === undefined ? null : { kind: row.kind, payload }
    } catch {
      // An event can name its contact before its payload has been sealed again.
    }
  return null
}
