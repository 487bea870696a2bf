import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'

/** The country whose phone numbers a contact writes as its own; null where it is not known. */
export async function contactCountry(tx: Tx, contactId: unknown): Promise<string | null> {
  const statement = tx.kept(
    'contact/country',
    () =>
      sql`SELECT country FROM app.contact WHERE tenant_id = ${named('tenant')}::uuid AND id = ${named('contact')}::uuid`,
  )
  const [row] = await tx.query<{ country: string | null }>(statement, {
    tenant: tx.principal.tenantId,
    contact: contactId,
  })
  return row?.country ?? null
}
