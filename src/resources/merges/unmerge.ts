import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { type LockedRow, lockRow } from '../../db/row-changes.ts'
import { json, sql } from '../../db/sql.ts'
import { missing } from '../../db/tombstone.ts'
import { namesIn, present, viewOf } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { checkIfMatch } from '../../http/etag.ts'
import { fault } from '../../http/problem.ts'
import { lockPerson } from '../../privacy/erasure-locks.ts'
import { contacts } from '../contacts/schema.ts'
import { type OtherMerge, partFields, textsOf } from './fields.ts'
import { settlePrimary } from './move.ts'
import { originsOf } from './origins.ts'
import { type Parted, partRows } from './part.ts'
import { type MergeRecord, mergeClose, mergeListOpen, mergeRemember } from './record.ts'
import { writeFields } from './write-fields.ts'

export interface UnmergeOutcome {
  mergeId: string
  /** the contact that stayed, as the caller sees it */
  contact: JsonRow
  /** the one that is back */
  unmerged: JsonRow
  counts: Parted
}

/**
 * Takes a merge back: the contact that had gone into another one is what it was, with all that was its own and what has
 * come to its own addresses since; of the other, what the merge had set is gone, unless somebody has set it since.
 * @param id either of the two; of the one that stayed, `otherId` says which merge, and left out it is the last
 * @throws Problem not_found, gone, erased, forbidden, conflict, version_mismatch, unprocessable
 */
export async function unmergeContacts(
  tx: Tx,
  { id, otherId, ifMatch }: { id: string; otherId: string | null; ifMatch: string | undefined },
): Promise<UnmergeOutcome> {
  const found = await find(tx, id, otherId)
  const { contactId, mergedId } = found
  await refuseNested(tx, found, id)
  const rows = new Map<string, LockedRow>()
  await lockPerson(tx, [contactId, mergedId].sort(), async () => {
    for (const one of [contactId, mergedId].sort())
      rows.set(one, one === mergedId ? await lockMerged(tx, one) : await lockRow(tx, contacts, one, 'merge'))
  })
  // Somebody may have been faster: what was read before the locks is read again.
  const all = await mergeListOpen(tx, { contactId })
  const merge = all.find((one) => one.id === found.id)
  const [ours, theirs] = [rows.get(contactId), rows.get(mergedId)]
  if (!merge || !ours || !theirs) throw new Problem('conflict', { recordIds: [id] })
  checkIfMatch(ifMatch, (id === contactId ? ours : theirs).view, false, contacts.volatile)
  const others = all.filter((one) => one.id !== merge.id)

  const [state] = await tx.query<{ version: number }>(
    sql`UPDATE app.contact SET state = 'active', merged_into_id = NULL, version = version + 1, updated_at = now()
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${mergedId}::uuid RETURNING version`,
  )
  const origins = await originsOf(tx, [contactId, mergedId], [{ ...merge, externalIds: theirs.clear.externalIds }])
  const counts = await partRows(tx, merge, others)
  const memories = await memoriesOf(tx, others)
  const parted = partFields(ours.clear, { order: merge.contactVersion, fields: merge.fields }, memories)
  for (const { id: otherMerge, fields } of parted.changed)
    await mergeRemember(tx, { id: otherMerge, contactId, fields })
  const externalIds = await partExternalIds(tx, merge, ours.clear, theirs.clear)
  const values = new Map(parted.values)
  if (JSON.stringify(parted.tags) !== JSON.stringify(textsOf(ours.clear.tags))) values.set('tags', parted.tags)
  if (externalIds) values.set('externalIds', externalIds)
  const contact = await writeFields(tx, contactId, ours.clear, values, origins)
  await settlePrimary(tx, contactId, { ...ours.clear, ...Object.fromEntries(values) })
  await mergeClose(tx, merge.id)
  const unmerged = await seenContact(tx, mergedId)
  tx.touch({
    resource: contacts.name,
    ids: [mergedId],
    changed: ['state', 'mergedIntoId'],
    ...unmerged.seen,
    subjectIds: [mergedId, contactId],
    ...(state ? { version: state.version } : {}),
  })
  return { mergeId: merge.id, contact, unmerged: unmerged.record, counts }
}

/** A contact that went into another one; somebody may have taken that back a moment ago. */
async function lockMerged(tx: Tx, id: string): Promise<LockedRow> {
  try {
    return await lockRow(tx, contacts, id, 'merge', { state: 'merged' })
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'not_found')) throw error
    await lockRow(tx, contacts, id, 'merge')
    throw new Problem('conflict', { detail: 'The merge has been taken back already.', recordIds: [id] })
  }
}

/** The merge that is meant. Whether the caller may know of it, the locks of its contacts say. */
async function find(tx: Tx, id: string, otherId: string | null): Promise<MergeRecord> {
  const [own] = await mergeListOpen(tx, { mergedId: id })
  const into = await mergeListOpen(tx, { contactId: id })
  const isMeant = (one: MergeRecord): boolean =>
    one.id === otherId || (one.contactId === id ? one.mergedId : one.contactId) === otherId
  const meant = otherId === null ? (own ?? into.at(-1)) : [...(own ? [own] : []), ...into].find(isMeant)
  if (meant) return meant
  // Whoever does not see the contact is told nothing about its merges.
  const { clear } = await lockRow(tx, contacts, id, 'merge', own ? { state: 'merged' } : {})
  throw new Problem('unprocessable', {
    errors: [fault(otherId === null ? '' : '/mergeId', 'not_merged', 'There is no such merge to take back.')],
    recordIds: [String(clear.id)],
  })
}

/** What went into a contact that went into another one itself comes back when that one is back. */
async function refuseNested(tx: Tx, { contactId, mergedId }: MergeRecord, id: string): Promise<void> {
  const [above] = await mergeListOpen(tx, { mergedId: contactId })
  if (!above) return
  await lockRow(tx, contacts, id, 'merge', { state: 'merged' })
  throw new Problem('conflict', {
    detail: 'The contact that it went into was merged itself since: take that merge back first.',
    recordIds: [id, mergedId],
  })
}

async function memoriesOf(tx: Tx, others: readonly MergeRecord[]): Promise<OtherMerge[]> {
  return Promise.all(
    others.map(async ({ id, contactVersion, fields, mergedId }) => {
      const [theirs = {}] = await tx.query(
        sql`SELECT tags, restricted, held FROM app.contact WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${mergedId}::uuid`,
      )
      return { id, order: contactVersion, fields, theirs }
    }),
  )
}

/**
 * Gives a contact's ids in other systems back to it, those too that were taken from the other one meanwhile and that
 * nobody else has.
 * @returns what the other one has left; null where nothing has changed
 */
async function partExternalIds(
  tx: Tx,
  { contactId, mergedId }: MergeRecord,
  ours: JsonRow,
  theirs: JsonRow,
): Promise<unknown[] | null> {
  const wanted = pairsOf(theirs.externalIds)
  if (wanted.length === 0) return null
  const { tenantId } = tx.principal
  await tx.query(
    sql`INSERT INTO app.external_id AS x (tenant_id, business_unit_id, system, value, contact_id)
      SELECT ${tenantId}::uuid, ${ours.businessUnitId}::uuid, e.system, e.id, ${mergedId}::uuid FROM jsonb_to_recordset(${json(wanted)}) AS e(system text, id text)
      ON CONFLICT (tenant_id, business_unit_id, system, value) DO UPDATE SET contact_id = EXCLUDED.contact_id WHERE x.contact_id = ${contactId}::uuid`,
  )
  const held = await tx.query<{ system: string; id: string }>(
    sql`SELECT system, value AS id FROM app.external_id WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${mergedId}::uuid`,
  )
  const isHeld = (pair: { system: string; id: string }): boolean =>
    held.some((one) => one.system === pair.system && one.id === pair.id)
  if (wanted.some((pair) => !isHeld(pair)))
    await tx.query(
      sql`UPDATE app.contact SET external_ids = ${json(wanted.filter(isHeld))} WHERE tenant_id = ${tenantId}::uuid AND id = ${mergedId}::uuid`,
    )
  return pairsOf(ours.externalIds).filter((pair) => !isHeld(pair))
}

function pairsOf(value: unknown): { system: string; id: string }[] {
  return Array.isArray(value) ? value.map((one) => ({ system: String(one.system), id: String(one.id) })) : []
}

/**
 * A contact as the caller sees it now.
 * @throws Problem not_found, gone, erased
 */
export async function seenContact(
  tx: Tx,
  id: string,
): Promise<{ record: JsonRow; seen: { shown: readonly string[]; masked: readonly string[] } }> {
  const { principal } = tx
  const view = viewOf(principal, contacts)
  const rows = rowsWhere(principal, contacts, 'read')
  const [row] = await tx.query<{ view: JsonRow }>(
    sql`SELECT (SELECT row_to_json(v) FROM (SELECT ${view.columns}) AS v) AS view FROM ${contacts.table}
      WHERE ${contacts.tenant} = ${principal.tenantId}::uuid AND ${contacts.id} = ${id}::uuid AND ${rows || sql`false`} AND ${liveWhere(principal, contacts)}`,
  )
  if (!row) throw await missing(tx, contacts, id)
  return { record: present(contacts, view, row.view), seen: namesIn(view, row.view) }
}
