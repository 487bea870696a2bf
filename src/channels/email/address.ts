import { type JsonValue, wellFormed } from '../json.ts'

/** An address of a mail with the name that goes with it. */
export interface Mailbox {
  /** lower case */
  address: string
  name?: string
}

const ADDRESS = /^[^\s@<>()",;:\\]{1,128}@[^\s@<>()",;:\\]{1,190}$/
const DOT_ATOM = /^[^\s@<>()[\]",;:\\.]+(?:\.[^\s@<>()[\]",;:\\.]+)*$/

/** A local part in quotes (RFC 5322, 3.4.1). Of what it may hold, brackets and what cannot be shown are not taken. */
const QUOTED = /^"((?:[^"\\<>\p{Cc}]|\\[^<>\p{Cc}]){1,128})"(@[^\s@<>()",;:\\]{1,190})$/u
/** The same within a longer text. */
const QUOTED_WITHIN = /"(?:[^"\\<>]|\\[^<>]){1,128}"@[^\s@<>()",;:\\]{1,190}/u

/**
 * An address as identities are compared: lower case, trimmed; undefined where it is none. Quotes stay only where an
 * address is none without them.
 */
export function emailAddress(text: JsonValue | undefined): string | undefined {
  if (typeof text !== 'string') return undefined
  const bare = wellFormed(text).trim().replace(/^<|>$/g, '').toLowerCase()
  if (ADDRESS.test(bare)) return bare
  const [, quoted, domain] = QUOTED.exec(bare) ?? []
  if (quoted === undefined || domain === undefined) return undefined
  const local = quoted.replaceAll(/\\(.)/gu, '$1')
  return DOT_ATOM.test(local) ? `${local}${domain}` : `"${local.replaceAll(/["\\]/g, '\\$&')}"${domain}`
}

/** The first address in a header's value, without parsing its grammar: what is in brackets, else the first word that is one. */
export function firstAddress(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const text = value.slice(0, 4096)
  for (const match of text.matchAll(/<([^<>]{3,320})>/g)) {
    const found = emailAddress(match[1])
    if (found !== undefined) return found
  }
  const quoted = emailAddress(QUOTED_WITHIN.exec(text)?.[0])
  if (quoted !== undefined) return quoted
  return text
    .split(/[\s,;"()<>]+/)
    .map(emailAddress)
    .find((one) => one !== undefined)
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** What stands between plus and at, where an address is the mailbox's own with a word added. */
export function plusWord(address: string, mailbox: string): string | undefined {
  const own = mailbox.toLowerCase()
  const at = own.lastIndexOf('@')
  const prefix = `${own.slice(0, at)}+`
  const suffix = own.slice(at)
  const given = address.toLowerCase()
  if (!given.startsWith(prefix) || !given.endsWith(suffix)) return undefined
  const word = given.slice(prefix.length, given.length - suffix.length)
  return word === '' ? undefined : word
}

export const plusAddress = (mailbox: string, word: string): string => {
  const at = mailbox.lastIndexOf('@')
  return `${mailbox.slice(0, at)}+${word}${mailbox.slice(at)}`
}
