import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Condition } from './condition.ts'
import { asLiteral, conditionSql } from './condition-sql.ts'
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
