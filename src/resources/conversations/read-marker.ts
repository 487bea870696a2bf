import { readerOf } from '../../access/principal.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { referenced, ruled, unknownReference } from '../../db/reference.ts'
import { lockRow } from '../../db/row-changes.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { messages } from '../messages/schema.ts'
import { conversations } from './schema.ts'
import { isHeard } from './unread.ts'

/**
 * Says how far the member who asks has read: up to this message, also where that is back; left out: all there is.
 * @throws Problem not_found, or unprocessable: nobody reads as an API key, and the message must be seen in the conversation
 */
export async function markerSet(tx: Tx, conversationId: string, messageId: string | null): Promise<void> {
  const { clear } = await lockRow(tx, conversations, conversationId, 'read', { trashed: 'also' })
  const memberId = readerIn(tx)
  if (messageId !== null) {
    const named = await referenced(tx, messages, messageId)
    if (named?.conversationId !== conversationId) throw ruled(unknownReference('/lastMessageId'))
  }
  await markRead(tx, memberId, conversationId, messageId)
  touched(tx, clear, conversationId)
}

/**
 * Marks as unread: the last message of the contact, at least. What was not read before stays unread.
 * @throws Problem not_found, unprocessable
 */
export async function markerBack(tx: Tx, conversationId: string): Promise<void> {
  const { clear } = await lockRow(tx, conversations, conversationId, 'read', { trashed: 'also' })
  const memberId = readerIn(tx)
  // The message before the last one of the contact is the last one that was read.
  await tx.query(sql`INSERT INTO app.conversation_read AS r (${columns})
    SELECT c.tenant_id, ${memberId}::uuid, c.id, c.business_unit_id, p.id, p.occurred_at, greatest(c.heard_count - greatest(c.unread_count, 1), 0), c.heard_count > 0
      FROM app.conversation AS c
      LEFT JOIN LATERAL (SELECT m.occurred_at, m.id FROM app.message AS m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND ${isHeard(sql`m`)}
        ORDER BY m.occurred_at DESC, m.id DESC OFFSET greatest(c.unread_count - 1, 0) LIMIT 1) AS h ON true
      LEFT JOIN LATERAL (SELECT m.occurred_at, m.id FROM app.message AS m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
        AND (m.occurred_at, m.id) < (h.occurred_at, h.id) ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) AS p ON true
     WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = ${conversationId}::uuid
    ON CONFLICT (tenant_id, member_id, conversation_id) DO UPDATE SET (message_id, message_at, read_count) =
      (SELECT b.message_id, b.message_at, b.read_count FROM (VALUES (r.message_id, r.message_at, r.read_count), ${lastUnread()}) AS b(message_id, message_at, read_count)
        ORDER BY b.read_count LIMIT 1), is_behind = EXCLUDED.is_behind, updated_at = now()`)
  touched(tx, clear, conversationId)
}

/** A marker just before the last message of the contact, for a conversation that has one already. */
function lastUnread(): SQL {
  const of = sql`m.tenant_id = r.tenant_id AND m.conversation_id = r.conversation_id`
  const last = sql`SELECT m.occurred_at, m.id FROM app.message AS m WHERE ${of}`
  const heard = sql`(${last} AND ${isHeard(sql`m`)} ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1)`
  const before = (column: SQL): SQL =>
    sql`(SELECT b.${column} FROM (${last} AND (m.occurred_at, m.id) < ${heard} ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) AS b)`
  const count = sql`(SELECT greatest(c.heard_count - 1, 0) FROM app.conversation AS c WHERE c.tenant_id = r.tenant_id AND c.id = r.conversation_id)`
  return sql`(${before(sql`id`)}, ${before(sql`occurred_at`)}, ${count})`
}

/**
 * Writes a marker, in a conversation that the transaction has locked.
 * @param messageId null: all there is
 */
async function markRead(tx: Tx, memberId: string, conversationId: string, messageId: string | null): Promise<void> {
  const which = messageId === null ? sql`true` : sql`m.id = ${messageId}::uuid`
  const of = (alias: SQL): SQL => sql`${alias}.tenant_id = c.tenant_id AND ${alias}.conversation_id = c.id`
  await tx.query(sql`INSERT INTO app.conversation_read (${columns})
    SELECT c.tenant_id, ${memberId}::uuid, c.id, c.business_unit_id, l.id, l.occurred_at, greatest(c.heard_count - later.n, 0), later.n > 0
      FROM app.conversation AS c
      LEFT JOIN LATERAL (SELECT m.id, m.occurred_at FROM app.message AS m WHERE ${of(sql`m`)} AND ${which} ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) AS l ON true
      CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM app.message AS h WHERE ${of(sql`h`)} AND ${isHeard(sql`h`)} AND (h.occurred_at, h.id) > (l.occurred_at, l.id)) AS later
     WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = ${conversationId}::uuid ${orMove}`)
}

const columns = sql.raw(
  'tenant_id, member_id, conversation_id, business_unit_id, message_id, message_at, read_count, is_behind',
)
/** There is one marker for each member and conversation. */
const orMove =
  sql.raw(`ON CONFLICT (tenant_id, member_id, conversation_id) DO UPDATE SET message_id = EXCLUDED.message_id, message_at = EXCLUDED.message_at,
  read_count = EXCLUDED.read_count, is_behind = EXCLUDED.is_behind, updated_at = now()`)

/**
 * Whoever answers has read what they answer. The answer itself is the last message that they know, by its id and time;
 * it may be written later in the same transaction.
 */
export async function answeredBy(tx: Tx, conversationId: string, messageId: string): Promise<void> {
  const memberId = readerOf(tx.principal)
  if (memberId === null) return
  await tx.query(sql`INSERT INTO app.conversation_read (${columns})
    SELECT c.tenant_id, ${memberId}::uuid, c.id, c.business_unit_id, ${messageId}::uuid, c.last_message_at, c.heard_count, false FROM app.conversation AS c
     WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = ${conversationId}::uuid ${orMove}`)
}

/**
 * Contacts have said more: whoever had read a conversation is behind.
 * Of conversations that the transaction has locked, as whoever sets a marker does.
 */
export async function readersBehind(tx: Tx, conversationIds: readonly string[]): Promise<void> {
  const statement = tx.kept(
    'conversation/readers-behind',
    () => sql`UPDATE app.conversation_read SET is_behind = true
      WHERE tenant_id = ${named('tenant')}::uuid AND conversation_id = ANY (${named('ids')}::uuid[]) AND NOT is_behind`,
  )
  await tx.query(statement, { tenant: tx.principal.tenantId, ids: conversationIds })
}

/** For a patch that says so: the conversation is locked and touched by the patch itself. */
export async function markAllRead(tx: Tx, conversationId: string): Promise<void> {
  await markRead(tx, readerIn(tx), conversationId, null)
}

function readerIn(tx: Tx): string {
  const memberId = readerOf(tx.principal)
  if (memberId === null)
    throw new Problem('unprocessable', { detail: 'Members read; an API key of its own has no marker.' })
  return memberId
}

const touched = (tx: Tx, { contactId }: JsonRow, id: string): void =>
  tx.touch({
    resource: conversations.name,
    ids: [id],
    changed: ['unreadCount'],
    subjectIds: [typeof contactId === 'string' ? contactId : null],
  })
