import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Stale } from '../../db/transaction.ts'
import { Problem } from '../../errors.ts'

/** Voids every ability of the tenant: the next request of anybody builds a new one. */
export async function policyChanged(tx: Tx): Promise<void> {
  await changed(tx)
}

/**
 * The same for what has been decided by the policy as the principal knows it, such as which fields grants may name: when
 * that has changed since, the change is run again with a renewed principal. Without it a role that is being written
 * could end up holding a field that is being deleted.
 */
export async function policyChangedHere(tx: Tx): Promise<void> {
  const { standing } = tx.principal
  const version = await changed(tx)
  if (standing && version !== standing.policyVersion + 1) throw new Stale()
}

/** Keeps the policy as the principal knows it until the end of the transaction, without changing it. */
export async function policyKept(tx: Tx): Promise<void> {
  const { standing, tenantId } = tx.principal
  const [row] = await tx.query<{ version: string }>(
    sql`SELECT policy_version AS version FROM app.tenant WHERE tenant_id = ${tenantId}::uuid FOR SHARE`,
  )
  if (standing && Number(row?.version) !== standing.policyVersion) throw new Stale()
}

async function changed(tx: Tx): Promise<number> {
  const [row] = await tx.query<{ version: string }>(
    sql`UPDATE app.tenant SET policy_version = policy_version + 1 WHERE tenant_id = ${tx.principal.tenantId}::uuid RETURNING policy_version AS version`,
  )
  return Number(row?.version)
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
