import { touches } from '../../db/audit-event.ts'
import { type Changed, recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, named, sql } from '../../db/sql.ts'
import { subjectLinkAll } from '../subjects/link.ts'
import { type Address, addressOf, identifierHash, kindsOf } from './address.ts'
import { identityLockAll } from './queries.ts'
import { identities } from './schema.ts'

/** Which of these addresses the business unit has marked as never identifying, by the hash in hexadecimal. */
export async function sharedAddresses(tx: Tx, unitId: string, hashes: readonly Buffer[]): Promise<ReadonlySet<string>> {
  const statement = tx.kept(
    'identity/shared',
    () => sql`SELECT encode(a.identifier_hash, 'hex') AS hash FROM app.shared_address a
      WHERE a.tenant_id = ${named('tenant')}::uuid AND a.business_unit_id = ${named('unit')}::uuid AND a.identifier_hash = ANY (${named('hashes')}::bytea[])`,
  )
  const rows = await tx.query<{ hash: string }>(statement, {
    tenant: tx.principal.tenantId,
    unit: unitId,
    hashes: [...hashes],
  })
  return new Set(rows.map((row) => row.hash))
}

/** Whether an address of the unit tells who somebody is; for rows that are made by hand. */
export async function isIdentifying(tx: Tx, unitId: string, address: Address): Promise<boolean> {
  return (await sharedAddresses(tx, unitId, [identifierHash(tx.keys, address)])).size === 0
}

/**
 * Marks an address as shared by several people, or takes the mark off: for the whole business unit, whoever else has the
 * same address now or later. Subjects that hang on it alone are parted from it.
 * @param row the identity whose mark is being changed, in clear; its own row is the caller's to write
 */
export async function markAddress(tx: Tx, row: JsonRow, identifies: boolean): Promise<void> {
  const { tenantId } = tx.principal
  const unitId = String(row.businessUnitId)
  const channelId = typeof row.channelId === 'string' ? row.channelId : null
  const address = addressOf(String(row.kind), String(row.value), channelId ?? '')
  const hash = identifierHash(tx.keys, address)
  // Events from it come wholly before this or wholly after.
  await identityLockAll(tx, [hash])
  if (identifies)
    await tx.query(sql`DELETE FROM app.shared_address
      WHERE tenant_id = ${tenantId}::uuid AND business_unit_id = ${unitId}::uuid AND identifier_hash = ${hash}`)
  else {
    await tx.query(sql`INSERT INTO app.shared_address (tenant_id, business_unit_id, identifier_hash)
      VALUES (${tenantId}::uuid, ${unitId}::uuid, ${hash}) ON CONFLICT DO NOTHING`)
    // Whoever is met at it from now on is another human; where it is still somebody's own, the next event says so.
    await tx.query(
      sql`DELETE FROM app.subject_address WHERE tenant_id = ${tenantId}::uuid AND identifier_hash = ${hash}`,
    )
  }
  const changed = await tx.query<Changed & { contactId: string }>(
    sql`UPDATE app.identity i SET identifying = ${identifies}, version = i.version + 1, updated_at = now()
      WHERE i.tenant_id = ${tenantId}::uuid AND i.business_unit_id = ${unitId}::uuid AND i.kind = ANY (${array(kindsOf(address.kind), 'text')})
        AND i.channel_id IS NOT DISTINCT FROM ${channelId}::uuid AND i.match_value = ANY (${array(address.variants, 'text')})
        AND i.identifying <> ${identifies} AND i.id <> ${row.id}::uuid
      RETURNING i.id, i.version, i.contact_id AS "contactId", json_build_object('identifying', NOT i.identifying) AS before, json_build_object('identifying', i.identifying) AS after`,
  )
  if (identifies) await linkHolders(tx, unitId, address, hash)
  const holders = new Map(changed.map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => holders.get(id)
  for (const one of touches(
    'identities',
    changed,
    ['identifying'],
    subjectOf,
    recordChanges(identities, changed, subjectOf),
  ))
    tx.touch(one)
  if (!identifies) await partSubjects(tx, [String(row.contactId), ...holders.values()])
}

/** Whoever was proved to have the address stands for its human again. */
async function linkHolders(tx: Tx, unitId: string, address: Address, hash: Buffer): Promise<void> {
  const rows = await tx.query<{ contactId: string }>(
    sql`SELECT DISTINCT i.contact_id AS "contactId" FROM app.identity i WHERE i.tenant_id = ${tx.principal.tenantId}::uuid AND i.business_unit_id = ${unitId}::uuid
      AND i.kind = ANY (${array(kindsOf(address.kind), 'text')}) AND i.channel_id IS NOT DISTINCT FROM ${address.channelId}::uuid
      AND i.match_value = ANY (${array(address.variants, 'text')}) AND i.verified AND i.state = 'active'`,
  )
  await subjectLinkAll(
    tx,
    rows.map(({ contactId }) => ({ contactId, hashes: [hash] })),
  )
}

/** Gives subjects of their own to contacts whose remaining addresses prove no longer that they are the human they were. */
async function partSubjects(tx: Tx, contactIds: readonly string[]): Promise<void> {
  const { tenantId } = tx.principal
  const rows = await tx.query<{ id: string; subjectId: string; kind: string; value: string; channelId: string | null }>(
    sql`SELECT c.id, c.subject_id AS "subjectId", i.kind, i.value, i.channel_id AS "channelId" FROM app.contact c
      LEFT JOIN app.identity i ON i.tenant_id = c.tenant_id AND i.contact_id = c.id AND i.verified AND i.state = 'active' AND i.identifying
      WHERE c.tenant_id = ${tenantId}::uuid AND c.id = ANY (${array(contactIds, 'uuid')}) AND c.subject_id IS NOT NULL`,
  )
  for (const [id, own] of Map.groupBy(rows, (row) => row.id)) {
    const known = own.flatMap(({ kind, value, channelId }) =>
      kind === null ? [] : [identifierHash(tx.keys, addressOf(kind, value, channelId ?? ''))],
    )
    const subjectId = own[0]?.subjectId ?? null
    const [found] = await tx.query<{ known: boolean }>(
      sql`SELECT EXISTS (SELECT FROM app.subject_address a JOIN app.subject s ON s.tenant_id = a.tenant_id AND s.id = a.subject_id
          JOIN app.subject o ON o.tenant_id = a.tenant_id AND o.id = ${subjectId}::uuid
        WHERE a.tenant_id = ${tenantId}::uuid AND a.identifier_hash = ANY (${sql.param(known)}::bytea[])
          AND coalesce(s.merged_into_id, s.id) = coalesce(o.merged_into_id, o.id)) AS known`,
    )
    if (found?.known) continue
    await tx.query(
      sql`UPDATE app.contact SET subject_id = NULL WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid`,
    )
    if (subjectId !== null)
      await tx.query(sql`SELECT app.forget_subjects(${tenantId}::uuid, ${array([subjectId], 'uuid')})`)
    await subjectLinkAll(tx, [{ contactId: id, hashes: known }])
  }
}
