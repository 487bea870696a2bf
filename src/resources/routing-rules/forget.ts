import { touches, type Versioned } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { Stale } from '../../db/transaction.ts'
import { asksAbout } from './fields.ts'

/** The rules of the tenant, kept as they are until the end of the transaction; before the policy, as whoever writes one locks them. */
export async function lockRules(tx: Tx): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(
    sql`SELECT id FROM app.routing_rule WHERE tenant_id = ${tx.principal.tenantId}::uuid ORDER BY id FOR NO KEY UPDATE`,
  )
  return new Set(rows.map(({ id }) => id))
}

/**
 * Switches off every rule that asks about a field which is being deleted, those in the trash too: without the question it
 * would be done to everybody. Behind `lockRules` and a change of the policy.
 * @param name the field's full name on its resource ("customFields.shoeSize")
 */
export async function disableRules(tx: Tx, locked: ReadonlySet<string>, subject: string, name: string): Promise<void> {
  const { tenantId } = tx.principal
  const rules = await tx.query<{ id: string; condition: unknown }>(
    sql`SELECT id, condition FROM app.routing_rule WHERE tenant_id = ${tenantId}::uuid AND condition IS NOT NULL`,
  )
  const ids = rules.flatMap(({ id, condition }) => (asksAbout(condition, `${subject}.${name}`) ? [id] : []))
  if (ids.length === 0) return
  // A rule made meanwhile is not locked, and to wait for it now could be waiting for each other.
  if (ids.some((id) => !locked.has(id))) throw new Stale()
  const [rows] = await Promise.all([
    tx.query<Versioned>(sql`UPDATE app.routing_rule SET enabled = false, disabled_reason = 'field_deleted', version = version + 1, updated_at = now()
      WHERE tenant_id = ${tenantId}::uuid AND id = ANY (${array(ids, 'uuid')}) RETURNING id, version`),
    tx.query(sql`UPDATE app.tenant SET routing_version = routing_version + 1 WHERE tenant_id = ${tenantId}::uuid`),
  ])
  for (const touched of touches('routing-rules', rows, ['enabled', 'disabledReason'], () => null)) tx.touch(touched)
}
