import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { isHeard } from './unread.ts'

/**
 * What follows for conversations when contacts take messages back: nobody waits for an answer to what is not said any
 * more, and it is not unread. For whoever had read it, the rest stays read.
 * @param messageIds of messages that are marked as deleted by now
 */
export async function conversationTakeBack(
  tx: Tx,
  messageIds: readonly string[],
): Promise<{ id: string; version: number; contactId: string }[]> {
  const statement = tx.kept(
    'conversation/take-back',
    () => sql`WITH gone AS (SELECT m.tenant_id, m.conversation_id, m.id, m.occurred_at, m.created_at FROM app.message AS m
        WHERE m.tenant_id = ${named('tenant')}::uuid AND m.id = ANY (${named('ids')}::uuid[]) AND m.direction = 'inbound' AND NOT m.historical AND m.type NOT IN ('system', 'call')),
      had AS (SELECT r.member_id, r.conversation_id, count(*)::int AS n FROM gone AS g
        JOIN app.conversation_read AS r ON r.tenant_id = g.tenant_id AND r.conversation_id = g.conversation_id
         AND (g.occurred_at, g.id) <= (r.message_at, r.message_id) AND g.created_at <= r.updated_at GROUP BY 1, 2),
      marked AS (UPDATE app.conversation_read AS r SET read_count = greatest(r.read_count - had.n, 0) FROM had
        WHERE r.tenant_id = ${named('tenant')}::uuid AND r.member_id = had.member_id AND r.conversation_id = had.conversation_id),
      lost AS (SELECT c.id, count(*)::int AS n, count(*) FILTER (WHERE g.occurred_at >= c.waiting_since)::int AS unanswered,
          (SELECT min(h.occurred_at) FROM app.message AS h WHERE h.tenant_id = c.tenant_id AND h.conversation_id = c.id AND ${isHeard(sql`h`)} AND NOT h.content ? 'automated'
            AND h.occurred_at >= c.waiting_since) AS waiting_since
        FROM gone AS g JOIN app.conversation AS c ON c.tenant_id = g.tenant_id AND c.id = g.conversation_id GROUP BY c.tenant_id, c.id, c.waiting_since)
      UPDATE app.conversation AS c SET heard_count = greatest(c.heard_count - lost.n, 0), unread_count = greatest(c.unread_count - lost.unanswered, 0),
          waiting_since = lost.waiting_since, version = c.version + 1, updated_at = now()
        FROM lost WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = lost.id RETURNING c.id, c.version, c.contact_id AS "contactId"`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, ids: messageIds })
}
