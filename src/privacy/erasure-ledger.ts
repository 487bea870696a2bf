import type { Tx } from '../db/database.ts'
import { json, sql } from '../db/sql.ts'
import { identifierHash, suppressionHashes } from '../resources/identities/address.ts'
import type { PersonAddress } from './erasure-locks.ts'
import type { ErasureReason } from './erasure-reason.ts'

/** What a sealed reason is bound to. */
export const reasonContext = (erasureId: string): string => `erasure/${erasureId}`

export interface LedgerEntry {
  id: string
  contactId: string
  mergedIds: readonly string[]
  unitId: string
  given: ErasureReason
  counts: Readonly<Record<string, number>>
  suppress: boolean
}

/**
 * Writes down that a person is erased, before anything of them goes, with their addresses as keyed hashes: by them what
 * came in before, and is looked at only now, is known as theirs.
 * @returns when, RFC 3339
 */
export async function writeLedger(tx: Tx, entry: LedgerEntry, addresses: readonly PersonAddress[]): Promise<string> {
  const { tenantId, kind, id: actorId, onBehalfOf } = tx.principal
  const { id, contactId, mergedIds, unitId, given, counts, suppress } = entry
  const [row] = await tx.query<{ erased_at: string }>(
    sql`INSERT INTO app.erasure (tenant_id, id, business_unit_id, contact_id, merged_ids, actor_kind, actor_id, on_behalf_of, sealed_reason, counts, suppressed)
      VALUES (${tenantId}::uuid, ${id}::uuid, ${unitId}::uuid, ${contactId}::uuid, ${sql.param([...mergedIds])}::uuid[], ${kind}, ${actorId}::uuid, ${onBehalfOf}::uuid,
        ${tx.keys.seal(JSON.stringify(given), reasonContext(id))}, ${json(counts)}, ${suppress}) RETURNING erased_at`,
  )
  if (!row) throw new Error('the ledger gave nothing back')
  const held = new Map<string, boolean>()
  for (const { address, isActive, links } of addresses) {
    const hash = identifierHash(tx.keys, address).toString('hex')
    held.set(hash, (held.get(hash) ?? false) || (isActive && links))
  }
  await tx.query(
    sql`INSERT INTO app.erased_address (tenant_id, erasure_id, identifier_hash, business_unit_id, was_held, erased_at)
      SELECT ${tenantId}::uuid, ${id}::uuid, decode(a.hash, 'hex'), ${unitId}::uuid, a.held, ${row.erased_at}::timestamptz
        FROM jsonb_to_recordset(${json([...held].map(([hash, one]) => ({ hash, held: one })))}) AS a(hash text, held boolean)`,
  )
  return row.erased_at
}

/** Keeps the person's present addresses out from now on; former ones may be somebody else's. */
export async function suppressAddresses(tx: Tx, addresses: readonly PersonAddress[]): Promise<void> {
  const hashes = addresses.flatMap(({ address, isActive }) => (isActive ? suppressionHashes(tx.keys, address) : []))
  if (hashes.length === 0) return
  await tx.query(
    sql`INSERT INTO app.suppression AS s (tenant_id, identifier_hash, reason)
      SELECT DISTINCT ${tx.principal.tenantId}::uuid, h, 'erased' FROM unnest(${sql.param(hashes)}::bytea[]) AS h
      ON CONFLICT (tenant_id, identifier_hash) DO UPDATE SET reason = EXCLUDED.reason WHERE s.reason = 'review'`,
  )
}

/**
 * When the person of an address was erased, by the hash in hexadecimal, in milliseconds since 1970: of those addresses
 * that were proved to be theirs. Asked under the addresses' locks.
 */
export async function erasedAddresses(
  tx: Tx,
  unitId: string,
  hashes: readonly Buffer[],
): Promise<ReadonlyMap<string, number>> {
  const statement = tx.kept('erased-addresses', () => erasedSql)
  const rows = await tx.query<{ hash: string; erased_ms: number }>(statement, {
    tenant: tx.principal.tenantId,
    unit: unitId,
    hashes: [...hashes],
  })
  return new Map(rows.map((row) => [row.hash, row.erased_ms]))
}

const erasedSql = sql`SELECT encode(a.identifier_hash, 'hex') AS hash, (extract(epoch FROM max(a.erased_at)) * 1000)::float8 AS erased_ms FROM app.erased_address a
  WHERE a.tenant_id = ${sql.placeholder('tenant')}::uuid AND a.business_unit_id = ${sql.placeholder('unit')}::uuid AND a.was_held
    AND a.identifier_hash = ANY (${sql.placeholder('hashes')}::bytea[]) GROUP BY a.identifier_hash`
