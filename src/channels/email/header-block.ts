/** Headers beyond this many bytes are not looked at. */
const BYTES_MAX = 256 * 1024

/** The fields of a mail's header, names in lower case, each with its values from the top down; unfolded, not decoded. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>

/**
 * The header at the beginning of a mail (RFC 5322, 2.2). Liberal: bare line feeds, a leading mbox line, lines without a
 * colon are borne. Only what is needed before a mail is parsed is read by this.
 */
export function headerFields(bytes: Buffer): HeaderFields {
  return fieldsOf(bytes.toString('utf8', 0, Math.min(bytes.length, BYTES_MAX)))
}

export function fieldsOf(text: string): HeaderFields {
  const fields = new Map<string, string[]>()
  let last: string[] | undefined
  for (const line of text.replace(/^(?:\r?\n)+/, '').split('\n')) {
    const bare = line.endsWith('\r') ? line.slice(0, -1) : line
    if (bare === '') break
    if (bare.startsWith(' ') || bare.startsWith('\t')) {
      if (last) last.push(`${last.pop() ?? ''} ${bare.trim()}`)
      continue
    }
    const colon = bare.indexOf(':')
    const name = bare.slice(0, colon).trim().toLowerCase()
    if (colon < 1 || /\s/.test(name)) {
      last = undefined
      continue
    }
    last = fields.get(name) ?? []
    fields.set(name, last)
    last.push(bare.slice(colon + 1).trim())
  }
  return fields
}

/** The topmost value of a field; undefined when it is missing or empty. */
export function fieldOf(fields: HeaderFields, name: string): string | undefined {
  return fields.get(name)?.find((value) => value !== '')
}

/** A list of pairs, as providers hand headers on. */
export function fieldsOfPairs(pairs: Iterable<readonly [string, string]>): HeaderFields {
  const fields = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    const key = name.trim().toLowerCase()
    const values = fields.get(key) ?? []
    fields.set(key, values)
    values.push(value.replaceAll(/\r?\n[ \t]*/g, ' ').trim())
  }
  return fields
}

const ID_LENGTH_MAX = 900

/** The ids of a Message-ID, In-Reply-To or References field, without their brackets, in its order. */
export function messageIds(value: string | undefined): string[] {
  if (value === undefined) return []
  const text = value.slice(0, 64 * 1024)
  const bracketed = [...text.matchAll(/<([^<>\s]{1,900})>/g)].map((match) => match[1] ?? '')
  if (bracketed.length > 0) return bracketed
  // Some write them bare.
  return text
    .split(/[\s,]+/)
    .filter((word) => word.includes('@') && word.length <= ID_LENGTH_MAX && !/[<>"()]/.test(word))
}
