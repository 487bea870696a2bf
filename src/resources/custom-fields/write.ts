import type { Resource } from '../../access/define.ts'
import type { JsonRow } from '../../db/database.ts'
import { Stale } from '../../db/transaction.ts'
import { type Fault, Problem } from '../../errors.ts'
import type { Change } from '../../http/record-changes.ts'
import { type Definition, definitionList } from './definition.ts'
import { checkReference } from './reference.ts'
import { valuesRemove, valuesSet } from './stored.ts'
import { defineFirst } from './undefined-keys.ts'
import { valueFault } from './valid.ts'

/**
 * Writes the values of a contact's custom fields that a body names: checked against their definitions, null removed.
 * Whether they may be set has been decided; the contact's own row may follow.
 * @throws Problem invalid_request: a key that nobody has defined; unprocessable: a value that its field does not take, a
 *   required one that is missing
 * @throws Beforehand for whoever may define the fields that are missing
 */
export async function writeCustomValues(change: Change, resource: Resource): Promise<void> {
  const { tx, id, body, before, after } = change
  const given = isObject(body.customFields) ? Object.entries(body.customFields) : []
  if (given.length === 0 && (before !== null || !hasOwnFields(change, resource))) return
  const definitions = await definitionList(
    tx,
    resource.name,
    given.map(([key]) => key),
  )
  const byKey = new Map(definitions.map((one) => [one.key, one]))
  const fields = tx.principal.ability.fields(resource)
  // Defined while this change was under way: with the rights of before, its value would be missing from the answer.
  if (given.some(([key]) => byKey.has(key) && !fields.has(`customFields.${key}`))) throw new Stale()
  const unknown = given.filter(([key]) => !byKey.has(key))
  if (unknown.length > 0) defineFirst(tx.principal, resource, unknown)
  const faults = [
    ...missing(change, resource, definitions, new Set(given.map(([key]) => key))),
    ...(await Promise.all(
      given.map(async ([key, value]) => {
        const definition = byKey.get(key)
        if (!definition || value === null) return []
        const wrong = valueFault(definition, value)
        return wrong.length === 0 && typeof value === 'string' ? checkReference(tx, definition, value) : wrong
      }),
    ).then((found) => found.flat())),
  ]
  if (faults.length > 0) throw new Problem('unprocessable', { errors: faults })
  const known = given.flatMap(([key, value]) => {
    const field = byKey.get(key)
    return field ? [{ contactId: id, field, value }] : []
  })
  const gone = known.filter(({ value }) => isAbsent(value))
  await valuesRemove(
    tx,
    id,
    gone.map(({ field }) => field),
  )
  await valuesSet(
    tx,
    String(after.businessUnitId),
    known.filter((one) => !gone.includes(one)),
  )
}

/** Whether the tenant has defined any: where there is none, no new record needs to be held against them. */
const hasOwnFields = ({ tx }: Change, resource: Resource): boolean =>
  [...tx.principal.ability.fields(resource).values()].some(({ stored }) => stored)

/**
 * Required fields without a value: of a new record all of them, later only one that the body takes away. Asked of whoever
 * may set the field: others could not give it, and would be told that there is one.
 */
function missing(
  { tx, before, after }: Change,
  resource: Resource,
  definitions: readonly Definition[],
  asked: ReadonlySet<string>,
): Fault[] {
  const values = isObject(after.customFields) ? after.customFields : {}
  const action = before === null ? 'create' : 'update'
  return definitions.flatMap(({ key, required }) =>
    required &&
    // A field may be called `constructor`.
    (!Object.hasOwn(values, key) || isAbsent(values[key])) &&
    (before === null || asked.has(key)) &&
    tx.principal.ability.can(action, resource, after, `customFields.${key}`)
      ? [{ path: `/customFields/${key}`, code: 'required', message: 'This field must have a value.' }]
      : [],
  )
}

const isAbsent = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0)

const isObject = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
