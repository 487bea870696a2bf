import type { Tx } from '../db/database.ts'
import { named, type SQL, sql } from '../db/sql.ts'
import { type Address, addressOf, identifierHash } from '../resources/identities/address.ts'
import { identityLockAll } from '../resources/identities/queries.ts'
import { leaseSeconds } from '../resources/messages/lease.ts'

/** An address of the person, with what it means for intake. */
export interface PersonAddress {
  address: Address
  value: string
  displayName: string | null
  /** theirs now; a former one may be somebody else's by now */
  isActive: boolean
  /** a channel has proved it, or it means something within one channel only: events at it are theirs */
  links: boolean
}

/** The contacts that are one person: this one, and those that were merged into it. */
export async function contactsOf(tx: Tx, contactId: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    sql`WITH RECURSIVE person AS (
        SELECT id FROM app.contact WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${contactId}::uuid
        UNION SELECT c.id FROM app.contact c JOIN person p ON c.merged_into_id = p.id
          WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.state = 'merged')
      SELECT id FROM person ORDER BY id`,
  )
  return rows.map((row) => row.id)
}

/** Every address of the person, former ones too; the contact's own columns count, should they stand nowhere else. */
export async function addressesOf(tx: Tx, contactIds: readonly string[]): Promise<PersonAddress[]> {
  const rows = await tx.query<{
    kind: string
    value: string
    channelId: string | null
    displayName: string | null
    isActive: boolean
    verified: boolean
  }>(
    sql`SELECT i.kind, i.value, i.channel_id AS "channelId", i.display_name AS "displayName", i.state = 'active' AS "isActive", i.verified
        FROM app.identity i WHERE ${ofPerson('i', 'contact_id')}
      UNION ALL SELECT k.kind, k.value, NULL, NULL, true, false FROM app.contact c
        CROSS JOIN LATERAL (VALUES ('email', c.email), ('phone', c.phone)) AS k(kind, value) WHERE ${ofPerson('c', 'id')} AND k.value IS NOT NULL`,
    valuesOf(tx, contactIds),
  )
  return rows.map(({ kind, value, channelId, displayName, isActive, verified }) => ({
    address: addressOf(kind, value, channelId ?? ''),
    value,
    displayName,
    isActive,
    links: verified || channelId !== null,
  }))
}

/**
 * Makes the transaction alone with everything that is done with the person, in the order in which others take these
 * locks, so that nobody waits in a circle:
 * 1. the person's addresses, as the normaliser does: an event of theirs comes wholly before this or wholly after
 * 2. the contact, by `admit`, which says whether the caller may: whoever changes it comes before or finds it gone
 * 3. what is below it: a message that is being sent, a file that is being fetched. Not as strongly as a removal will:
 *    whoever has read the contact and is about to refer to one of these would wait for us, and we, in 4, for them
 * 4. the contact once more, so that nobody can add anything to it (the check of a foreign key waits for this lock)
 */
export async function lockPerson(tx: Tx, contactIds: readonly string[], admit: () => Promise<void>): Promise<void> {
  const known = await addressesOf(tx, contactIds)
  await identityLockAll(
    tx,
    known.map(({ address }) => identifierHash(tx.keys, address)),
  )
  await admit()
  const values = valuesOf(tx, contactIds)
  const contacts = sql`SELECT FROM app.contact c WHERE ${ofPerson('c', 'id')} ORDER BY c.id`
  await tx.query(sql`${contacts} FOR NO KEY UPDATE`, values)
  for (const table of ['conversation', 'message', 'note', 'attachment', 'identity'])
    await tx.query(
      sql`SELECT count(*) FROM (SELECT FROM ${sql.identifier('app')}.${sql.identifier(table)} AS r WHERE ${ofPerson('r', 'contact_id')} ORDER BY r.id FOR NO KEY UPDATE) AS locked`,
      values,
    )
  await tx.query(sql`${contacts} FOR UPDATE`, values)
}

/** Whether a message of the person is with its provider at this moment: it cannot be called back. */
export async function isSending(tx: Tx, contactIds: readonly string[]): Promise<boolean> {
  const rows = await tx.query(
    sql`SELECT FROM app.message m WHERE ${ofPerson('m', 'contact_id')} AND m.status = 'queued'
      AND m.dispatched_at > clock_timestamp() - make_interval(secs => ${leaseSeconds}::int) LIMIT 1`,
    valuesOf(tx, contactIds),
  )
  return rows.length > 0
}

const ofPerson = (alias: string, column: string): SQL =>
  sql`${sql.identifier(alias)}.tenant_id = ${named('tenant')}::uuid AND ${sql.identifier(alias)}.${sql.identifier(column)} = ANY (${named('contacts')}::uuid[])`

/** The values of a person's rows, for `rowsOf` and the like. */
export const valuesOf = (tx: Tx, contactIds: readonly string[]): Record<string, unknown> => ({
  tenant: tx.principal.tenantId,
  contacts: [...contactIds],
})
