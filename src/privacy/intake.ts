import type { Tx } from '../db/database.ts'
import { named, sql } from '../db/sql.ts'
import { type Address, suppressionHashes } from '../resources/identities/address.ts'

/**
 * accept: make the contact. review: keep the event and let a person decide. block: the person was erased or asked to be
 * left alone: nothing of the event is kept but what recognises its redelivery.
 */
export type IntakeDecision = 'accept' | 'review' | 'block'

/** The one question before a contact is made, asked of the keyed hashes of all addresses that the person came with. */
export async function intakeDecision(tx: Tx, addresses: readonly Address[]): Promise<IntakeDecision> {
  const statement = tx.kept(
    'intake',
    () =>
      sql`SELECT reason FROM app.suppression WHERE tenant_id = ${named('tenant')}::uuid AND identifier_hash = ANY (${named('hashes')}::bytea[])`,
  )
  const rows = await tx.query<{ reason: string }>(statement, {
    tenant: tx.principal.tenantId,
    hashes: addresses.flatMap((address) => suppressionHashes(tx.keys, address)),
  })
  if (rows.length === 0) return 'accept'
  return rows.every((row) => row.reason === 'review') ? 'review' : 'block'
}
