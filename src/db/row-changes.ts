import type { Action } from '../access/actions.ts'
import type { Resource } from '../access/define.ts'
import { liveWhere, rowsWhere } from '../access/door.ts'
import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Touched } from './audit-event.ts'
import { recordChange } from './change-values.ts'
import { clearColumns } from './clear-columns.ts'
import { Finish, type JsonRow, type Tx } from './database.ts'
import { named, type SQL, sql } from './sql.ts'
import { missing } from './tombstone.ts'
import { namesIn, present, utc, viewOf } from './view.ts'

/** A row that is about to change: all its fields in clear (for decisions only), and what the principal sees of it. */
export interface LockedRow {
  clear: JsonRow
  view: JsonRow
  /** The names of the fields that `view` shows in clear and masked. */
  seen: { shown: readonly string[]; masked: readonly string[] }
}

/** Values by column: SQL where a value is computed, else a parameter. */
export type Columns = Readonly<Record<string, unknown>>

/**
 * Locks one row that the principal may read and may do `action` with.
 * Rows that point to it may be written meanwhile (NO KEY): a message that comes in does not wait for a note.
 * @param options trashed: a row in the trash; `also`: there too, where the principal sees the trash. state: one that is elsewhere
 * @throws Problem not_found (missing and out of scope alike), erased, forbidden (seen, but not to be touched so)
 */
export async function lockRow(
  tx: Tx,
  resource: Resource,
  id: string,
  action: Action,
  options: { trashed?: boolean | 'also'; state?: 'merged'; scope?: SQL } = {},
): Promise<LockedRow> {
  const { principal } = tx
  const readable = rowsWhere(principal, resource, 'read')
  if (!readable) throw new Problem('not_found', { recordIds: [id] })
  const state = options.state ?? (options.trashed === 'also' ? 'live' : options.trashed ? 'trashed' : 'active')
  const build = (): SQL => lockSql(principal, resource, readable, state, options.scope)
  const statement = options.scope ? build() : tx.kept(`lock/${resource.name}/${state}`, build)
  const values = { id, eventTenant: principal.tenantId }
  let [row] = await tx.query<LockedSql>(statement, values)
  // Whoever waits for the lock gets the row as it is now, but what stands in other tables as it was before the wait.
  if (row?.waited) [row] = await tx.query<LockedSql>(statement, values)
  if (!row) throw await missing(tx, resource, id)
  if (row.subject !== null) tx.contactKeys.set(row.subject, row.key)
  if (!principal.ability.can(action, resource, row.clear)) throw new Problem('forbidden', { recordIds: [id] })
  const view = viewOf(principal, resource)
  return { clear: row.clear, view: present(resource, view, row.view), seen: namesIn(view, row.view) }
}

interface LockedSql {
  clear: JsonRow
  view: JsonRow
  /** The contact concerned, and its wrapped key: what changes is sealed under it. */
  subject: string | null
  key: Buffer | null
  /** Somebody changed the row while the lock was waited for. */
  waited: boolean
}

function lockSql(principal: Principal, resource: Resource, readable: SQL, state: string, scope: SQL | undefined): SQL {
  const { subject } = resource
  const key = subject
    ? sql`${subject} AS subject, (SELECT k.wrapped_key FROM app.contact_key AS k WHERE k.tenant_id = ${resource.tenant} AND k.contact_id = ${subject}) AS key`
    : sql`NULL::uuid AS subject, NULL::bytea AS key`
  const standing = state === 'live' ? liveWhere(principal, resource) : sql`${resource.state} = ${state}`
  const hasOwn = [...principal.ability.fields(resource).values()].some(({ stored }) => stored)
  // Of a subquery the snapshot is from before the wait, as it is of the values in other tables.
  const waited = hasOwn
    ? sql`(SELECT was.version FROM ${resource.table} AS was WHERE was.tenant_id = ${named('eventTenant')}::uuid AND was.id = ${named('id')}::uuid) <> ${sql.identifier(tableName(resource))}.version`
    : sql`false`
  return sql`SELECT row_to_json(c) AS clear, row_to_json(v) AS view, ${key}, ${waited} AS waited FROM ${resource.table}
    CROSS JOIN LATERAL (SELECT ${clearColumns(principal, resource)}) AS c
    CROSS JOIN LATERAL (SELECT ${viewOf(principal, resource).columns}) AS v
    WHERE ${resource.tenant} = ${named('eventTenant')}::uuid AND ${resource.id} = ${named('id')}::uuid AND ${readable}
      ${resource.state ? sql`AND ${standing}` : sql``} ${scope ? sql`AND ${scope}` : sql``}
    FOR NO KEY UPDATE OF ${sql.identifier(tableName(resource))}`
}

/** The unit of a new row: the one that is named, else the tenant's own one, among those that the principal sees. */
export function unitFor(principal: Principal, named: unknown): string {
  const { units, defaultUnit } = principal
  if (typeof named === 'string') {
    if (units === '*' || units.includes(named)) return named
    throw new Problem('unprocessable', {
      errors: [{ path: '/businessUnitId', code: 'unknown_reference', message: 'There is no such business unit.' }],
    })
  }
  const unit =
    defaultUnit !== null && (units === '*' || units.includes(defaultUnit))
      ? defaultUnit
      : units === '*'
        ? null
        : (units[0] ?? null)
  if (unit === null) throw new Problem('forbidden', { detail: 'You belong to no business unit.' })
  return unit
}

/** The columns that a body sets, by the resource's definitions. */
export function columnsOf(resource: Resource, body: JsonRow): Columns {
  const columns: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    const column = resource.definitions[name]?.column
    if (!column) continue
    columns[column.name] =
      column.getSQLType() === 'jsonb'
        ? value === null
          ? null
          : sql`${JSON.stringify(value)}::jsonb`
        : Array.isArray(value)
          ? sql`${sql.param(value)}`
          : value
  }
  return columns
}

/** Inserts a row; with the view of it that the principal has. */
export function insertRow(tx: Tx, resource: Resource, id: string, columns: Columns): SQL {
  const all: Columns = { tenant_id: tx.principal.tenantId, id, ...columns }
  const names = Object.keys(all).map((name) => sql.identifier(name))
  const values = Object.values(all).map(parameter)
  return sql`INSERT INTO ${resource.table} (${sql.join(names, sql`, `)}) VALUES (${sql.join(values, sql`, `)}) ${returning(tx.principal, resource)}`
}

/**
 * Updates a locked row and counts its version.
 * @param withClear whether it gives back all fields in clear too, whatever rights depend on: for `finishRow`
 */
export function updateRow(tx: Tx, resource: Resource, id: string, columns: Columns, withClear = false): SQL {
  // What was found in the old value says nothing about the new one.
  for (const [name, { column, veiledIn }] of Object.entries(resource.definitions))
    if (veiledIn && column && column.name in columns && !(veiledIn.name in columns))
      throw new Error(`${resource.name}.${name} is written without what is found in it`)
  const sets = Object.entries(columns).map(([name, value]) => sql`${sql.identifier(name)} = ${parameter(value)}`)
  const counted = sql`version = ${sql.identifier(tableName(resource))}.version + 1, updated_at = now()`
  return sql`UPDATE ${resource.table} SET ${sql.join([...sets, counted], sql`, `)}
    WHERE ${resource.tenant} = ${tx.principal.tenantId}::uuid AND ${resource.id} = ${id}::uuid ${returning(tx.principal, resource, withClear)}`
}

function returning(principal: Principal, resource: Resource, withClear = false): SQL {
  const clear =
    withClear || principal.ability.dependsOnRow(resource.name)
      ? sql`, (SELECT row_to_json(c) FROM (SELECT ${clearColumns(principal, resource)}) AS c) AS clear`
      : sql``
  return sql`RETURNING (SELECT row_to_json(v) FROM (SELECT ${viewOf(principal, resource).columns}) AS v) AS view${clear}`
}

/** A row just written: what `returning` gave back of it. */
function writtenRow(rows: readonly JsonRow[]): { view: JsonRow; clear: JsonRow | null } {
  const { view, clear } = rows[0] ?? {}
  if (!isObject(view)) throw new Problem('not_found')
  return { view, clear: isObject(clear) ? clear : null }
}

const isObject = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null

/** The record that a principal sees of a row just written; only its id when it may not read it (any more). */
export function written(principal: Principal, resource: Resource, rows: readonly JsonRow[], after: JsonRow): JsonRow {
  const { view, clear } = writtenRow(rows)
  if (!principal.ability.can('read', resource, clear ?? after)) return { id: after.id }
  return present(resource, viewOf(principal, resource), view)
}

/**
 * The end of a change of one row: the statement, what it touched, the record to answer. Where rights depend on the row,
 * the row as the database holds it decides, with its defaults and with what the noun itself has set.
 */
export function finishRow(
  tx: Tx,
  resource: Resource,
  statement: SQL,
  row: {
    id: string
    /** Left out: the row has been decided on already. */
    action?: 'create' | 'update' | 'delete' | 'restore'
    after: JsonRow
    /** The fields that the request names. */
    asked?: readonly string[]
    changed: readonly string[]
    version: number
    subjectId: string | null
    /** The row as it was, of which the audit keeps what has changed; null: it is new. Left out: nothing of it is kept. */
    before?: JsonRow | null
    /** What the row became is known only when it has been written: the statement gives it back in clear. */
    isWritten?: boolean
  },
): Finish<JsonRow> {
  const { ability } = tx.principal
  const { id, action, changed, version, subjectId, before } = row
  const view = viewOf(tx.principal, resource)
  // A deletion answers nothing.
  const seen = action === 'delete' ? { shown: [], masked: [] } : view
  const touched = ({ shown, masked }: LockedRow['seen'], after: JsonRow): Touched => {
    const values = before === undefined ? null : recordChange(resource, { id, subjectId, before, after })
    return {
      resource: resource.name,
      ids: [id],
      shown,
      masked,
      changed,
      version,
      subjectIds: [subjectId],
      ...(values ? { values: [values] } : {}),
    }
  }
  const decide = (rows: JsonRow[]): Touched => {
    const { view: shown, clear } = writtenRow(rows)
    const stored = clear ?? row.after
    if (action === 'create' || action === 'update')
      for (const name of [undefined, ...(row.asked ?? [])])
        if (!ability.can(action, resource, stored, name)) throw new Problem('forbidden')
    if (action === 'delete' || !ability.can('read', resource, stored)) return touched({ shown: [], masked: [] }, stored)
    return touched(namesIn(view, shown), stored)
  }
  const isDecided = !(row.isWritten || ability.dependsOnRow(resource.name) || view.byRow)
  return new Finish(statement, isDecided ? touched(seen, row.after) : decide, (rows) =>
    written(tx.principal, resource, rows, row.after),
  )
}

const parameter = (value: unknown): SQL =>
  typeof value === 'object' && value !== null && 'queryChunks' in value ? (value as SQL) : sql`${sql.param(value)}`

export const tableName = (resource: ResourceModel): string =>
  resource.id.table[Symbol.for('drizzle:Name') as never] as string

export { utc }
