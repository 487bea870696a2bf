import type { Tx } from '../../db/database.ts'
import { ruled } from '../../db/reference.ts'
import { sql } from '../../db/sql.ts'

/** Every request of a principal carries its tenant's fields in its statements. */
export const fieldsMax = 500

/**
 * Refuses more fields of a resource than there may be. Asked once the policy is being changed, which goes one after the
 * other.
 * @throws Problem unprocessable
 */
export async function checkCap(tx: Tx, resource: string, more: number, path: string): Promise<void> {
  const [row] = await tx.query<{ count: number }>(sql`SELECT count(*)::int AS count FROM app.custom_field
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND resource = ${resource} AND state = 'active'`)
  if ((row?.count ?? 0) + more > fieldsMax)
    throw ruled({ path, code: 'too_many', message: `There are at most ${fieldsMax} fields of one resource.` })
}
