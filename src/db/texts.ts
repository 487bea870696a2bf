/** So many are held once; beyond, the oldest may stand in memory more than once. */
const textsMax = 1_000
const texts = new Map<string, string>()

/**
 * A text that is equal to one that is known, as that one: principals with the same rights ask with the same statements,
 * of some ten kilobytes each.
 * @returns the text to keep, and what keeping it costs
 */
export function once(text: string): { text: string; cost: number } {
  const known = texts.get(text)
  if (known !== undefined) return { text: known, cost: 0 }
  if (texts.size >= textsMax) texts.delete(texts.keys().next().value ?? '')
  texts.set(text, text)
  return { text, cost: text.length }
}
