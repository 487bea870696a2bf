import { asciiDigits } from './ascii-digits.ts'
import { brokenNumberSpans } from './broken-number-detection.ts'
import { emailSpans } from './email-detection.ts'
import { newEffort, numberSpans, type Span } from './number-detection.ts'

type Efforts = ReturnType<typeof newEffort>

/**
 * A text in which phone numbers, email addresses and card numbers are masked; null where none was found.
 *
 * This happens when a text is written, and what comes of it is stored beside it: whoever has the field only masked is
 * shown that, and asks about nothing else. It looks at nothing but the text and its contact's country. What else is
 * known of the contact stays out of it: a number that is masked only because the contact has it would tell that.
 * @param country ISO 3166-1 alpha-2, the one whose national numbers are understood
 */
export function veil(text: string, country: string | null, effort: Efforts = newEffort()): string | null {
  let veiled = ''
  let isFound = false
  const show = (part: string, spans: readonly Span[]): void => {
    let done = 0
    for (const span of spans) {
      veiled += part.slice(done, span.start) + span.veil
      done = span.end
    }
    veiled += part.slice(done)
    isFound ||= spans.length > 0
  }
  let done = 0
  // Numbers are looked for between the addresses: an address may begin with digits that would else be taken for more.
  for (const email of [...emailSpans(text), null]) {
    const part = text.slice(done, email?.start)
    let shown = 0
    // What a weak sign breaks is looked for first: else the parts that look like a number would be masked alone.
    for (const span of [...brokenNumberSpans(part, country, effort.broken), null]) {
      const between = part.slice(shown, span?.start)
      show(between, numberSpans(between, country, effort))
      if (!span) break
      show(part.slice(span.start, span.end), [{ ...span, start: 0, end: span.end - span.start }])
      shown = span.end
    }
    if (!email) break
    show(text.slice(email.start, email.end), [{ ...email, start: 0, end: email.end - email.start }])
    done = email.end
  }
  // What is left beside a mask may, with the digits that it shows, be a number of its own. Each time digits go.
  return isFound ? (veil(veiled, country, effort) ?? veiled) : null
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The fields of a record in which something was found, as they are shown masked; empty where nothing was. */
export type Veiled = Record<string, Json>

/**
 * The masked forms of texts and of JSON, by field.
 * @param fields strings, JSON in which every string is looked at, and null for what is not there
 */
export function veiledOf(fields: Readonly<Record<string, Json>>, country: string | null): Veiled {
  const looking: Looking = { country, effort: newEffort(), seen: new Map() }
  const veiled: Veiled = {}
  for (const [name, value] of Object.entries(fields)) {
    const after = veilJson(value, looking, false)
    if (after !== value) veiled[name] = after
  }
  return veiled
}

/** Names under which contact cards and the like have numbers, of whatever form. */
const phoneKey = /phone|mobile|msisdn|wa_?id$|^(?:tel|fax|cell|e164|whatsapp)$/i
const phoneDigitsMin = 5

interface Looking {
  country: string | null
  effort: Efforts
  /** What texts have become: a message often says the same in its text and in its content. */
  seen: Map<string, string>
}

function veilText(text: string, { country, effort, seen }: Looking): string {
  const after = seen.get(text) ?? veil(text, country, effort) ?? text
  seen.set(text, after)
  return after
}

/** The same value where nothing was found in it. */
function veilJson(value: Json, looking: Looking, isPhone: boolean): Json {
  if (typeof value === 'string') return isPhone ? veilPhone(value, looking) : veilText(value, looking)
  if (typeof value === 'number') {
    const after = isPhone ? veilPhone(String(value), looking) : String(value)
    return after === String(value) ? value : after
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const after = value.map((one) => veilJson(one, looking, isPhone))
    return after.some((one, i) => one !== value[i]) ? after : value
  }
  const entries = Object.entries(value)
  const after = entries.map(([key, one]): [string, Json] => [
    key,
    veilJson(one, looking, isPhone || phoneKey.test(key)),
  ])
  return after.some(([, one], i) => one !== entries[i]?.[1]) ? Object.fromEntries(after) : value
}

const digitsIn = (text: string): string => asciiDigits(text).replaceAll(/\D/g, '')
/** As many as a mask shows: the country's code or the start of it, and the end. */
const shownDigits = 4

function veilPhone(value: string, looking: Looking): string {
  if (digitsIn(value).length < phoneDigitsMin || /\p{L}{3}/u.test(value)) return veilText(value, looking)
  const after = veilText(value, looking)
  if (digitsIn(after).length <= shownDigits) return after
  const digits = digitsIn(value)
  return `${'•'.repeat(digits.length - 2)}${digits.slice(-2)}`
}
