import type { Resource } from '../access/define.ts'
import { rowsWhere } from '../access/door.ts'
import type { Config } from '../config.ts'
import { addChildren } from '../db/children.ts'
import type { Caller, Database, JsonRow, ReadPlan } from '../db/database.ts'
import { fetchPlan, type Include, listPlan, type Scope } from '../db/rows.ts'
import { missed } from '../db/tombstone.ts'
import { namesIn, present, viewOf } from '../db/view.ts'
import type { Cursors } from './cursor.ts'
import { listQuery, type Question } from './query.ts'

/** What the routes of every noun need. */
export interface Deps {
  db: Database
  cursors: Cursors
  config: Config
}

/** One page through the choke point. */
export async function readPage(
  deps: Deps,
  caller: Caller,
  resource: Resource,
  include: readonly Include[],
  question: Question,
  scope?: Scope,
): Promise<{ data: JsonRow[]; nextCursor: string | null }> {
  let write: (position: { key: unknown; id: string }) => string = () => ''
  const { db, cursors } = deps
  const result = await db.read(caller, { action: 'read', resource: resource.name }, (principal) => {
    const read = listQuery(question, principal, resource, include, cursors, db.keys(principal.tenantId).now(), scope)
    write = read.write
    return listPlan(principal, resource, read.query)
  })
  if (scope?.parent && !result.parent?.length) throw missed(result)
  const rows = result.rows ?? []
  const shown = rows.slice(0, question.limit)
  const last = rows.length > question.limit ? shown.at(-1) : undefined
  const chosen = include.filter((one) => question.include.includes(one.name))
  return {
    data: assemble(caller, resource, shown, chosen, result),
    nextCursor: last ? write({ key: last._key ?? null, id: String(last.id) }) : null,
  }
}

/** One record through the choke point; 404 when it is missing or out of scope. */
export async function fetchRecord(
  deps: Deps,
  caller: Caller,
  resource: Resource,
  id: string,
  include: readonly Include[] = [],
): Promise<JsonRow> {
  const result = await deps.db.read(
    caller,
    { action: 'read', resource: resource.name },
    (principal): ReadPlan => fetchPlan(principal, resource, id, include),
  )
  const [record] = assemble(caller, resource, result.rows ?? [], include, result)
  if (!record) throw missed(result)
  return record
}

/** What an earlier request has made, as its maker sees it today; its id for whoever may make and not read. */
export async function madeBefore(deps: Deps, caller: Caller, resource: Resource, id: string): Promise<JsonRow> {
  if (caller.principal.ability.may('read', resource.name)) return fetchRecord(deps, caller, resource, id)
  return deps.db.change(caller, { action: 'create', resource: resource.name }, async (tx) => {
    tx.touch({ resource: resource.name, ids: [id] })
    return { id }
  })
}

function assemble(
  caller: Caller,
  resource: Resource,
  rows: readonly JsonRow[],
  include: readonly Include[],
  result: Readonly<Record<string, JsonRow[]>>,
): JsonRow[] {
  const { principal } = caller
  // What may not be read at all is absent; null says that there is none, or none that may be seen.
  const readable = include.filter(({ model }) => rowsWhere(principal, model, 'read'))
  const included = readable.map(({ name, model, link }) => {
    const view = viewOf(principal, model)
    const records = (result[name] ?? []).map((row) => present(model, view, row))
    addChildren(principal, model, name, records, result)
    return { name, link, byId: new Map(records.map((record) => [record.id, record])) }
  })
  const view = viewOf(principal, resource)
  const records = rows.map((row) => {
    const record = present(resource, view, row)
    const { shown } = namesIn(view, row)
    for (const { name, link, byId } of included)
      if (shown.includes(link)) record[name] = byId.get(row[`_${name}`]) ?? null
    return record
  })
  addChildren(principal, resource, 'rows', records, result)
  return records
}
