import { z } from 'zod'
import { rowsWhere, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { channel } from '../../db/tables/conversation.ts'
import { utc } from '../../db/view.ts'
import { isCredentialTrouble } from './health.ts'
import type { channelHealth } from './health-schema.ts'
import { channels } from './schema.ts'

/** What is counted at most: whoever has more of it need not know how much. */
const countMax = 10_000

const counted = (what: ReturnType<typeof sql>) =>
  sql`(SELECT count(*)::int FROM (SELECT 1 ${what} LIMIT ${sql.raw(String(countMax))}) AS n)`

/** For whoever sees the channel's troubles: the field `lastError`, in that row. */
export function healthPlan(principal: Principal, id: string): ReadPlan {
  return {
    key: 'channels/health',
    wanted: id,
    values: { id },
    parts: () => {
      const right = sight(principal, channels, 'lastError')?.clear ?? false
      const of = (table: string) =>
        sql`FROM app.${sql.raw(table)} AS x WHERE x.tenant_id = ${channel.tenantId} AND x.channel_id = ${channel.id}`
      const today = sql`now() - interval '24 hours'`
      return [
        {
          name: 'rows',
          resource: channels.name,
          columns: sql`${channel.id} AS id, ${channel.type} AS "_type", ${channel.status} AS "_status", ${channel.lastEventAt} AS "lastEventAt", ${channel.lastSentAt} AS "lastSentAt",
            ${channel.lastError} AS "lastError", ${channel.lastErrorAt} AS "lastErrorAt", ${channel.connectState} AS "connectState", ${channel.connectError} AS "connectError", ${channel.connectedAt} AS "connectedAt",
            ${counted(sql`${of('inbound_event')} AND x.status = 'stored'`)} AS "eventsWaiting",
            (SELECT extract(epoch FROM clock_timestamp() - min(x.received_at))::float8 ${of('inbound_event')} AND x.status = 'stored') AS "eventsLag",
            ${counted(sql`FROM app.inbound_event AS x WHERE x.tenant_id = ${channel.tenantId} AND x.received_channel_id = ${channel.id} AND x.status = 'unrouted'`)} AS unrouted,
            ${counted(sql`${of('inbound_event')} AND x.status = 'failed' AND x.received_at > ${today}`)} AS "eventsFailed",
            ${counted(sql`${of('message')} AND x.status = 'queued'`)} AS "messagesWaiting",
            (SELECT extract(epoch FROM clock_timestamp() - min(x.occurred_at))::float8 ${of('message')} AND x.status = 'queued') AS "messagesLag",
            ${counted(sql`${of('message')} AND x.status = 'failed' AND x.updated_at > ${today}`)} AS "messagesFailed",
            ${counted(sql`${of('message')} AND x.status = 'unknown' AND x.updated_at > ${today}`)} AS "messagesUnknown",
            (SELECT p.paused_until FROM app.send_pace AS p WHERE p.tenant_id = ${channel.tenantId} AND p.pace_id = ${channel.id} AND p.paused_until > now()) AS "pausedUntil",
            ${counted(sql`${of('attachment')} AND x.status = 'pending'`)} AS "filesWaiting",
            ${counted(sql`${of('attachment')} AND x.status = 'failed' AND x.updated_at > ${today}`)} AS "filesFailed",
            NULL::uuid AS "_subject"`,
          from: sql`${channels.table}`,
          tenant: channels.tenant,
          where: sql`${rowsWhere(principal, channels, 'read') || sql`false`} AND (${typeof right === 'boolean' ? sql`${right}::boolean` : right}) AND ${channel.id} = ${named('id')}::uuid AND ${channel.state} = 'active'`,
          shown: ['health'],
          masked: [],
          byRow: false,
        },
      ]
    },
  }
}

const instant = z
  .string()
  .nullable()
  .transform((at) => (at === null ? null : utc(at)))

const row = z.object({
  ...{ _type: z.string(), _status: z.string() },
  ...{ lastEventAt: instant, lastSentAt: instant, lastError: z.string().nullable(), lastErrorAt: instant },
  ...{
    connectState: z.enum(['connected', 'pending', 'failed']).nullable(),
    connectError: z.string().nullable(),
    connectedAt: instant,
  },
  ...{ eventsWaiting: z.int(), eventsLag: z.number().nullable(), unrouted: z.int(), eventsFailed: z.int() },
  ...{
    messagesWaiting: z.int(),
    messagesLag: z.number().nullable(),
    messagesFailed: z.int(),
    messagesUnknown: z.int(),
  },
  ...{ pausedUntil: instant, filesWaiting: z.int(), filesFailed: z.int() },
})

/** A queue that is so far behind is worth a look. */
const lagSecondsMax = 60
/** Trouble of some time ago that nothing has ended is worth a look, no more. */
const freshMs = 24 * 3_600_000

export function healthOf(found: unknown, isConnectable: (type: string) => boolean): z.output<typeof channelHealth> {
  const one = row.parse(found)
  const tokenTrouble = isCredentialTrouble(one.lastError)
  const connect = isConnectable(one._type)
    ? { state: one.connectState ?? ('pending' as const), error: one.connectError, connectedAt: one.connectedAt }
    : null
  const isStuck = one._status !== 'active' && one.messagesWaiting + one.eventsWaiting > 0
  const lag = Math.max(one.eventsLag ?? 0, one.messagesLag ?? 0)
  const isFresh = one.lastErrorAt !== null && Date.now() - Date.parse(one.lastErrorAt) < freshMs
  const failures = one.eventsFailed + one.messagesFailed + one.messagesUnknown + one.filesFailed + one.unrouted
  const isError = tokenTrouble || connect?.state === 'failed' || isStuck
  return {
    status: isError ? 'error' : failures > 0 || isFresh || lag > lagSecondsMax ? 'warning' : 'ok',
    ...{ lastEventAt: one.lastEventAt, lastSentAt: one.lastSentAt },
    ...{ lastError: one.lastError, lastErrorAt: one.lastErrorAt, tokenTrouble, connect },
    inbound: {
      ...{ waiting: one.eventsWaiting, lagSeconds: one.eventsLag },
      ...{ unrouted: one.unrouted, failed: one.eventsFailed },
    },
    outbound: {
      ...{ waiting: one.messagesWaiting, lagSeconds: one.messagesLag, failed: one.messagesFailed },
      ...{ unknown: one.messagesUnknown, pausedUntil: one.pausedUntil },
    },
    media: { waiting: one.filesWaiting, failed: one.filesFailed },
  }
}
