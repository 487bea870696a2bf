import { z } from 'zod'
import type { Field, FieldKind, ResourceModel } from './model.ts'

/** A value in a condition. `$me.…` stands for an attribute of whoever asks. */
export type Scalar = string | number | boolean
/** `startsWith` is for filters only; grants and search bodies do not know it. */
export type Comparison = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'startsWith'

/**
 * A condition over a row, two-valued: a comparison with an absent value is false, `not` inverts it.
 * A list field is compared by containment: `eq` = contains, `in` = has one of, `ne` = has others or more than this one.
 */
export type Condition =
  | { op: Comparison; field: string; value: Scalar }
  | { op: 'in'; field: string; values: readonly Scalar[] }
  | { op: 'exists'; field: string; value: boolean }
  | { op: 'and' | 'or'; of: readonly Condition[] }
  | { op: 'not'; of: Condition }

/** Attributes of the principal that a condition may name. */
export interface Me {
  id: string
  teamIds: readonly string[]
  businessUnitIds: readonly string[]
  countries: readonly string[]
}

const comparisons = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as const
const myLists = {
  '$me.teamIds': 'teamIds',
  '$me.businessUnitIds': 'businessUnitIds',
  '$me.countries': 'countries',
} as const
const depthMax = 8
const sizeMax = 200

const scalar = z.union([z.string().max(1000), z.number(), z.boolean()])
// A custom field's group and key.
const fieldName = z.string().min(1).max(120)

const said: Record<(typeof comparisons)[number], string> = {
  eq: 'True when the field is exactly this value; for a list: when it holds the value.',
  ne: 'True when the field has another value than this.',
  lt: 'True when the field is less than this value.',
  lte: 'True when the field is this value or less.',
  gt: 'True when the field is greater than this value.',
  gte: 'True when the field is this value or greater.',
}

/** The JSON form of a condition, as it stands in grants and in search bodies. */
export const conditionSchema: z.ZodType<ConditionJson> = z
  .lazy(() =>
    z.union([
      ...comparisons.map((op) =>
        z.strictObject({ [op]: z.tuple([fieldName, scalar]).meta({ description: said[op] }) }),
      ),
      z.strictObject({
        in: z
          .tuple([fieldName, z.union([z.array(scalar).max(500), z.string()])])
          .meta({ description: 'True when the field is one of these values, or of `$me.teamIds` and the like.' }),
      }),
      z.strictObject({
        exists: z
          .tuple([fieldName, z.boolean()])
          .meta({ description: 'True when the field has a value, or has none.' }),
      }),
      z.strictObject({ and: z.array(conditionSchema).min(1).max(50).meta({ description: 'All of these.' }) }),
      z.strictObject({ or: z.array(conditionSchema).min(1).max(50).meta({ description: 'One of these.' }) }),
      z.strictObject({ not: conditionSchema }),
    ]),
  )
  .meta({
    id: 'Condition',
    description:
      'A condition over the fields of a resource. A comparison with an absent value is false, `not` inverts it. A value may be `$me.id`, `$me.teamIds`, `$me.businessUnitIds` or `$me.countries`.',
    example: { in: ['businessUnitId', '$me.businessUnitIds'] },
  }) as z.ZodType<ConditionJson>

export type ConditionJson = { [op: string]: unknown }

export class ConditionError extends Error {
  readonly path: string
  readonly code: 'invalid_condition' | 'condition_too_large'
  constructor(path: string, message: string, code: ConditionError['code'] = 'invalid_condition') {
    super(message)
    this.path = path
    this.code = code
  }
}

/**
 * Reads a condition's JSON against a resource's fields. `usable` decides which fields may be named: a field that may
 * not be used and a field that does not exist give the same error.
 * @throws ConditionError with the path inside the JSON
 */
export function readCondition(
  json: unknown,
  { fields }: Pick<ResourceModel, 'fields'>,
  me: Me,
  usable: (field: Field, op: string) => boolean,
): Condition {
  let size = 0
  const read = (node: unknown, path: string, depth: number): Condition => {
    if (depth > depthMax || ++size > sizeMax)
      throw new ConditionError(path, 'The condition is too large.', 'condition_too_large')
    if (typeof node !== 'object' || node === null || Array.isArray(node))
      throw new ConditionError(path, 'A condition is an object with one operator.')
    const entries = Object.entries(node)
    const [op, argument] = entries.length === 1 ? (entries[0] ?? ['', null]) : ['', null]
    const here = `${path}/${op}`
    if (op === 'and' || op === 'or') {
      if (!Array.isArray(argument) || argument.length === 0)
        throw new ConditionError(here, 'Expected a list of conditions.')
      return { op, of: argument.map((part, i) => read(part, `${here}/${i}`, depth + 1)) }
    }
    if (op === 'not') return { op, of: read(argument, here, depth + 1) }
    if (!Array.isArray(argument) || argument.length !== 2 || typeof argument[0] !== 'string')
      throw new ConditionError(path, 'A condition is {"operator": ["field", value]}.')
    const [name, value]: [string, unknown] = [argument[0], argument[1]]
    const field = fields.get(name)
    if (!field || !operatorsOf(field.kind).includes(op) || !usable(field, op))
      throw new ConditionError(here, `"${op}" cannot be used with "${name.slice(0, 100)}" here.`)
    if (op === 'exists') {
      if (typeof value !== 'boolean') throw new ConditionError(`${here}/1`, 'Expected true or false.')
      return { op, field: name, value }
    }
    if (op === 'in') {
      const own =
        typeof value === 'string' && Object.hasOwn(myLists, value) ? myLists[value as keyof typeof myLists] : null
      const values: readonly unknown[] | null = own ? me[own] : Array.isArray(value) ? value : null
      if (!values) throw new ConditionError(`${here}/1`, 'Expected a list of values.')
      return { op, field: name, values: values.map((one, i) => scalarOf(field, one, me, `${here}/1/${i}`)) }
    }
    return { op: op as Comparison, field: name, value: scalarOf(field, value, me, `${here}/1`) }
  }
  return read(json, '', 0)
}

/** The operators that a kind of field knows. */
export function operatorsOf(kind: FieldKind): readonly string[] {
  if (kind === 'json') return ['exists']
  if (kind === 'boolean' || kind === 'textList' || kind === 'uuidList') return ['eq', 'ne', 'in', 'exists']
  if (kind === 'uuid' || kind === 'choice') return ['eq', 'ne', 'in', 'exists']
  if (kind === 'text') return ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'startsWith', 'exists']
  return ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists']
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
// RFC 3339: without its zone, a time would mean another one here than in the database.
const timePattern =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d+))?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** Whether the calendar has this day; Date.parse takes 30 February for 2 March, and the database has no year 0. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

/** A time (RFC 3339) in UTC to the microsecond, as both sides compare it; null when it is none. */
export function instantOf(text: string): string | null {
  const [, day = '', , fraction = ''] = timePattern.exec(text.toUpperCase()) ?? []
  if (!isDay(day)) return null
  const whole = new Date(text.toUpperCase().replace(/\.\d+/, '')).toISOString()
  // An offset may lead out of the years that the database knows.
  return isDay(whole.slice(0, 10)) ? whole.replace('.000Z', `.${fraction.slice(0, 6).padEnd(6, '0')}Z`) : null
}

/** Checks one value against the field's kind and brings it into the form in which both sides compare it. */
export function scalarOf(field: Field, raw: unknown, me: Me | null, path: string): Scalar {
  const value = raw === '$me.id' && me ? me.id : raw
  const wrong = (expected: string): never => {
    throw new ConditionError(path, `Expected ${expected}.`)
  }
  switch (field.kind) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : wrong('a number')
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong('true or false')
    case 'uuid':
    case 'uuidList':
      return typeof value === 'string' && uuidPattern.test(value) ? value.toLowerCase() : wrong('a UUID')
    case 'date':
      return typeof value === 'string' && isDay(value) ? value : wrong('a date (YYYY-MM-DD)')
    case 'time':
      return (typeof value === 'string' ? instantOf(value) : null) ?? wrong('a time (RFC 3339)')
    default:
      return typeof value === 'string' && value.length <= 1000 && value.isWellFormed() && !value.includes('\0')
        ? value
        : wrong('a text')
  }
}

/** Decides a condition on a row's JSON (public names, clear values). The SQL of a condition decides the same. */
export function holds(
  condition: Condition,
  model: Pick<ResourceModel, 'fields'>,
  row: Readonly<Record<string, unknown>>,
): boolean {
  switch (condition.op) {
    case 'and':
      return condition.of.every((part) => holds(part, model, row))
    case 'or':
      return condition.of.some((part) => holds(part, model, row))
    case 'not':
      return !holds(condition.of, model, row)
  }
  const field = model.fields.get(condition.field)
  const kind = field?.kind ?? 'text'
  const value = field ? valueIn(row, field) : undefined
  if (field?.exact && typeof value === 'string') {
    const { normal, same: sameIn } = field.exact
    const same = (other: Scalar): boolean =>
      sameIn ? sameIn(value, String(other), row) : normal(value) === normal(String(other))
    if (condition.op === 'eq') return same(condition.value)
    if (condition.op === 'ne') return !same(condition.value)
    if (condition.op === 'in') return condition.values.some(same)
  }
  const absent = value === null || value === undefined
  if (Array.isArray(value) && (kind === 'textList' || kind === 'uuidList')) {
    if (condition.op === 'exists') return value.length > 0 === condition.value
    if (condition.op === 'in')
      return value.some((one) => condition.values.some((other) => compare(kind, one, other) === 0))
    if (condition.op === 'ne') return value.some((one) => compare(kind, one, condition.value) !== 0)
    return condition.op === 'eq' && value.some((one) => compare(kind, one, condition.value) === 0)
  }
  if (condition.op === 'exists') return !absent === condition.value
  if (absent) return false
  if (condition.op === 'in') return condition.values.some((other) => compare(kind, value, other) === 0)
  if (condition.op === 'startsWith') return String(value).startsWith(String(condition.value))
  const order = compare(kind, value, condition.value)
  switch (condition.op) {
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
    case 'lt':
      return order < 0
    case 'lte':
      return order <= 0
    case 'gt':
      return order > 0
    case 'gte':
      return order >= 0
  }
}

/** A field's clear value in a row's JSON, as conditions compare it. */
export function valueIn(row: Readonly<Record<string, unknown>>, { name, stored }: Field): unknown {
  if (!stored) return row[name]
  const group = row[stored.group]
  if (typeof group !== 'object' || group === null || !Object.hasOwn(group, stored.key)) return undefined
  return stored.scalar((group as Readonly<Record<string, unknown>>)[stored.key])
}

/** Orders as the database does: text by code point (collation "C"), times as instants to the microsecond. */
function compare(kind: FieldKind, left: unknown, right: unknown): number {
  if (kind === 'number') return Number(left) - Number(right)
  if (kind === 'time') {
    const [a, b] = [microseconds(String(left)), microseconds(String(right))]
    return a < b ? -1 : a > b ? 1 : 0
  }
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)))
}

/** Date keeps milliseconds only; PostgreSQL keeps six digits and rounds the rest. */
function microseconds(time: string): bigint {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? ''
  const whole = BigInt(Date.parse(time.replace(/\.\d+/, '')))
  const micros = Math.round(Number(`0.${fraction}`) * 1e6)
  return whole * 1000n + BigInt(micros)
}
