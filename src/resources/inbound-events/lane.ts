import type { Tx } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'

/** Why a stored event waits while its lane goes on: the message that it is about is not known yet. */
export const waitingReason = 'unknown_message'

/** Why an event is suppressed: its person was erased after it had come in. */
export const erasedReason = 'erased'

/** An event that waits to be normalised. */
export interface StoredEvent {
  id: string
  /** hexadecimal */
  lane: string
  kind: string
  type: string
  channelId: string | null
  attempts: number
  receivedMs: number
  sealedPayload: Buffer | null
  /** set once it has been under that contact's key */
  contactId: string | null
  wrappedKey: Buffer | null
  /** It failed, and its lane is held until it is tried again. */
  isHeld: boolean
  /** when the next of those events of the lane is due that wait for their message and are left out here */
  nextDueMs: number | null
  businessUnitId: string | null
  teamId: string | null
  /** The channel has not been noted as alive for a minute. */
  isChannelQuiet: boolean
}

/**
 * Makes the transaction alone with a lane and gives the lane's oldest events, in the order in which they were stored.
 * @param lane hexadecimal
 */
export async function laneTake(tx: Tx, lane: string, limit: number): Promise<StoredEvent[]> {
  const { tenantId } = tx.principal
  const lock = tx.kept('lane/lock', () => sql`SELECT pg_advisory_xact_lock(hashtextextended(${named('name')}, 0))`)
  const take = tx.kept('lane/take', () => takeSql(sql`e.lane = decode(${named('lane')}, 'hex')`))
  // The lock is a statement of its own, so that the next one sees what the lane's last holder committed.
  const [, events] = await Promise.all([
    tx.query(lock, { name: `lane/${tenantId}/${lane}` }),
    tx.query<StoredEvent>(take, { tenant: tenantId, lane, limit, waiting: waitingReason }),
  ])
  return events
}

const takeSql = (isOfLane: SQL): SQL =>
  sql`SELECT e.id, encode(e.lane, 'hex') AS lane, e.kind, e.type, e.channel_id AS "channelId", e.attempts, (extract(epoch FROM e.received_at) * 1000)::float8 AS "receivedMs", e.sealed_payload AS "sealedPayload",
      e.contact_id AS "contactId", k.wrapped_key AS "wrappedKey", coalesce(e.retry_at > now(), false) AS "isHeld", c.business_unit_id AS "businessUnitId", c.team_id AS "teamId",
      coalesce(c.last_event_at < now() - interval '1 minute', true) AS "isChannelQuiet",
      (SELECT (extract(epoch FROM min(w.retry_at)) * 1000)::float8 FROM app.inbound_event w WHERE w.tenant_id = e.tenant_id AND w.lane = e.lane AND w.status = 'stored'
        AND w.reason = ${named('waiting')} AND w.retry_at > now()) AS "nextDueMs"
    FROM app.inbound_event e LEFT JOIN app.channel c ON c.tenant_id = e.tenant_id AND c.id = e.channel_id
      LEFT JOIN app.contact_key k ON k.tenant_id = e.tenant_id AND k.contact_id = e.contact_id
    WHERE e.tenant_id = ${named('tenant')}::uuid AND ${isOfLane} AND e.status = 'stored'
      AND (e.reason IS DISTINCT FROM ${named('waiting')} OR coalesce(e.retry_at <= now(), true))
    ORDER BY e.sequence LIMIT ${named('limit')}::int`

/** How many events are looked at to find lanes that wait as well. */
const besideMax = 40

/**
 * The same of further lanes of the channel that wait as well and that nobody is at, as far as all that waits in them is
 * plain: nothing of it has failed, or waits for something. Lanes are hashes: those that follow one's own are any.
 * @param lane hexadecimal; whose lock is held
 */
export async function laneTakeBeside(tx: Tx, lane: string, channelId: string): Promise<StoredEvent[]> {
  const { tenantId } = tx.principal
  const lock = tx.kept(
    'lane/lock-beside',
    () => sql`SELECT encode(l.lane, 'hex') AS lane FROM (
        SELECT n.lane FROM (SELECT e.lane, e.channel_id, e.attempts, e.retry_at FROM app.inbound_event e
            WHERE e.tenant_id = ${named('tenant')}::uuid AND e.lane > decode(${named('lane')}, 'hex') AND e.status = 'stored' ORDER BY e.lane, e.sequence LIMIT ${named('limit')}::int) AS n
        GROUP BY n.lane HAVING bool_and(n.channel_id = ${named('channel')}::uuid AND n.attempts = 0 AND n.retry_at IS NULL) OFFSET 0) AS l
      WHERE pg_try_advisory_xact_lock(hashtextextended(${named('prefix')}::text || encode(l.lane, 'hex'), 0))`,
  )
  const prefix = `lane/${tenantId}/`
  const locked = await tx.query<{ lane: string }>(lock, {
    tenant: tenantId,
    lane,
    channel: channelId,
    limit: besideMax,
    prefix,
  })
  if (locked.length === 0) return []
  const take = tx.kept('lane/take-beside', () =>
    takeSql(sql`e.lane = ANY (ARRAY(SELECT decode(l, 'hex') FROM unnest(${named('lanes')}::text[]) AS l))`),
  )
  const events = await tx.query<StoredEvent>(take, {
    tenant: tenantId,
    lanes: locked.map((one) => one.lane),
    limit: 2 * besideMax,
    waiting: waitingReason,
  })
  // Cut off: of some lane only the beginning may be here.
  if (events.length === 2 * besideMax) return []
  const isPlain = (event: StoredEvent): boolean =>
    event.channelId === channelId && event.attempts === 0 && !event.isHeld && event.nextDueMs === null
  const lanes = Map.groupBy(events, (event) => event.lane)
  return events.filter((event) => lanes.get(event.lane)?.every(isPlain))
}

/** What has become of an event. */
export interface SettledEvent {
  id: string
  status: string
  reason: string | null
  /** of an event that stays `stored` */
  retryAt: string | null
  contactId: string | null
  conversationId: string | null
  messageId: string | null
  /** base64; null: as it was */
  sealedPayload: string | null
  /** Nothing of it stays but what recognises its redelivery. */
  isDropped: boolean
  /** base64: what it waited for in vain, as `awaitedHash` or `groupHash` names it */
  awaits: string | null
}

/** Writes down what has become of events, each try counted; one whose person was erased meanwhile stays dropped. */
export async function laneSettle(tx: Tx, rows: readonly SettledEvent[]): Promise<{ id: string; version: number }[]> {
  const statement = tx.kept(
    'lane/settle',
    () => sql`UPDATE app.inbound_event e SET status = w.status, reason = w.reason, retry_at = w."retryAt", attempts = e.attempts + 1,
        processed_at = CASE WHEN w.status = 'stored' THEN e.processed_at ELSE now() END, contact_id = CASE WHEN w."isDropped" THEN NULL ELSE coalesce(w."contactId", e.contact_id) END,
        conversation_id = coalesce(w."conversationId", e.conversation_id), message_id = coalesce(w."messageId", e.message_id),
        sealed_payload = CASE WHEN w."isDropped" THEN NULL ELSE coalesce(decode(w."sealedPayload", 'base64'), e.sealed_payload) END,
        lane = CASE WHEN w."isDropped" THEN ''::bytea ELSE e.lane END, awaits = decode(w.awaits, 'base64'), version = e.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, status text, reason text, "retryAt" timestamptz, "contactId" uuid, "conversationId" uuid, "messageId" uuid,
        "sealedPayload" text, "isDropped" boolean, awaits text)
      WHERE e.tenant_id = ${named('tenant')}::uuid AND e.id = ANY (${named('ids')}::uuid[]) AND e.id = w.id AND e.reason IS DISTINCT FROM ${named('erased')} RETURNING e.id, e.version`,
  )
  // The ids once more by themselves: without statistics (a new database) the planner would read all of the tenant's rows.
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows), erased: erasedReason })
}

/** A message of a channel as events name it that come before it. */
export const awaitedHash = (keys: TenantKeys, channelId: string, externalId: string): Buffer =>
  keys.hash('awaited-message', `${channelId}\0${externalId}`)

/** A group of a channel as events name it that come before anybody who is named has spoken there. */
export const groupHash = (keys: TenantKeys, channelId: string, threadKey: string): Buffer =>
  keys.hash('awaited-group', `${channelId}\0${threadKey}`)

/**
 * Takes up again the events of these lanes that were given up because one of these messages or groups was not there. Providers
 * deliver again for days, in any order: what was taken back stays taken back.
 * @param lanes hexadecimal; whose locks are held
 */
export async function laneRevive(
  tx: Tx,
  lanes: readonly string[],
  awaited: readonly Buffer[],
): Promise<{ id: string; version: number }[]> {
  const statement = tx.kept(
    'lane/revive',
    () => sql`UPDATE app.inbound_event SET status = 'stored', reason = NULL, attempts = 0, retry_at = NULL, awaits = NULL, version = version + 1, updated_at = now()
      WHERE tenant_id = ${named('tenant')}::uuid AND awaits = ANY (${named('awaited')}::bytea[]) AND status = 'ignored'
        AND lane = ANY (ARRAY(SELECT decode(l, 'hex') FROM unnest(${named('lanes')}::text[]) AS l)) RETURNING id, version`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, lanes: [...lanes], awaited: [...awaited] })
}

/** Has events of the lane that wait for their message looked at again: messages have come. */
export async function laneWake(tx: Tx, lane: string): Promise<void> {
  await tx.query(sql`UPDATE app.inbound_event SET retry_at = now() WHERE tenant_id = ${tx.principal.tenantId}::uuid AND lane = decode(${lane}, 'hex')
    AND status = 'stored' AND reason = ${waitingReason} AND retry_at > now()`)
}

/**
 * Counts a failed try of an event, unless somebody has dealt with it meanwhile (null).
 * @param delaysMs how long it holds its lane, try by try; after the last one it is set aside and its lane goes on
 * @returns retryAt null: it was set aside
 */
export async function laneFail(
  tx: Tx,
  event: { id: string; lane: string },
  reason: string,
  delaysMs: readonly number[],
): Promise<{ version: number; attempts: number; retryAt: Date | null } | null> {
  const { tenantId } = tx.principal
  const [, [row]] = await Promise.all([
    tx.query(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`lane/${tenantId}/${event.lane}`}, 0))`),
    tx.query<{ attempts: number }>(sql`SELECT attempts FROM app.inbound_event
      WHERE tenant_id = ${tenantId}::uuid AND id = ${event.id}::uuid AND status = 'stored' FOR NO KEY UPDATE`),
  ])
  if (!row) return null
  const delayMs = delaysMs[row.attempts]
  const retryAt = delayMs === undefined ? null : new Date(Date.now() + delayMs)
  const [written] = await tx.query<{ version: number; attempts: number }>(sql`UPDATE app.inbound_event
    SET attempts = attempts + 1, status = ${retryAt ? 'stored' : 'failed'}, reason = ${reason}, retry_at = ${retryAt?.toISOString() ?? null}::timestamptz,
        processed_at = CASE WHEN ${retryAt === null}::boolean THEN now() ELSE processed_at END, version = version + 1, updated_at = now()
    WHERE tenant_id = ${tenantId}::uuid AND id = ${event.id}::uuid RETURNING version, attempts`)
  return written ? { ...written, retryAt } : null
}
