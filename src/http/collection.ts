import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Resource } from '../access/define.ts'
import type { AuditEntry } from '../db/audit-event.ts'
import type { RecordChange } from '../db/change-values.ts'
import type { Caller, JsonRow } from '../db/database.ts'
import { type Columns, lockRow } from '../db/row-changes.ts'
import type { Include, Scope } from '../db/rows.ts'
import { type SQL, sql } from '../db/sql.ts'
import { type ErrorCode, Problem } from '../errors.ts'
import { withBeforehand } from './beforehand.ts'
import { collectionOperations } from './collection-operations.ts'
import { checkIfMatch, sendRecord } from './etag.ts'
import { callerOf } from './guard.ts'
import { changeOnce } from './idempotency.ts'
import { includeNames } from './list-parameters.ts'
import type { OperationSchema } from './operation.ts'
import { type Question, questionOf } from './query.ts'
import { type Change, changeRow, createRow, move, moving, refuseMasks } from './record-changes.ts'
import { type Deps, fetchRecord, madeBefore, readPage } from './records.ts'
import { idParams } from './schema.ts'

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
  /**
   * Tells, of what a change says of a row for the audit, whose each value is: one change for each of them. Left out, and
   * null: all of it is the row's own.
   */
  parted?: (change: Change) => Promise<((told: RecordChange) => RecordChange[]) | null>
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
      const made = await withBeforehand(deps, caller, () =>
        changeOnce(
          deps.db,
          caller,
          request,
          reply,
          entry,
          (tx) =>
            createRow(tx, options, request.body as JsonRow, options.parent ? idParams.parse(request.params).id : null),
          (id) => madeBefore(deps, caller, resource, id),
        ),
      )
      return reply.code(201).header('location', `/v1/${resource.name}/${made.id}`).send(made.record)
    },
  })
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
      const caller = callerOf(request)
      const record = await withBeforehand(deps, caller, () =>
        deps.db.change(caller, { action: 'update', resource: resource.name }, (tx) =>
          changeRow(tx, options, id, request.body as JsonRow, request.headers['if-match']),
        ),
      )
      return sendRecord(request, reply, record, resource.volatile)
    },
  })
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
