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
  const value = fields
    .get('authentication-results')
    ?.map((one) => one.slice(0, LENGTH_MAX).replaceAll(/\([^()]*\)/g, ' '))
    .find((one) => one.trim().split(/[\s;]/)[0]?.toLowerCase() === own)
  if (value === undefined) return {}
  const checks: Checks = {}
  for (const result of value.split(';').slice(1)) {
    const [, method, verdict] = /^\s*(dmarc|dkim|spf)\s*=\s*(\w+)/i.exec(result) ?? []
    if (verdict?.toLowerCase() !== 'pass') continue
    const property = (name: string): string | undefined =>
      new RegExp(`\\s${name}\\s*=\\s*"?([^\\s";]+)`, 'i').exec(result)?.[1]?.toLowerCase()
    if (method?.toLowerCase() === 'dmarc') {
      const domain = property('header\\.from')
      checks.dmarc = domain === undefined || (from !== undefined && domain === domainOf(from))
    } else if (method?.toLowerCase() === 'dkim') {
      const domain = property('header\\.d') ?? property('header\\.i')?.replace(/^.*@/, '')
      if (domain !== undefined) checks.dkim = [...(checks.dkim ?? []), domain]
    } else {
      const domain = property('smtp\\.mailfrom')?.replace(/^.*@/, '')
      if (domain !== undefined) checks.spf = domain
    }
  }
  return checks
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
