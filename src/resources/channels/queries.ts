import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { enqueueLanes } from '../inbound-events/queries.ts'
import { type ChannelSettings, openSettings } from './settings.ts'

/** A row of app.channel, as far as work on its behalf needs it. */
export interface WorkingChannel extends ChannelSettings {
  id: string
  businessUnitId: string
  teamId: string | null
  /** Neither disabled nor trashed. */
  isActive: boolean
  appHash: Buffer | null
}

interface ChannelRow {
  type: string
  business_unit_id: string
  team_id: string | null
  is_active: boolean
  app_hash: Buffer | null
  sealed_settings: Buffer
}

/** A channel with its opened settings, for the service's own work; null when there is none. */
export async function channelFetch(tx: Tx, id: string): Promise<WorkingChannel | null> {
  const [row] = await tx.query<ChannelRow>(
    sql`SELECT type, business_unit_id, team_id, status = 'active' AND state = 'active' AS is_active, app_hash, sealed_settings
        FROM app.channel WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid`,
  )
  if (!row) return null
  return {
    ...openSettings(tx.keys, id, row.type, row.sealed_settings),
    id,
    businessUnitId: row.business_unit_id,
    teamId: row.team_id,
    isActive: row.is_active,
    appHash: row.app_hash,
  }
}

/**
 * Two channels for one account would each get a part of what it is told. The database refuses it too, and says less.
 * @throws Problem already_exists
 */
export async function checkAccountFree(tx: Tx, id: string, { type, settings }: ChannelSettings): Promise<void> {
  const account = type.account(settings)
  if (account === null) return
  const taken = await tx.query(
    sql`SELECT 1 AS one FROM app.channel WHERE tenant_id = ${tx.principal.tenantId}::uuid AND type = ${type.type} AND account = ${account} AND state = 'active' AND id <> ${id}::uuid`,
  )
  if (taken.length === 0) return
  const given = typeof settings === 'object' && settings !== null ? Object.entries(settings) : []
  const name = given.find(([, value]) => value === account)?.[0]
  const path = name === undefined ? '/settings' : `/settings/${name}`
  throw new Problem('already_exists', {
    errors: [{ path, code: 'already_exists', message: 'Another channel serves this account.' }],
  })
}

/** Under which account an event of a larger account (a WABA) is kept. */
export const scopeAccount = (scope: string): string => `scope:${scope}`

const atOnceMax = 1_000
/** Longer than any transaction that stores a post: one that began before the channel was there has ended by then. */
const secondLookMs = 35_000

/**
 * Gives a channel the events that waited for it: those of its account, posted by the same provider app, that no
 * channel served. They are processed in the order in which they came. A job looks again for what is left or comes late.
 * @returns how many were routed
 */
export async function routeWaiting(
  tx: Tx,
  channel: Omit<WorkingChannel, 'teamId'>,
  looksAgain = true,
): Promise<number> {
  const { tenantId, region } = tx.principal
  const account = channel.type.account(channel.settings)
  if (!channel.isActive || account === null) return 0
  const scope = channel.type.scope?.(channel.settings) ?? null
  const accounts = [account, ...(scope === null ? [] : [scopeAccount(scope)])]
  const rows = await tx.query<{ id: string; lane: string }>(sql`
    WITH waiting AS (
      SELECT e.id FROM app.inbound_event e JOIN app.channel r ON r.tenant_id = e.tenant_id AND r.id = e.received_channel_id
       WHERE e.tenant_id = ${tenantId}::uuid AND e.status = 'unrouted' AND e.type = ${channel.type.type} AND e.account = ANY (${array(accounts, 'text')})
         AND (r.id = ${channel.id}::uuid OR r.app_hash = ${channel.appHash})
       ORDER BY e.sequence LIMIT ${atOnceMax}::int FOR UPDATE OF e SKIP LOCKED)
    UPDATE app.inbound_event e SET status = 'stored', channel_id = ${channel.id}::uuid, business_unit_id = ${channel.businessUnitId}::uuid,
           version = version + 1, updated_at = now()
      FROM waiting w WHERE e.tenant_id = ${tenantId}::uuid AND e.id = w.id RETURNING e.id, encode(e.lane, 'hex') AS lane`)
  if (rows.length > 0) {
    const ids = rows.map((row) => row.id)
    tx.touch({ resource: 'inbound-events', ids, changed: ['status', 'channelId', 'businessUnitId'] })
    await enqueueLanes(
      tx,
      channel.id,
      rows.map((row) => row.lane),
    )
  }
  if (looksAgain || rows.length === atOnceMax) {
    const again = new Date(Date.now() + (rows.length === atOnceMax ? 0 : secondLookMs))
    await tx.enqueue('route', `route/${tenantId}/${channel.id}`, { tenantId, region, channelId: channel.id }, again)
  }
  return rows.length
}
