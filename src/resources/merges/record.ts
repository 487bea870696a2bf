import { z } from 'zod'
import type { Tx } from '../../db/database.ts'
import { json, type SQL, sql } from '../../db/sql.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { type Counts, countedKinds } from './counts.ts'
import type { JoinedFields } from './fields.ts'

/** The rows that a merge has moved, and what the contact had itself, as ids. */
export interface Moved {
  identities: string[]
  /** of those, the contact's own email and phone until then */
  primary: string[]
  conversations: string[]
  consents: string[]
  /** the contact's own rows at that moment: whatever is in none of the lists has come later */
  ours: { identities: string[]; conversations: string[]; consents: string[] }
}

/** A merge as it is remembered until it is taken back. */
export interface MergeRecord {
  id: string
  contactId: string
  mergedId: string
  requestId: string
  contactVersion: number
  moved: Moved
  counts: Counts
  fields: JoinedFields
}

const ids = z.array(z.string())
const row = z.object({
  id: z.string(),
  contactId: z.string(),
  mergedId: z.string(),
  requestId: z.string(),
  contactVersion: z.number(),
  moved: z.object({
    identities: ids,
    primary: ids,
    conversations: ids,
    consents: ids,
    ours: z.object({ identities: ids, conversations: ids, consents: ids }),
  }),
  counts: z.partialRecord(z.enum(countedKinds), z.number()),
  sealedFields: z.instanceof(Buffer),
})
const fields = z.object({
  changes: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
  tagsAdded: z.array(z.string()),
  tagsRemoved: z.array(z.string()),
})

/** What the sealed fields of a merge are bound to. */
const fieldsContext = (mergeId: string): string => `merge/${mergeId}`

export async function mergeInsert(tx: Tx, unitId: string, record: MergeRecord): Promise<void> {
  const key = await contactKey(tx, record.contactId)
  await tx.query(sql`INSERT INTO app.contact_merge (tenant_id, id, business_unit_id, contact_id, merged_id, request_id, contact_version, moved, counts, sealed_fields)
    VALUES (${tx.principal.tenantId}::uuid, ${record.id}::uuid, ${unitId}::uuid, ${record.contactId}::uuid, ${record.mergedId}::uuid, ${record.requestId}::uuid,
      ${record.contactVersion}, ${json(record.moved)}, ${json(record.counts)}, ${key.seal(JSON.stringify(record.fields), fieldsContext(record.id))})`)
}

/** Merges that are not taken back: that of one contact into another, or all those into one. */
export async function mergeListOpen(tx: Tx, of: { mergedId: string } | { contactId: string }): Promise<MergeRecord[]> {
  const which: SQL = 'mergedId' in of ? sql`merged_id = ${of.mergedId}::uuid` : sql`contact_id = ${of.contactId}::uuid`
  const found =
    await tx.query(sql`SELECT id, contact_id AS "contactId", merged_id AS "mergedId", request_id AS "requestId", contact_version AS "contactVersion", moved, counts, sealed_fields AS "sealedFields"
      FROM app.contact_merge WHERE tenant_id = ${tx.principal.tenantId}::uuid AND ${which} AND unmerged_at IS NULL ORDER BY contact_version`)
  return Promise.all(
    found.map(async (one) => {
      const { sealedFields, ...record } = row.parse(one)
      const key = await contactKey(tx, record.contactId)
      const text = key.open(sealedFields, fieldsContext(record.id)).toString('utf8')
      return { ...record, fields: fields.parse(JSON.parse(text)) }
    }),
  )
}

/** Puts down what a merge remembers of the contact's fields by now. */
export async function mergeRemember(tx: Tx, record: Pick<MergeRecord, 'id' | 'contactId' | 'fields'>): Promise<void> {
  const key = await contactKey(tx, record.contactId)
  await tx.query(sql`UPDATE app.contact_merge SET sealed_fields = ${key.seal(JSON.stringify(record.fields), fieldsContext(record.id))}
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${record.id}::uuid`)
}

/** A merge that was taken back remembers that it was there, and nothing else. */
export async function mergeClose(tx: Tx, id: string): Promise<void> {
  await tx.query(sql`UPDATE app.contact_merge SET unmerged_at = now(), moved = '{}', sealed_fields = NULL
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid`)
}

/** The merges of one request, or one of them, taken back or not. */
export async function mergeListOfRequest(
  tx: Tx,
  of: { requestId: string } | { id: string },
): Promise<Pick<MergeRecord, 'id' | 'contactId' | 'mergedId' | 'counts'>[]> {
  const which: SQL = 'id' in of ? sql`id = ${of.id}::uuid` : sql`request_id = ${of.requestId}::uuid`
  const found =
    await tx.query(sql`SELECT id, contact_id AS "contactId", merged_id AS "mergedId", counts FROM app.contact_merge
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND ${which} ORDER BY contact_version`)
  return z.array(row.pick({ id: true, contactId: true, mergedId: true, counts: true })).parse(found)
}
