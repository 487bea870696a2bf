import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Stale } from '../../db/transaction.ts'

/**
 * Voids the rules that are known. What a rule may ask about was decided by the policy as the principal knows it: when
 * that has changed since, the change is run again with a renewed principal, or a rule could end up asking about a field
 * that is being deleted.
 */
export async function rulesChanged(tx: Tx): Promise<void> {
  const { standing, tenantId } = tx.principal
  const [row] = await tx.query<{ policy: string }>(
    sql`UPDATE app.tenant SET routing_version = routing_version + 1 WHERE tenant_id = ${tenantId}::uuid RETURNING policy_version AS policy`,
  )
  if (standing && Number(row?.policy) !== standing.policyVersion) throw new Stale()
}
