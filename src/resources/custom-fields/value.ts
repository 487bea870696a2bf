import { createHash } from 'node:crypto'
import { z } from 'zod'
import { text } from '../values.ts'

/** The name of a custom field in the JSON object that holds their values. */
export const customKey = z
  .string()
  .regex(/^[A-Za-z][\w.-]{0,99}$/, 'A name begins with a letter and has up to 100 letters, digits, _ . -')

const letters: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd' }

/** The key of a field that a form or another system calls by any name: what is not Latin is told by the label alone. */
export function customKeyOf(name: string): string {
  if (customKey.safeParse(name).success) return name
  const latin = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[ßæœøłđ]/g, (letter) => letters[letter] ?? '')
  const key = latin
    .replaceAll(/[^\w.-]+/g, '_')
    .replaceAll(/^[^A-Za-z]+|_+$/g, '')
    .slice(0, 100)
  if (key !== '') return key
  return `field_${createHash('sha256').update(name).digest('hex').slice(0, 12)}`
}

const money = z
  .strictObject({
    amount: z
      .int()
      .min(-999_999_999_999_999)
      .max(999_999_999_999_999)
      .meta({ description: 'In minor units (cents).', example: 12_000 }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .meta({ description: 'ISO 4217; that of the field.', example: 'EUR' }),
  })
  .meta({ id: 'Money', description: 'An amount of money.' })

/** What a value can be, whatever its field; the field’s definition says which of these. */
export const customValue = z.union([
  text(2000, 'A text, a date, a choice, or an id.', 'blue'),
  z.number().meta({ description: 'A number.', example: 42 }),
  z.boolean().meta({ description: 'Yes or no.', example: true }),
  z
    .array(text(200, 'A choice.', 'blue'))
    .max(100)
    .meta({ description: 'Several choices.', example: ['blue'] }),
  money,
])

export const customValues = z
  .record(customKey, customValue.nullable())
  .refine((fields) => Object.keys(fields).length <= 200, 'There are at most 200.')
  .meta({
    description: 'The fields that the tenant has defined (/v1/custom-fields), by key; null in a patch removes a value.',
    example: { shoeSize: 42 },
  })
