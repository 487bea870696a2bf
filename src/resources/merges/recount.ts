import { touches } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { isHeard } from '../conversations/unread.ts'

/** Has conversations tell of the messages that are in them now, and not of those that were parted from them. */
export async function recountAll(tx: Tx, conversationIds: readonly string[]): Promise<void> {
  if (conversationIds.length === 0) return
  const heard = isHeard(sql`m`)
  const rows = await tx.query<{ id: string; version: number; contactId: string }>(
    sql`UPDATE app.conversation AS c SET last_message_id = s.last_id, last_message_at = s.last_at, last_inbound_at = s.inbound_at, heard_count = s.heard,
        unread_count = least(c.unread_count + s.open, s.open), waiting_since = s.waiting_since, version = c.version + 1, updated_at = now()
      FROM (SELECT o.id, (array_agg(m.id ORDER BY m.occurred_at DESC, m.id DESC) FILTER (WHERE m.id IS NOT NULL))[1] AS last_id, max(m.occurred_at) AS last_at,
          max(m.occurred_at) FILTER (WHERE ${heard}) AS inbound_at, (count(*) FILTER (WHERE ${heard}))::int AS heard,
          (count(*) FILTER (WHERE ${heard} AND m.occurred_at > coalesce(a.at, '-infinity')))::int AS open,
          min(m.occurred_at) FILTER (WHERE ${heard} AND m.occurred_at > coalesce(a.at, '-infinity')) AS waiting_since
        FROM app.conversation o LEFT JOIN app.message m ON m.tenant_id = o.tenant_id AND m.conversation_id = o.id AND m.type <> 'reaction'
        LEFT JOIN LATERAL (SELECT max(x.occurred_at) AS at FROM app.message x WHERE x.tenant_id = o.tenant_id AND x.conversation_id = o.id AND x.direction = 'outbound' AND x.type <> 'reaction') AS a ON true
        WHERE o.tenant_id = ${tx.principal.tenantId}::uuid AND o.id = ANY (${array(conversationIds, 'uuid')}) GROUP BY o.id) AS s
      WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = s.id RETURNING c.id, c.version, c.contact_id AS "contactId"`,
  )
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  const changed = ['lastMessageId', 'lastMessageAt', 'lastInboundAt', 'unreadCount', 'waitingSince']
  for (const one of touches('conversations', rows, changed, (id) => contacts.get(id))) tx.touch(one)
}
