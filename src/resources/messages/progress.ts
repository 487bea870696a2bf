import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'

/**
 * Moves messages of ours up to where their conversation's customer has come, never down: those that were with the
 * provider by then (its clock and ours are taken for one), and that are neither failed nor of unknown fate. What is on
 * its way when this runs is moved when its sending is written down.
 */
export async function messageProgressAll(
  tx: Tx,
  conversationIds: readonly string[],
): Promise<{ id: string; version: number; contactId: string }[]> {
  const statement = tx.kept(
    'message/progress',
    () => sql`UPDATE app.message AS m SET status = CASE WHEN coalesce(m.dispatched_at, m.occurred_at) <= c.read_up_to THEN 'read' ELSE 'delivered' END, error = NULL,
        version = m.version + 1, updated_at = now() FROM app.conversation AS c
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = ANY (${named('ids')}::uuid[]) AND m.tenant_id = c.tenant_id AND m.conversation_id = c.id
        AND m.direction = 'outbound' AND m.status IN ('sent', 'delivered') AND NOT m.historical
        AND coalesce(m.dispatched_at, m.occurred_at) <= CASE WHEN m.status = 'sent' THEN greatest(c.delivered_up_to, c.read_up_to) ELSE c.read_up_to END
      RETURNING m.id, m.version, m.contact_id AS "contactId"`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, ids: [...new Set(conversationIds)] })
}
