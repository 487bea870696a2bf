import {
  type Condition,
  ConditionError,
  type ConditionJson,
  operatorsOf,
  readCondition,
  type Scalar,
} from '../access/condition.ts'
import type { Resource } from '../access/define.ts'
import { filterable, isAskable, maskedMatches, sight } from '../access/door.ts'
import type { FieldKind } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { maskedMatchesMax } from '../db/clear-quota.ts'
import { type Include, type ListQuery, type Scope, type Sort, unknownField } from '../db/rows.ts'
import { sql } from '../db/sql.ts'
import { Problem } from '../errors.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import type { Cursors } from './cursor.ts'
import { includeNames } from './list-parameters.ts'
import { fault, invalid } from './problem.ts'

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
    include: includeNames(query.include),
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
  const matches = where === null ? 0 : maskedMatches(principal, resource, where)
  if (matches > maskedMatchesMax)
    throw invalid(fault('where', 'too_many', `Of masked fields, at most ${maskedMatchesMax} values can be asked for.`))
  const asked = question.sort === undefined ? null : sortOf(question.sort, principal, resource)
  const sort = asked ?? usualSort(principal, resource)
  const asking = scope?.through ? scopeThrough(scope, scope.through, principal, resource) : scope
  const include = [...new Set(question.include)].map((name) => {
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
  const hash = hashOf(keys, principal, resource)
  const audited =
    where || question.q !== undefined || asked
      ? {
          ...(where ? { where: hashed(where, hash) } : {}),
          ...(question.q === undefined ? {} : { q: hash('q', question.q) }),
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
      ...(asking ? { scope: asking } : {}),
      audited,
      maskedMatches: matches,
    },
    write: (position) => cursors.write(position, principal, whole),
  }
}

/** The noun's own order; for whoever may not sort by that field, the newest ids first as everywhere. */
function usualSort(principal: Principal, resource: Resource): Sort | null {
  if (resource.sort === null) return null
  const seen = sight(principal, resource, resource.sort.replace(/^-/, ''))
  return seen && isAskable(seen) ? { field: seen.field, descending: resource.sort.startsWith('-') } : null
}

/** A scope that asks about a field, for the rows whose field the principal sees in clear. */
function scopeThrough(
  scope: Scope,
  { parameter, field }: NonNullable<Scope['through']>,
  principal: Principal,
  resource: Resource,
): Scope {
  const clear = sight(principal, resource, field)?.clear ?? false
  if (clear === false) throw invalid(unknownField(parameter, parameter))
  return clear === true ? scope : { ...scope, sql: sql`(${clear}) AND ${scope.sql}` }
}

function sortOf(sort: string, principal: Principal, resource: Resource): Sort {
  const name = sort.replace(/^-/, '')
  const seen = sight(principal, resource, name)
  if (!seen?.field.sortable || !isAskable(seen)) throw invalid(unknownField('sort', name))
  return { field: seen.field, descending: sort.startsWith('-') }
}

function conditionOf(question: Question, principal: Principal, resource: Resource): Condition | null {
  const { usable } = filterable(principal, resource)
  const fields = principal.ability.fields(resource)
  const parts: Condition[] = []
  const read = (json: unknown, path: (inside: string) => string): void => {
    try {
      parts.push(readCondition(json, { fields }, principal.me, usable))
    } catch (error) {
      if (error instanceof ConditionError) {
        const errors = [fault(path(error.path), error.code, error.message)]
        // No schema can say how large the whole may be: a rule does.
        throw new Problem(error.code === 'condition_too_large' ? 'unprocessable' : 'invalid_request', { errors })
      }
      throw error
    }
  }
  if (question.where !== undefined) read(question.where, (inside) => `/where${inside}`)
  for (const [key, value] of Object.entries(question.filters)) {
    const match = /^([A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][\w.-]{0,99})?)(?:\[([A-Za-z]+)\])?$/.exec(key)
    const field = match?.[1] ? fields.get(match[1]) : undefined
    const op = match?.[2] ?? 'eq'
    // The same answer whether it does not exist or may not be used.
    if (!match || !field || !operatorsOf(field.kind).includes(op) || !usable(field, op))
      throw invalid(unknownField(key, key))
    const written = [value].flat().filter((part): part is string => typeof part === 'string')
    const [only] = written
    if (only === undefined || (written.length > 1 && op !== 'in'))
      throw invalid(fault(key, 'invalid_type', 'A parameter is given once.'))
    const operand =
      op === 'in'
        ? written.flatMap((part) => part.split(',')).map((part) => typedAs(field.kind, part))
        : typedAs(op === 'exists' ? 'boolean' : field.kind, only)
    read({ [op]: [field.name, operand] }, () => key)
  }
  const [first] = parts
  return parts.length === 0 || !first ? null : parts.length === 1 ? first : { op: 'and', of: parts }
}

const numeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i

/** What a text in a URL stands for; what is no such value stays text, and is refused as such. */
function typedAs(kind: FieldKind, text: string): string | number | boolean {
  if (kind === 'number') return numeral.test(text) ? Number(text) : text
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** A value as the audit keeps it; `place` is the field that was asked about. */
type Hash = (place: string, value: Scalar) => string

/**
 * Equal only for the same principal asking the same of the same field. Whoever reads the audit could otherwise ask for
 * guesses, in a field that it sees and as often as it likes, until its own hash is that of somebody else's question:
 * and that tells a value which it sees masked.
 */
export const hashOf =
  (keys: TenantKeys, { kind, id, onBehalfOf }: Principal, resource: Resource): Hash =>
  (place, value) =>
    keys
      .hash('audit-query', JSON.stringify([kind, id, onBehalfOf, resource.name, place, String(value)]))
      .toString('base64url')
      .slice(0, 22)

/** A condition as the audit keeps it: fields and operators in clear, values as keyed hashes. */
function hashed(condition: Condition, hash: Hash): unknown {
  if (condition.op === 'and' || condition.op === 'or')
    return { [condition.op]: condition.of.map((part) => hashed(part, hash)) }
  if (condition.op === 'not') return { not: hashed(condition.of, hash) }
  if (condition.op === 'exists') return { exists: [condition.field, condition.value] }
  if (condition.op === 'in')
    return { in: [condition.field, condition.values.map((value) => hash(condition.field, value))] }
  const { op, field, value } = condition as Extract<Condition, { field: string; value: Scalar }>
  return { [op]: [field, hash(field, value)] }
}
