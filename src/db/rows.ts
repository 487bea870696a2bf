import type { Condition } from '../access/condition.ts'
import { conditionSql, frameOf, sqlTypes } from '../access/condition-sql.ts'
import { fieldSql, filterable, liveWhere, rowsWhere, sight } from '../access/door.ts'
import type { Field, ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import { childParts } from './children.ts'
import type { ReadPlan } from './database.ts'
import type { Part } from './read-statement.ts'
import { searchSql } from './search.ts'
import { named, type SQL, sql } from './sql.ts'
import { sortedByValue } from './stored-sort.ts'
import { erasedPart } from './tombstone.ts'
import { viewOf } from './view.ts'

/** Another resource's records answered together with a row: found by an id that the row holds. */
export interface Include {
  name: string
  model: ResourceModel
  /** The row's field that holds the id of the included record: whoever may not read it is not told by the record either. */
  link: string
}

export interface Sort {
  field: Field
  descending: boolean
}

export interface ListQuery {
  where: Condition | null
  sort: Sort | null
  limit: number
  /** The last row of the page before: its sort value and id. */
  after: { key: unknown; id: string } | null
  q: string | null
  include: readonly Include[]
  trashed: boolean
  scope?: Scope
  audited?: unknown
  /** How many values of masked fields it asks for by exact match. */
  maskedMatches?: number
}

/** Rows of one parent, by SQL over the placeholder `parentId`. */
export interface Scope {
  key: string
  sql: SQL
  id: string
  /** The field that the SQL asks about, and the parameter by which it does: whoever does not see the one has not the other. */
  through?: { parameter: string; field: string }
  /** The parent's own resource: the list of a parent that the principal does not see is not empty, it is not there. */
  parent?: ResourceModel
}

/** How many records a page has that does not say it. */
export const usualLimit = 25

const nothing = sql`false`

/** One record by id, with what is included. */
export function fetchPlan(
  principal: Principal,
  model: ResourceModel,
  id: string,
  include: readonly Include[] = [],
  scope?: Scope,
): ReadPlan {
  for (const one of include) checkLink(principal, model, one)
  return {
    key: `${model.name}/${include.map((one) => one.name).join()}/${scope?.key ?? ''}`,
    wanted: id,
    values: { id, ...(scope ? { parentId: scope.id } : {}) },
    parts: () => [
      {
        ...rootPart(
          principal,
          model,
          include,
          sql`${model.id} = ${named('id')}::uuid AND ${liveWhere(principal, model)} ${scope ? sql`AND ${scope.sql}` : sql``}`,
        ),
        ...erasedPart(principal, model),
      },
      ...childParts(principal, model, 'rows', sql`rows`),
      ...includeParts(principal, include, null),
    ],
  }
}

/** A page of records. The statement is kept with the ability, for all filters of one shape; that of a free search is not. */
export function listPlan(principal: Principal, model: ResourceModel, query: ListQuery): ReadPlan {
  const { sort, after, scope } = query
  for (const one of query.include) checkLink(principal, model, one)
  const orderName = sort ? `${sort.descending ? '-' : ''}${sort.field.name}` : '-id'
  const frame = query.where && frameOf(query.where, principal.ability.fields(model))
  const isKept = query.q === null && (frame !== null || query.where === null)
  const key = `${model.name}/${orderName}/${after ? (after.key === null ? 'null' : 'after') : 'first'}/${query.include.map((one) => one.name).join()}/${query.trashed}/${scope?.key ?? ''}/${frame?.shape ?? ''}/${query.limit}`
  // In the statement's text: a planner that does not know it takes a page for a tenth of all rows.
  const fetch = sql.raw(String(query.limit + 1))
  const answer = sql.raw(String(query.limit))
  return {
    key: isKept ? key : null,
    isAskedFor: frame !== null || query.limit !== usualLimit,
    query: query.audited,
    clearValues: query.maskedMatches ?? 0,
    ...(scope?.parent ? { wanted: scope.id } : {}),
    values: {
      ...(scope ? { parentId: scope.id } : {}),
      afterKey: after?.key ?? null,
      afterId: after?.id ?? null,
      ...frame?.values,
    },
    parts: () => {
      const order = sort && valueOrderOf(principal, model, sort)
      const { columns, orderBy, afterSql } = order
        ? { columns: sql``, orderBy: sql``, afterSql: null }
        : orderOf(principal, model, sort, after)
      const conditions = [
        stateSql(principal, model, query.trashed),
        ...(scope ? [scope.sql] : []),
        ...(scope?.parent ? [sql`EXISTS (SELECT FROM parent)`] : []),
        ...(query.where ? [conditionSql(query.where, filterable(principal, model).resolve, frame?.bind)] : []),
        ...(query.q === null ? [] : [searchSql(principal, model, query.q)]),
        ...(afterSql ? [afterSql] : []),
      ]
      const root = rootPart(principal, model, query.include, sql.join(conditions, sql` AND `), columns)
      return [
        ...(scope?.parent ? [parentPart(principal, scope.parent)] : []),
        {
          ...(order
            ? sortedByValue(root, model, order, { descending: sort.descending, after }, fetch)
            : { ...root, orderBy }),
          limit: { fetch, answer },
        },
        ...childParts(principal, model, 'rows', sql`(SELECT * FROM rows LIMIT ${answer})`),
        ...includeParts(principal, query.include, answer),
      ]
    },
  }
}

/** The parent of a list, as far as it takes to know that the principal sees it. */
export function parentPart(principal: Principal, parent: ResourceModel): Part {
  const rows = rowsWhere(principal, parent, 'read')
  return {
    name: 'parent',
    resource: parent.name,
    columns: sql`${parent.id} AS id, ${parent.subject ?? sql`NULL::uuid`} AS "_subject"`,
    from: sql`${parent.table}`,
    tenant: parent.tenant,
    where: sql`${parent.id} = ${named('parentId')}::uuid AND ${rows || nothing} AND ${liveWhere(principal, parent)}`,
    shown: [],
    masked: [],
    byRow: false,
    ...erasedPart(principal, parent),
  }
}

/** The trash is listed for whoever may bring its rows back; for the others it is empty. */
function stateSql(principal: Principal, model: ResourceModel, trashed: boolean): SQL {
  if (!model.state) return trashed ? nothing : sql`true`
  if (!trashed) return sql`${model.state} = 'active'`
  return sql`${model.state} = 'trashed' AND ${rowsWhere(principal, model, 'restore') || nothing}`
}

function rootPart(
  principal: Principal,
  model: ResourceModel,
  include: readonly Include[],
  where: SQL,
  more: SQL = sql``,
): Part {
  const rows = rowsWhere(principal, model, 'read')
  const view = viewOf(principal, model)
  const links = include.map((one) => sql`, ${linkSql(principal, model, one)} AS ${sql.identifier(`_${one.name}`)}`)
  return {
    name: 'rows',
    resource: model.name,
    columns: sql`${view.columns}${sql.join(links)}${more}`,
    from: sql`${model.table}`,
    tenant: model.tenant,
    where: sql`${rows || nothing} AND ${where}`,
    shown: view.shown,
    masked: view.masked,
    byRow: view.byRow,
  }
}

/** The id by which a record is included, NULL in the rows where the principal may not read it; null where it never may. */
function linkSql(principal: Principal, model: ResourceModel, { link }: Include): SQL | null {
  const seen = sight(principal, model, link)
  return seen && fieldSql(seen, 'filter')
}

function checkLink(principal: Principal, model: ResourceModel, include: Include): void {
  if (!linkSql(principal, model, include))
    throw new Problem('invalid_request', { errors: [unknownField('include', include.name)] })
}

/**
 * An include shows what the principal may see of the other resource, nothing more: same rows, same door.
 * Of a page, only what belongs to the rows that are answered: the one row more was not asked for.
 */
function includeParts(principal: Principal, include: readonly Include[], limit: SQL | null): Part[] {
  const answered = limit ? sql`(SELECT * FROM rows LIMIT ${limit})` : sql`rows`
  return include.flatMap(({ name, model }) => {
    const rows = rowsWhere(principal, model, 'read')
    if (!rows) return []
    const view = viewOf(principal, model)
    const part: Part = {
      name,
      resource: model.name,
      columns: view.columns,
      from: sql`${model.table}`,
      tenant: model.tenant,
      where: sql`${rows} AND ${model.id} IN (SELECT l.${sql.identifier(`_${name}`)} FROM ${answered} AS l) ${model.state ? sql`AND ${model.state} = 'active'` : sql``}`,
      shown: view.shown,
      masked: view.masked,
      byRow: view.byRow,
    }
    return [part, ...childParts(principal, model, name, sql`${sql.identifier(name)}`)]
  })
}

/** The order of a field's own rows, where they have an index and the principal sees them all. */
function valueOrderOf(principal: Principal, model: ResourceModel, { field }: Sort) {
  const { stored } = field
  if (!stored?.order || sight(principal, model, field.name)?.clear !== true) return null
  return { ...stored, order: stored.order }
}

/**
 * Keyset pages: the sort value and the id of the last row say where to go on. Ids are UUIDv7, so by default the newest
 * come first. Rows without a value come last in both directions.
 */
function orderOf(
  principal: Principal,
  model: ResourceModel,
  sort: Sort | null,
  after: ListQuery['after'],
): { columns: SQL; orderBy: SQL; afterSql: SQL | null } {
  const id = sql`${model.id}`
  const lastId = sql`${named('afterId')}::uuid`
  if (!sort) return { columns: sql``, orderBy: sql`${id} DESC`, afterSql: after ? sql`${id} < ${lastId}` : null }
  const seen = sight(principal, model, sort.field.name)
  const value = seen && fieldSql(seen, 'sort')
  if (!value) throw new Problem('invalid_request', { errors: [unknownField('sort', sort.field.name)] })
  const direction = sql.raw(sort.descending ? 'DESC' : 'ASC')
  const beyond = sql.raw(sort.descending ? '<' : '>')
  const always = sort.field.column?.notNull === true && seen?.clear === true
  const orderBy = always
    ? sql`${value} ${direction}, ${id} ${direction}`
    : sql`${value} ${direction} NULLS LAST, ${id} ${direction}`
  const columns = sql`, ${value} AS "_key"`
  if (!after) return { columns, orderBy, afterSql: null }
  const key = sql`${named('afterKey')}::${sql.raw(sqlTypes[sort.field.kind])}`
  if (always) return { columns, orderBy, afterSql: sql`(${value}, ${id}) ${beyond} (${key}, ${lastId})` }
  if (after.key === null)
    return {
      columns,
      orderBy,
      afterSql: sql`${value} IS NULL AND ${id} ${beyond} ${lastId} AND ${named('afterKey')}::text IS NULL`,
    }
  return {
    columns,
    orderBy,
    afterSql: sql`(${value} ${beyond} ${key} OR ${value} = ${key} AND ${id} ${beyond} ${lastId} OR ${value} IS NULL)`,
  }
}

/** A field that may not be used and a field that does not exist: the same answer. */
export const unknownField = (path: string, name: string) => ({
  path,
  code: 'unknown_field',
  message: `"${name.slice(0, 100)}" cannot be used here.`,
})
