import { randomUUIDv7 } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Action } from '../access/actions.ts'
import type { Resource } from '../access/define.ts'
import type { Config } from '../config.ts'
import type { AuditEntry } from '../db/audit-event.ts'
import type { Caller, Database, Finish, JsonRow, ReadPlan, Tx } from '../db/database.ts'
import {
  type Columns,
  checkWrite,
  columnsOf,
  finishRow,
  insertRow,
  type LockedRow,
  lockRow,
  unitFor,
  updateRow,
  written,
} from '../db/row-changes.ts'
import { fetchPlan, type Include, listPlan, type Scope } from '../db/rows.ts'
import { type SQL, sql } from '../db/sql.ts'
import { present, viewOf } from '../db/view.ts'
import { type ErrorCode, Problem } from '../errors.ts'
import { collectionOperations } from './collection-operations.ts'
import type { Cursors } from './cursor.ts'
import { checkIfMatch, sendRecord } from './etag.ts'
import { callerOf } from './guard.ts'
import { changeOnce, type Made } from './idempotency.ts'
import { includeNames } from './list-parameters.ts'
import type { OperationSchema } from './operation.ts'
import { listQuery, type Question, questionOf } from './query.ts'
import { idParams } from './schema.ts'

/** What the routes of every noun need. */
export interface Deps {
  db: Database
  cursors: Cursors
  config: Config
}

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

/** What is special about a noun; everything else is the same for all. Leave a part out and its routes do not exist. */
export interface CollectionOptions {
  resource: Resource
  /** "/v1/contacts", or below a parent: "/v1/conversations/:id/notes" with `parent`. */
  path?: string
  parent?: { resource: Resource; scope: (id: SQL) => SQL }
  include?: readonly Include[]
  searchable?: boolean
  /**
   * Fields of a new row that the service itself sets, by public name: the rights and the conditions of roles are decided
   * over the row with them. Without a `businessUnitId` among them it is the one that the body names.
   */
  given?: (change: Change) => Promise<JsonRow> | JsonRow
  /** More columns to set, and what else must happen in the same transaction before the row is written. */
  create?: false | ((change: Change) => Promise<Columns> | Columns)
  /** What must happen after the row is there, in the same transaction. */
  created?: (change: Change) => Promise<void>
  change?: false | ((change: Change) => Promise<Columns> | Columns)
  trash?: false | ((change: Change) => Promise<Columns> | Columns)
  restore?: (change: Change) => Promise<Columns> | Columns
  ifMatchRequired?: boolean
  /** What the noun's own part can refuse, beyond what every noun does. */
  errors?: Partial<Record<'create' | 'change' | 'trash' | 'restore', readonly ErrorCode[]>>
  /** Adds what is known only now, to the answer of a creation (a secret shown once). */
  createdAnswer?: z.ZodObject
  createdExtra?: (change: Change) => JsonRow
}

/** The routes that every noun has: list, search, fetch, create, change, trash, restore. */
export function collection(app: FastifyInstance, deps: Deps, options: CollectionOptions): void {
  const { resource } = options
  const path = options.path ?? `/v1/${resource.name}`
  const one = `/v1/${resource.name}/:id`
  const include = options.include ?? []
  const operations = collectionOperations(options)

  const list = async (request: FastifyRequest, question: Question): Promise<JsonRow> => {
    const caller = callerOf(request)
    const parentId = options.parent ? idParams.parse(request.params).id : null
    const scope = options.parent && parentId !== null ? parentScope(caller, options.parent, parentId) : undefined
    return readPage(deps, caller, resource, include, question, scope)
  }

  app.get(path, {
    config: { access: { action: 'read', resource: resource.name } },
    schema: operations.list,
    handler: async (request) => list(request, questionOf(request.query as JsonRow)),
  })

  app.post(`${path}/search`, {
    config: { access: { action: 'read', resource: resource.name } },
    schema: operations.search,
    handler: async (request) =>
      list(request, {
        filters: {},
        include: [],
        trashed: false,
        ...(request.body as Partial<Question> & { limit: number }),
      }),
  })

  app.get(one, {
    config: { access: { action: 'read', resource: resource.name } },
    schema: operations.fetch,
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const chosen = [...new Set(includeNames((request.query as JsonRow).include))].map(
        (name) => include.find((each) => each.name === name) ?? refuse(name),
      )
      const record = await fetchRecord(deps, callerOf(request), resource, id, chosen)
      return sendRecord(request, reply, record, resource.volatile)
    },
  })

  if (options.create !== false) createRoute(app, deps, options, path, operations.create)
  if (options.change !== false) changeRoute(app, deps, options, one, operations.change)
  if (options.trash !== false && resource.state) trashRoutes(app, deps, options, one, operations)
}

const refuse = (name: string): never => {
  throw new Problem('invalid_request', {
    errors: [{ path: 'include', code: 'unknown_field', message: `"${name.slice(0, 100)}" cannot be used here.` }],
  })
}

/** The rows of a parent that the caller may see; of another parent there is no list. */
function parentScope(caller: Caller, parent: NonNullable<CollectionOptions['parent']>, id: string): Scope {
  if (!caller.principal.ability.may('read', parent.resource.name)) throw new Problem('not_found', { recordIds: [id] })
  return {
    key: parent.resource.name,
    sql: parent.scope(sql`${sql.placeholder('parentId')}::uuid`),
    id,
    parent: parent.resource,
  }
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
  if (scope?.parent && !result.parent?.length) throw new Problem('not_found', { audited: true })
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
  if (!record) throw new Problem('not_found', { audited: true })
  return record
}

function assemble(
  caller: Caller,
  resource: Resource,
  rows: readonly JsonRow[],
  include: readonly Include[],
  result: Readonly<Record<string, JsonRow[]>>,
): JsonRow[] {
  const { principal } = caller
  const included = include.map(({ name, model }) => {
    const view = viewOf(principal, model)
    return { name, byId: new Map((result[name] ?? []).map((row) => [row.id, present(model, view, row)])) }
  })
  const view = viewOf(principal, resource)
  return rows.map((row) => {
    const record = present(resource, view, row)
    for (const { name, byId } of included) record[name] = byId.get(row[`_${name}`]) ?? null
    return record
  })
}

function createRoute(
  app: FastifyInstance,
  deps: Deps,
  options: CollectionOptions,
  path: string,
  schema: OperationSchema,
): void {
  const { resource } = options
  const entry: AuditEntry = { action: 'create', resource: resource.name }
  app.post(path, {
    config: { access: { action: 'create', resource: resource.name } },
    schema,
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const made = await changeOnce(
        deps.db,
        caller,
        request,
        reply,
        entry,
        (tx) =>
          createRow(tx, options, request.body as JsonRow, options.parent ? idParams.parse(request.params).id : null),
        (id) => fetchRecord(deps, caller, resource, id),
      )
      return reply.code(201).header('location', `/v1/${resource.name}/${made.id}`).send(made.record)
    },
  })
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
  const after: JsonRow = { ...defaultsOf(resource), ...body, id }
  const change: Change = { tx, id, body, before: null, after, parent }
  const given = options.given ? await options.given(change) : {}
  const named = given.businessUnitId ?? body.businessUnitId
  const set = { ...given, ...(resource.unit ? { businessUnitId: unitFor(tx.principal, named) } : {}) }
  Object.assign(after, set)
  checkWrite(tx.principal, resource, 'create', body, null, after, null)
  const more = options.create ? await options.create(change) : {}
  const columns: Columns = { ...columnsOf(resource, { ...body, ...set }), ...more }
  const subjectId = subjectOf(resource, after)
  const finish = finishRow(tx, resource, insertRow(tx, resource, id, columns), {
    id,
    action: 'create',
    after,
    asked: Object.keys(body),
    changed: Object.keys(body),
    version: 1,
    subjectId,
  })
  const extra = (record: JsonRow): Made => ({ id, record: { ...record, ...options.createdExtra?.(change) } })
  if (!options.created) return finish.map(extra)
  const record = await finish.now(tx)
  await options.created(change)
  return extra(record)
}

function changeRoute(
  app: FastifyInstance,
  deps: Deps,
  options: CollectionOptions,
  one: string,
  schema: OperationSchema,
): void {
  const { resource } = options
  app.patch(one, {
    config: { access: { action: 'update', resource: resource.name } },
    schema,
    // Before validation: a mask has its field's look, not its format.
    preValidation: async (request) => refuseMasks(resource, request.body),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const record = await deps.db.change(callerOf(request), { action: 'update', resource: resource.name }, (tx) =>
        changeRow(tx, options, id, request.body as JsonRow, request.headers['if-match']),
      )
      return sendRecord(request, reply, record, resource.volatile)
    },
  })
}

/** A mask that comes back is a client's mistake of its own kind: it would destroy the value. */
function refuseMasks(resource: Resource, body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  const masks = Object.entries(body).filter(
    ([name, value]) => resource.fields.has(name) && typeof value === 'string' && value.includes('••'),
  )
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
  const before = await lockRow(tx, resource, id, action)
  checkIfMatch(ifMatch, before.view, options.ifMatchRequired ?? false, resource.volatile)
  const after = { ...before.clear, ...merged(before.clear, body) }
  checkWrite(tx.principal, resource, 'update', body, before.clear, after, before.view)
  const change: Change = { tx, id, body, before, after, parent: null }
  const more = options.change ? await options.change(change) : {}
  const columns = { ...columnsOf(resource, merged(before.clear, body)), ...more }
  if (Object.keys(columns).length === 0) {
    const subjectIds = [subjectOf(resource, before.clear)]
    tx.touch({ resource: resource.name, ids: [id], ...before.seen, changed: [], subjectIds })
    return before.view
  }
  return finishRow(tx, resource, updateRow(tx, resource, id, columns), {
    id,
    action: 'update',
    after,
    asked: Object.keys(body),
    changed: namesOf(resource, body, more),
    version: Number(before.clear.version ?? 0) + 1,
    subjectId: subjectOf(resource, before.clear),
  })
}

/** What a change changes, by public names: what was asked for, and what followed from it. */
function namesOf(resource: Resource, body: JsonRow, more: Columns): string[] {
  const followed = Object.entries(resource.definitions).flatMap(([name, { column }]) =>
    column && column.name in more ? [name] : [],
  )
  return [...new Set([...Object.keys(body), ...followed])]
}

/** A merge patch goes into objects (RFC 7396): a member set to null is removed, the others stay. */
function merged(before: JsonRow, body: JsonRow): JsonRow {
  const plain = (value: unknown): value is JsonRow =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      if (!plain(value)) return [name, value]
      const old = before[name]
      const all = { ...(plain(old) ? old : {}), ...value }
      return [name, Object.fromEntries(Object.entries(all).filter(([, inner]) => inner !== null))]
    }),
  )
}

function trashRoutes(
  app: FastifyInstance,
  deps: Deps,
  options: CollectionOptions,
  one: string,
  operations: Record<'trash' | 'restore', OperationSchema>,
): void {
  const { resource } = options
  app.delete(one, {
    config: { access: { action: 'delete', resource: resource.name } },
    schema: operations.trash,
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      await deps.db.change(callerOf(request), { action: 'delete', resource: resource.name }, async (tx) => {
        const before = await lockRow(tx, resource, id, 'delete')
        checkIfMatch(request.headers['if-match'], before.view, options.ifMatchRequired ?? false, resource.volatile)
        const more = options.trash ? await options.trash(moving(tx, id, before)) : {}
        return move(tx, resource, 'delete', id, before, { ...more, state: 'trashed', trashed_at: sql`now()` })
      })
      return reply.code(204).send()
    },
  })
  app.post(`${one}/restore`, {
    config: { access: { action: 'restore', resource: resource.name } },
    schema: operations.restore,
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const caller = callerOf(request)
      const made = await changeOnce(
        deps.db,
        caller,
        request,
        reply,
        { action: 'restore', resource: resource.name },
        async (tx) => {
          const before = await lockRow(tx, resource, id, 'restore', { trashed: true })
          const more = options.restore ? await options.restore(moving(tx, id, before)) : {}
          const finish = move(tx, resource, 'restore', id, before, { ...more, state: 'active', trashed_at: null })
          return finish.map((record) => ({ id, record }))
        },
        () => fetchRecord(deps, caller, resource, id),
      )
      return sendRecord(request, reply, made.record, resource.volatile)
    },
  })
}

const moving = (tx: Tx, id: string, before: LockedRow): Change => ({
  tx,
  id,
  body: {},
  before,
  after: before.clear,
  parent: null,
})

function move(
  tx: Tx,
  resource: Resource,
  action: 'delete' | 'restore',
  id: string,
  before: LockedRow,
  columns: Columns,
): Finish<JsonRow> {
  return finishRow(tx, resource, updateRow(tx, resource, id, columns), {
    id,
    action,
    after: before.clear,
    asked: [],
    changed: [],
    version: Number(before.clear.version ?? 0) + 1,
    subjectId: subjectOf(resource, before.clear),
  })
}

/** The contact that a row concerns, from its clear fields. */
export function subjectOf(resource: Resource, row: JsonRow): string | null {
  if (!resource.subject) return null
  const id = resource.name === 'contacts' ? row.id : row.contactId
  return typeof id === 'string' ? id : null
}

/** What a field is when nothing is said: a list is empty, everything else absent. */
function defaultsOf(resource: Resource): JsonRow {
  return Object.fromEntries(
    [...resource.fields.values()].flatMap((field) =>
      field.kind === 'textList' || field.kind === 'uuidList' ? [[field.name, []]] : [],
    ),
  )
}

export { written }
