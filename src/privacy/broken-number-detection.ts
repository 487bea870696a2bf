import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/max'
import { asciiDigits } from './ascii-digits.ts'
import {
  abroad,
  anyHome,
  atHome,
  type Effort,
  type Group,
  isCard,
  isMoney,
  isNamed,
  joining,
  markOthers,
  plusBefore,
  type Reading,
  type Span,
  separators,
  spanOf,
  unclear,
  unexaminedDigits,
} from './number-detection.ts'

/** Digits and what stands before them: what joins a number, or a weak sign that lists and tables have as well. */
interface Part extends Group {
  /** null where it is no weak sign */
  weak: string | null
}

const digitsMin = 9
const digitsMax = 19
/** Tags between digits are passed over: "<b>0170</b> 1234567". */
const tag = /<\/?[a-z][^<>]{0,60}>|&nbsp;/gi
const gapMax = 80
const weakSigns = new RegExp(`^[${separators}\\r\\n>_,:;'’|*=…、，；：]{0,6}$`, 'u')
const newlinesMax = 2

/**
 * Phone and card numbers that a line's end, a comma, a tag or the like breaks in two. All of these stand between
 * numbers of their own as well, so more is asked of what they break: it must be a complete number that the library knows
 * to be valid, its parts must be none by themselves, and unless it begins as only phone numbers do nothing may stand
 * beside it.
 * @param country ISO 3166-1 alpha-2, the one whose national numbers are understood; null: some common ones are
 */
export function brokenNumberSpans(text: string, country: string | null, effort: Effort): Span[] {
  if (!unexaminedDigits.test(text)) return []
  const home = country !== null && isSupportedCountry(country) ? country : null
  return runsOf(text).flatMap((run) => spansOf(text, run, home, effort))
}

function runsOf(text: string): Part[][] {
  const runs: Part[][] = []
  let run: Part[] = []
  const close = (): void => {
    if (run.some(({ weak }) => weak !== null)) markTimes(text, markOthers(text, run))
    if (run.some(({ weak }) => weak !== null)) runs.push(run)
    run = []
  }
  for (const match of text.matchAll(/\p{Nd}+/gu)) {
    const start = match.index
    const last = run.at(-1)
    const hasPlus = plusBefore.test(text.slice(Math.max(0, start - 6), start))
    const gap = last && start - last.end <= gapMax ? text.slice(last.end, start) : null
    const isJoined = gap !== null && gap.length <= 6 && joining.test(gap)
    if (last && (hasPlus || gap === null || (!isJoined && !isWeak(gap)))) close()
    const weak = run.length > 0 && !isJoined ? gap : null
    run.push({ start, end: start + match[0].length, digits: asciiDigits(match[0]), hasPlus, isOther: false, weak })
  }
  close()
  return runs
}

/** An empty line ends what was said before it. */
function isWeak(gap: string): boolean {
  const bare = gap.replaceAll(tag, '')
  return weakSigns.test(bare) && !/\n.*\n/s.test(bare)
}

/** "10:30" and "10:30:00" are no part of a number. */
function markTimes(text: string, run: Group[]): void {
  const isColon = (i: number): boolean => text.slice(run[i]?.end ?? 0, run[i + 1]?.start ?? 0) === ':'
  for (let from = 0; from + 1 < run.length; from++) {
    let to = from
    while (to + 1 < run.length && isColon(to)) to++
    const parts = run.slice(from, to + 1)
    if (/^(?:[01]?\d|2[0-4])(?::[0-5]\d){1,2}$/.test(parts.map(({ digits }) => digits).join(':')))
      for (const part of parts) part.isOther = true
    from = to
  }
}

function spansOf(text: string, run: readonly Part[], home: CountryCode | null, effort: Effort): Span[] {
  const spans: Span[] = []
  for (let from = 0; from < run.length; from++) {
    const best = bestFrom(text, run, from, home, effort)
    if (!best) continue
    spans.push(spanOf(text, run, from, best.to, best.reading))
    from = best.to
  }
  return spans
}

/** The longest number that begins here and is broken; null where there is none. */
function bestFrom(text: string, run: readonly Part[], from: number, home: CountryCode | null, effort: Effort) {
  const first = run[from]
  const isFree = from === 0 || run[from - 1]?.isOther === true
  if (!first || first.isOther) return null
  const isMarked = first.hasPlus || /^0\d/.test(first.digits)
  // "13.01587,48.73149": decimals.
  if (isMarked && from > 0 && text.slice(run[from - 1]?.end, first.start) === '.') return null
  if (!isMarked && !isFree && first.digits.length !== 4) return null
  let best: { to: number; reading: Reading } | null = null
  let digits = ''
  let isBroken = false
  for (let to = from; to < run.length; to++) {
    const part = run[to]
    if (!part || part.isOther) break
    if (to > from && part.weak !== null) {
      const window = run.slice(from, to)
      // A number of its own ends here, and something else follows.
      if (best || (!isBroken && digits.length >= 7 && phoneIn(text, window, digits, home, false, effort))) break
      isBroken = true
    }
    digits += part.digits
    if (digits.length > digitsMax) break
    if (!isBroken || digits.length < digitsMin) continue
    const isWhole = isFree && (to === run.length - 1 || run[to + 1]?.isOther === true)
    const window = run.slice(from, to + 1)
    if (isBrokenCard(window, digits, isWhole)) best = { to, reading: { kind: 'card' } }
    const phone = isMarked || isWhole ? phoneIn(text, window, digits, home, true, effort) : null
    if (phone) best = { to, reading: best ? unclear : phone }
  }
  return best
}

/** As cards show them, or in two with nothing beside them. */
function isBrokenCard(window: readonly Group[], digits: string, isWhole: boolean): boolean {
  const lengths = window.map((group) => group.digits.length).join('-')
  return ((isWhole && window.length === 2) || /^4-(?:4-4-4|6-[45])$/.test(lengths)) && isCard(window, digits)
}

function phoneIn(
  text: string,
  window: readonly Part[],
  digits: string,
  home: CountryCode | null,
  isBroken: boolean,
  effort: Effort,
): Reading | null {
  const [first] = window
  const last = window.at(-1)
  if (!first || !last || digits.length > 17) return null
  const isMarked = first.hasPlus || /^0\d/.test(first.digits)
  if (isBroken && (isMarked ? isListed(window) : isLoose(text, window, first, last, digits))) return null
  // Nothing is shown unexamined: what may be broken is taken for it, and nothing for a number of its own.
  if (effort.parses <= 0) return isBroken && (isMarked || digits.length >= 11) ? unclear : null
  if (first.hasPlus) return abroad(digits, true, effort)
  if (digits.startsWith('00')) return abroad(digits.slice(2), true, effort)
  if (isMarked) return anyHome(digits, home, effort, 'valid')
  const own = home === null ? null : atHome(digits, home, effort, 'valid')
  return own ?? (digits.length >= 11 && digits.length <= 13 ? abroad(digits, true, effort) : null)
}

const weakIn = (window: readonly Part[]): string[] => window.slice(1).flatMap(({ weak }) => weak ?? [])

/** "01, 02, 03, 04, 05", "04109, 04103", and lines of numbers. */
function isListed(window: readonly Part[]): boolean {
  const gaps = weakIn(window)
  if (gaps.filter((gap) => gap.includes('\n')).length > newlinesMax) return true
  const isSpaced = gaps.some((gap) => /[,;，、\n]/.test(gap) && gap.length > 1) || gaps.includes('\n')
  if (isSpaced && window.every(({ digits }) => digits.length <= 2)) return true
  return window.slice(1).some(({ weak, digits }) => /[,;|，、\n]/.test(weak ?? '') && digits.startsWith('0'))
}

/** What begins as any number does: it has few parts, of which one is long, one sign between them, and is no amount. */
function isLoose(text: string, window: readonly Part[], first: Part, last: Part, digits: string): boolean {
  const gaps = weakIn(window)
  const signs = new Set(gaps.join('').replaceAll(tag, '').replaceAll(/\s/g, ''))
  const others = window
    .slice(1)
    .some(({ weak, start }, i) => weak === null && /[.,]/.test(text.slice(window[i]?.end, start)))
  if (window.length > 5 || signs.size > 1 || others || isListed(window)) return true
  // Rows of a table are separated by these.
  const longMin = [...signs].every((sign) => /[,;|]/.test(sign)) ? 6 : 3
  const lengths = window.map((part) => part.digits.length)
  if (!/^(?:1-)?3-3-4$/.test(lengths.join('-')) && Math.max(...lengths) < longMin) return true
  if (gaps.some((gap) => /[,;:，、]\s/.test(gap)) || (signs.has(',') && digits.length < 10)) return true
  if (/^\d{1,3}(?:[,'’]\d{3})+$/.test(text.slice(first.start, last.end))) return true
  return isMoney(text, first.start, last.end, digits) || isNamed(text.slice(Math.max(0, first.start - 12), first.start))
}
