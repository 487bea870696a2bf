import { parsePhoneNumberFromString } from 'libphonenumber-js'
import { isObject, type JsonObject } from '../../channels/json.ts'
import type { Party, PartyField } from '../../channels/neutral.ts'
import { veil } from '../../privacy/detection.ts'
import type { ToldFields } from '../../resources/contacts/queries.ts'
import { email } from '../../resources/values.ts'

/** What a party tells of a person, in the forms that a contact has; null where it tells nothing usable. */
export interface Profile {
  displayName: string | null
  email: string | null
  /** E.164 */
  phone: string | null
  /** of the phone, ISO 3166-1 alpha-2 */
  country: string | null
  told: ToldFields
  customFields: JsonObject
}

const emailValue = email('An address as a contact may have it.')

export function profileOf(party: Party): Profile {
  const phone = party.phone ?? null
  return {
    displayName: nameOf(party.displayName) ?? nameOf(party.username),
    email: party.email !== undefined && emailValue.safeParse(party.email).success ? party.email : null,
    phone,
    // What somebody says of themselves before what their number says.
    country: countryCode(party.fields?.country) ?? (phone === null ? null : countryOf(phone)),
    told: toldOf(party.fields),
    customFields: fieldsOf(party.customFields),
  }
}

const nameLength = 200
/** People put numbers and emails where their name belongs. Names are shown to those who see addresses masked. */
const looksLikeAddress = /^[+\d\s().\-/]{5,}$|\S@\S/

export function nameOf(given: string | undefined): string | null {
  const name = withoutNumbers((given ?? '').replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim())
  if (name === '' || looksLikeAddress.test(name)) return null
  return [...name].slice(0, nameLength).join('').slice(0, nameLength).toWellFormed().trim()
}

/** "Jo Miller (+49 170 1234567)" is Jo Miller. */
function withoutNumbers(name: string): string {
  const veiled = veil(name.slice(0, 1000), null)
  if (veiled === null) return name
  return veiled
    .replaceAll(/\S*•\S*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[\s\p{P}\p{S}]+$|[\s(,;:/|–-]+$/gu, '')
    .trim()
}

function countryOf(phone: string): string | null {
  const country = parsePhoneNumberFromString(phone)?.country
  return country !== undefined && /^[A-Z]{2}$/.test(country) ? country : null
}

const countryCode = (text: string | undefined): string | null =>
  text !== undefined && /^[A-Z]{2}$/.test(text) ? text : null

const wordLength = 100
const names: readonly PartyField[] = ['givenName', 'familyName', 'company', 'jobTitle', 'intent']

/** Names and words as they may be shown; a language and a time zone as the channel has checked them. */
export function toldOf(fields: Party['fields'] = {}): ToldFields {
  const told: Partial<Record<PartyField, string>> = {}
  for (const name of names) {
    const value = nameOf(fields[name])?.slice(0, wordLength).toWellFormed().trim()
    if (value) told[name] = value
  }
  for (const name of ['language', 'timezone'] as const) if (fields[name]) told[name] = fields[name]
  return told
}

const fieldsMax = 50
const fieldNameLength = 100

/** The plain values among what a connector calls custom fields. */
function fieldsOf(given: JsonObject | undefined): JsonObject {
  if (!isObject(given)) return {}
  const plain = Object.entries(given).filter(
    ([name, value]) =>
      name !== '' && name.length <= fieldNameLength && ['string', 'number', 'boolean'].includes(typeof value),
  )
  return Object.fromEntries(plain.slice(0, fieldsMax))
}
