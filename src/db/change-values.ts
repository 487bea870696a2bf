import { is } from 'drizzle-orm/entity'
import { SQL } from 'drizzle-orm/sql/sql'
import type { Resource } from '../access/define.ts'
import type { Field } from '../access/model.ts'
import type { JsonRow } from './transaction.ts'
import { utc } from './view.ts'

/**
 * What fields of a record were and became, by their names in the API ("phone", "customFields.shoeSize"). `before` null:
 * the record was made. Of the other names neither side says anything: they are as they were.
 */
export interface RecordChange {
  id: string
  /** The contact whom the record concerns, under whose key the values are sealed; without one they are not kept. */
  subjectId: string
  before: JsonRow | null
  after: JsonRow
}

/** What counts or stamps changes says nothing about a person; neither does what names the person itself. */
const technical: ReadonlySet<string> = new Set(['id', 'version', 'createdAt', 'updatedAt', 'contactId'])

/**
 * What a change did to a record, for the audit; null where it says nothing about a contact.
 * @param before all that is known of the record before, in clear, by public names; null: it is new
 * @param after the same of it now. Names that only one of the two has count where they have a value.
 */
export function recordChange(
  resource: Resource,
  row: { id: string; subjectId: string | null; before: JsonRow | null; after: JsonRow },
): RecordChange | null {
  const { id, subjectId, before, after } = row
  if (subjectId === null) return null
  const old = before && flattened(resource, before)
  if (!old) return isSaid(resource) ? null : made(id, subjectId, flattened(resource, after))
  const now = flattened(resource, after)
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((name) => {
    const [was, is] = [old.get(name) ?? null, now.get(name) ?? null]
    return was !== is && JSON.stringify(was) !== JSON.stringify(is)
  })
  if (changed.length === 0) return null
  const side = (values: ReadonlyMap<string, unknown>): JsonRow =>
    Object.fromEntries(changed.map((name) => [name, values.get(name) ?? null]))
  return { id, subjectId, before: side(old), after: side(now) }
}

/** A record as a statement that changes it gives it back: as far as it may have changed, by public names. */
export interface Changed {
  id: string
  version: number
  before: JsonRow
  after: JsonRow
}

/** The same of several records. */
export function recordChanges(
  resource: Resource,
  rows: readonly { id: string; before: JsonRow | null; after: JsonRow }[],
  subjectOf: (id: string) => string | null | undefined,
): RecordChange[] {
  return rows.flatMap((row) => recordChange(resource, { ...row, subjectId: subjectOf(row.id) ?? null }) ?? [])
}

/** Two changes of the same records as one, where they are. */
export function joined(changes: readonly RecordChange[], more: readonly RecordChange[]): RecordChange[] {
  const all = new Map(changes.map((one) => [one.id, one]))
  for (const one of more) {
    const first = all.get(one.id)
    const before = first && (first.before === null ? null : { ...first.before, ...one.before })
    all.set(one.id, first ? { ...first, before: before ?? null, after: { ...first.after, ...one.after } } : one)
  }
  return [...all.values()]
}

/**
 * The fields that columns set beside what was asked for; null where one of them has a value that only the database
 * knows.
 */
export function followedBy(resource: Resource, columns: Readonly<Record<string, unknown>>): JsonRow | null {
  const values: Record<string, unknown> = {}
  for (const [name, { column }] of Object.entries(resource.definitions)) {
    if (!column || !(column.name in columns) || technical.has(name)) continue
    const value = columns[column.name]
    if (is(value, SQL)) return null
    values[name] = value
  }
  return values
}

/** What somebody said stands in its own row: once is enough. What it was is kept when it changes. */
const isSaid = (resource: Resource): boolean =>
  [...resource.fields.values()].some((field) => field.detected && field.column?.notNull === true)

/** Texts that anything may stand in are not repeated either. */
function made(id: string, subjectId: string, values: ReadonlyMap<string, unknown>): RecordChange | null {
  const told = [...values].filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
  return told.length > 0 ? { id, subjectId, before: null, after: Object.fromEntries(told) } : null
}

/** A record's fields one by one, in the form in which answers show them. */
function flattened(resource: Resource, record: JsonRow): Map<string, unknown> {
  const values = new Map<string, unknown>()
  const group = resource.custom?.group
  for (const [name, value] of Object.entries(record)) {
    const field = resource.fields.get(name)
    if (name === group) {
      for (const [key, own] of Object.entries(isObject(value) ? value : {}))
        values.set(`${name}.${key}`, Array.isArray(own) && own.length === 0 ? null : own)
    } else if (field && !technical.has(name) && !resource.definitions[name]?.derived)
      values.set(name, field.kind === 'time' && typeof value === 'string' ? plainTime(value) : plain(value, field))
  }
  return values
}

/** Two times that mean the same moment are written in the same way: in UTC, without zeros at the end. */
const plainTime = (time: string): string => utc(time).replace(/(\.\d*?[1-9])0+Z$|\.0+Z$/, '$1Z')

/** What is put together of several columns is nothing when none of them has a value. */
const plain = (value: unknown, { column }: Field): unknown =>
  column === null && isObject(value) && Object.keys(value).length === 0 ? null : sorted(value)

/** Members in one order: the database keeps another one than a request. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}

const isObject = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
