import type { Span } from './number-detection.ts'

const local = /[\p{L}\p{M}\p{N}!#$%'*+^_`{|}~.\-．＿－]/u
/** Scripts without spaces between words: a Latin address may follow right behind them. */
const unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u
const latin = /[A-Za-z0-9]/
/** A name, a dot and a last part that is no number; dots of other scripts too (RFC 3490 §3.1). */
const domain =
  /^\s?(?:\[[\d.:a-fA-F]{3,45}\]|[\p{L}\p{M}\p{N}-]{1,63}(?:[.．。｡][\p{L}\p{M}\p{N}-]{1,63})*[.．。｡]\p{L}[\p{L}\p{M}\p{N}-]{1,62})/u
const quotedMax = 70

/**
 * Email addresses in a text (RFC 5322, RFC 6531), each as app.mask_email shows it: first character and domain.
 * Every "@" is looked at once and no text twice, but for quoted names, whose length has a limit.
 */
export function emailSpans(text: string): Span[] {
  const spans: Span[] = []
  let done = 0
  for (const { index: at } of text.matchAll(/[@＠]/g)) {
    const after = domain.exec(text.slice(at + 1, at + 400))?.[0]
    const start = after === undefined ? at : localStart(text, at, done)
    done = at + 1
    if (start === at || after === undefined) continue
    const first = String.fromCodePoint(text.codePointAt(start) ?? 0)
    spans.push({ start, end: at + 1, veil: `${first}•••${text.charAt(at)}` })
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
