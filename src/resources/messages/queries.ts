import type { JsonObject } from '../../channels/json.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import type { Veiled } from '../../privacy/detection.ts'

export interface Reaction {
  by: 'contact' | 'member'
  emoji: string
  /** RFC 3339 */
  at: string
}

/** A message as far as events about it need it. */
export interface KnownMessage {
  id: string
  conversationId: string
  contactId: string
  /** of its contact, ISO 3166-1 alpha-2 */
  country: string | null
  externalId: string | null
  direction: string
  status: string
  reactions: Reaction[]
  attachmentIds: string[]
  inboundEventId: string | null
  editedMs: number | null
  deletedMs: number | null
  /** the key of its contact, wrapped; null: none was made yet */
  wrappedKey: Buffer | null
}

const columns =
  sql.raw(`m.id, m.conversation_id AS "conversationId", m.contact_id AS "contactId", m.external_id AS "externalId", m.direction, m.status, m.reactions,
  (SELECT p.country FROM app.contact p WHERE p.tenant_id = m.tenant_id AND p.id = m.contact_id) AS country, m.attachment_ids AS "attachmentIds", m.inbound_event_id AS "inboundEventId", (extract(epoch FROM m.edited_at) * 1000)::float8 AS "editedMs",
  (extract(epoch FROM m.deleted_at) * 1000)::float8 AS "deletedMs", k.wrapped_key AS "wrappedKey"
  FROM app.message m LEFT JOIN app.contact_key k ON k.tenant_id = m.tenant_id AND k.contact_id = m.contact_id`)

/** The messages of a channel that the provider knows by these ids, locked. */
export async function messageListByExternalId(
  tx: Tx,
  channelId: string,
  externalIds: readonly string[],
): Promise<KnownMessage[]> {
  const statement = tx.kept(
    'message/external',
    () => sql`SELECT ${columns} WHERE m.tenant_id = ${named('tenant')}::uuid AND m.channel_id = ${named('channel')}::uuid AND m.external_id = ANY (${named('ids')}::text[])
      ORDER BY m.external_id FOR NO KEY UPDATE OF m`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, channel: channelId, ids: [...externalIds] })
}

/** The messages of a channel with these ids of ours, locked. */
export async function messageListById(tx: Tx, channelId: string, ids: readonly string[]): Promise<KnownMessage[]> {
  const statement = tx.kept(
    'message/own',
    () => sql`SELECT ${columns} WHERE m.tenant_id = ${named('tenant')}::uuid AND m.channel_id = ${named('channel')}::uuid AND m.id = ANY (${named('ids')}::uuid[])
      ORDER BY m.id FOR NO KEY UPDATE OF m`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, channel: channelId, ids: [...ids] })
}

export interface NewMessage {
  id: string
  conversationId: string
  contactId: string
  identityId: string | null
  direction: string
  type: string
  content: JsonObject
  text: string
  /** what was found in content and text, see veiledOf */
  veiled: Veiled
  reactions: readonly Reaction[]
  attachmentIds: readonly string[]
  status: string
  error: JsonObject | null
  authorKind: string
  authorId: string | null
  replyToId: string | null
  replyToExternalId: string | null
  externalId: string
  historical: boolean
  inboundEventId: string
  occurredAt: string
  editedAt: string | null
  deletedAt: string | null
}

export async function messageInsertAll(
  tx: Tx,
  channel: { id: string; businessUnitId: string },
  rows: readonly NewMessage[],
): Promise<void> {
  const statement = tx.kept(
    'message/insert',
    () => sql`INSERT INTO app.message (tenant_id, id, business_unit_id, channel_id, conversation_id, contact_id, identity_id, direction, type, content, text, veiled, reactions,
        attachment_ids, status, error, author_kind, author_id, reply_to_id, reply_to_external_id, external_id, historical, inbound_event_id, occurred_at, edited_at, deleted_at)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, ${named('channel')}::uuid, w."conversationId", w."contactId", w."identityId", w.direction, w.type, w.content, w.text, w.veiled, w.reactions,
        w."attachmentIds", w.status, w.error, w."authorKind", w."authorId", w."replyToId", w."replyToExternalId", w."externalId", w.historical, w."inboundEventId", w."occurredAt", w."editedAt", w."deletedAt"
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "conversationId" uuid, "contactId" uuid, "identityId" uuid, direction text, type text, content jsonb, text text, veiled jsonb, reactions jsonb,
        "attachmentIds" uuid[], status text, error jsonb, "authorKind" text, "authorId" uuid, "replyToId" uuid, "replyToExternalId" text, "externalId" text, historical boolean, "inboundEventId" uuid,
        "occurredAt" timestamptz, "editedAt" timestamptz, "deletedAt" timestamptz)`,
  )
  await tx.query(statement, {
    tenant: tx.principal.tenantId,
    unit: channel.businessUnitId,
    channel: channel.id,
    rows: JSON.stringify(rows),
  })
}

/** Absent: as it was. A new status brings its error, or none. */
export interface MessageChange {
  id: string
  status?: string
  error?: JsonObject | null
  /** set where we had none */
  externalId?: string
  type?: string
  content?: JsonObject
  text?: string
  /** goes with every new content and text */
  veiled?: Veiled
  reactions?: readonly Reaction[]
  attachmentIds?: readonly string[]
  editedAt?: string
  deletedAt?: string
}

export interface ChangedMessage {
  id: string
  version: number
  /** What was said, as it was and as it is; null where only its delivery went on. */
  before: JsonRow | null
  after: JsonRow | null
}

/** Changes messages that the transaction has locked; one that would be as it was is left alone. */
export async function messageUpdateAll(tx: Tx, rows: readonly MessageChange[]): Promise<ChangedMessage[]> {
  const said = sql`num_nonnulls(w.type, w.content, w.text, w.reactions, w."attachmentIds", w."editedAt", w."deletedAt") > 0`
  const fields = (row: string) =>
    sql.raw(
      `'type', ${row}.type, 'content', ${row}.content, 'text', ${row}.text, 'reactions', ${row}.reactions, 'attachmentIds', ${row}.attachment_ids, 'editedAt', ${row}.edited_at, 'deletedAt', ${row}.deleted_at`,
    )
  const statement = tx.kept(
    'message/update',
    () => sql`UPDATE app.message m SET status = coalesce(w.status, m.status), error = CASE WHEN w.status IS NULL THEN m.error ELSE w.error END,
        external_id = coalesce(m.external_id, w."externalId"), type = coalesce(w.type, m.type), content = coalesce(w.content, m.content), text = coalesce(w.text, m.text),
        veiled = CASE WHEN w.content IS NULL AND w.text IS NULL THEN m.veiled ELSE w.veiled END,
        reactions = coalesce(w.reactions, m.reactions), attachment_ids = coalesce(w."attachmentIds", m.attachment_ids),
        edited_at = coalesce(w."editedAt", m.edited_at), deleted_at = coalesce(w."deletedAt", m.deleted_at), version = m.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, status text, error jsonb, "externalId" text, type text, content jsonb, text text, veiled jsonb, reactions jsonb, "attachmentIds" uuid[],
        "editedAt" timestamptz, "deletedAt" timestamptz), app.message o
      WHERE m.tenant_id = ${named('tenant')}::uuid AND m.id = ANY (${named('ids')}::uuid[]) AND m.id = w.id AND o.tenant_id = m.tenant_id AND o.id = m.id AND (w.status IS DISTINCT FROM m.status AND w.status IS NOT NULL OR m.external_id IS NULL AND w."externalId" IS NOT NULL
        OR w.type <> m.type OR w.content <> m.content OR w.text <> m.text OR w.reactions <> m.reactions OR w."attachmentIds" <> m.attachment_ids
        OR w."editedAt" IS NOT NULL AND w."editedAt" IS DISTINCT FROM m.edited_at OR w."deletedAt" IS NOT NULL AND m.deleted_at IS NULL)
      RETURNING m.id, m.version, CASE WHEN ${said} THEN json_build_object(${fields('o')}) END AS before, CASE WHEN ${said} THEN json_build_object(${fields('m')}) END AS after`,
  )
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}

/** Ties answers that came before the messages that they answer to them. */
export async function messageLinkReplies(
  tx: Tx,
  channelId: string,
  externalIds: readonly string[],
): Promise<{ id: string; contactId: string; version: number }[]> {
  const statement = tx.kept(
    'message/replies',
    () => sql`UPDATE app.message r SET reply_to_id = m.id, version = r.version + 1, updated_at = now() FROM app.message m
      WHERE r.tenant_id = ${named('tenant')}::uuid AND r.channel_id = ${named('channel')}::uuid AND r.reply_to_external_id = ANY (${named('ids')}::text[]) AND r.reply_to_id IS NULL
        AND r.reply_to_external_id IS NOT NULL AND m.tenant_id = r.tenant_id AND m.channel_id = r.channel_id AND m.external_id = r.reply_to_external_id
      RETURNING r.id, r.contact_id AS "contactId", r.version`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, channel: channelId, ids: [...externalIds] })
}
