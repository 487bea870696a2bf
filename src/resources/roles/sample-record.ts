import { ConditionError, scalarOf } from '../../access/condition.ts'
import type { Field, ResourceModel } from '../../access/model.ts'
import type { JsonRow } from '../../db/database.ts'
import { type Fault, Problem } from '../../errors.ts'
import { faultsOf } from '../../http/schema.ts'

/**
 * A made-up record: every value in the form of its field, lists empty where nothing is said.
 * @throws Problem invalid_request, naming each place in `record`
 */
export function sampleRecord(model: ResourceModel, given: JsonRow): JsonRow {
  const faults: Fault[] = []
  const record: JsonRow = {}
  for (const { name, kind, stored } of model.fields.values())
    if (!stored && (kind === 'textList' || kind === 'uuidList')) record[name] = []
  const group = model.custom?.group
  for (const [name, value] of Object.entries(given)) {
    const field = model.fields.get(name)
    if (!field || field.stored) faults.push(unknown(name))
    else if (value === null) record[name] ??= null
    else if (name === group) record[name] = customValues(model, name, value, faults)
    else {
      const checked = field.schema.safeParse(value)
      if (checked.success) record[name] = checked.data
      else faults.push(...faultsOf(checked.error, 'body').map((fault) => ({ ...fault, path: `/${name}${fault.path}` })))
    }
  }
  if (faults.length > 0)
    throw new Problem('invalid_request', {
      errors: faults.slice(0, 50).map((fault) => ({ ...fault, path: `/record${fault.path}` })),
    })
  return record
}

/** Values of fields that the tenant has defined; as far as conditions and masks need them to be right. */
function customValues(model: ResourceModel, group: string, values: unknown, faults: Fault[]): JsonRow {
  const found: JsonRow = {}
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    faults.push({ path: `/${group}`, code: 'invalid_type', message: 'Expected an object.' })
    return found
  }
  for (const [key, value] of Object.entries(values)) {
    const field = model.fields.get(`${group}.${key}`)
    if (!field) faults.push(unknown(`${group}/${key}`))
    else if (value !== null) {
      const wrong = wrongOf(field, value)
      if (wrong === null) found[key] = value
      else faults.push({ path: `/${group}/${key}`, code: 'invalid_value', message: wrong })
    }
  }
  return found
}

function wrongOf(field: Field, value: unknown): string | null {
  const scalar = field.stored?.scalar(value) ?? value
  const isList = field.kind === 'textList' || field.kind === 'uuidList'
  if (isList !== Array.isArray(scalar)) return isList ? 'Expected a list.' : 'Expected one value.'
  try {
    for (const one of [scalar].flat()) scalarOf(field, one, null, '')
    return null
  } catch (error) {
    if (error instanceof ConditionError) return error.message
    throw error
  }
}

const unknown = (path: string): Fault => ({
  path: `/${path.slice(0, 200)}`,
  code: 'unknown_field',
  message: `"${path.slice(0, 100)}" cannot be used here.`,
})
