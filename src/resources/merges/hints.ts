import type { Touched } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { contacts } from '../contacts/schema.ts'

/**
 * Remembers of pairs of contacts of a business unit that a provider has said that they are one person: a suggestion, until
 * somebody joins them or says no. What was said before changes nothing.
 */
export async function mergeHintAll(
  tx: Tx,
  unitId: string,
  pairs: readonly { contactId: string; otherContactId: string }[],
): Promise<Touched[]> {
  const statement = tx.kept(
    'merge-hints',
    () => sql`INSERT INTO app.merge_hint (tenant_id, business_unit_id, contact_id, other_id)
      SELECT DISTINCT ${named('tenant')}::uuid, ${named('unit')}::uuid, least(w.one, w.other), greatest(w.one, w.other) FROM jsonb_to_recordset(${named('pairs')}::jsonb) AS w(one uuid, other uuid)
      ON CONFLICT DO NOTHING RETURNING contact_id AS one, other_id AS other`,
  )
  const rows = await tx.query<{ one: string; other: string }>(statement, {
    tenant: tx.principal.tenantId,
    unit: unitId,
    pairs: JSON.stringify(pairs.map(({ contactId: one, otherContactId: other }) => ({ one, other }))),
  })
  return rows.map(({ one, other }) => ({
    resource: contacts.name,
    ids: [one, other],
    changed: ['mergeSuggestions'],
    subjectIds: [one, other],
  }))
}
