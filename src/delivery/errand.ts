import { z } from 'zod'
import type { ErrandResult, KeptEvent, RawEvent } from '../channels/channel.ts'
import { parseJson } from '../channels/json.ts'
import { touches } from '../db/audit-event.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { attachmentStore } from '../resources/attachments/keep-file.ts'
import { channelFetches, channelTrouble } from '../resources/channels/health.ts'
import { payloadContext } from '../resources/inbound-events/payload.ts'
import { eventMissed } from '../resources/inbound-events/queries.ts'
import { knownChannels } from '../resources/ingest/known-channels.ts'
import { receive } from '../resources/ingest/receive.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { countInbound } from '../telemetry.ts'
import { channelAtWork, type Tenant } from './channel-at-work.ts'
import type { Task, WorkContext } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), channelId: z.uuid(), eventId: z.uuid() })

/** Then it is given up; with the queue's back-off that is some hours. */
const attemptsMax = 12

/**
 * Does at the provider what an event asks for (a subscription to be confirmed, a button's answer, a mail to be fetched);
 * trouble is in the health. What is fetched is taken in as if it had been posted, so that once more does no harm.
 */
export const runErrand: Task = async (context, payload, { attempts }) => {
  const { db, http, log } = context
  const { channelId, eventId, ...tenant } = ids.parse(payload)
  const channel = await channelAtWork(db, tenant, channelId)
  const event = await storedEvent(db, tenant, eventId)
  // What is to be fetched can wait until somebody enables the channel again.
  if (!channel && event && (await isDisabled(db, tenant, channelId))) throw new Error('the channel is disabled')
  if (!channel?.type.errand || !event) return
  const result = await channel.type.errand(event, channel.settings, http)
  log.info({ eventId, channelType: channel.type.type, outcome: result.outcome, attempts }, 'an errand was done or not')
  const isOver = result.outcome !== 'retry' || attempts >= attemptsMax
  if (!isOver) throw new Error('the provider did not take an errand')
  const found = result.outcome === 'done' ? (result.found ?? []) : []
  if (found.length > 0) await takeIn(context, tenant, channelId, eventId, found)
  await write(db, tenant, channelId, eventId, result)
}

async function isDisabled(db: Database, { tenantId, region }: Tenant, channelId: string): Promise<boolean> {
  const rows = await db.lookup(
    { tenantId, region },
    sql`SELECT 1 AS one FROM app.channel WHERE tenant_id = ${tenantId}::uuid AND id = ${channelId}::uuid AND status = 'disabled' AND state = 'active'`,
  )
  return rows.length > 0
}

const standingTries = 3

/** Stores what was fetched, for the channel as it is now. */
async function takeIn(
  { db, config }: WorkContext,
  tenant: Tenant,
  channelId: string,
  eventId: string,
  events: readonly RawEvent[],
): Promise<void> {
  const known = knownChannels(db)
  for (let tries = 0; tries < standingTries; tries++) {
    const channel = await (tries === 0 ? known.get(channelId) : known.reload(channelId))
    if (!channel) break
    const caller = { principal: channel.principal, meta: systemCaller(db, tenant, eventId).meta }
    const stored = await receive(db, caller, channel, events, attachmentStore(config))
    if (!stored) continue
    countInbound('stored', stored.accepted)
    countInbound('duplicate', events.length - stored.accepted)
    return
  }
  throw new Error('the channel does not take in what was fetched for it')
}

async function write(
  db: Database,
  tenant: Tenant,
  channelId: string,
  eventId: string,
  result: ErrandResult,
): Promise<void> {
  await db.change(systemCaller(db, tenant, eventId), { action: 'update', resource: 'channels' }, async (tx) => {
    // What it was done with is what the provider had said.
    tx.touch({ resource: 'inbound-events', ids: [eventId], shown: ['payload'], changed: [] })
    if (result.outcome === 'done') {
      const isEnded = (result.found?.length ?? 0) > 0 && (await channelFetches(tx, channelId))
      tx.touch({ resource: 'channels', ids: [channelId], changed: isEnded ? ['lastError', 'lastErrorAt'] : [] })
      return
    }
    await channelTrouble(tx, channelId, { code: troubleOf(result), at: new Date().toISOString() })
    tx.touch({ resource: 'channels', ids: [channelId], changed: ['lastError', 'lastErrorAt'] })
    if (result.isFetch !== true) return
    const rows = await eventMissed(tx, eventId, result.outcome === 'failed' ? result.code : result.reason)
    for (const one of touches('inbound-events', rows, ['status', 'reason'], () => null)) tx.touch(one)
  })
}

/** What is to be fetched says by itself what is wrong: whose credentials they are that are refused or missing. */
function troubleOf(result: Exclude<ErrandResult, { outcome: 'done' }>): string {
  if (result.outcome === 'retry') return result.isFetch === true ? 'bucket_unreachable' : 'errand_failed'
  if (result.isFetch === true) return result.code
  return result.class === 'reauthorise' ? 'reauthorise' : 'errand_failed'
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
