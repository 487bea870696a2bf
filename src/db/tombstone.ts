import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { tombstoneWhere } from '../access/tombstone.ts'
import { Problem } from '../errors.ts'
import type { JsonRow, Tx } from './database.ts'
import type { Part } from './read-statement.ts'
import { named, sql } from './sql.ts'

/** What a read of one row by id must also ask, to tell what was erased from what is not there. */
export function erasedPart(principal: Principal, model: ResourceModel): Pick<Part, 'erased'> {
  const erased = tombstoneWhere(principal, model)
  if (!erased) return {}
  return {
    erased: sql`EXISTS (SELECT FROM ${model.table} WHERE ${model.tenant} = ${named('eventTenant')}::uuid AND ${model.id} = ${named('wanted')}::uuid AND ${erased})`,
  }
}

/** The refusal of a read by id that found nothing; it is in the audit already. */
export const missed = (result: Readonly<Record<string, JsonRow[]>>): Problem =>
  new Problem(result._erased ? 'erased' : 'not_found', { audited: true })

/** Why there is no such row: it was erased, as far as the principal may know that, or it is not there for it. */
export async function missing(tx: Tx, model: ResourceModel, id: string): Promise<Problem> {
  const { principal } = tx
  const erased = tombstoneWhere(principal, model)
  if (!erased) return new Problem('not_found', { recordIds: [id] })
  const statement = tx.kept(
    `tombstone/${model.name}`,
    () =>
      sql`SELECT FROM ${model.table} WHERE ${model.tenant} = ${named('eventTenant')}::uuid AND ${model.id} = ${named('id')}::uuid AND ${erased}`,
  )
  const found = await tx.query(statement, { id, eventTenant: principal.tenantId })
  return new Problem(found.length > 0 ? 'erased' : 'not_found', { recordIds: [id] })
}
