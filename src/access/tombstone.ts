import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Condition } from './condition.ts'
import { asLiteral, conditionSql } from './condition-sql.ts'
import { liveWhere, rowsWhere } from './door.ts'
import { literals } from './literal.ts'
import type { ResourceModel } from './model.ts'
import type { Principal } from './principal.ts'

const kept = new Map<string, ReadonlySet<string>>()

/** Says that a resource's rows leave a tombstone (state `erased`), and which fields still have their values on it. */
export function declareTombstone(model: ResourceModel, fields: readonly string[]): void {
  kept.set(model.name, new Set(fields))
}

export const leavesTombstone = (model: ResourceModel): boolean => kept.has(model.name)

/**
 * The tombstones of a resource that a principal may be told of: those of rows that it could have read, as far as what is
 * left of them tells. A rule that asks about a value which is gone lets nobody in, `not` included: without the value
 * nobody knows whether it held. null: none.
 */
export function tombstoneWhere(principal: Principal, model: ResourceModel): SQL | null {
  const fields = kept.get(model.name)
  if (!fields || !model.state) return null
  const parts = [sql`${model.state} = 'erased'`]
  for (const rules of principal.ability.rules('read', model.name)) {
    const conditions = rules.map((rule) => rule.when).filter((when) => when === null || asksOnly(when, fields))
    if (conditions.length === 0) return null
    const those = conditions.filter((when) => when !== null)
    if (those.length === conditions.length)
      parts.push(sql`(${conditionSql({ op: 'or', of: those }, (name) => model.fields.get(name) ?? null, asLiteral)})`)
  }
  if (model.unit && principal.units !== '*') parts.push(sql`${model.unit} = ANY (${literals(principal.units)}::uuid[])`)
  return sql.join(parts, sql` AND `)
}

function asksOnly(condition: Condition, fields: ReadonlySet<string>): boolean {
  if (condition.op === 'not') return asksOnly(condition.of, fields)
  if ('of' in condition) return condition.of.every((one) => asksOnly(one, fields))
  return fields.has(condition.field)
}

const mergedInto = new Map<string, PgColumn>()

/** Says that a resource's rows can go into one another (state `merged`), and the column that names where to. */
export function declareMerged(model: ResourceModel, into: PgColumn): void {
  mergedInto.set(model.name, into)
}

export const canBeMerged = (model: ResourceModel): boolean => mergedInto.has(model.name)

/** So many merges one behind the other are followed; a merge that would make more of them is refused. */
export const mergesMax = 10

/**
 * Of a row that was merged and that the principal could otherwise read: {into}, the id of the row that stands for it now,
 * null where the principal does not see that one. As SQL of one jsonb value; NULL of every other row. null: there are none.
 */
export function mergedSql(principal: Principal, model: ResourceModel, id: SQL): SQL | null {
  const into = mergedInto.get(model.name)
  const rows = into && rowsWhere(principal, model, 'read')
  if (!into || !rows || !model.state) return null
  const { table, tenant, state } = model
  const own = sql`${tenant} = ${sql.placeholder('eventTenant')}::uuid`
  const start = sql`SELECT ${into} AS id, 1 AS steps FROM ${table} WHERE ${own} AND ${model.id} = ${id} AND ${state} = 'merged' AND ${rows}`
  const up = sql`WITH RECURSIVE up AS (${start}
    UNION ALL SELECT ${into}, up.steps + 1 FROM up JOIN ${table} ON ${own} AND ${model.id} = up.id AND ${state} = 'merged' WHERE up.steps < ${sql.raw(String(mergesMax + 1))})`
  const seen = sql`SELECT ${model.id} FROM ${table} WHERE ${own} AND ${model.id} IN (SELECT up.id FROM up) AND ${rows} AND ${liveWhere(principal, model)}`
  return sql`(${up} SELECT jsonb_build_object('into', (${seen})) WHERE EXISTS (SELECT FROM up))`
}
