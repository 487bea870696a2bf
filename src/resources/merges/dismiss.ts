import type { Tx } from '../../db/database.ts'
import { lockRow } from '../../db/row-changes.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { fault } from '../../http/problem.ts'
import { contacts } from '../contacts/schema.ts'

/**
 * Remembers that two contacts are not the same person.
 * @throws Problem not_found, gone, erased, forbidden, unprocessable
 */
export async function dismiss(tx: Tx, id: string, otherId: string): Promise<void> {
  const refused = (code: string, message: string): Problem =>
    new Problem('unprocessable', { errors: [fault('contactId', code, message)], recordIds: [id, otherId] })
  if (id === otherId) throw refused('same_contact', 'These are the same contact.')
  const [first = '', second = ''] = [id, otherId].sort()
  const rows = [await lockRow(tx, contacts, first, 'merge'), await lockRow(tx, contacts, second, 'merge')]
  const [unit, other] = rows.map(({ clear }) => clear.businessUnitId)
  if (unit !== other) throw refused('other_business_unit', 'Contacts of different business units are never joined.')
  await tx.query(
    sql`INSERT INTO app.merge_dismissal (tenant_id, business_unit_id, contact_id, other_id)
      VALUES (${tx.principal.tenantId}::uuid, ${unit}::uuid, ${first}::uuid, ${second}::uuid) ON CONFLICT DO NOTHING`,
  )
  tx.touch({
    resource: contacts.name,
    ids: [first, second],
    changed: ['mergeSuggestions'],
    subjectIds: [first, second],
  })
}
