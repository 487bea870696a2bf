import type { Field, MaskKind } from '../../../src/access/model.ts'
import type { Chance } from './chance.ts'

// The value that a field has in the other world: any other one where it is hidden, one behind the same mask where it is
// masked.

/** Another value that the mask shows alike. */
export function behindMask(chance: Chance, mask: MaskKind, value: unknown): unknown {
  const text = String(value)
  switch (mask) {
    case 'phone':
      return changed(chance, text, 3, text.length - 2)
    case 'email':
      return `${text.slice(0, 1)}${chance.word()}${text.slice(text.lastIndexOf('@'))}`
    case 'name':
      return text
        .split(' ')
        .map((word) => `${word.slice(0, 1)}${chance.word()}`)
        .join(' ')
    case 'number':
      return Math.abs(Number(value)) < 10 ? (Number(value) + 1) % 10 : Number(changed(chance, text, 1, text.length))
    case 'date':
      return `${text.slice(0, 4)}-${String(1 + chance.below(12)).padStart(2, '0')}-1${chance.below(10)}`
    case 'text':
      return chance.word()
    case 'hidden':
      return undefined
  }
}

/** Other digits between two places. */
const changed = (chance: Chance, text: string, from: number, to: number): string =>
  [...text].map((digit, i) => (i >= from && i < to && /\d/.test(digit) ? String(chance.below(10)) : digit)).join('')

/** The same words with other numbers and addresses in them, which are masked alike. */
export const behindDetection = (chance: Chance, text: string): string =>
  text
    .replaceAll(/\+\d{12}/g, (number) => changed(chance, number, 6, number.length - 2))
    .replaceAll(/\w+(?=@example)/g, (local) => `${local.slice(0, 1)}${chance.word()}`)

/** Any other value of the kind; null where there may be none. */
export function anyOther(
  chance: Chance,
  field: Pick<Field, 'kind' | 'name'>,
  value: unknown,
  nullable: boolean,
): unknown {
  if (nullable && chance.is(0.35)) return null
  switch (field.kind) {
    case 'text':
      return /^\+?\d+$/.test(String(value)) ? `+4916${String(chance.below(1e9)).padStart(9, '0')}` : chance.word()
    case 'number':
      return chance.below(90)
    case 'boolean':
      return value !== true
    case 'date':
      return `19${40 + chance.below(50)}-0${1 + chance.below(9)}-1${chance.below(10)}`
    case 'time':
      return `2025-0${1 + chance.below(9)}-1${chance.below(10)}T10:00:00Z`
    case 'textList':
      return [chance.word()]
    case 'uuidList':
      return []
    case 'json':
      return Array.isArray(value) ? [] : { said: chance.word() }
    default:
      return undefined
  }
}
