import { randomUUIDv7 } from 'node:crypto'
import { mergesMax } from '../../access/tombstone.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { type LockedRow, lockRow } from '../../db/row-changes.ts'
import { array, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { checkIfMatch } from '../../http/etag.ts'
import { fault } from '../../http/problem.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { lockPerson } from '../../privacy/erasure-locks.ts'
import { contacts } from '../contacts/schema.ts'
import { type Conflict, conflictsOf } from './conflicts.ts'
import { type Counts, countFields, countRows } from './counts.ts'
import { joinFields, type Side, textsOf } from './fields.ts'
import { moveRows, settlePrimary } from './move.ts'
import { originsOf } from './origins.ts'
import { mergeInsert } from './record.ts'
import { refuseRevealed } from './revealed.ts'
import { writeFields } from './write-fields.ts'

export interface MergeOrder {
  /** The contact that stays. */
  contactId: string
  /** Those that go into it, in this order. */
  otherIds: readonly string[]
  choices: ReadonlyMap<string, Side>
  ifMatch: string | undefined
}

export interface MergeOutcome {
  requestId: string
  /** the contact as the caller sees it now */
  contact: JsonRow
  merges: { id: string; contactId: string; counts: Counts }[]
  conflicts: Conflict[]
  /** the names of the fields that the caller has been shown, of each contact by its id, for the audit */
  seen: ReadonlyMap<string, LockedRow['seen']>
}

/**
 * Joins contacts of one business unit into one, in one transaction: everything that is theirs moves, they themselves stay
 * as they are, in state `merged`, with what it takes to bring them back. Alone with everything that is done with any of
 * them; all locks are taken in one order. What the caller is not shown of one of them it is not shown of all.
 * @throws Problem not_found, gone, erased, forbidden, version_mismatch, unprocessable
 */
export async function mergeContacts(tx: Tx, order: MergeOrder): Promise<MergeOutcome> {
  const { contactId, otherIds, choices } = order
  const ids = [contactId, ...otherIds].sort()
  const rows = new Map<string, LockedRow>()
  await lockPerson(tx, ids, async () => {
    for (const id of ids) rows.set(id, await lockRow(tx, contacts, id, 'merge'))
  })
  const rowOf = (id: string): LockedRow => {
    const row = rows.get(id)
    if (!row) throw new Error('a contact that was not locked')
    return row
  }
  const ours = rowOf(contactId)
  checkIfMatch(order.ifMatch, ours.view, false, contacts.volatile)
  await check(tx, order, rowOf)
  const requestId = randomUUIDv7()
  const conflicts: Conflict[] = []
  const merges: MergeOutcome['merges'] = []
  let current = ours
  let contact = ours.view
  for (const otherId of otherIds) {
    const theirs = rowOf(otherId)
    conflicts.push(...conflictsOf(otherId, current, theirs, choices))
    const made = await mergeOne(tx, { contactId, otherId, requestId, choices }, current, theirs)
    contact = made.contact
    merges.push({ id: made.id, contactId: otherId, counts: made.counts })
    if (otherId !== otherIds.at(-1)) current = await lockRow(tx, contacts, contactId, 'merge')
  }
  return { requestId, contact, merges, conflicts, seen: new Map([...rows].map(([id, row]) => [id, row.seen])) }
}

async function mergeOne(
  tx: Tx,
  {
    contactId,
    otherId,
    requestId,
    choices,
  }: { contactId: string; otherId: string; requestId: string; choices: MergeOrder['choices'] },
  oursRow: LockedRow,
  theirsRow: LockedRow,
): Promise<{ id: string; contact: JsonRow; counts: Counts }> {
  const [ours, theirs] = [oursRow.clear, theirsRow.clear]
  // Nobody can be given a key any more once they are merged, and what their rows held is sealed under it.
  await contactKey(tx, otherId)
  const rows = await countRows(tx, otherId)
  const moved = await moveRows(tx, otherId, contactId)
  const fields = joinFields(ours, theirs, choices)
  const values = new Map(fields.changes.map(({ field, after }) => [field, after]))
  if (fields.tagsAdded.length + fields.tagsRemoved.length > 0)
    values.set('tags', [...textsOf(ours.tags).filter((tag) => !fields.tagsRemoved.includes(tag)), ...fields.tagsAdded])
  const externalIds = [...listOf(ours.externalIds), ...listOf(theirs.externalIds)]
  if (listOf(theirs.externalIds).length > 0) values.set('externalIds', externalIds)
  checkSizes(values, otherId)
  const [state] = await tx.query<{ version: number }>(
    sql`UPDATE app.contact SET state = 'merged', merged_into_id = ${contactId}::uuid, version = version + 1, updated_at = now()
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${otherId}::uuid RETURNING version`,
  )
  tx.touch({
    resource: contacts.name,
    ids: [otherId],
    changed: ['state', 'mergedIntoId'],
    ...theirsRow.seen,
    subjectIds: [otherId, contactId],
    ...(state ? { version: state.version } : {}),
  })
  const brought = { contactId, mergedId: otherId, fields, externalIds: theirs.externalIds }
  const contact = await writeFields(tx, contactId, ours, values, await originsOf(tx, [contactId, otherId], [brought]))
  refuseRevealed(contact, oursRow, theirsRow, fields, otherId)
  await settlePrimary(tx, contactId, { ...ours, ...Object.fromEntries(values) })
  const id = randomUUIDv7()
  const counts = { ...rows, ...countFields(fields, theirsRow) }
  await mergeInsert(tx, String(ours.businessUnitId), {
    id,
    contactId,
    mergedId: otherId,
    requestId,
    contactVersion: Number(ours.version) + 1,
    moved,
    counts,
    fields,
  })
  return { id, contact, counts }
}

async function check(tx: Tx, order: MergeOrder, rowOf: (id: string) => LockedRow): Promise<void> {
  const { contactId, otherIds } = order
  const unit = rowOf(contactId).clear.businessUnitId
  const refused = (code: string, message: string): Problem =>
    new Problem('unprocessable', { errors: [fault('/contactIds', code, message)], recordIds: [contactId, ...otherIds] })
  if (otherIds.some((id) => rowOf(id).clear.businessUnitId !== unit))
    throw refused('other_business_unit', 'Contacts of different business units are never joined.')
  const depths = await depthsOf(tx, [contactId, ...otherIds])
  if (otherIds.some((id) => (depths.get(id) ?? 0) + 1 > mergesMax))
    throw refused('too_many_merges', `No more than ${mergesMax} merges go one behind the other.`)
}

/** How many merges stand one behind the other below each of these contacts. */
async function depthsOf(tx: Tx, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ top: string; depth: number }>(
    sql`WITH RECURSIVE down AS (SELECT id AS top, id, 0 AS depth FROM app.contact WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ANY (${array(ids, 'uuid')})
        UNION ALL SELECT d.top, c.id, d.depth + 1 FROM down d JOIN app.contact c ON c.tenant_id = ${tx.principal.tenantId}::uuid AND c.merged_into_id = d.id AND c.state = 'merged')
      SELECT top, max(depth) AS depth FROM down GROUP BY top`,
  )
  return new Map(rows.map((row) => [row.top, row.depth]))
}

const tagsMax = 50
const externalIdsMax = 20

/** Lists have their limits also where two of them become one. */
function checkSizes(values: ReadonlyMap<string, unknown>, otherId: string): void {
  const faults = [
    ...(listOf(values.get('tags')).length > tagsMax
      ? [fault('/fields/tags', 'too_many', `A contact carries ${tagsMax} tags at most: choose whose stay.`)]
      : []),
    ...(listOf(values.get('externalIds')).length > externalIdsMax
      ? [fault('/contactIds', 'too_many', `A contact has ${externalIdsMax} ids in other systems at most.`)]
      : []),
  ]
  if (faults.length > 0) throw new Problem('unprocessable', { errors: faults, recordIds: [otherId] })
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
