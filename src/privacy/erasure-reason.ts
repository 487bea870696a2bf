import { Problem } from '../errors.ts'
import { asciiDigits } from './ascii-digits.ts'

/** Why somebody is erased, as it is kept in the ledger. */
export interface ErasureReason {
  reason: string
  ticket: string | null
}

/** What else an order to erase leaves in the audit in clear. */
export interface ErasureTraces {
  'x-purpose'?: string | null
  'request-id'?: string | null
}

/**
 * Why a person was erased is asked for long after they are: so it is kept, under the tenant's key, and must not name
 * them. The person's own key would take the reason along.
 * @param values what names the person: names, addresses, ids in other systems
 * @param traces by the names of headers
 * @throws Problem unprocessable when one of the texts repeats one of them; which one is not said
 */
export function refuseNaming(
  { reason, ticket }: ErasureReason,
  values: readonly string[],
  traces: ErasureTraces = {},
): void {
  const given = { '/reason': reason, '/ticket': ticket, ...traces }
  const errors = Object.entries(given).flatMap(([path, text]) =>
    values.some((value) => repeats(text ?? '', value))
      ? [
          {
            path,
            code: 'names_the_person',
            message: 'This is kept: say it without their name, address or id.',
          },
        ]
      : [],
  )
  if (errors.length > 0) throw new Problem('unprocessable', { errors })
}

/** Whether a text says a value, however it is written: in other case, with other accents, a number in groups. */
export function repeats(text: string, value: string): boolean {
  const digits = digitsOf(value)
  // A number is written with its country's code or without.
  if (isNumber(value) && digits.length >= 7)
    return digitsOf(text).includes(digits.slice(-Math.max(7, digits.length - 3)))
  const [said, meant] = [wordsOf(text), wordsOf(value)]
  if (meant.length < 2) return false
  // Latin words are whole words; other scripts write without spaces, or bend their words.
  return /^[\w ]+$/.test(meant) ? ` ${said} `.includes(` ${meant} `) : said.includes(meant)
}

const isNumber = (value: string): boolean => /^[+\d][\d\s().\-/]*$/.test(value)
const digitsOf = (text: string): string => asciiDigits(text).replaceAll(/\D/g, '')
const wordsOf = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
