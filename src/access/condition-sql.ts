import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Comparison, Condition, Scalar } from './condition.ts'
import type { Field, FieldKind } from './model.ts'

/** What a name in a condition stands for; the door gives requests less than a role's own conditions get. */
export type Resolve = (name: string) => Pick<Field, 'kind' | 'value' | 'exact'> | null

const symbols: Record<Exclude<Comparison, 'startsWith'>, SQL> = {
  eq: sql`=`,
  ne: sql`<>`,
  lt: sql`<`,
  lte: sql`<=`,
  gt: sql`>`,
  gte: sql`>=`,
}

/**
 * The SQL of a condition. NULL counts as false: leaves may yield NULL, and `not` is IS NOT TRUE, so that the whole is
 * two-valued wherever it stands alone in WHERE, CASE WHEN or a conjunction.
 */
export function conditionSql(condition: Condition, resolve: Resolve): SQL {
  switch (condition.op) {
    case 'and':
      return sql`(${sql.join(
        condition.of.map((part) => conditionSql(part, resolve)),
        sql` AND `,
      )})`
    case 'or':
      return sql`(${sql.join(
        condition.of.map((part) => conditionSql(part, resolve)),
        sql` OR `,
      )})`
    case 'not':
      return sql`(${conditionSql(condition.of, resolve)}) IS NOT TRUE`
  }
  const field = resolve(condition.field)
  if (!field) throw new Error(`condition names an unknown field ${condition.field}`)
  const list = field.kind === 'textList' || field.kind === 'uuidList'
  if (condition.op === 'exists') {
    if (list)
      return condition.value ? sql`cardinality(${field.value}) > 0` : sql`(cardinality(${field.value}) > 0) IS NOT TRUE`
    return condition.value ? sql`${field.value} IS NOT NULL` : sql`${field.value} IS NULL`
  }
  if (condition.op === 'in') {
    if (condition.values.length === 0) return sql`false`
    if (list) return sql`${field.value} && ${sql.param([...condition.values])}::${arrayType(field.kind)}`
    if (field.exact)
      return sql`(${sql.join(
        condition.values.map((value) => equals(field, value)),
        sql` OR `,
      )})`
    return sql`${field.value} = ANY (${sql.param([...condition.values])}::${arrayType(field.kind)})`
  }
  const value = typed(field.kind, condition.value)
  if (condition.op === 'startsWith') return sql`starts_with(${field.value}, ${value})`
  if (!list && condition.op === 'eq') return equals(field, condition.value)
  if (!list && condition.op === 'ne')
    return sql`(${field.value} IS NOT NULL AND (${equals(field, condition.value)}) IS FALSE)`
  if (list) {
    if (condition.op === 'ne') return sql`NOT ${field.value} <@ ARRAY[${value}]`
    return sql`${field.value} @> ARRAY[${value}]`
  }
  return sql`${comparable(field)} ${symbols[condition.op]} ${value}`
}

/**
 * Some fields are compared in a form of their own: a phone however it is spaced, an address whatever its case.
 * Equality is the same under every (deterministic) collation, and only under the column's own does it use an index.
 */
function equals(field: Pick<Field, 'kind' | 'value' | 'exact'>, value: Scalar): SQL {
  return field.exact ? field.exact.sql(field.value, String(value)) : sql`${field.value} = ${typed(field.kind, value)}`
}

/** A parameter cast to the kind's type. */
export function typed(kind: FieldKind, value: Scalar): SQL {
  return sql`${sql.param(value)}::${sql.raw(types[kind])}`
}

/** Text is ordered by code point whatever the database's collation, as it is in memory. */
export function comparable(field: Pick<Field, 'kind' | 'value'>): SQL {
  return field.kind === 'text' || field.kind === 'choice' ? sql`${field.value} COLLATE "C"` : field.value
}

const types: Record<FieldKind, string> = {
  text: 'text',
  choice: 'text',
  uuid: 'uuid',
  number: 'numeric',
  boolean: 'boolean',
  time: 'timestamptz',
  date: 'date',
  textList: 'text',
  uuidList: 'uuid',
  json: 'jsonb',
}

const arrayType = (kind: FieldKind): SQL => sql.raw(`${types[kind]}[]`)
