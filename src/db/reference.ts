import { rowsWhere } from '../access/door.ts'
import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { type Fault, Problem } from '../errors.ts'
import { clearColumns } from './clear-columns.ts'
import type { JsonRow, Tx } from './database.ts'
import { tableName } from './row-changes.ts'
import { named, type SQL, sql } from './sql.ts'

/**
 * A live record that a request names: all its fields in clear, for decisions only.
 * null when there is none or the principal does not see it: both are answered alike.
 * @param isKept it stays until the transaction ends: whoever wants to erase it waits
 */
export async function referenced(tx: Tx, resource: ResourceModel, id: string, isKept = false): Promise<JsonRow | null> {
  const { principal } = tx
  const readable = rowsWhere(principal, resource, 'read')
  if (!readable) return null
  const statement = tx.kept(`reference/${resource.name}/${isKept}`, () =>
    isKept
      ? sql`${referenceSql(principal, resource, readable)} FOR KEY SHARE OF ${sql.identifier(tableName(resource))}`
      : referenceSql(principal, resource, readable),
  )
  const [row] = await tx.query<{ clear: JsonRow }>(statement, { id, eventTenant: principal.tenantId })
  return row?.clear ?? null
}

function referenceSql(principal: Principal, resource: ResourceModel, readable: SQL): SQL {
  return sql`SELECT row_to_json(c) AS clear FROM ${resource.table} CROSS JOIN LATERAL (SELECT ${clearColumns(principal, resource)}) AS c
    WHERE ${resource.tenant} = ${named('eventTenant')}::uuid AND ${resource.id} = ${named('id')}::uuid AND ${readable}
      ${resource.state ? sql`AND ${resource.state} = 'active'` : sql``}`
}

/** The fault of a body that names a record which is not there, or not there for whoever asks. */
export const unknownReference = (path: string): Fault => ({
  path,
  code: 'unknown_reference',
  message: 'There is no such record.',
})

/** A rule that refuses a request which was understood, with the places where. */
export const ruled = (...errors: Fault[]): Problem => new Problem('unprocessable', { errors })
