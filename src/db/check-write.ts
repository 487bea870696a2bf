import type { Rule } from '../access/ability.ts'
import type { Resource } from '../access/define.ts'
import { sight } from '../access/door.ts'
import type { Principal } from '../access/principal.ts'
import { type Fault, Problem } from '../errors.ts'
import type { JsonRow } from './database.ts'
import { unknownField } from './rows.ts'

/**
 * Whether every field of a body may be set on this row, before and after.
 * A field that the principal cannot even see answers as one that does not exist.
 */
export function checkWrite(
  principal: Principal,
  resource: Resource,
  action: 'create' | 'update',
  body: JsonRow,
  before: JsonRow | null,
  after: JsonRow,
  view: JsonRow | null,
): void {
  const faults: Fault[] = []
  let hidden = false
  const asked = askedNames(resource, body)
  for (const name of asked) {
    const may = (row: JsonRow): boolean => principal.ability.can(action, resource, row, name)
    if (may(after) && (!before || may(before))) continue
    if (isKnown(principal, resource, action, name))
      faults.push({ path: pathOf(name), code: 'not_writable', message: `You may not set "${name}".` })
    else {
      hidden = true
      faults.push(unknownField(pathOf(name), name))
    }
  }
  if (faults.length > 0) throw new Problem(hidden ? 'invalid_request' : 'forbidden', { errors: faults })
  if (!principal.ability.can(action, resource, after)) throw new Problem('forbidden')
  const masked = Array.isArray(view?.maskedFields) ? view.maskedFields : []
  const sentBack = asked.filter(
    (name) =>
      masked.includes(name) &&
      namedIn(resource, body, name) !== null &&
      JSON.stringify(namedIn(resource, body, name)) === JSON.stringify(namedIn(resource, view ?? {}, name)),
  )
  if (sentBack.length > 0)
    throw new Problem('masked_value', {
      errors: sentBack.map((name) => ({
        path: pathOf(name),
        code: 'masked_value',
        message: 'This is the masked form of the value.',
      })),
    })
}

/** The fields that a body names; of the tenant's own fields each one by itself, with its full name. */
export function askedNames(resource: Resource, body: JsonRow): string[] {
  const group = resource.custom?.group
  return Object.entries(body).flatMap(([name, value]) =>
    name === group && isObject(value) ? Object.keys(value).map((key) => `${name}.${key}`) : [name],
  )
}

const pathOf = (name: string): string => `/${name.replace('.', '/')}`

/** What a record or a body holds under a field's full name. */
function namedIn(resource: Resource, record: JsonRow, name: string): unknown {
  const group = resource.custom?.group
  if (group === undefined || !name.startsWith(`${group}.`)) return record[name]
  const values = record[group]
  return isObject(values) ? values[name.slice(group.length + 1)] : undefined
}

/** Whether a field exists for the principal: it sees it on some row, or may set it on some. The row at hand says nothing here. */
function isKnown(principal: Principal, resource: Resource, action: 'create' | 'update', name: string): boolean {
  const named = (rule: Rule): boolean => rule.fields.includes('*') || rule.fields.includes(name)
  const settable = principal.ability.rules(action, resource.name).every((rules) => rules.some(named))
  return principal.ability.fields(resource).has(name) && (settable || sight(principal, resource, name) !== null)
}

const isObject = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null
