import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'

/** Voids every ability of the tenant: the next request of anybody builds a new one. */
export async function policyChanged(tx: Tx): Promise<void> {
  await tx.query(
    sql`UPDATE app.tenant SET policy_version = policy_version + 1 WHERE tenant_id = ${tx.principal.tenantId}::uuid`,
  )
}

/** What members or keys still have cannot go. */
export async function refuseInUse(
  tx: Tx,
  column: 'role_ids' | 'team_ids' | 'business_unit_ids',
  id: string,
): Promise<void> {
  const list = sql.identifier(column)
  const [use] =
    await tx.query(sql`SELECT 1 FROM app.member WHERE tenant_id = ${tx.principal.tenantId}::uuid AND ${list} @> ARRAY[${id}::uuid] AND state = 'active'
    UNION ALL SELECT 1 FROM app.api_key WHERE tenant_id = ${tx.principal.tenantId}::uuid AND ${list} @> ARRAY[${id}::uuid] AND state = 'active' LIMIT 1`)
  if (use) throw new Problem('in_use', { detail: 'Members or API keys still have it.' })
}
