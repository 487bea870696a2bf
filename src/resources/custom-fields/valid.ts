import { z } from 'zod'
import type { Fault } from '../../errors.ts'
import { email, phone } from '../values.ts'
import type { Definition } from './definition.ts'

const emailValue = email('An address.')
const phoneValue = phone('A number.')
const dateValue = z.iso.date()
const idValue = z.uuid()

/** What is wrong with a value, in words for people; nothing when the field takes it. */
export function valueFault(definition: Definition, value: unknown): Fault[] {
  const expected = expectedOf(definition, value)
  if (expected === null) return []
  return [{ path: `/customFields/${definition.key}`, code: 'invalid_value', message: `Expected ${expected}.` }]
}

/** What a field expects where it does not get it; null when all is well. */
function expectedOf(definition: Definition, value: unknown): string | null {
  const { type, options, currency, minimum, maximum } = definition
  const choices = options.map((one) => one.value)
  const isIn = (one: unknown): boolean => typeof one === 'string' && choices.includes(one)
  switch (type) {
    case 'text':
      return textExpected(definition, value)
    case 'number':
      return typeof value === 'number' ? outside(value, minimum, maximum) : 'a number'
    case 'money': {
      const amount = z.strictObject({ amount: z.int(), currency: z.literal(currency ?? '') }).safeParse(value)
      return amount.success
        ? outside(amount.data.amount, minimum, maximum)
        : `{"amount": minor units, "currency": "${currency}"}`
    }
    case 'date':
      return dateValue.safeParse(value).success ? null : 'a date (YYYY-MM-DD)'
    case 'boolean':
      return typeof value === 'boolean' ? null : 'true or false'
    case 'choice':
      return isIn(value) ? null : 'one of the field’s options'
    case 'multiChoice':
      return Array.isArray(value) && value.every(isIn) && new Set(value).size === value.length
        ? null
        : 'a list of the field’s options, each once'
    case 'reference':
      return idValue.safeParse(value).success ? null : 'the id of a record'
  }
}

function textExpected({ format, maxLength }: Definition, value: unknown): string | null {
  if (typeof value !== 'string') return 'a text'
  if (maxLength !== null && [...value].length > maxLength) return `at most ${maxLength} characters`
  if (format === 'email' && !emailValue.safeParse(value).success) return 'an email address'
  // As it is kept and compared; a contact's own phone is brought into this form, a tenant's field is taken as it stands.
  if (format === 'phone' && phoneValue.safeParse(value).data !== value)
    return 'a phone number in E.164 (+4917012345678)'
  return null
}

function outside(value: number, minimum: number | null, maximum: number | null): string | null {
  if (minimum !== null && value < minimum) return `${minimum} or more`
  return maximum !== null && value > maximum ? `${maximum} or less` : null
}
