import { z } from 'zod'
import type { ErrandResult, RawEvent } from '../channels/channel.ts'
import { touches } from '../db/audit-event.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { attachmentStore } from '../resources/attachments/keep-file.ts'
import { channelFetches, channelTrouble } from '../resources/channels/health.ts'
import { keptEvent } from '../resources/inbound-events/kept-event.ts'
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
  const { db, http, log, config } = context
  const { channelId, eventId, ...tenant } = ids.parse(payload)
  const channel = await channelAtWork(db, tenant, channelId)
  const event = await keptEvent(db, tenant, eventId, attachmentStore(config))
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
