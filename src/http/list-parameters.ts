import { z } from 'zod'
import { conditionSchema, operatorsOf } from '../access/condition.ts'
import type { Resource } from '../access/define.ts'
import type { CustomFields, Field, FieldKind } from '../access/model.ts'
import { described } from './schema.ts'

const text = (max: number) => z.string().min(1).max(max)
const searchText = text(200)
  .regex(/\S/)
  .meta({ description: 'Free search: every word must be found, whatever its case and accents.', example: 'muller' })
const limit = z
  .int()
  .min(1)
  .max(200)
  .default(25)
  .meta({ description: 'How many records a page holds at most.', example: 25 })
const cursor = text(4000).meta({
  description: 'The `nextCursor` of the page before.',
  example: 'Zm9yIHRoZSBuZXh0IHBhZ2U',
})
const trashed = z
  .boolean()
  .meta({ description: 'true: what is in the trash instead, for whoever may restore it.', example: false })

// What stands in a URL is text; the door for fields reads the filters in its own way.
const checked = {
  limit: z
    .string()
    .regex(/^[1-9]\d{0,2}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(200))
    .default(25),
  cursor: text(4000).optional(),
  sort: text(121).optional(),
  q: text(200).optional(),
  include: z.union([z.string().max(200), z.array(text(100)).max(10)]).optional(),
  trashed: z.enum(['true', 'false']).optional(),
}

/**
 * The parameters of a list: those that every list has, one per field and operator, and the noun's own.
 * @param more the noun's own parameters, documented and checked alike
 */
export function listParameters(
  resource: Resource,
  includes: readonly string[],
  searchable: boolean,
  more: Readonly<Record<string, z.ZodType>> = {},
): z.ZodObject {
  const documented = (): z.ZodObject => {
    const shape: Record<string, z.ZodType> = {
      ...more,
      limit,
      cursor: cursor.optional(),
      sort: sorts(resource).optional(),
      ...(searchable ? { q: searchText.optional() } : {}),
      ...(includes.length > 0 ? { include: includable(includes).optional() } : {}),
      ...(resource.state ? { trashed: trashed.optional() } : {}),
    }
    for (const field of resource.fields.values())
      if (field.filterable && !(field.name in more))
        for (const op of operatorsOf(field.kind))
          shape[op === 'eq' ? field.name : `${field.name}[${op}]`] = filter(field, op).optional()
    if (resource.custom) shape[resource.custom.group] = customFilters(resource.custom).optional()
    return z.object(shape)
  }
  return described(documented, z.looseObject({ ...checked, ...more }))
}

/** The parameter by which one record is answered together with others. */
export const includeParameter = (includes: readonly string[]): z.ZodObject =>
  described(() => z.object({ include: includable(includes).optional() }), z.strictObject({ include: checked.include }))

/** The names in an `include` parameter: separated by commas, or given several times. */
export const includeNames = (value: unknown): string[] =>
  [value]
    .flat()
    .flatMap((part) => (typeof part === 'string' ? part.split(',') : []))
    .filter((name) => name !== '')

/** The body of a search. */
export function searchBody(resource: Resource, includes: readonly string[], searchable: boolean): z.ZodObject {
  const shape = (where: z.ZodType, sort: z.ZodType) => ({
    where: where.optional(),
    ...(searchable ? { q: searchText.optional() } : {}),
    sort: sort.optional(),
    limit,
    cursor: cursor.optional(),
    ...(includes.length > 0 ? { include: includable(includes).optional() } : {}),
    ...(resource.state ? { trashed: trashed.optional() } : {}),
  })
  const documented = () =>
    z.strictObject(shape(conditionFor(resource), sorts(resource))).meta({
      id: `${resource.title}Search`,
      description: 'A list asked for by body, so that personal data need not stand in a URL.',
      example: { where: exampleCondition(resource), limit: 25 },
    })
  return described(documented, z.strictObject(shape(conditionSchema, text(121))))
}

const includable = (includes: readonly string[]) =>
  z
    .array(z.enum(includes as [string, ...string[]]))
    .max(10)
    .meta({ description: `Records to answer together with each: ${includes.join(', ')}.`, example: [...includes] })

function sorts(resource: Resource): z.ZodType {
  const names = fieldsOf(resource, (field) => field.sortable).map(({ name }) => name)
  const usual = resource.sort ? `as \`${resource.sort}\`` : 'the newest first'
  const own = z.enum(names.flatMap((name) => [name, `-${name}`]) as [string, ...string[]])
  const either = resource.custom ? z.union([own, customName(resource.custom, '-?')]) : own
  return either.meta({
    description: `The field to sort by, with "-" in front descending; left out: ${usual}. Records without a value come last.`,
    example: names.includes('createdAt') ? '-createdAt' : names[0],
  })
}

/** The name of a field that a tenant has defined: no document can list them. */
export const customName = ({ group }: CustomFields, before = '', after = ''): z.ZodType<string> =>
  z.string().regex(new RegExp(`^${before}${group}\\.[A-Za-z][A-Za-z0-9_.\\-]{0,99}${after}$`))

/** Filters by fields that the tenant has defined: parameters of their own, each with its operator. */
const customFilters = (custom: CustomFields): z.ZodType =>
  z.record(customName(custom, '', '(\\[(eq|ne|in|lt|lte|gt|gte|startsWith|exists)\\])?'), z.string().max(1000)).meta({
    description: `Only records whose fields of the tenant's own are so: \`${custom.group}.shoeSize[gte]=40\`; of money, the amount. Which operators a field knows, its type says.`,
    example: { [`${custom.group}.shoeSize[gte]`]: '40' },
  })

const fieldsOf = (resource: Resource, which: (field: Field) => boolean): Field[] =>
  [...resource.fields.values()].filter(which)

/** A value to compare with, as JSON; in a URL it is written the same way, without quotes. */
function comparand(kind: FieldKind): z.ZodType {
  switch (kind) {
    case 'number':
      return z.number()
    case 'boolean':
      return z.boolean()
    case 'uuid':
    case 'uuidList':
      return z.union([z.guid(), z.literal('$me.id')])
    case 'time':
      return z.iso.datetime({ offset: true })
    case 'date':
      return z.iso.date()
    default:
      return z.string().max(1000)
  }
}

const operatorTexts: Record<string, string> = {
  eq: 'is exactly this value',
  ne: 'has another value than this',
  in: 'is one of these values',
  lt: 'is less than this value',
  lte: 'is this value or less',
  gt: 'is greater than this value',
  gte: 'is this value or greater',
  startsWith: 'begins with this text',
  exists: 'has a value (true) or has none (false)',
}
const listTexts: Record<string, string> = {
  eq: 'holds this value',
  ne: 'holds another value than this',
  in: 'holds one of these values',
  exists: 'holds anything (true) or nothing (false)',
}

function filter(field: Field, op: string): z.ZodType {
  const value = op === 'exists' ? z.boolean() : comparand(field.kind)
  const { example } = field.schema.meta() ?? {}
  const one = Array.isArray(example) ? example[0] : example
  const texts = field.kind.endsWith('List') ? listTexts : operatorTexts
  const said = {
    description: `Only records whose \`${field.name}\` ${texts[op]}.`,
    ...(op === 'exists' ? { example: true } : one === undefined ? {} : { example: op === 'in' ? [one] : one }),
  }
  return op === 'in' ? z.array(value).min(1).meta(said) : value.meta(said)
}

/**
 * The condition language over one noun's fields: for each operator and kind of value, the fields that it can be used
 * with. It documents; `readCondition` checks.
 */
function conditionFor(resource: Resource): z.ZodType {
  const alternatives: z.ZodType[] = ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists'].flatMap((op) => {
    const fields = fieldsOf(resource, (field) => field.filterable && operatorsOf(field.kind).includes(op))
    const kinds =
      op === 'exists' ? new Map([['boolean' as const, fields]]) : Map.groupBy(fields, ({ kind }) => like(kind))
    return [...kinds].map(([kind, same]) => {
      const value = comparand(kind)
      const names = z.enum(same.map(({ name }) => name) as [string, ...string[]])
      return z.strictObject({
        [op]: z
          .tuple([names, op === 'in' ? listOf(kind, value) : value])
          .meta({ description: `True for records whose field ${operatorTexts[op]}.` }),
      })
    })
  })
  const condition: z.ZodType = z
    .lazy(() =>
      z.union([
        ...alternatives,
        ...(resource.custom ? customAlternatives(resource.custom) : []),
        z.strictObject({ and: z.array(condition).min(1).max(50).meta({ description: 'All of these.' }) }),
        z.strictObject({ or: z.array(condition).min(1).max(50).meta({ description: 'One of these.' }) }),
        z.strictObject({ not: condition }),
      ]),
    )
    .meta({
      id: `${resource.title}Condition`,
      description: `A condition over ${resource.name.replaceAll('-', ' ')}. A comparison with an absent value is false, \`not\` inverts it.`,
      example: exampleCondition(resource),
    })
  return condition
}

/** What can be asked of fields that the tenant has defined; their types say which operators they know. */
function customAlternatives(custom: CustomFields): z.ZodType[] {
  const name = customName(custom)
  const value = z.union([z.string().max(1000), z.number(), z.boolean()])
  return ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists'].map((op) => {
    const operand = op === 'exists' ? z.boolean() : op === 'in' ? z.array(value).max(500) : value
    return z.strictObject({
      [op]: z
        .tuple([name, operand])
        .meta({ description: `True for records whose field of the tenant's own ${operatorTexts[op]}.` }),
    })
  })
}

/** A list to compare with: values, or an attribute of whoever asks. */
function listOf(kind: FieldKind, value: z.ZodType): z.ZodType {
  const values = z.array(value).max(500)
  if (kind === 'uuid') return z.union([values, z.enum(['$me.teamIds', '$me.businessUnitIds'])])
  return kind === 'text' ? z.union([values, z.literal('$me.countries')]) : values
}

/** Kinds whose values look the same. */
function like(kind: FieldKind): FieldKind {
  if (kind === 'uuidList') return 'uuid'
  return kind === 'choice' || kind === 'textList' ? 'text' : kind
}

function exampleCondition(resource: Resource): Record<string, unknown> {
  const names = fieldsOf(resource, (field) => field.filterable && field.kind === 'time').map(({ name }) => name)
  return { gte: [names[0] ?? 'id', '2026-01-01T00:00:00Z'] }
}
