import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Comparison, Condition } from './condition.ts'
import { literal, literals } from './literal.ts'
import type { Field, FieldKind, ResourceModel } from './model.ts'

/** What a name in a condition stands for; the door gives requests less than a role's own conditions get. */
type Resolved = Pick<Field, 'kind' | 'value' | 'exact' | 'stored' | 'within'>
export type Resolve = (name: string) => Resolved | null

/** A comparison, without what joins it with others. */
type Leaf = Exclude<Condition, { op: 'and' | 'or' | 'not' }>

/** How the value of a comparison gets into the SQL. */
export type Bind = (leaf: Leaf) => SQL

const operandOf = (leaf: Leaf): unknown => (leaf.op === 'in' ? [...leaf.values] : leaf.value)
const asParameter: Bind = (leaf) => sql`${sql.param(operandOf(leaf))}`
/** For conditions of roles, whose values stay. */
export const asLiteral: Bind = (leaf) => (leaf.op === 'in' ? literals(leaf.values) : sql.raw(literal(leaf.value)))

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
export function conditionSql(condition: Condition, resolve: Resolve, bind: Bind = asParameter): SQL {
  switch (condition.op) {
    case 'and':
      return sql`(${sql.join(
        condition.of.map((part) => conditionSql(part, resolve, bind)),
        sql` AND `,
      )})`
    case 'or':
      return sql`(${sql.join(
        condition.of.map((part) => conditionSql(part, resolve, bind)),
        sql` OR `,
      )})`
    case 'not':
      return sql`(${conditionSql(condition.of, resolve, bind)}) IS NOT TRUE`
  }
  const field = resolve(condition.field)
  if (!field) throw new Error(`condition names an unknown field ${condition.field}`)
  if (!field.stored) return leafSql(condition, field, bind)
  // Asked about the field's own rows, where an index finds them. An absent value has no row.
  const { some, value } = field.stored
  if (condition.op !== 'exists') return some(leafSql(condition, { ...field, value }, bind))
  return condition.value ? some(sql`true`) : sql`NOT ${some(sql`true`)}`
}

function leafSql(condition: Leaf, field: Resolved, bind: Bind): SQL {
  const list = field.kind === 'textList' || field.kind === 'uuidList'
  if (condition.op === 'exists') {
    if (list)
      return condition.value ? sql`cardinality(${field.value}) > 0` : sql`(cardinality(${field.value}) > 0) IS NOT TRUE`
    return condition.value ? sql`${field.value} IS NOT NULL` : sql`${field.value} IS NULL`
  }
  if (condition.op === 'in') {
    if (condition.values.length === 0) return sql`false`
    const values = sql`${bind(condition)}::${arrayType(field.kind)}`
    if (list) return indexed(field, (all) => sql`${all} && ${values}`)
    if (field.exact)
      return sql`(${sql.join(
        condition.values.map((value) => field.exact?.sql(field.value, String(value)) ?? sql`false`),
        sql` OR `,
      )})`
    return sql`${field.value} = ANY (${values})`
  }
  // In the statement itself: an index knows a yes, and not what may be one.
  if (field.kind === 'boolean' && condition.op === 'eq')
    return condition.value === true ? indexed(field, (yes) => yes) : sql`NOT ${field.value}`
  const value = sql`${bind(condition)}::${sql.raw(sqlTypes[field.kind])}`
  if (condition.op === 'startsWith') return sql`starts_with(${field.value}, ${value})`
  // Equality is the same under every (deterministic) collation, and only under the column's own does it use an index.
  // Some fields are compared in a form of their own: a phone however it is spaced, an address whatever its case.
  const equals = field.exact?.sql(field.value, String(condition.value)) ?? sql`${field.value} = ${value}`
  if (!list && condition.op === 'eq') return equals
  if (!list && condition.op === 'ne') return sql`(${field.value} IS NOT NULL AND (${equals}) IS FALSE)`
  if (list) {
    if (condition.op === 'ne') return sql`NOT ${field.value} <@ ARRAY[${value}]`
    return indexed(field, (all) => sql`${all} @> ARRAY[${value}]`)
  }
  return sql`${comparable(field)} ${symbols[condition.op]} ${value}`
}

/** What holds of a list holds of the one that it is within, and that one has an index; a yes likewise. */
const indexed = ({ value, within }: Resolved, holds: (list: SQL) => SQL): SQL =>
  within ? sql`(${holds(within)} AND ${holds(value)})` : holds(value)

/** Text is ordered by code point whatever the database's collation, as it is in memory. */
export function comparable(field: Pick<Field, 'kind' | 'value'>): SQL {
  return field.kind === 'text' || field.kind === 'choice' ? sql`${field.value} COLLATE "C"` : field.value
}

/** What the database calls one value of a kind; of a list, an element. */
export const sqlTypes: Readonly<Record<FieldKind, string>> = {
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

const arrayType = (kind: FieldKind): SQL => sql.raw(`${sqlTypes[kind]}[]`)

/** A condition without its values: those are given at each run, so that a statement can be kept for all of one shape. */
export interface Frame {
  shape: string
  values: Readonly<Record<string, unknown>>
  bind: Bind
}

/** null where the SQL itself hangs on a value: fields that are compared in a form of their own. */
export function frameOf(condition: Condition, fields: ResourceModel['fields']): Frame | null {
  const leaves: Leaf[] = []
  const shape = (node: Condition): unknown => {
    if (node.op === 'not') return [node.op, shape(node.of)]
    if ('of' in node) return [node.op, ...node.of.map(shape)]
    leaves.push(node)
    if (node.op === 'exists') return [node.op, node.field, node.value]
    if (node.op === 'in') return node.values.length === 0 ? ['nothing'] : [node.op, node.field]
    return typeof node.value === 'boolean' ? [node.op, node.field, node.value] : [node.op, node.field]
  }
  const text = JSON.stringify(shape(condition))
  if (leaves.some((leaf) => fields.get(leaf.field)?.exact)) return null
  return {
    shape: text,
    values: Object.fromEntries(leaves.map((leaf, i) => [`where${i}`, operandOf(leaf)])),
    bind: (leaf) => sql`${sql.placeholder(`where${leaves.indexOf(leaf)}`)}`,
  }
}
