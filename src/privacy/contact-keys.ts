import type { Tx } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import type { ContactKey } from './keyring.ts'

/**
 * The key of one contact, made on first use. What is encrypted under it (raw events, attachments, old values) is
 * unreadable everywhere once the row is gone: erasing a person destroys it.
 */
export async function contactKey(tx: Tx, contactId: string): Promise<ContactKey> {
  const { tenantId } = tx.principal
  const known = tx.contactKeys.get(contactId)
  if (known) return tx.keys.contact(contactId, known)
  const mine = sql`tenant_id = ${tenantId}::uuid AND contact_id = ${contactId}::uuid`
  const read = () => tx.query<{ wrapped_key: Buffer }>(sql`SELECT wrapped_key FROM app.contact_key WHERE ${mine}`)
  let [row] = await read()
  if (!row) {
    // Two at once: whoever comes second keeps the first one's key.
    await tx.query(sql`INSERT INTO app.contact_key (tenant_id, contact_id, wrapped_key)
      VALUES (${tenantId}::uuid, ${contactId}::uuid, ${tx.keys.newContactKey(contactId)}) ON CONFLICT DO NOTHING`)
    ;[row] = await read()
  }
  if (!row) throw new Error('the contact has no key')
  tx.contactKeys.set(contactId, row.wrapped_key)
  return tx.keys.contact(contactId, row.wrapped_key)
}
