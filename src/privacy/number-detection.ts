import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { asciiDigits } from './ascii-digits.ts'

/** A stretch of a text that is not to be shown, and what stands there instead. */
export interface Span {
  start: number
  end: number
  veil: string
}

/** How much looking is left for one record; when it is spent, what looks like a number at all is taken for one. */
export interface Effort {
  parses: number
  windows: number
}

/** Far more than people write; a text made to be slow is done after some milliseconds. */
export const newEffort = (): Effort & { broken: Effort } => ({
  parses: 200,
  windows: 3_000,
  broken: { parses: 200, windows: 3_000 },
})

/** Digits written without anything in between. */
export interface Group {
  start: number
  end: number
  /** in ASCII */
  digits: string
  hasPlus: boolean
  /** Part of a date or an address in a network: no number goes through it. */
  isOther: boolean
}

const digitsMin = 7
const e164DigitsMax = 15
/** With "00" or "+ 00" before it. */
const phoneDigitsMax = 17
const cardDigits = { min: 13, max: 19 }
export const unexaminedDigits = /(?:\p{Nd}[^\p{Nd}]*){7}/u

/** Marks that cannot be seen: numbers copied from an address book bring them along, and digits as emoji. */
export const unseen = '\\u00AD\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u2069\\uFEFF\\uFE0F\\u20E3'
/** What people write between the digits of one number, in whatever script. */
export const separators = `\\p{Zs}\\t./()\\[\\]~\\-\\u2010-\\u2015\\u2043\\u2044\\u2212\\u2215\\u2E3A\\u30FC\\uFE63\\uFF0D\\uFF0E\\uFF0F\\uFF08\\uFF09\\u00B7\\u30FB${unseen}`
export const joining = new RegExp(`^[${separators}]{1,6}$`, 'u')
export const plusBefore = new RegExp(`[+＋][${unseen}\\s(（]{0,4}$`, 'u')

/**
 * Phone and card numbers in a text. The library decides what is a number; where to look is decided here, because its
 * own search leaves out what must not be left out: two numbers side by side, a number beside a letter or a bracket, one
 * with digits of Devanagari. Of several readings of the same digits all are hidden.
 * @param country ISO 3166-1 alpha-2: whose national numbers are understood; null: the common ones of all are
 */
export function numberSpans(text: string, country: string | null, effort: Effort): Span[] {
  // Most of what people write has no number in it.
  if (!unexaminedDigits.test(text)) return []
  const home = country !== null && isSupportedCountry(country) ? country : null
  return runsOf(text).flatMap((run) => spansOf(text, run, home, effort))
}

/** Groups that may belong together, each with its neighbours. */
function runsOf(text: string): Group[][] {
  const runs: Group[][] = []
  let run: Group[] = []
  let count = 0
  const close = (): void => {
    if (count >= digitsMin) runs.push(markOthers(text, run))
    run = []
    count = 0
  }
  for (const match of text.matchAll(/\p{Nd}+/gu)) {
    const start = match.index
    const last = run.at(-1)
    const hasPlus = plusBefore.test(text.slice(Math.max(0, start - 6), start))
    if (last && (hasPlus || start - last.end > 6 || !joining.test(text.slice(last.end, start)))) close()
    const digits = asciiDigits(match[0])
    run.push({ start, end: start + match[0].length, digits, hasPlus, isOther: false })
    count += digits.length
  }
  close()
  return runs
}

const isByte = ({ digits }: Group): boolean => /^\d{1,3}$/.test(digits) && Number(digits) < 256

/** A date with its whole year is no part of a number, beside it or around it; nor is an address in a network (IPv4). */
export function markOthers(text: string, run: Group[]): Group[] {
  const gap = (i: number): string => text.slice(run[i]?.end ?? 0, run[i + 1]?.start ?? 0)
  for (let i = 0; i + 2 < run.length; i++) {
    const [one, two, three, four] = run.slice(i, i + 4)
    const mark = gap(i)
    if (!one || !two || !three || one.hasPlus || mark !== gap(i + 1) || !/^[-./]$/.test(mark)) continue
    // "030-12-2026" and its like go on with the same mark.
    if (i > 0 && gap(i - 1) === mark) continue
    const isLonger = four !== undefined && gap(i + 2) === mark
    const quad = [one, two, three, four].filter((group) => group !== undefined)
    const isAddress = isLonger && mark === '.' && quad.every(isByte) && (i + 4 === run.length || gap(i + 3) !== mark)
    if (isAddress && quad.some(({ digits }) => digits.length === 3)) for (const group of quad) group.isOther = true
    if (isLonger) continue
    const written = `${one.digits}-${two.digits}-${three.digits}`
    if (!/^(?:(?:19|20)\d\d-[01]?\d-[0-3]?\d|[0-3]?\d-[0-3]?\d-(?:19|20)\d\d)$/.test(written)) continue
    for (const group of [one, two, three]) group.isOther = true
  }
  return run
}

/** What digits are read as; a phone number in E.164 where that is known. */
export type Reading = { kind: 'phone'; e164: string } | { kind: 'card' } | { kind: 'unclear' }

export const unclear: Reading = { kind: 'unclear' }

function spansOf(text: string, run: Group[], home: CountryCode | null, effort: Effort): Span[] {
  const found: { from: number; to: number; reading: Reading }[] = []
  for (let from = 0; from < run.length; from++) {
    let digits = ''
    for (let to = from; to < run.length; to++) {
      const group = run[to]
      if (!group || group.isOther) break
      digits += group.digits
      if (digits.length > cardDigits.max) break
      if (digits.length < digitsMin) continue
      // Nothing is shown unexamined.
      if (effort.windows-- <= 0 || effort.parses <= 0) return [spanOf(text, run, 0, run.length - 1, unclear)]
      const window = run.slice(from, to + 1)
      const isWhole = to === run.length - 1 || digits.length + (run[to + 1]?.digits.length ?? 0) > e164DigitsMax
      const phone = phoneIn(text, window, digits, home, isWhole, effort)
      if (isCard(window, digits)) found.push({ from, to, reading: phone ? unclear : { kind: 'card' } })
      else if (phone) found.push({ from, to, reading: phone })
    }
  }
  return merged(found).map(({ from, to }) => {
    const reading = found.find((one) => one.from === from && one.to === to)?.reading ?? unclear
    return spanOf(text, run, from, to, reading)
  })
}

/** Readings that share digits become one; each is from the left to the right, so one pass will do. */
function merged(found: readonly { from: number; to: number }[]): { from: number; to: number }[] {
  const regions: { from: number; to: number }[] = []
  for (const { from, to } of found) {
    const last = regions.at(-1)
    if (last && from <= last.to) last.to = Math.max(last.to, to)
    else regions.push({ from, to })
  }
  return regions
}

export function spanOf(text: string, run: readonly Group[], from: number, to: number, reading: Reading): Span {
  const groups = run.slice(from, to + 1)
  const [first] = groups
  const start = first?.start ?? 0
  const end = groups.at(-1)?.end ?? 0
  const isBracketed = /[(（]/.test(text.charAt(start - 1)) && /[)）]/.test(text.slice(start, end))
  const digits = groups.map((group) => group.digits).join('')
  const shown = reading.kind === 'card' ? 4 : 2
  const veil =
    reading.kind === 'phone'
      ? maskedPhone(reading.e164)
      : `${'•'.repeat(Math.min(digits.length, 20) - shown)}${digits.slice(-shown)}`
  // Its plus stays where it is, and is not written again.
  return { start: isBracketed ? start - 1 : start, end, veil: first?.hasPlus ? veil.replace(/^\+/, '') : veil }
}

/**
 * As app.mask_phone does it, over E.164: in whatever form somebody writes a number, its mask is the one that the contact
 * has, and two forms of it tell no more than one.
 */
function maskedPhone(value: string): string {
  if (value.length < 8) return '•'.repeat(value.length)
  return `${value.slice(0, 3)}${'•'.repeat(value.length - 5)}${value.slice(-2)}`
}

/** ISO/IEC 7812: the check digit, the networks' first digits, and groups as cards show them. */
export function isCard(window: readonly Group[], digits: string): boolean {
  if (window[0]?.hasPlus || digits.length < cardDigits.min || !/^(?:[2-6]|8[12]|9792)/.test(digits)) return false
  if (window.length > 5 || window.slice(0, -1).some((group) => group.digits.length < 4)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit
  }
  return sum % 10 === 0
}

const currency = '\\p{Sc}|[Rr]p|Rs|kr|zł|Kč|USD|EUR|GBP|CHF|INR|IDR|VND|JPY|CNY|KRW|BRL|MXN|COP|ARS|AED|THB|TRY'
const currencyBefore = new RegExp(`(?:${currency})\\.?\\s?$`, 'u')
const currencyAfter = new RegExp(`^(?:,\\d\\d?)?\\s?(?:${currency}|円|元|₫|đ)(?!\\p{L})`, 'u')
/** "MT-12345678", "RR123456789CN": the name of a thing. */
const idBefore = /(?:[A-Za-z][-_]?|[#№])$/
const phoneWord =
  /(?:tel|telefon|phone|handy|mobile?|mobil|mob|cell?|fon|fone|whats ?app|wa|nr|num|number|nummer|call|fax)[-_]?$/i

/** Directly behind letters or a sign digits are the name of a thing, unless they say themselves that they are none. */
export const isNamed = (before: string): boolean => idBefore.test(before) && !phoneWord.test(before)

function gluedPhone(before: string, digits: string, home: CountryCode | null, effort: Effort): Reading | null {
  // The middle of a hash or a UUID.
  if (/\d[a-f-]*[a-f]-?$/.test(before)) return null
  if (digits.startsWith('00')) return abroad(digits.slice(2), true, effort)
  // Behind a word any number may stand; "INV-0" and "#0" begin the numbers of many things.
  const demand = /\p{Ll}{2}[-_]?$/u.test(before) ? 'valid' : 'mobile'
  if (digits.startsWith('0')) return digits.length < 9 ? null : anyHome(digits, home, effort, demand)
  return digits.length >= 11 && digits.length <= 13 ? abroad(digits, true, effort) : null
}

/** Nobody writes an amount of ten digits without marks between its thousands. */
export function isMoney(text: string, start: number, end: number, digits: string): boolean {
  if (digits.startsWith('0')) return false
  const isAmount = digits.length < 10 || /^\d{1,3}(?:[^\d]\d{3})+$/.test(text.slice(start, end))
  if (!isAmount) return false
  return currencyBefore.test(text.slice(Math.max(0, start - 12), start)) || currencyAfter.test(text.slice(end, end + 8))
}

function phoneIn(
  text: string,
  window: readonly Group[],
  digits: string,
  home: CountryCode | null,
  isWhole: boolean,
  effort: Effort,
): Reading | null {
  if (digits.length > phoneDigitsMax) return null
  const start = window[0]?.start ?? 0
  const end = window.at(-1)?.end ?? 0
  // With a plus it is meant to be one, whether the library knows it or not.
  if (window[0]?.hasPlus) return isWhole ? phone(`+${digits}`) : abroad(digits, false, effort)
  const before = text.slice(Math.max(0, start - 12), start)
  if (isNamed(before)) return gluedPhone(before, digits, home, effort)
  if (isMoney(text, start, end, digits)) return null
  if (digits.startsWith('00')) return abroad(digits.slice(2), digits.length < 12, effort)
  const written = text.slice(start, end)
  if (/^(?:19|20)\d\d[-/]\d{3,7}$/.test(written)) return null
  const own = home === null ? null : atHome(digits, home, effort)
  if (own) return own
  if (digits.startsWith('011')) return abroad(digits.slice(3), true, effort)
  // As WhatsApp writes them: with the country's code, without the plus.
  const isLikely = window.length === 1 || (window.length <= 6 && /^\d+\D+\d\D|\d{3}/.test(written))
  const isSpelt =
    isWhole && window.length > 5 && digits.length >= 10 && !/\d\W{1,3}$/.test(before) && isSpelled(window, digits)
  const known = digits.length >= 10 && (isLikely || isSpelt) ? abroad(digits, true, effort) : null
  if (known) return known
  const isCommon = home === null && isCommonForm(written, digits, isSpelt ? 1 : window.length)
  return isCommon || /^\d{3}\D{1,2}\d{3}[ .-]\d{4}$/.test(written) ? unclear : null
}

const phone = (e164: string): Reading => ({ kind: 'phone', e164 })

export function abroad(digits: string, isStrict: boolean, effort: Effort): Reading | null {
  if (digits.startsWith('0') || digits.length > e164DigitsMax) return null
  effort.parses--
  const parsed = parsePhoneNumberFromString(`+${digits}`)
  // New ranges are numbers before the library knows them; only what is marked as a number gets that benefit.
  return (isStrict ? parsed?.isValid() : parsed?.isPossible()) ? phone(`+${digits}`) : null
}

/** What the library must know of a number: its length, that it is given out, that it is given out for mobile phones. */
type Demand = 'possible' | 'valid' | 'mobile'

export function atHome(digits: string, home: CountryCode, effort: Effort, demand: Demand = 'possible'): Reading | null {
  effort.parses--
  const parsed = parsePhoneNumberFromString(digits, home)
  if (!parsed) return null
  const type = parsed.getType()
  if (demand === 'mobile' && type !== 'MOBILE' && type !== 'FIXED_LINE_OR_MOBILE') return null
  const isValid = parsed.isValid()
  // Where a number at home begins with a zero, few leave it out, and then of mobile numbers.
  const isWritten = digits.startsWith('0') || !/^\D*0/.test(parsed.formatNational()) || type === 'MOBILE'
  const isMeant = demand === 'possible' && digits.startsWith('0') && digits.length >= 9 && parsed.isPossible()
  return (isValid && isWritten) || isMeant ? phone(parsed.number) : null
}

/** Countries in which many write a zero first: without the contact's own, a number of one of them is one. */
const homes: readonly CountryCode[] = ['DE', 'FR', 'GB', 'ID', 'TR']

/** A complete number of the country, or where none is known of one of the common ones. */
export function anyHome(digits: string, home: CountryCode | null, effort: Effort, demand: Demand): Reading | null {
  if (home !== null) return atHome(digits, home, effort, demand)
  return homes.some((one) => atHome(digits, one, effort, demand) !== null) ? unclear : null
}

/** Digit by digit or two by two, over the whole run: not the digits counted up, and no table of ones and noughts. */
function isSpelled(window: readonly Group[], digits: string): boolean {
  if (window.some((group) => group.digits.length > 2) || new Set(digits).size < 4) return false
  return !digits.startsWith('012345678') && !digits.startsWith('23456789')
}

/** Without a country: a zero and what may follow it, and how the most populous countries write their numbers. */
function isCommonForm(written: string, digits: string, groups: number): boolean {
  if (groups > 5) return false
  if (/^0[1-9]\d{7,10}$/.test(digits)) return true
  // "1701234567" is a German one without its zero, and longer by a digit a Chinese one.
  if (/^(?:[2-9]\d{9}|1(?:5\d|6[023]|7\d)\d{7}|1[3-9]\d{9}|[1-9]{2}9\d{8})$/.test(digits)) return true
  return /^[5-9]\d\d([ .-])\d{3}\1\d{3}$/.test(written)
}
