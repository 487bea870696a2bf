import { type Span, unseen } from './number-detection.ts'

const local = new RegExp(`[\\p{L}\\p{M}\\p{N}!#$%'*+^_\`{|}~.\\-．＿－${unseen}]`, 'u')
/** Scripts without spaces between words: a Latin address may follow right behind them. */
const unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u
const latin = /[A-Za-z0-9]/
/** As it is written, as addresses of pages and HTML have it, and as it is written against robots. */
const ats = /[@＠﹫]|%40|&#0{0,5}64;|&#x0{0,5}40;|&commat;|\s?[([{]\s?at\s?[)\]}]/gi
const label = `[\\p{L}\\p{M}\\p{N}${unseen}-]{1,63}`
/** Dots of other scripts too (RFC 3490 §3.1). */
const dot = '(?:[.．。｡]| [.] |\\s?[(\\[{]\\s?(?:dot|punkt)\\s?[)\\]}]\\s?)'
/** A name, a dot and a last part that is no number. */
const domain = new RegExp(
  `^\\s?(?:\\[[\\d.:a-fA-F]{3,45}\\]|${label}(?:${dot}${label})*${dot}[${unseen}]{0,8}\\p{L}[\\p{L}\\p{M}\\p{N}${unseen}-]{1,62})`,
  'iu',
)
const quotedMax = 70

/**
 * Email addresses in a text (RFC 5322, RFC 6531), each as app.mask_email shows it: first character and domain.
 * Every "@" and what stands for one is looked at once and no text twice, but for quoted names, whose length has a limit.
 */
export function emailSpans(text: string): Span[] {
  const spans: Span[] = []
  let done = 0
  for (const { index: at, 0: mark } of text.matchAll(ats)) {
    const end = at + mark.length
    const after = domain.exec(text.slice(end, end + 400))?.[0]
    const start = after === undefined ? at : localStart(text, at, done)
    done = end
    if (start === at || after === undefined) continue
    const first = String.fromCodePoint(text.codePointAt(start) ?? 0)
    spans.push({ start, end, veil: `${first}•••${mark}` })
  }
  return spans
}

/** Where the name before an "@" begins; at itself where there is none. */
function localStart(text: string, at: number, from: number): number {
  // One space may stand before it, as may one behind: "anna @ example.com".
  const end = text.charAt(at - 1) === ' ' && at - 1 > from ? at - 1 : at
  if (text.charAt(end - 1) === '"') {
    const open = text.lastIndexOf('"', end - 2)
    return open >= from && end - open <= quotedMax ? open : at
  }
  let start = end
  let isLatin = false
  while (start > from) {
    const isPair = /[\uDC00-\uDFFF]/.test(text.charAt(start - 1)) && start - 2 >= from
    const next = text.slice(start - (isPair ? 2 : 1), start)
    if (!local.test(next) || (isLatin && unspaced.test(next))) break
    isLatin ||= latin.test(next)
    start -= next.length
  }
  return start === end ? at : start
}
