import { randomUUIDv7 } from 'node:crypto'
import { touches, type Versioned } from '../db/audit-event.ts'
import type { Tx } from '../db/database.ts'
import { array, sql } from '../db/sql.ts'
import { utc } from '../db/view.ts'
import { Problem } from '../errors.ts'
import { forgetTags } from '../resources/tags/queries.ts'
import { laneEvents } from './erasure-events.ts'
import { suppressAddresses, writeLedger } from './erasure-ledger.ts'
import { addressesOf, contactsOf, isSending, lockPerson, type PersonAddress, valuesOf } from './erasure-locks.ts'
import { erasurePlan, rowsOf, type Step, stepStatement } from './erasure-plan.ts'
import { type ErasureReason, type ErasureTraces, refuseNaming } from './erasure-reason.ts'
import { passOnShared, recountShared } from './erasure-shared.ts'
import { visitorUploads } from './erasure-uploads.ts'

/** Who is to be erased, and why. */
export interface ErasureOrder extends ErasureReason {
  contactId: string
  /** Their addresses are kept out from now on. */
  suppress: boolean
  traces?: ErasureTraces
}

/** What was erased, as the ledger keeps it. */
export interface Erasure {
  /** of the ledger's entry */
  id: string
  contactId: string
  /** RFC 3339, UTC */
  erasedAt: string
  /** rows of each kind */
  counts: Record<string, number>
  suppressed: boolean
}

/** A message to the person is with its provider: nothing was done, and in a moment it can be. */
export class StillSending extends Error {}

interface PersonRow {
  id: string
  unitId: string
  state: string
  held: boolean
  version: number
  names: (string | null)[]
  externalIds: { id: string }[]
  tags: string[]
  subjectId: string | null
}

/**
 * Erases a person: the one path. In one transaction with its audit event: the ledger's entry first, then all that is
 * theirs, then their key, without which nothing that was encrypted for them opens any more (files, raw events, what the
 * audit keeps of old values); their contact stays as a tombstone. Files on disk go by jobs; until then they are noise.
 * @param admit throws where the caller may not erase the contact; locks no more of it than a change of it would
 *   (NO KEY UPDATE). Left out: the service itself may
 * @throws Problem not_found, erased, held, unprocessable; StillSending
 */
export async function eraseContact(tx: Tx, order: ErasureOrder, admit = async () => {}): Promise<Erasure> {
  const { contactId, suppress } = order
  tx.demandPurpose(erasedResources)
  const contactIds = await contactsOf(tx, contactId)
  await lockPerson(tx, contactIds, admit)
  const rows = await peopleRows(tx, contactIds)
  const person = rows.find((row) => row.id === contactId)
  if (!person) throw new Problem('not_found', { recordIds: [contactId] })
  if (person.state === 'erased') throw new Problem('erased', { recordIds: [contactId] })
  if (rows.some((row) => row.held)) throw new Problem('held', { recordIds: [contactId] })
  if (await isSending(tx, contactIds)) throw new StillSending()
  const addresses = await addressesOf(tx, contactIds)
  const given = { reason: order.reason, ticket: order.ticket }
  refuseNaming(given, namesOf(rows, addresses), order.traces)

  const shared = await passOnShared(tx, contactIds)
  const eventIds = await laneEvents(tx, contactIds)
  const uploadIds = await visitorUploads(tx, addresses)
  const counts = await countRows(tx, contactIds, eventIds.length, uploadIds.length)
  const id = randomUUIDv7()
  const mergedIds = contactIds.filter((one) => one !== contactId)
  const entry = { id, contactId, mergedIds, unitId: person.unitId, given, counts, suppress }
  const erasedAt = await writeLedger(tx, entry, addresses)
  if (suppress) await suppressAddresses(tx, addresses)

  tx.touch({
    resource: 'contacts',
    ids: [contactId],
    changed: ['state'],
    version: person.version + 1,
    subjectIds: contactIds,
  })
  if (mergedIds.length > 0)
    tx.touch({ resource: 'contacts', ids: mergedIds, changed: ['state'], subjectIds: contactIds })
  tx.touch({ resource: 'erasures', ids: [id], subjectIds: contactIds })
  // Their key being gone, it is sealed under the tenant's.
  tx.note({ reason: order.reason, ...(order.ticket === null ? {} : { ticket: order.ticket }) })
  await detachReplies(tx, contactIds)
  const tags = await tagsOf(tx, contactIds, rows)
  await removeAll(tx, contactIds, eventIds, uploadIds)
  await recountShared(tx, shared)
  await forgetTags(tx, tags)
  const subjects = rows.flatMap((row) => row.subjectId ?? [])
  await tx.query(sql`SELECT app.forget_subjects(${tx.principal.tenantId}::uuid, ${array(subjects, 'uuid')})`)
  return { id, contactId, erasedAt: utc(erasedAt), counts, suppressed: suppress }
}

async function peopleRows(tx: Tx, contactIds: readonly string[]): Promise<PersonRow[]> {
  return tx.query<PersonRow & Record<string, unknown>>(
    sql`SELECT id, business_unit_id AS "unitId", state, held, version, ARRAY[display_name, given_name, family_name, nullif(concat_ws(' ', given_name, family_name), '')] AS names,
        external_ids AS "externalIds", tags, subject_id AS "subjectId" FROM app.contact WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ANY (${array(contactIds, 'uuid')})`,
  )
}

/** What names the person. */
function namesOf(rows: readonly PersonRow[], addresses: readonly PersonAddress[]): string[] {
  const all = [
    ...rows.flatMap((row) => [...row.names, ...row.externalIds.map((one) => one.id)]),
    ...addresses.flatMap((one) => [one.value, one.displayName]),
  ]
  return all.filter((value) => value !== null)
}

/** How many rows there are of each kind, under their locks. */
async function countRows(
  tx: Tx,
  contactIds: readonly string[],
  events: number,
  uploads: number,
): Promise<Record<string, number>> {
  const counted = erasurePlan.filter((step): step is Step & { kind: string } => step.kind !== null)
  const counts = counted.map(
    (step) => sql`(SELECT count(*)::int FROM ${step.table} WHERE ${rowsOf(step)}) AS ${sql.identifier(step.kind)}`,
  )
  const [row = {}] = await tx.query<Record<string, number>>(
    sql`SELECT ${sql.join(counts, sql`, `)}`,
    valuesOf(tx, contactIds),
  )
  return {
    ...row,
    attachments: (row.attachments ?? 0) + uploads,
    inboundEvents: (row.inboundEvents ?? 0) + events,
  }
}

/** What others wrote stays, without saying what of the erased it answers: the provider's ids may hold a number. */
async function detachReplies(tx: Tx, contactIds: readonly string[]): Promise<void> {
  const contacts = array(contactIds, 'uuid')
  const rows = await tx.query<Versioned & { subject: string }>(
    sql`UPDATE app.message r SET reply_to_id = NULL, reply_to_external_id = NULL, version = r.version + 1, updated_at = now() FROM app.message m
      WHERE r.tenant_id = ${tx.principal.tenantId}::uuid AND m.tenant_id = r.tenant_id AND m.id = r.reply_to_id AND m.contact_id = ANY (${contacts})
        AND NOT r.contact_id = ANY (${contacts}) RETURNING r.id, r.version, r.contact_id AS subject`,
  )
  const subjects = new Map(rows.map((row) => [row.id, row.subject]))
  for (const one of touches('messages', rows, ['replyToId'], (id) => subjects.get(id))) tx.touch(one)
}

async function tagsOf(tx: Tx, contactIds: readonly string[], rows: readonly PersonRow[]): Promise<string[]> {
  const talks = await tx.query<{ tags: string[] }>(
    sql`SELECT tags FROM app.conversation WHERE tenant_id = ${tx.principal.tenantId}::uuid AND contact_id = ANY (${array(contactIds, 'uuid')}) AND tags <> '{}'`,
  )
  return [...new Set([...rows, ...talks].flatMap((row) => row.tags))]
}

/** The rows of every step, the files of the attachments, and what repetitions of requests would find them by. */
async function removeAll(
  tx: Tx,
  contactIds: readonly string[],
  eventIds: readonly string[],
  uploadIds: readonly string[],
): Promise<void> {
  const { tenantId, region } = tx.principal
  const uploads = sql`tenant_id = ${tenantId}::uuid AND id = ANY (${array(uploadIds, 'uuid')})`
  const files = await tx.query<{ stored_as: string }>(
    sql`SELECT stored_as FROM app.attachment WHERE tenant_id = ${tenantId}::uuid AND contact_id = ANY (${array(contactIds, 'uuid')}) AND stored_as IS NOT NULL
      UNION ALL SELECT stored_as FROM app.attachment WHERE ${uploads} AND stored_as IS NOT NULL`,
  )
  const gone: string[] = []
  for (const step of erasurePlan.filter((one) => one.how !== 'keep')) {
    const ids = await idsOf(tx, stepStatement(step), contactIds)
    if (step.kind === 'inboundEvents' && eventIds.length > 0) {
      const waiting = sql`tenant_id = ${tenantId}::uuid AND id = ANY (${array(eventIds, 'uuid')})`
      ids.push(...(await idsOf(tx, stepStatement(step, waiting), contactIds)))
    }
    if (step.kind === 'attachments' && uploadIds.length > 0)
      ids.push(...(await idsOf(tx, stepStatement(step, uploads), contactIds)))
    const resource = step.kind === null ? undefined : resources[step.kind]
    if (resource === undefined || ids.length === 0) continue
    tx.touch({ resource, ids, changed: [], subjectIds: contactIds })
    gone.push(...ids)
  }
  await tx.query(
    sql`DELETE FROM app.idempotency WHERE tenant_id = ${tenantId}::uuid AND result->>'id' = ANY (${array(gone, 'text')})`,
  )
  await tx.enqueueAll(
    'remove-file',
    files.map(({ stored_as: storedAs }) => ({
      key: `remove-file/${storedAs}`,
      payload: { tenantId, region, storedAs },
    })),
  )
}

const resources: Readonly<Record<string, string>> = {
  attachments: 'attachments',
  notes: 'notes',
  messages: 'messages',
  conversations: 'conversations',
  identities: 'identities',
  inboundEvents: 'inbound-events',
}

/** What an erasure may touch, whatever there is of the person; `tags` go with the last one who carries them. */
export const erasedResources: readonly string[] = ['contacts', 'erasures', 'tags', ...Object.values(resources)]

async function idsOf(
  tx: Tx,
  statement: ReturnType<typeof stepStatement>,
  contactIds: readonly string[],
): Promise<string[]> {
  const rows = await tx.query<{ id?: string }>(statement, valuesOf(tx, contactIds))
  return rows.flatMap((row) => row.id ?? [])
}
