import { randomUUID } from 'node:crypto'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'

/** A contact whose addresses were just proved, with the addresses' keyed hashes; see `identifierHash`. */
export interface ProvedAddresses {
  contactId: string
  hashes: readonly Buffer[]
}

/**
 * Has contacts stand for the human whom their verified addresses name, in whatever business unit that human is known
 * already. Under the addresses' locks. Nothing of it shows in another unit: no contact but these is touched, and a
 * subject's id does not tell when it was made, perhaps by another unit.
 */
export async function subjectLinkAll(tx: Tx, rows: readonly ProvedAddresses[]): Promise<void> {
  if (rows.length === 0) return
  const statement = tx.kept(
    'subject/link',
    () => sql`SELECT app.link_subject(${named('tenant')}::uuid, r.contact, ARRAY(SELECT decode(h, 'hex') FROM unnest(r.hashes) AS h), r.fresh)
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS r(contact uuid, hashes text[], fresh uuid)`,
  )
  const all = rows.map(({ contactId, hashes }) => ({
    contact: contactId,
    hashes: hashes.map((hash) => hash.toString('hex')),
    fresh: randomUUID(),
  }))
  await tx.query(statement, { tenant: tx.principal.tenantId, rows: JSON.stringify(all) })
}
