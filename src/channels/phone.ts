import { parsePhoneNumberFromString } from 'libphonenumber-js'

/**
 * A phone number in E.164, canonical: variants of one number give one text.
 * Takes international numbers only ("+49 151…", or bare digits as WhatsApp's wa_id are);
 * a national number without its country cannot be understood.
 * @returns undefined where it is not a possible international number
 */
export function phoneOf(text: string): string | undefined {
  const trimmed = text.trim()
  if (/^\d{7,15}$/.test(trimmed)) return trimmed.startsWith('0') ? undefined : canonicalPhone(`+${trimmed}`)
  if (!trimmed.startsWith('+')) return undefined
  const parsed = parsePhoneNumberFromString(trimmed)
  return parsed?.isPossible() ? canonicalPhone(parsed.number) : undefined
}

/**
 * Providers keep numbers in the form of the day when the account was made. Mexico dropped the mobile
 * "1" after 52 (2019), Brazil put a 9 before mobile numbers (2016), Argentina writes mobile
 * numbers with 9 after 54 abroad. Only the first two can be settled without knowing the line type.
 */
function canonicalPhone(e164: string): string {
  const mexico = /^\+521(\d{10})$/.exec(e164)
  if (mexico !== null) return `+52${mexico[1]}`
  const brazil = /^\+55(\d{2})([6-9]\d{7})$/.exec(e164)
  if (brazil !== null) return `+55${brazil[1]}9${brazil[2]}`
  return e164
}

/** All the ways in which this number may be written in E.164 (itself first): to match, not to send. */
export function phoneVariants(e164: string): string[] {
  const canonical = canonicalPhone(e164)
  const variants = [canonical]
  const mexico = /^\+52(\d{10})$/.exec(canonical)
  if (mexico !== null) variants.push(`+521${mexico[1]}`)
  const brazil = /^\+55(\d{2})9([6-9]\d{7})$/.exec(canonical)
  if (brazil !== null) variants.push(`+55${brazil[1]}${brazil[2]}`)
  const argentina = /^\+54(9?)(\d{10})$/.exec(canonical)
  if (argentina !== null) variants.push(argentina[1] === '9' ? `+54${argentina[2]}` : `+549${argentina[2]}`)
  return variants
}
