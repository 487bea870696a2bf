import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { Tx } from '../../db/database.ts'
import type { LockedRow } from '../../db/row-changes.ts'
import { type SQL, sql } from '../../db/sql.ts'
import type { JoinedFields } from './fields.ts'

/** How many rows of each kind came along, as far as whoever merges sees them; a kind of which it sees none is left out. */
export type Counts = Partial<Record<CountedKind, number>>

const rowKinds = {
  identities: 'identities',
  conversations: 'conversations',
  messages: 'messages',
  notes: 'notes',
  attachments: 'attachments',
  consents: 'consent-events',
} as const
type RowKind = keyof typeof rowKinds
const rowKindNames = Object.keys(rowKinds) as RowKind[]

export const countedKinds = [
  'identities',
  'conversations',
  'messages',
  'notes',
  'attachments',
  'consents',
  'externalIds',
  'customFields',
  'tags',
] as const
export type CountedKind = (typeof countedKinds)[number]

/**
 * The rows of a contact that is about to be merged. Only those are counted that the caller could read one by one: how
 * much a customer has written is something that a list would not tell it either.
 */
export async function countRows(tx: Tx, contactId: string): Promise<Counts> {
  const counted = rowKindNames.flatMap((kind) => {
    const rows = rowsOf(tx.principal, kind, contactId)
    return rows ? [sql`${rows} AS ${sql.identifier(kind)}`] : []
  })
  if (counted.length === 0) return {}
  const [counts = {}] = await tx.query<Counts>(sql`SELECT ${sql.join(counted, sql`, `)}`)
  return counts
}

function rowsOf(principal: Principal, kind: RowKind, contactId: string): SQL | null {
  const model = principal.ability.models.get(rowKinds[kind])
  const readable = model && rowsWhere(principal, model, 'read')
  if (!model?.subject || !readable) return null
  return sql`(SELECT count(*)::int FROM ${model.table} WHERE ${model.tenant} = ${principal.tenantId}::uuid
    AND ${model.subject} = ${contactId}::uuid AND ${readable} AND ${liveWhere(principal, model)})`
}

/** What came of the fields of the merged contact, as far as the caller was shown them there. */
export function countFields(joined: JoinedFields, { clear, seen }: LockedRow): Counts {
  const isSeen = (field: string): boolean => seen.shown.includes(field) || seen.masked.includes(field)
  const custom = joined.changes.filter(({ field }) => field.startsWith('customFields.') && isSeen(field))
  return {
    ...(isSeen('externalIds') ? { externalIds: Array.isArray(clear.externalIds) ? clear.externalIds.length : 0 } : {}),
    ...(sees(seen, 'customFields.') ? { customFields: custom.length } : {}),
    ...(isSeen('tags') ? { tags: joined.tagsAdded.length } : {}),
  }
}

const sees = ({ shown, masked }: LockedRow['seen'], prefix: string): boolean =>
  [...shown, ...masked].some((field) => field.startsWith(prefix))

/** Counts of earlier, to whoever asks today: without the kinds of which it sees nothing any more. */
export function countsToday({ ability }: Principal, counts: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).filter(([kind]) => {
      const name = kind in rowKinds ? rowKinds[kind as RowKind] : 'contacts'
      return ability.models.has(name) && ability.may('read', name)
    }),
  )
}
