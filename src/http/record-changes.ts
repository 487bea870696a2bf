import { randomUUIDv7 } from 'node:crypto'
import type { Action } from '../access/actions.ts'
import type { Resource } from '../access/define.ts'
import type { Touched } from '../db/audit-event.ts'
import { followedBy, type RecordChange } from '../db/change-values.ts'
import { askedNames, checkWrite } from '../db/check-write.ts'
import { type Finish, type JsonRow, Finish as Last, type Tx } from '../db/database.ts'
import {
  type Columns,
  columnsOf,
  finishRow,
  insertRow,
  type LockedRow,
  lockRow,
  unitFor,
  updateRow,
} from '../db/row-changes.ts'
import { Problem } from '../errors.ts'
import type { CollectionOptions } from './collection.ts'
import { checkIfMatch } from './etag.ts'
import type { Made } from './idempotency.ts'

/** A row that is being changed: what it was, what it will be, in clear, by public names. */
export interface Change {
  tx: Tx
  id: string
  body: JsonRow
  before: LockedRow | null
  after: JsonRow
  /** The record below which a new row is made; locked. */
  parent: LockedRow | null
}

/** Makes a row: rights on every field and on the row as it will be, then the noun's own part. */
export async function createRow(
  tx: Tx,
  options: CollectionOptions,
  body: JsonRow,
  parentId: string | null = null,
): Promise<Made | Finish<Made>> {
  const { resource } = options
  const id = randomUUIDv7()
  const parent =
    options.parent && parentId !== null ? await lockRow(tx, options.parent.resource, parentId, 'read') : null
  const after: JsonRow = { ...defaultsOf(resource), ...merged(resource, {}, body), id }
  const change: Change = { tx, id, body, before: null, after, parent }
  const given = options.given ? await options.given(change) : {}
  const named = given.businessUnitId ?? body.businessUnitId
  const set = { ...given, ...(resource.unit ? { businessUnitId: unitFor(tx.principal, named) } : {}) }
  Object.assign(after, set)
  checkWrite(tx.principal, resource, 'create', body, null, after, null)
  const more = options.create ? await options.create(change) : {}
  const columns: Columns = { ...columnsOf(resource, { ...merged(resource, {}, body), ...set }), ...more }
  const subjectId = subjectOf(resource, after)
  const finish = finishRow(tx, resource, insertRow(tx, resource, id, columns), {
    id,
    action: 'create',
    after: { ...after, ...followedBy(resource, more) },
    asked: askedNames(resource, body),
    changed: askedNames(resource, body),
    version: 1,
    subjectId,
    before: null,
  })
  const extra = (record: JsonRow): Made => ({ id, record: { ...record, ...options.createdExtra?.(change) } })
  if (!options.created) return finish.map(extra)
  const record = await finish.now(tx)
  await options.created(change)
  return extra(record)
}

/** A mask that comes back is a client's mistake of its own kind: it would destroy the value. */
export function refuseMasks(resource: Resource, body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  const group: unknown = resource.custom && Reflect.get(body, resource.custom.group)
  const values = [
    ...Object.entries(body).filter(([name]) => resource.fields.has(name)),
    ...(isPlain(group) ? Object.entries(group).map(([key, value]) => [`${resource.custom?.group}/${key}`, value]) : []),
  ]
  const masks = values.filter(([, value]) => typeof value === 'string' && value.includes('••'))
  if (masks.length > 0)
    throw new Problem('masked_value', {
      errors: masks.map(([name]) => ({
        path: `/${name}`,
        code: 'masked_value',
        message: 'This is the masked form of the value.',
      })),
    })
}

/** Changes a row: If-Match over what the caller sees, rights before and after, then the noun's own part. */
export async function changeRow(
  tx: Tx,
  options: CollectionOptions,
  id: string,
  body: JsonRow,
  ifMatch: string | undefined,
  action: Action = 'update',
): Promise<JsonRow | Finish<JsonRow>> {
  const { resource } = options
  const { principal } = tx
  const before = await lockRow(tx, resource, id, action)
  checkIfMatch(ifMatch, before.view, options.ifMatchRequired ?? false, resource.volatile)
  const after = { ...before.clear, ...merged(resource, before.clear, body) }
  checkWrite(principal, resource, 'update', body, before.clear, after, before.view)
  const change: Change = { tx, id, body, before, after, parent: null }
  const [more, part] = await Promise.all([
    options.change ? options.change(change) : {},
    options.parted ? options.parted(change) : null,
  ])
  const columns = { ...columnsOf(resource, merged(resource, before.clear, body)), ...more }
  const asked = askedNames(resource, body)
  // Fields that the tenant has defined are rows of their own, written by now.
  if (
    Object.keys(columns).length === 0 &&
    !asked.some((name) => principal.ability.fields(resource).get(name)?.stored)
  ) {
    const subjectIds = [subjectOf(resource, before.clear)]
    tx.touch({ resource: resource.name, ids: [id], ...before.seen, changed: [], subjectIds })
    return before.view
  }
  const followed = followedBy(resource, more)
  const finish = finishRow(tx, resource, updateRow(tx, resource, id, columns, followed === null), {
    id,
    action: 'update',
    after: { ...after, ...followed },
    asked,
    changed: namesOf(resource, asked, more),
    version: Number(before.clear.version ?? 0) + 1,
    subjectId: subjectOf(resource, before.clear),
    before: before.clear,
    isWritten: followed === null,
  })
  return part ? parted(finish, part) : finish
}

/** The same end of a change, whose audit event keeps each value for whom it is about. */
function parted(finish: Finish<JsonRow>, part: (told: RecordChange) => RecordChange[]): Finish<JsonRow> {
  const { touched } = finish
  const partedTouch = (one: Touched): Touched => {
    const values = (one.values ?? []).flatMap(part)
    const subjectIds = [...new Set([...(one.subjectIds ?? []), ...values.map(({ subjectId }) => subjectId)])]
    return { ...one, subjectIds, values }
  }
  return new Last(
    finish.statement,
    typeof touched === 'function' ? (rows) => partedTouch(touched(rows)) : partedTouch(touched),
    finish.done,
  )
}

/** What a change changes, by public names: what was asked for, and what followed from it. */
function namesOf(resource: Resource, asked: readonly string[], more: Columns): string[] {
  const followed = Object.entries(resource.definitions).flatMap(([name, { column }]) =>
    column && column.name in more ? [name] : [],
  )
  return [...new Set([...asked, ...followed])]
}

const isPlain = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A merge patch goes into objects (RFC 7396): a member set to null is removed, the others stay. */
function merged(resource: Resource, before: JsonRow, body: JsonRow): JsonRow {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      if (value === null) return [name, unsetOf(resource, name)]
      if (!isPlain(value) || resource.definitions[name]?.whole) return [name, value]
      const old = before[name]
      const all = { ...(isPlain(old) ? old : {}), ...value }
      return [name, Object.fromEntries(Object.entries(all).filter(([, inner]) => inner !== null))]
    }),
  )
}

export const moving = (tx: Tx, id: string, before: LockedRow): Change => ({
  tx,
  id,
  body: {},
  before,
  after: before.clear,
  parent: null,
})

export function move(
  tx: Tx,
  resource: Resource,
  action: 'delete' | 'restore',
  id: string,
  before: LockedRow,
  columns: Columns,
): Finish<JsonRow> {
  const subjectId = subjectOf(resource, before.clear)
  const isKept = subjectId !== null
  return finishRow(tx, resource, updateRow(tx, resource, id, columns, isKept), {
    id,
    action,
    after: before.clear,
    asked: [],
    changed: [],
    version: Number(before.clear.version ?? 0) + 1,
    subjectId,
    before: before.clear,
    isWritten: isKept,
  })
}

/** The contact that a row concerns, from its clear fields. */
export function subjectOf(resource: Resource, row: JsonRow): string | null {
  if (!resource.subject) return null
  const id = resource.name === 'contacts' ? row.id : row.contactId
  return typeof id === 'string' ? id : null
}

/** What null means: no value, or what a field that always has one falls back to. */
function unsetOf(resource: Resource, name: string): unknown {
  const kind = resource.fields.get(name)?.kind
  const isList = kind === 'textList' || kind === 'uuidList'
  return resource.definitions[name]?.unset ?? (isList ? [] : null)
}

/** What a field is when nothing is said: a list is empty, everything else absent. */
function defaultsOf(resource: Resource): JsonRow {
  return Object.fromEntries(
    [...resource.fields.values()].flatMap((field) =>
      field.kind === 'textList' || field.kind === 'uuidList' ? [[field.name, []]] : [],
    ),
  )
}
