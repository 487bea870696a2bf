import type { Grant } from '../../access/grant.ts'
import { touches, type Versioned } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { Stale } from '../../db/transaction.ts'
import { policyChanged } from '../roles/policy-version.ts'
import { asksAbout } from '../routing-rules/fields.ts'
import { disableRules, lockRules } from '../routing-rules/forget.ts'

interface Role {
  id: string
  grants: Grant[]
}

/**
 * Takes a field that is being deleted out of every role of the tenant, those in the trash too: else its grants would come
 * back with another field of that name. Rules that ask about it are switched off. The tenant's policy changes with it.
 */
export async function forgetField(tx: Tx, resource: string, name: string): Promise<void> {
  const { tenantId } = tx.principal
  // In the order in which a role that is being written takes its locks: the role, then the policy.
  const locked = await tx.query<{ id: string }>(
    sql`SELECT id FROM app.role WHERE tenant_id = ${tenantId}::uuid ORDER BY id FOR NO KEY UPDATE`,
  )
  const rules = await lockRules(tx)
  await policyChanged(tx)
  if (resource === 'contacts') await disableRules(tx, rules, 'contact', name)
  // Only now, behind every role that was written with the name while this one waited.
  const roles = await tx.query<Role>(
    sql`SELECT id, grants FROM app.role WHERE tenant_id = ${tenantId}::uuid ORDER BY id`,
  )
  const changed = roles.flatMap(({ id, grants }) => {
    const left = grantsWithout(grants, resource, name)
    return left ? [{ id, grants: left }] : []
  })
  if (changed.length === 0) return
  // A role made meanwhile is not locked, and to wait for it now could be waiting for each other.
  if (changed.some(({ id }) => !locked.some((role) => role.id === id))) throw new Stale()
  const written =
    await tx.query<Versioned>(sql`UPDATE app.role r SET grants = w.grants, version = r.version + 1, updated_at = now()
      FROM unnest(${array(
        changed.map(({ id }) => id),
        'uuid',
      )}, ${array(
        changed.map(({ grants }) => JSON.stringify(grants)),
        'text',
      )}::jsonb[]) AS w(id, grants)
     WHERE r.tenant_id = ${tenantId}::uuid AND r.id = w.id RETURNING r.id, r.version`)
  for (const touched of touches('roles', written, ['grants'], () => null)) tx.touch(touched)
}

/**
 * Grants without a field: its name is gone from their lists, and a grant whose condition asks about it goes whole, for
 * without its condition it would hold for more rows. null: there is nothing of it in them.
 */
export function grantsWithout(grants: readonly Grant[], resource: string, name: string): Grant[] | null {
  let isChanged = false
  const left = grants.flatMap((grant): Grant[] => {
    if (grant.resource !== resource) return [grant]
    if (asksAbout(grant.when, name)) {
      isChanged = true
      return []
    }
    const { fields } = grant
    if (!fields || !Object.values(fields).some((names) => names?.includes(name))) return [grant]
    isChanged = true
    const without = Object.fromEntries(
      Object.entries(fields).map(([use, names]) => [use, names?.filter((one) => one !== name)]),
    )
    return [{ ...grant, fields: without }]
  })
  return isChanged ? left : null
}
