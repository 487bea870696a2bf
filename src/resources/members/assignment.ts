import type { Resource } from '../../access/define.ts'
import type { Tx } from '../../db/database.ts'
import { ruled, unknownReference } from '../../db/reference.ts'
import { sql } from '../../db/sql.ts'
import { type Fault, Problem } from '../../errors.ts'
import type { Change } from '../../http/record-changes.ts'

/**
 * Whether a record may be given to the member (in the field `holder`) and the team that the body names. Giving it away
 * is a right of its own beside changing it; whoever gets it must be able to see its business unit.
 * @throws Problem forbidden, or unprocessable
 */
export async function checkAssignment(
  { tx, body, before, after }: Change,
  resource: Resource,
  holder: 'assigneeId' | 'ownerId',
): Promise<void> {
  const { ability } = tx.principal
  // Only whoever sees a value may send it along unchanged: to the others, being let off would tell that they guessed it.
  const stays = (name: string): boolean =>
    before !== null &&
    (body[name] ?? null) === (before.clear[name] ?? null) &&
    ability.can('read', resource, before.clear, name)
  const changed = [holder, 'teamId'].filter((name) => name in body && !stays(name))
  if (changed.length === 0) return
  if (!ability.can('assign', resource, before?.clear ?? after))
    throw new Problem('forbidden', {
      errors: changed.map((name) => ({
        path: `/${name}`,
        code: 'not_assignable',
        message: `You may not give ${resource.name} to others.`,
      })),
    })
  const faults = await Promise.all(
    changed.map(async (name): Promise<Fault[]> => {
      const id = body[name]
      if (typeof id !== 'string') return []
      const known = name === 'teamId' ? await isTeam(tx, id) : await canTake(tx, id, String(after.businessUnitId))
      return known ? [] : [unknownReference(`/${name}`)]
    }),
  )
  if (faults.flat().length > 0) throw ruled(...faults.flat())
}

/** A team that there is. */
export async function isTeam(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.query(
    sql`SELECT 1 FROM app.team WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid AND state = 'active'`,
  )
  return rows.length > 0
}

/** An active member who sees the business unit. */
export async function canTake(tx: Tx, memberId: string, unitId: string): Promise<boolean> {
  const rows = await tx.query(sql`SELECT 1 FROM app.member m
    WHERE m.tenant_id = ${tx.principal.tenantId}::uuid AND m.id = ${memberId}::uuid AND m.status = 'active' AND m.state = 'active'
      AND (${unitId}::uuid = ANY (m.business_unit_ids)
        OR EXISTS (SELECT FROM app.role r WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.role_ids) AND r.state = 'active' AND r.sees_all_business_units))`)
  return rows.length > 0
}
