import { touches, type Versioned } from '../db/audit-event.ts'
import type { Tx } from '../db/database.ts'
import { array, type SQL, sql } from '../db/sql.ts'
import { isHeard } from '../resources/conversations/unread.ts'
import { rewrapFiles } from '../resources/merges/part.ts'

/** A conversation of the person in which others have spoken too. */
interface Shared {
  id: string
  isGroup: boolean
  /** who has it from now on: whoever of the others spoke last */
  heirId: string
  /** an address of theirs, from which they spoke there */
  identityId: string | null
}

/**
 * Conversations in which others have spoken beside the person go on as one of theirs, before the person's own things go:
 * nobody loses what they have said, or what was said to them, because somebody else is erased. In a group that is all but
 * what the person said there and our answers to that; in a thread between a person and us, which others have joined, it is
 * what those have said. The subject line goes: it may be the person's.
 *
 * What members of a group have said whom its provider does not name stays with the others; where there are no others, it
 * goes with the conversation.
 * @returns all conversations that lose something of the person, and stay
 */
export async function passOnShared(tx: Tx, contactIds: readonly string[]): Promise<string[]> {
  const { tenantId } = tx.principal
  const contacts = array(contactIds, 'uuid')
  const guests = await tx.query<{ id: string }>(
    sql`SELECT DISTINCT c.id FROM app.message m JOIN app.conversation c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
      WHERE m.tenant_id = ${tenantId}::uuid AND m.contact_id = ANY (${contacts}) AND NOT c.contact_id = ANY (${contacts})`,
  )
  const others = sql`m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND NOT m.contact_id = ANY (${contacts})`
  const taken = sql`EXISTS (SELECT FROM app.conversation d WHERE d.tenant_id = c.tenant_id AND d.channel_id = c.channel_id AND d.identity_id = i.id AND d.thread_key = c.thread_key AND d.id <> c.id)`
  const shared = await tx.query<Shared & Record<string, unknown>>(
    sql`SELECT c.id, c.is_group AS "isGroup", h.contact_id AS "heirId",
        (SELECT i.id FROM app.message m JOIN app.identity i ON i.tenant_id = m.tenant_id AND i.id = m.identity_id AND i.contact_id = h.contact_id
          WHERE ${others} AND i.state = 'active' AND NOT ${taken} ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) AS "identityId"
      FROM app.conversation c CROSS JOIN LATERAL (SELECT m.contact_id FROM app.message m WHERE ${others} ORDER BY m.author_kind = 'contact' DESC, m.occurred_at DESC, m.id DESC LIMIT 1) AS h
      WHERE c.tenant_id = ${tenantId}::uuid AND c.contact_id = ANY (${contacts}) ORDER BY c.id`,
  )
  for (const one of shared) await passOn(tx, one, contacts)
  for (const heirId of new Set(shared.map((one) => one.heirId)))
    for (const contactId of contactIds) await rewrapFiles(tx, contactId, heirId)
  return [...guests, ...shared].map(({ id }) => id)
}

async function passOn(tx: Tx, { id, isGroup, heirId, identityId }: Shared, contacts: SQL): Promise<void> {
  const { tenantId } = tx.principal
  const theirs = sql`r.tenant_id = ${tenantId}::uuid AND r.conversation_id = ${id}::uuid AND r.contact_id = ANY (${contacts})`
  const give = async (resource: string, table: 'message' | 'note' | 'attachment', which: SQL): Promise<void> => {
    const rows = await tx.query<Versioned & Record<string, unknown>>(
      sql`UPDATE app.${sql.identifier(table)} AS r SET contact_id = ${heirId}::uuid, version = r.version + 1, updated_at = now() WHERE ${theirs} AND ${which} RETURNING r.id, r.version`,
    )
    for (const one of touches(resource, rows, ['contactId'], () => heirId)) tx.touch(one)
  }
  const [row] = await tx.query<Versioned & Record<string, unknown>>(
    sql`UPDATE app.conversation SET contact_id = ${heirId}::uuid, identity_id = ${identityId}::uuid, subject = NULL, veiled = '{}', sealed_reply_handle = NULL,
        reply_handle_until = NULL, version = version + 1, updated_at = now() WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid RETURNING id, version`,
  )
  const changed = ['contactId', 'identityId', 'subject']
  for (const one of touches('conversations', row ? [row] : [], changed, () => heirId)) tx.touch(one)
  if (!isGroup) return
  const answers = sql`EXISTS (SELECT FROM app.message p WHERE p.tenant_id = r.tenant_id AND p.id = r.reply_to_id AND p.author_kind = 'contact' AND p.author_id = ANY (${contacts}))`
  await give(
    'messages',
    'message',
    sql`(r.author_kind <> 'contact' OR r.author_id IS NULL) AND NOT (r.direction = 'outbound' AND ${answers})`,
  )
  await give('notes', 'note', sql`true`)
  const ofHeir = sql`EXISTS (SELECT FROM app.message m WHERE m.tenant_id = r.tenant_id AND m.id = r.message_id AND m.contact_id = ${heirId}::uuid)`
  await give('attachments', 'attachment', ofHeir)
}

/**
 * Has conversations tell of what is left in them, once the person's things are gone, and members' markers too. Nobody
 * waits who did not wait before.
 */
export async function recountShared(tx: Tx, conversationIds: readonly string[]): Promise<void> {
  if (conversationIds.length === 0) return
  const { tenantId } = tx.principal
  const ids = array(conversationIds, 'uuid')
  const heard = isHeard(sql`m`)
  const bySomebody = sql`NOT m.content ? 'automated'`
  const said = sql`m.direction = 'inbound' AND m.type NOT IN ('system', 'call') AND (NOT m.historical OR m.content ? 'standby')`
  const answered = sql`(SELECT max(x.occurred_at) FROM app.message x WHERE x.tenant_id = o.tenant_id AND x.conversation_id = o.id AND x.direction = 'outbound' AND x.type <> 'reaction')`
  const rows = await tx.query<Versioned & { contactId: string }>(
    sql`UPDATE app.conversation AS c SET last_message_id = s.last_id, last_message_at = s.last_at, last_inbound_at = s.inbound_at, heard_count = s.heard,
        waiting_since = s.waiting_since, unread_count = least(c.unread_count, s.open), version = c.version + 1, updated_at = now()
      FROM app.conversation AS o CROSS JOIN LATERAL (SELECT (array_agg(m.id ORDER BY m.occurred_at DESC, m.id DESC))[1] AS last_id, max(m.occurred_at) AS last_at,
          max(m.occurred_at) FILTER (WHERE ${said} AND ${bySomebody}) AS inbound_at, count(*) FILTER (WHERE ${heard})::int AS heard,
          min(m.occurred_at) FILTER (WHERE ${heard} AND ${bySomebody} AND m.occurred_at >= o.waiting_since) AS waiting_since,
          count(*) FILTER (WHERE ${heard} AND m.occurred_at > coalesce(${answered}, '-infinity'))::int AS open
        FROM app.message m WHERE m.tenant_id = o.tenant_id AND m.conversation_id = o.id AND m.type <> 'reaction') AS s
      WHERE c.tenant_id = ${tenantId}::uuid AND c.id = ANY (${ids}) AND o.tenant_id = c.tenant_id AND o.id = c.id RETURNING c.id, c.version, c.contact_id AS "contactId"`,
  )
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  const changed = ['lastMessageId', 'lastMessageAt', 'lastInboundAt', 'unreadCount', 'waitingSince']
  for (const one of touches('conversations', rows, changed, (id) => contacts.get(id))) tx.touch(one)
  await tx.query(
    sql`UPDATE app.conversation_read AS r SET read_count = (SELECT count(*)::int FROM app.message m WHERE m.tenant_id = r.tenant_id AND m.conversation_id = r.conversation_id
          AND ${heard} AND (m.occurred_at, m.id) <= (r.message_at, r.message_id))
      WHERE r.tenant_id = ${tenantId}::uuid AND r.conversation_id = ANY (${ids}) AND r.message_id IS NOT NULL`,
  )
}
