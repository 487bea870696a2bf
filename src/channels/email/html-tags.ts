/**
 * HTML as text with entities and no tags, in one pass whatever it holds: each character is looked at a fixed number of
 * times, however many tags are opened and never closed. A tag ends at its first `>`, as mail is written; what follows
 * the last `>` is text. Lines break where HTML breaks them, a link is followed by its target in brackets.
 */
export function untagged(html: string): string {
  const text = new Text()
  const comment = finder(html, /-->/g)
  const script = finder(html, /<\/script\b/gi)
  let at = 0
  for (;;) {
    const start = html.indexOf('<', at)
    const isComment = start !== -1 && html.startsWith('<!--', start)
    const closed = isComment ? comment(start + 4) : -1
    const end = closed === -1 ? html.indexOf('>', start) : closed + 2
    if (start === -1 || end === -1) break
    text.add(escaped(html.slice(at, start)))
    at = end + 1
    if (closed !== -1) text.add(' ')
    else {
      const tag = html.slice(start + 1, end)
      const isScript = /^script\b/i.test(tag)
      const close = isScript ? script(at) : -1
      if (close !== -1) at = html.indexOf('>', close) === -1 ? html.length : html.indexOf('>', close) + 1
      text.tag(tag)
    }
  }
  text.add(escaped(html.slice(at)))
  return text.toString()
}

/** Where something comes next; asked about positions that only grow, so that what was not found is looked for once. */
function finder(html: string, what: RegExp): (from: number) => number {
  let found = -2
  return (from) => {
    if (found !== -1 && found < from) {
      what.lastIndex = from
      found = what.exec(html)?.index ?? -1
    }
    return found
  }
}

const escaped = (text: string): string => text.replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const BLOCK = /^\/?(?:p|div|table|tr|td|th)\b/i
const INLINE = /^\/?(?:span|em|i|strong|b|u|a)\b/i

class Text {
  readonly #pieces: string[] = []
  /** a line was broken: what comes now is no head any more */
  #isBroken = false
  /** the space behind an item's mark is left out */
  #isItem = false
  /** where what stands behind the body begins */
  #end: number | null = null

  add(piece: string): void {
    const kept = this.#isItem ? piece.trimStart() : piece
    if (kept === '') return
    this.#isItem = false
    this.#pieces.push(kept)
  }

  tag(tag: string): void {
    if (/^br\b/i.test(tag)) this.#break('\n')
    else if (BLOCK.test(tag)) this.#break('\n\n')
    else if (!this.#isBroken && /^(?:body\b|\/head\b|!doctype\b)/i.test(tag)) this.#pieces.length = 0
    else if (/^\/(?:body|html)\b/i.test(tag)) this.#end ??= this.#pieces.length
    else if (/^a\b/i.test(tag)) this.#link(tag)
    else if (/^li\b/i.test(tag)) {
      this.add('* ')
      this.#isItem = true
    } else if (/^hr\b/.test(tag)) this.#whole('\n-------------\n')
    else if (!INLINE.test(tag)) this.#whole(' ')
  }

  #break(lines: string): void {
    this.#isBroken = true
    this.#end = null
    this.add(lines)
  }

  #whole(piece: string): void {
    this.#isItem = false
    this.add(piece)
  }

  #link(tag: string): void {
    let target: string | undefined
    for (const match of tag.matchAll(/href\s*=\s*["']?([^\s"']+)/gi)) target = match[1]
    if (target !== undefined) this.add(escaped(` (${target}) `))
  }

  toString(): string {
    return this.#pieces.slice(0, this.#end ?? undefined).join('')
  }
}
