import { z } from 'zod'
import {
  type Condition,
  ConditionError,
  type ConditionJson,
  operatorsOf,
  readCondition,
  type Scalar,
} from '../access/condition.ts'
import type { Resource } from '../access/define.ts'
import { filterable, sight } from '../access/door.ts'
import type { Principal } from '../access/principal.ts'
import { type Include, type ListQuery, type Scope, type Sort, unknownField } from '../db/rows.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import type { Cursors } from './cursor.ts'
import { fault, invalid } from './problem.ts'
import { described } from './schema.ts'

/** What a list is asked: by the query string, or by the body of a search. */
export interface Question {
  where?: ConditionJson | undefined
  filters: Readonly<Record<string, unknown>>
  sort?: string | undefined
  limit: number
  cursor?: string | undefined
  q?: string | undefined
  include: readonly string[]
  trashed: boolean
}

export const limitSchema = z.coerce.number().int().min(1).max(200).default(25)
const text = (max: number) => z.string().min(1).max(max)

/** The parameters that every list has; filters are read apart, through the door. */
export function listParameters(resource: Resource, includes: readonly string[], searchable: boolean): z.ZodObject {
  const shape: Record<string, z.ZodType> = {
    limit: limitSchema.meta({ description: 'How many records a page holds.', example: 25 }),
    cursor: text(4000).optional().meta({ description: 'The nextCursor of the page before.', example: 'AQx3...' }),
    sort: text(101)
      .optional()
      .meta({
        description: `The field to sort by; "-" in front: descending. ${resource.sort ? `Left out: ${resource.sort}` : 'Left out: newest first'}. One of: ${sortable(resource)}.`,
        example: '-createdAt',
      }),
  }
  if (searchable)
    shape.q = text(200)
      .optional()
      .meta({ description: 'Free search: every word must be found, whatever its case and accents.', example: 'muller' })
  if (includes.length > 0)
    shape.include = text(200)
      .optional()
      .meta({
        description: `Records to answer together, separated by commas: ${includes.join(', ')}.`,
        example: includes.join(','),
      })
  if (resource.state)
    shape.trashed = z
      .enum(['true', 'false'])
      .optional()
      .meta({ description: 'true: the trash instead (for whoever may restore).', example: 'false' })
  const checked = z.looseObject({ ...shape })
  for (const [name, field] of resource.fields) {
    if (!field.filterable) continue
    const about = `Filter by ${name}.`
    shape[name] = z.string().max(2000).optional().meta({ description: about })
    for (const op of operatorsOf(field.kind))
      if (op !== 'eq')
        shape[`${name}[${op}]`] = z
          .string()
          .max(4000)
          .optional()
          .meta({ description: `${about} ${operatorTexts[op]}` })
  }
  return described(z.looseObject(shape), checked)
}

const operatorTexts: Record<string, string> = {
  ne: 'Differs from the value.',
  in: 'Is one of the values, separated by commas.',
  lt: 'Less than the value.',
  lte: 'Less than or equal to the value.',
  gt: 'Greater than the value.',
  gte: 'Greater than or equal to the value.',
  startsWith: 'Begins with the value.',
  exists: 'true: has a value; false: has none.',
}

export const searchBody = (resource: Resource, includes: readonly string[], condition: z.ZodType) =>
  z
    .strictObject({
      where: condition.optional().meta({
        description: 'The condition, in the language of grants.',
        example: { and: [{ eq: ['lifecycleStage', 'lead'] }, { gte: ['createdAt', '2026-01-01T00:00:00Z'] }] },
      }),
      q: z.string().min(1).max(200).optional().meta({ description: 'Free search.', example: 'muller' }),
      sort: z
        .string()
        .min(1)
        .max(101)
        .optional()
        .meta({ description: `One of: ${sortable(resource)}; "-" in front: descending.`, example: '-createdAt' }),
      limit: z.int().min(1).max(200).default(25).meta({ description: 'How many records a page holds.', example: 25 }),
      cursor: z.string().min(1).max(4000).optional().meta({ description: 'The nextCursor of the page before.' }),
      include: z
        .array(z.enum(includes.length > 0 ? (includes as [string, ...string[]]) : ['']))
        .max(10)
        .optional()
        .meta({ description: 'Records to answer together.' }),
      trashed: z.boolean().optional().meta({ description: 'The trash instead.' }),
    })
    .meta({
      id: `${resource.title}Search`,
      description: 'A list asked for by body, so that personal data need not stand in a URL.',
    })

const sortable = (resource: Resource): string =>
  [...resource.fields.values()]
    .filter((field) => field.sortable)
    .map((field) => field.name)
    .join(', ')

const reserved = new Set(['limit', 'cursor', 'sort', 'q', 'include', 'trashed'])

/** Splits a query string into the list's parameters and its filters. */
export function questionOf(query: Readonly<Record<string, unknown>>): Question {
  const filters = Object.fromEntries(
    Object.entries(query).filter(([name, value]) => !reserved.has(name) && value !== undefined),
  )
  const asText = (name: string): string | undefined => (typeof query[name] === 'string' ? query[name] : undefined)
  return {
    filters,
    sort: asText('sort'),
    limit: Number(query.limit),
    cursor: asText('cursor'),
    q: asText('q'),
    include: asText('include')?.split(',') ?? [],
    trashed: query.trashed === 'true',
  }
}

/** Reads a question for a principal: every name in it goes through the door. */
export function listQuery(
  question: Question,
  principal: Principal,
  resource: Resource,
  includes: readonly Include[],
  cursors: Cursors,
  keys: TenantKeys,
  scope?: Scope,
): { query: ListQuery; write: (position: { key: unknown; id: string }) => string } {
  const where = conditionOf(question, principal, resource)
  const asked = question.sort === undefined ? null : sortOf(question.sort, principal, resource)
  const sort = asked ?? usualSort(principal, resource)
  const include = question.include.map((name) => {
    const one = includes.find((candidate) => candidate.name === name)
    if (!one) throw invalid(unknownField('include', name))
    return one
  })
  if (question.q !== undefined && (question.q.trim() === '' || question.q.includes('\0') || !question.q.isWellFormed()))
    throw invalid(fault('q', 'invalid_format', 'There is nothing to search for.'))
  const whole = JSON.stringify([
    resource.name,
    scope?.id,
    question.where,
    question.filters,
    question.sort,
    question.q,
    question.trashed,
  ])
  const after = question.cursor === undefined ? null : cursors.read(question.cursor, principal, whole)
  const audited =
    where || question.q !== undefined || asked
      ? {
          ...(where ? { where: hashed(where, keys) } : {}),
          ...(question.q === undefined ? {} : { q: hash(keys, question.q) }),
          ...(asked ? { sort: question.sort } : {}),
        }
      : undefined
  return {
    query: {
      where,
      sort,
      limit: question.limit,
      after,
      q: question.q?.trim() ?? null,
      include,
      trashed: question.trashed,
      ...(scope ? { scope } : {}),
      audited,
    },
    write: (position) => cursors.write(position, principal, whole),
  }
}

/** The noun's own order; for whoever may not sort by that field, the newest ids first as everywhere. */
function usualSort(principal: Principal, resource: Resource): Sort | null {
  if (resource.sort === null) return null
  const seen = sight(principal, resource, resource.sort.replace(/^-/, ''))
  return seen && seen.clear !== false ? { field: seen.field, descending: resource.sort.startsWith('-') } : null
}

function sortOf(sort: string, principal: Principal, resource: Resource): Sort {
  const name = sort.replace(/^-/, '')
  const seen = sight(principal, resource, name)
  if (!seen?.field.sortable || seen.clear === false) throw invalid(unknownField('sort', name))
  return { field: seen.field, descending: sort.startsWith('-') }
}

function conditionOf(question: Question, principal: Principal, resource: Resource): Condition | null {
  const { usable } = filterable(principal, resource)
  const parts: Condition[] = []
  const read = (json: unknown, path: (inside: string) => string): void => {
    try {
      parts.push(readCondition(json, resource, principal.me, usable))
    } catch (error) {
      if (error instanceof ConditionError) throw invalid(fault(path(error.path), error.code, error.message))
      throw error
    }
  }
  if (question.where !== undefined) read(question.where, (inside) => `/where${inside}`)
  for (const [key, value] of Object.entries(question.filters)) {
    const match = /^([A-Za-z][A-Za-z0-9]*)(?:\[([A-Za-z]+)\])?$/.exec(key)
    const field = match?.[1] ? resource.fields.get(match[1]) : undefined
    const op = match?.[2] ?? 'eq'
    // The same answer whether it does not exist or may not be used.
    if (!match || !field || !operatorsOf(field.kind).includes(op) || !usable(field, op))
      throw invalid(unknownField(key, key))
    if (typeof value !== 'string') throw invalid(fault(key, 'invalid_type', 'A parameter is given once.'))
    const one = (part: string): unknown =>
      field.kind === 'number'
        ? part.trim() === ''
          ? part
          : Number(part)
        : field.kind === 'boolean'
          ? part === 'true'
            ? true
            : part === 'false'
              ? false
              : part
          : part
    const operand =
      op === 'in'
        ? value.split(',').map(one)
        : op === 'exists'
          ? value === 'true'
            ? true
            : value === 'false'
              ? false
              : value
          : one(value)
    read({ [op]: [field.name, operand] }, () => key)
  }
  const [first] = parts
  return parts.length === 0 || !first ? null : parts.length === 1 ? first : { op: 'and', of: parts }
}

/** A condition as the audit keeps it: fields and operators in clear, values as keyed hashes. */
function hashed(condition: Condition, keys: TenantKeys): unknown {
  if (condition.op === 'and' || condition.op === 'or')
    return { [condition.op]: condition.of.map((part) => hashed(part, keys)) }
  if (condition.op === 'not') return { not: hashed(condition.of, keys) }
  if (condition.op === 'exists') return { exists: [condition.field, condition.value] }
  if (condition.op === 'in')
    return { in: [condition.field, condition.values.map((value) => hash(keys, String(value)))] }
  const { op, field, value } = condition as Extract<Condition, { field: string; value: Scalar }>
  return { [op]: [field, hash(keys, String(value))] }
}

const hash = (keys: TenantKeys, value: string): string =>
  keys.hash('audit-query', value).toString('base64url').slice(0, 22)
