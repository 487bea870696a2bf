import { createHash } from 'node:crypto'
import type { Limits, SendResult } from '../channels/channel.ts'
import type { Tx } from '../db/database.ts'
import { named, sql } from '../db/sql.ts'

/**
 * The pace of sending, in the database, so that any number of processes keep it together. A message asks once for its
 * turn, and is given the moment of it: turns are handed out in order and never twice, nobody counts what others do, and
 * what waits for its turn needs no worker meanwhile. A dead process wastes a turn and nothing else.
 */
export interface Pacing {
  channelId: string
  identityId: string | null
  /** the group that it goes to, as the channel names it; null: a person */
  group?: string | null
  limits: Limits
}

/** Turns of an account are a tenth faster together than one by one: a little of both stays below what is allowed. */
const evenShare = 0.9

/** @returns in how many milliseconds it is this message's turn */
export async function takeTurn(tx: Tx, { channelId, identityId, group = null, limits }: Pacing): Promise<number> {
  const { accountPerSecond: rate } = limits
  const isGroup = group !== null && limits.group !== undefined
  const recipient = isGroup ? limits.group : limits.recipient
  const recipientId = isGroup ? groupPaceId(channelId, group) : identityId
  // The address first: the account's row is what everybody waits for, so it is locked last.
  const waits = await Promise.all([
    recipient && recipientId !== null ? turnOf(tx, recipientId, recipient.everyMs, recipient.burst) : 0,
    rate === undefined
      ? 0
      : turnOf(tx, channelId, 1000 / (rate * evenShare), Math.max(1, Math.floor(rate * (1 - evenShare)))),
  ])
  return Math.max(0, ...waits)
}

/** All conversations of a group share its pace, so that it is known by the group and not by any of them. */
function groupPaceId(channelId: string, group: string): string {
  const hex = createHash('sha256').update(`${channelId}/${group}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** GCRA: `burst` at once, then one every `everyMs`. */
async function turnOf(tx: Tx, paceId: string, everyMs: number, burst: number): Promise<number> {
  const statement = tx.kept(
    'send/turn',
    () => sql`INSERT INTO app.send_pace AS p (tenant_id, pace_id, next_at) VALUES (${named('tenantId')}::uuid, ${named('paceId')}::uuid, clock_timestamp() + make_interval(secs => ${named('every')}::float8))
      ON CONFLICT (tenant_id, pace_id) DO UPDATE SET next_at = greatest(p.next_at, clock_timestamp()) + make_interval(secs => ${named('every')}::float8)
      RETURNING (extract(epoch FROM p.next_at - clock_timestamp()) * 1000)::float8 AS "aheadMs"`,
  )
  const values = { tenantId: tx.principal.tenantId, paceId, every: everyMs / 1000 }
  const [row] = await tx.query<{ aheadMs: number }>(statement, values)
  return (row?.aheadMs ?? 0) - burst * everyMs
}

/** Where a provider says that the account is too fast, and not how long that lasts. */
const unaskedMs = 1_000

/** Has the whole account wait for as long as the provider asks, where it is the account that is too fast. */
export async function pauseAccount(tx: Tx, channelId: string, result: SendResult, msMax: number): Promise<void> {
  if (result.outcome !== 'retry' || result.pauses !== 'account') return
  const seconds = Math.min(result.retryAfterMs ?? unaskedMs, msMax) / 1000
  await tx.query(sql`INSERT INTO app.send_pace AS p (tenant_id, pace_id, next_at, paused_until)
    VALUES (${tx.principal.tenantId}::uuid, ${channelId}::uuid, clock_timestamp(), clock_timestamp() + make_interval(secs => ${seconds}::float8))
    ON CONFLICT (tenant_id, pace_id) DO UPDATE SET paused_until = greatest(p.paused_until, EXCLUDED.paused_until)`)
}
