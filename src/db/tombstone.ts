import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { mergedSql, tombstoneWhere } from '../access/tombstone.ts'
import { Problem, type ProblemOptions } from '../errors.ts'
import type { JsonRow, Tx } from './database.ts'
import type { Part } from './read-statement.ts'
import { named, sql } from './sql.ts'

/** What a read of one row by id must also ask, to tell what was erased or merged from what is not there. */
export function erasedPart(principal: Principal, model: ResourceModel): Pick<Part, 'erased' | 'merged'> {
  const erased = tombstoneWhere(principal, model)
  const merged = mergedSql(principal, model, sql`${named('wanted')}::uuid`)
  return {
    ...(merged ? { merged } : {}),
    ...(erased
      ? {
          erased: sql`EXISTS (SELECT FROM ${model.table} WHERE ${model.tenant} = ${named('eventTenant')}::uuid AND ${model.id} = ${named('wanted')}::uuid AND ${erased})`,
        }
      : {}),
  }
}

/** The refusal of a read by id that found nothing; it is in the audit already. */
export const missed = (result: Readonly<Record<string, JsonRow[]>>): Problem =>
  result._merged
    ? gone(result._merged, { audited: true })
    : new Problem(result._erased ? 'erased' : 'not_found', { audited: true })

/** It went into another one, which is named where the principal sees it. */
function gone(merged: unknown, options: ProblemOptions): Problem {
  const into = typeof merged === 'object' && merged !== null && 'into' in merged ? merged.into : null
  return new Problem('gone', { ...options, ...(typeof into === 'string' ? { extra: { mergedIntoId: into } } : {}) })
}

/** Why there is no such row: it was erased or merged, as far as the principal may know that, or it is not there for it. */
export async function missing(tx: Tx, model: ResourceModel, id: string): Promise<Problem> {
  const { principal } = tx
  const erased = tombstoneWhere(principal, model)
  const merged = mergedSql(principal, model, sql`${named('id')}::uuid`)
  if (!(erased || merged)) return new Problem('not_found', { recordIds: [id] })
  const statement = tx.kept(
    `tombstone/${model.name}`,
    () =>
      sql`SELECT EXISTS (SELECT FROM ${model.table} WHERE ${model.tenant} = ${named('eventTenant')}::uuid AND ${model.id} = ${named('id')}::uuid AND ${erased ?? sql`false`}) AS erased,
        ${merged ?? sql`NULL::jsonb`} AS merged`,
  )
  const [found] = await tx.query(statement, { id, eventTenant: principal.tenantId })
  if (found?.merged) return gone(found.merged, { recordIds: [id] })
  return new Problem(found?.erased ? 'erased' : 'not_found', { recordIds: [id] })
}
