import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { contactsInScope, type PeopleScope, peopleValues } from '../identities/queries.ts'

/** An utterance that bears on who waits for whom: the contact's, or an answer given elsewhere (an echo). */
export interface RecentUtterance {
  isEcho: boolean
  atMs: number
}

export interface KnownConversation {
  id: string
  contactId: string
  identityId: string | null
  threadKey: string
  /** a thread of several people, with one conversation for all of them */
  isGroup: boolean
  status: string
  unreadCount: number
  waitingSinceMs: number | null
  lastInboundMs: number | null
  lastMessageMs: number | null
  state: string
  /** utterances since the moment asked for, at most 200 */
  recent: RecentUtterance[]
  /** a message of ours is with the provider, whose answer is not known yet */
  isSending: boolean
}

/**
 * The conversations on a channel of all contacts in the scope, locked until the end of the transaction.
 * @param sinceMs from when on utterances matter: they arrive out of order
 */
export async function conversationListAround(
  tx: Tx,
  scope: PeopleScope,
  channelId: string,
  sinceMs: number,
): Promise<KnownConversation[]> {
  const statement = tx.kept('conversation/around', () => knownSql(sql`c.contact_id = ANY (${contactsInScope()})`))
  const values = { ...peopleValues(tx, scope), channel: channelId, since: sinceOf(sinceMs) }
  const rows = await tx.query<KnownConversation>(statement, values)
  // Latest first; sorted here, since the planner would else read the tenant's conversations in that order.
  return rows.sort((a, b) => (b.lastMessageMs ?? 0) - (a.lastMessageMs ?? 0))
}

/** The same of groups on a channel, by their threads, whoever of their members is looked for. */
export async function conversationListOfGroups(
  tx: Tx,
  channelId: string,
  threadKeys: readonly string[],
  sinceMs: number,
): Promise<KnownConversation[]> {
  const statement = tx.kept('conversation/groups', () =>
    knownSql(sql`c.is_group AND c.thread_key = ANY (${named('threads')}::text[])`),
  )
  const { tenantId } = tx.principal
  return tx.query(statement, {
    tenant: tenantId,
    channel: channelId,
    threads: [...threadKeys],
    since: sinceOf(sinceMs),
  })
}

const sinceOf = (sinceMs: number): string => (Number.isFinite(sinceMs) ? new Date(sinceMs).toISOString() : 'infinity')

const ms = (column: string): SQL => sql.raw(`(extract(epoch FROM c.${column}) * 1000)::float8`)

const knownSql = (which: SQL): SQL =>
  sql`SELECT c.id, c.contact_id AS "contactId", c.identity_id AS "identityId", c.thread_key AS "threadKey", c.is_group AS "isGroup", c.status, c.unread_count AS "unreadCount",
        ${ms('waiting_since')} AS "waitingSinceMs", ${ms('last_inbound_at')} AS "lastInboundMs", ${ms('last_message_at')} AS "lastMessageMs", c.state,
        (SELECT coalesce(json_agg(r), '[]') FROM (SELECT m.direction = 'outbound' AS "isEcho", (extract(epoch FROM m.occurred_at) * 1000)::float8 AS "atMs" FROM app.message m
          WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND m.occurred_at >= ${named('since')}::timestamptz AND NOT m.historical
            AND m.type NOT IN ('system', 'call') AND NOT m.content ? 'automated' AND m.deleted_at IS NULL AND (m.direction = 'inbound' OR m.author_kind = 'provider') ORDER BY m.occurred_at DESC LIMIT 200) AS r) AS recent,
        EXISTS (SELECT FROM app.message q WHERE q.tenant_id = c.tenant_id AND q.conversation_id = c.id AND q.status = 'queued' AND q.dispatched_at IS NOT NULL) AS "isSending"
      FROM app.conversation c WHERE c.tenant_id = ${named('tenant')}::uuid AND c.channel_id = ${named('channel')}::uuid AND ${which} FOR NO KEY UPDATE OF c`

/** What events may change. Times as RFC 3339. */
export interface ConversationState {
  id: string
  identityId: string | null
  status: string
  /** what the house has not answered yet */
  unreadCount: number
  /** how much more the contact has said since: see unread.ts */
  heard: number
  waitingSince: string | null
  lastInboundAt: string | null
  lastMessageAt: string | null
  /** null: as it was */
  lastMessageId: string | null
  state: string
}

export interface NewConversation extends ConversationState {
  contactId: string
  threadKey: string
  isGroup: boolean
}

export async function conversationInsertAll(
  tx: Tx,
  channel: { id: string; type: string; businessUnitId: string; teamId: string | null },
  rows: readonly NewConversation[],
): Promise<void> {
  const statement = tx.kept(
    'conversation/insert',
    () => sql`INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, identity_id, channel_id, channel, thread_key, is_group, team_id, veiled, status, unread_count,
        heard_count, waiting_since, last_inbound_at, last_message_at, last_message_id)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, w."contactId", w."identityId", ${named('channel')}::uuid, ${named('type')}, w."threadKey", w."isGroup", ${named('team')}::uuid, '{}',
        w.status, w."unreadCount", w.heard, w."waitingSince", w."lastInboundAt", w."lastMessageAt", w."lastMessageId"
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "contactId" uuid, "identityId" uuid, "threadKey" text, "isGroup" boolean, status text, "unreadCount" int,
        heard int, "waitingSince" timestamptz, "lastInboundAt" timestamptz, "lastMessageAt" timestamptz, "lastMessageId" uuid)`,
  )
  await tx.query(statement, {
    tenant: tx.principal.tenantId,
    unit: channel.businessUnitId,
    channel: channel.id,
    type: channel.type,
    team: channel.teamId,
    rows: JSON.stringify(rows),
  })
}

/** Of conversations that the transaction has locked. Whatever opens one ends its sleep. */
export async function conversationUpdateAll(tx: Tx, rows: readonly ConversationState[]): Promise<Changed[]> {
  const fields = (row: string) =>
    sql.raw(
      `'status', ${row}.status, 'snoozedUntil', ${row}.snoozed_until, 'identityId', ${row}.identity_id, 'trashedAt', ${row}.trashed_at`,
    )
  const statement = tx.kept(
    'conversation/update',
    () => sql`UPDATE app.conversation c SET identity_id = w."identityId", status = w.status, snoozed_until = CASE WHEN w.status = 'snoozed' THEN c.snoozed_until END,
        unread_count = w."unreadCount", heard_count = c.heard_count + w.heard, waiting_since = w."waitingSince", last_inbound_at = w."lastInboundAt", last_message_at = w."lastMessageAt",
        last_message_id = coalesce(w."lastMessageId", c.last_message_id), state = w.state, trashed_at = CASE WHEN w.state = 'active' THEN NULL ELSE c.trashed_at END,
        version = c.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "identityId" uuid, status text, "unreadCount" int, heard int, "waitingSince" timestamptz, "lastInboundAt" timestamptz,
        "lastMessageAt" timestamptz, "lastMessageId" uuid, state text), app.conversation o
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = ANY (${named('ids')}::uuid[]) AND c.id = w.id AND o.tenant_id = c.tenant_id AND o.id = c.id
      RETURNING c.id, c.version, json_build_object(${fields('o')}) AS before, json_build_object(${fields('c')}) AS after`,
  )
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}
