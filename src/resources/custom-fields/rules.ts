import type { JsonRow } from '../../db/database.ts'
import { ruled } from '../../db/reference.ts'
import type { Fault } from '../../errors.ts'

/** The types of fields that a part of a definition belongs to; it must be there for those in `needs`. */
const parts: Record<string, { of: readonly string[]; needs?: readonly string[] }> = {
  format: { of: ['text'] },
  maxLength: { of: ['text'] },
  currency: { of: ['money'], needs: ['money'] },
  referenceTo: { of: ['reference'], needs: ['reference'] },
  options: { of: ['choice', 'multiChoice'], needs: ['choice', 'multiChoice'] },
  minimum: { of: ['number', 'money'] },
  maximum: { of: ['number', 'money'] },
}

const currencies = new Set(Intl.supportedValuesOf('currency'))

/**
 * What no schema can say of a definition: which parts go together.
 * @throws Problem unprocessable, with each place
 */
export function checkDefinition(definition: JsonRow): void {
  const faults = [...partFaults(definition), ...valueFaults(definition)]
  if (faults.length > 0) throw ruled(...faults)
}

function partFaults(definition: JsonRow): Fault[] {
  const type = String(definition.type)
  return Object.entries(parts).flatMap(([name, { of, needs = [] }]): Fault[] => {
    const value = definition[name] ?? null
    const isThere = value !== null && !(Array.isArray(value) && value.length === 0)
    if (isThere && !of.includes(type))
      return [{ path: `/${name}`, code: 'not_applicable', message: `A field of type "${type}" has no "${name}".` }]
    if (!isThere && needs.includes(type))
      return [{ path: `/${name}`, code: 'required', message: `A field of type "${type}" needs it.` }]
    return []
  })
}

function valueFaults({ type, currency, options, minimum, maximum }: JsonRow): Fault[] {
  const faults: Fault[] = []
  if (typeof currency === 'string' && !currencies.has(currency))
    faults.push({ path: '/currency', code: 'unknown_currency', message: 'There is no such currency in ISO 4217.' })
  const values = Array.isArray(options) ? options.map((one: JsonRow) => one.value) : []
  for (const [i, value] of values.entries())
    if (values.indexOf(value) < i)
      faults.push({ path: `/options/${i}/value`, code: 'duplicate', message: 'A value stands once.' })
  if (typeof minimum === 'number' && typeof maximum === 'number' && minimum > maximum)
    faults.push({ path: '/maximum', code: 'out_of_order', message: 'The most is less than the least.' })
  for (const [name, value] of Object.entries({ minimum, maximum }))
    if (type === 'money' && typeof value === 'number' && !Number.isSafeInteger(value))
      faults.push({ path: `/${name}`, code: 'invalid_value', message: 'Money is counted in whole minor units.' })
  return faults
}
