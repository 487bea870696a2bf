import { domainOf } from './address.ts'
import { fieldOf, type HeaderFields } from './header-block.ts'

/** Whom the receiving service found a mail to be from, as far as it says. Domains in lower case. */
export interface Checks {
  /** DMARC passed for the domain of From */
  dmarc?: boolean
  /** the domains of which valid signatures were found */
  dkim?: string[]
  /** the domain of the envelope's sender, where its servers may send this */
  spf?: string
}

/** Whether the address in From is what the mail comes from: a check passed, and it was of that very domain. */
export function isVouchedFor(address: string, { dmarc, dkim, spf }: Checks): boolean {
  const domain = domainOf(address)
  // A domain may sign for its subdomains; nobody can sign for a top-level one.
  const isOf = (one: string): boolean => one.includes('.') && (domain === one || domain.endsWith(`.${one}`))
  return dmarc === true || (dkim ?? []).some(isOf) || (spf !== undefined && isOf(spf))
}

const LENGTH_MAX = 10_000

/**
 * The topmost Authentication-Results of one server (RFC 8601): those below it, and those of others, are what the sender
 * wrote. Without that server's name nothing is believed.
 */
export function authenticationResults(
  fields: HeaderFields,
  authservId: string | undefined,
  from: string | undefined,
): Checks {
  if (authservId === undefined) return {}
  const own = authservId.toLowerCase()
  const results = fields
    .get('authentication-results')
    ?.map((one) => resultsOf(one.slice(0, LENGTH_MAX)))
    .find(([server]) => server?.[0]?.toLowerCase() === own)
  const checks: Checks = {}
  for (const words of results?.slice(1) ?? []) {
    const [method, sign, verdict] = words
    if (sign !== '=' || verdict?.toLowerCase() !== 'pass') continue
    const property = (name: string): string | undefined => propertyOf(words.slice(3), name)?.toLowerCase()
    switch (method?.toLowerCase()) {
      case 'dmarc':
        checks.dmarc = from !== undefined && property('header.from') === domainOf(from)
        break
      case 'dkim': {
        const domain = property('header.d') ?? property('header.i')?.replace(/^.*@/, '')
        if (domain !== undefined) checks.dkim = [...(checks.dkim ?? []), domain]
        break
      }
      case 'spf': {
        const domain = property('smtp.mailfrom')?.replace(/^.*@/, '')
        if (domain !== undefined) checks.spf = domain
      }
    }
  }
  return checks
}

/** `name=value` among the words of a result. */
function propertyOf(words: readonly string[], name: string): string | undefined {
  const at = words.findIndex((word, index) => word.toLowerCase() === name && words[index + 1] === '=')
  return at === -1 ? undefined : words[at + 2]
}

/**
 * The words of the server and of each result (RFC 8601, 2.2): comments (RFC 5322, 3.2.2, nested) are nothing, and a
 * semicolon or an equals sign in a quoted string is a letter like any other. What is not closed ends with the field,
 * and what it belongs to says nothing.
 */
function resultsOf(value: string): string[][] {
  const results: string[][] = [[]]
  let word: string | null = null
  const end = (): void => {
    if (word !== null) results.at(-1)?.push(word)
    word = null
  }
  for (let at = 0; at < value.length; at += 1) {
    const letter = value[at] ?? ''
    if (letter === '(') {
      const close = endOfComment(value, at)
      if (close === -1) return results.slice(0, -1)
      end()
      at = close
    } else if (letter === '"') {
      const quoted = /"(?:[^"\\]|\\.)*"/y
      quoted.lastIndex = at
      const text = quoted.exec(value)?.[0]
      if (text === undefined) return results.slice(0, -1)
      word = `${word ?? ''}${text.slice(1, -1).replaceAll(/\\(.)/g, '$1')}`
      at += text.length - 1
    } else if (letter === ';') {
      end()
      results.push([])
    } else if (letter === '=') {
      end()
      results.at(-1)?.push('=')
    } else if (/\s/.test(letter)) end()
    else word = `${word ?? ''}${letter}`
  }
  end()
  return results
}

function endOfComment(value: string, start: number): number {
  let depth = 0
  for (let at = start; at < value.length; at += 1) {
    if (value[at] === '\\') at += 1
    else if (value[at] === '(') depth += 1
    else if (value[at] === ')') depth -= 1
    if (depth === 0) return at
  }
  return -1
}

/** The domains of a mail's signatures, whether they are valid or not. */
export function signatureDomains(fields: HeaderFields): string[] {
  return (fields.get('dkim-signature') ?? []).flatMap((value) => {
    const domain = /(?:^|;)\s*d\s*=\s*([^\s;]+)/i.exec(value)?.[1]
    return domain === undefined ? [] : [domain.toLowerCase()]
  })
}

export const isPass = (text: string | undefined): boolean => /^pass\b/i.test(text?.trim() ?? '')

/** SpamAssassin's findings as Postmark hands them on, in the topmost field that it adds itself. */
export function spamTests(fields: HeaderFields): Set<string> {
  return new Set((fieldOf(fields, 'x-spam-tests') ?? '').toUpperCase().split(/[\s,]+/))
}
