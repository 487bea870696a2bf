import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'

/**
 * Sets where the follow-up of contacts stands, by contact id. Of those whose processing is restricted (GDPR art. 18)
 * nothing changes by itself.
 */
export async function contactFollowAll(tx: Tx, statuses: ReadonlyMap<string, string>): Promise<Changed[]> {
  const [ids, words] = [array([...statuses.keys()], 'uuid'), array([...statuses.values()], 'text')]
  return tx.query<Changed>(sql`WITH o AS (SELECT c.id, c.follow_up_status, w.status FROM unnest(${ids}, ${words}) AS w(id, status)
      JOIN app.contact AS c ON c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = w.id
      WHERE c.state = 'active' AND NOT c.restricted AND c.follow_up_status IS DISTINCT FROM w.status FOR NO KEY UPDATE OF c)
    UPDATE app.contact AS c SET follow_up_status = o.status, version = c.version + 1, updated_at = now() FROM o
     WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.id = o.id
    RETURNING c.id, c.version, json_build_object('followUpStatus', o.follow_up_status) AS before, json_build_object('followUpStatus', c.follow_up_status) AS after`)
}
