import type { RecordChange } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import type { JoinedFields } from './fields.ts'
import { mergeListOpen } from './record.ts'

/** Whose value something is: of a contact, the id of the one that brought it by a merge, or its own. */
export type Origins = (contactId: string, field: string, value: unknown) => string

/** What a merge has brought to a contact. */
export interface Brought {
  contactId: string
  mergedId: string
  fields: JoinedFields
  /** the ids in other systems of the one that went into it; left out: not known */
  externalIds?: unknown
}

/**
 * Reads who brought what to contacts by merges that are not taken back, however deep. Values of lists are looked for
 * member by member.
 * @param more merges that are about to be made or taken back, beside those that the database has
 */
export async function originsOf(
  tx: Tx,
  contactIds: readonly string[],
  more: readonly Brought[] = [],
): Promise<Origins> {
  const merges: Brought[] = [...more]
  const seen = new Set<string>()
  for (let open = [...contactIds]; open.length > 0; ) {
    const id = open.pop()
    if (id === undefined || seen.has(id)) continue
    seen.add(id)
    const found = await mergeListOpen(tx, { contactId: id })
    merges.push(...found)
    open = [...open, ...found.map((one) => one.mergedId)]
  }
  const origin = (contactId: string, field: string, value: unknown): string => {
    const one = merges.find((merge) => merge.contactId === contactId && brings(merge, field, value))
    return one ? origin(one.mergedId, field, value) : contactId
  }
  return origin
}

/**
 * What parts the changes of a contact that others have gone into; null where none has. A value that somebody changes while
 * they are one may have come from another of them: what it was is kept under that one's key, so that it is not in the
 * contact's own past once they are parted, and goes with whom it is about when they are erased. Of rows that moved (what
 * a message said before it was edited, a name at an address) the audit keeps what changes meanwhile for the contact that
 * they are with at that moment.
 */
export async function broughtValues(
  tx: Tx,
  contactId: string,
): Promise<((change: RecordChange) => RecordChange[]) | null> {
  const [merge] = await tx.query(
    tx.kept('merge/any', () => anyMerge),
    { tenant: tx.principal.tenantId, contactId },
  )
  if (!merge) return null
  const originOf = await originsOf(tx, [contactId])
  return (change) => partedChange(change, originOf)
}

const anyMerge = sql`SELECT FROM app.contact_merge WHERE tenant_id = ${named('tenant')}::uuid AND contact_id = ${named('contactId')}::uuid AND unmerged_at IS NULL LIMIT 1`

/**
 * A change of a contact as one for each person whose values it tells, each to be sealed under that person's key: what a
 * merge had brought is not the contact's when the two are parted again.
 */
export function partedChange(change: RecordChange, originOf: Origins): RecordChange[] {
  const parts = new Map<string, { before: JsonRow; after: JsonRow }>()
  const partOf = (subjectId: string, name: string): { before: JsonRow; after: JsonRow } => {
    const part = parts.get(subjectId) ?? { before: {}, after: {} }
    parts.set(subjectId, part)
    for (const side of ['before', 'after'] as const)
      if (!Object.hasOwn(part[side], name)) part[side] = { ...part[side], [name]: null }
    return part
  }
  for (const name of Object.keys(change.after))
    for (const side of ['before', 'after'] as const) {
      const value = change[side]?.[name] ?? null
      if (lists.has(name) && Array.isArray(value))
        for (const member of value) {
          const part = partOf(originOf(change.id, name, member), name)
          const known = part[side][name]
          part[side] = { ...part[side], [name]: [...(Array.isArray(known) ? known : []), member] }
        }
      else if (value !== null) {
        const part = partOf(originOf(change.id, name, value), name)
        part[side] = { ...part[side], [name]: value }
      }
    }
  return [...parts].flatMap(([subjectId, { before, after }]) => {
    const names = Object.keys(after).filter((name) => !isEqual(before[name], after[name]))
    const only = (side: JsonRow): JsonRow => Object.fromEntries(names.map((name) => [name, side[name] ?? null]))
    return names.length === 0 ? [] : [{ id: change.id, subjectId, before: only(before), after: only(after) }]
  })
}

const lists: ReadonlySet<string> = new Set(['tags', 'externalIds'])

function brings({ fields, externalIds }: Brought, field: string, value: unknown): boolean {
  if (field === 'tags') return fields.tagsAdded.some((tag) => tag === value)
  if (field === 'externalIds') return Array.isArray(externalIds) && externalIds.some((one) => isEqual(one, value))
  return fields.changes.some((one) => one.field === field && isEqual(one.after, value))
}

/** The audit keeps members in one order, the database in another. */
const isEqual = (one: unknown, other: unknown): boolean => plain(one) === plain(other)
const plain = (value: unknown): string =>
  JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
