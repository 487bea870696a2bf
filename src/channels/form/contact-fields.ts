import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js'
import { compact, isObject, type JsonObject, type JsonValue, textAt } from '../json.ts'
import type { Identity, Party, PartyField, Wish } from '../neutral.ts'
import { phoneOf } from '../phone.ts'
import { countryOf } from './country.ts'
import { guessOf } from './field-names.ts'
import { type FormSettings, type FormTarget, isFormTarget } from './settings.ts'
import { type FormAnswer, renderValue, type Submission } from './submission.ts'

type Settings = Partial<Pick<FormSettings, 'fieldMap' | 'defaultCountry'>>
type Assigned = ReadonlyMap<FormTarget, readonly FormAnswer[]>

const nameLength = 200
const wordLength = 100

/**
 * Who filled in a form. All of it are claims: anybody can write anybody's address into a form, so that it may suggest a
 * contact and never choose one. The same submission, or the same browser where the provider knows it, is the same person.
 */
export function partyOf(submission: Submission, settings: Settings): Party {
  const assigned = assignedTo(submission.answers, settings)
  const country = countryOf(textFor(assigned, 'country') ?? '')
  const party: Party = { identities: [claim('form', formAddress(submission))] }
  const email = emailOf(textFor(assigned, 'email'))
  if (email !== undefined) {
    party.email = email
    party.identities.push(claim('email', email))
  }
  const given = textFor(assigned, 'phone')
  const phone = given === undefined ? undefined : internationalPhone(given, country ?? settings.defaultCountry)
  if (phone !== undefined) {
    party.phone = phone
    party.identities.push(claim('phone', phone))
  } else if (given !== undefined && /\d/.test(given)) party.phoneAsGiven = given.slice(0, wordLength)
  const fields = fieldsOf(assigned, submission, country)
  if (Object.keys(fields).length > 0) party.fields = fields
  const displayName =
    textFor(assigned, 'displayName') ?? ([fields.givenName, fields.familyName].filter(Boolean).join(' ') || undefined)
  if (displayName !== undefined) party.displayName = displayName.slice(0, nameLength)
  const customFields = customFieldsOf(assigned)
  if (Object.keys(customFields).length > 0) party.customFields = customFields
  return party
}

const formAddress = ({ id, respondent }: Submission): string =>
  respondent === undefined ? `submission:${id}` : `respondent:${respondent}`

const claim = (kind: Identity['kind'], value: string): Identity => ({ kind, value, verified: false })

/** What was ticked, with the words that stood beside it; a box left empty says nothing. */
export function wishesOf(submission: Submission, settings: Settings): Wish[] {
  const { id, formId, title, answers } = submission
  const asked = assignedTo(answers, settings).get('consent.marketing') ?? []
  return asked
    .filter(({ value }) => isTicked(value))
    .slice(0, 1)
    .map(({ id: field, label, value }) => ({
      category: 'marketing',
      state: 'resume',
      detail: compact({ question: label, answer: value, field, form: title ?? formId, formId, submissionId: id }),
    }))
}

/** A whole word of refusal, in whatever language the form is in. */
const no =
  /^(?:no|non|nein|nej|nei|nie|não|nao|ei|ne|hayır|hayir|όχι|нет|ні|いいえ|否|不|아니요|아니오|không|لا|לא|ไม่|नहीं|off|false|0|none|never)$/iu

function isTicked(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(isTicked)
  if (isObject(value)) return Object.values(value).some(isTicked)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  const word = (value ?? '').trim().split(/[\s,.;:!–-]/)[0] ?? ''
  return (value ?? '').trim() !== '' && !no.test(word)
}

/** Which answers stand for what: as the map says; for the rest by type, then by name. Repeated ones only by the map. */
function assignedTo(answers: readonly FormAnswer[], { fieldMap = {} }: Settings): Assigned {
  const assigned = new Map<FormTarget, FormAnswer[]>()
  const add = (target: FormTarget, answer: FormAnswer): void => {
    assigned.set(target, [...(assigned.get(target) ?? []), answer])
  }
  const exact = new Map(
    Object.entries(fieldMap).filter((entry): entry is [string, FormTarget] => isFormTarget(entry[1])),
  )
  const loose = new Map([...exact].map(([name, target]) => [looseName(name), target]))
  const rest: FormAnswer[] = []
  for (const answer of answers) {
    const names = [answer.id, answer.ref, answer.label].filter((name) => name !== undefined)
    const target =
      names.map((name) => exact.get(name)).find(Boolean) ??
      names.map((name) => loose.get(looseName(name))).find(Boolean)
    if (target !== undefined) add(target, answer)
    else if (!answer.isRepeated) rest.push(answer)
  }
  const guessed = rest.map((answer) => ({ answer, guess: guessFor(answer) }))
  const hasFamily = assigned.has('familyName') || guessed.some(({ guess }) => guess === 'familyName')
  const mapped = new Set(assigned.keys())
  for (const { answer, guess } of guessed) {
    const target = guess === 'name' ? (hasFamily ? 'givenName' : 'displayName') : guess
    if (target !== undefined && !mapped.has(target)) add(target, answer)
  }
  return assigned
}

const looseName = (name: string): string => name.trim().toLowerCase()

function guessFor({ id, ref, label, type, value }: FormAnswer): ReturnType<typeof guessOf> {
  switch (type) {
    case 'email':
    case 'phone':
    case 'country':
      return type
    case 'name':
      return 'displayName'
    case 'text':
    case 'choice':
    case 'hidden':
      break
    default:
      return undefined
  }
  for (const name of [ref, id, label]) {
    const guess = name === undefined ? undefined : guessOf(name)
    // Names are typed, not chosen: "Name of your favourite plan".
    if (guess !== undefined && (type !== 'choice' || guess === 'country' || guess === 'language')) {
      if (guess === 'email' && emailOf(renderValue(value)) === undefined) continue
      return guess
    }
  }
  return undefined
}

function textFor(assigned: Assigned, target: FormTarget): string | undefined {
  for (const { value } of assigned.get(target) ?? []) {
    const text = nameParts(value)?.whole ?? renderValue(value)
    if (text !== '') return text
  }
  return undefined
}

/** A name that was asked for in parts. */
function nameParts(value: JsonValue): { whole: string; given?: string; family?: string } | undefined {
  if (!isObject(value)) return undefined
  const [given, family] = [textAt(value, 'first'), textAt(value, 'last')]
  if (given === undefined && family === undefined) return undefined
  const parts = [textAt(value, 'prefix'), given, textAt(value, 'middle'), family, textAt(value, 'suffix')]
  return {
    whole: parts.filter((part) => part !== undefined).join(' '),
    ...(given === undefined ? {} : { given }),
    ...(family === undefined ? {} : { family }),
  }
}

function fieldsOf(
  assigned: Assigned,
  submission: Submission,
  country: string | undefined,
): Partial<Record<PartyField, string>> {
  const inParts = (assigned.get('displayName') ?? []).map(({ value }) => nameParts(value)).find(Boolean)
  const found: Partial<Record<PartyField, string | undefined>> = {
    givenName: textFor(assigned, 'givenName')?.slice(0, nameLength) ?? inParts?.given,
    familyName: textFor(assigned, 'familyName')?.slice(0, nameLength) ?? inParts?.family,
    company: textFor(assigned, 'company')?.slice(0, wordLength),
    jobTitle: textFor(assigned, 'jobTitle')?.slice(0, wordLength),
    intent: textFor(assigned, 'intent')?.slice(0, wordLength),
    country,
    language: languageOf(textFor(assigned, 'language') ?? submission.language),
    timezone: timezoneOf(textFor(assigned, 'timezone')),
  }
  const fields: Partial<Record<PartyField, string>> = {}
  for (const name of partyFields) {
    const value = found[name]
    if (value !== undefined && value !== '') fields[name] = value.toWellFormed()
  }
  return fields
}

const partyFields: readonly PartyField[] = [
  'givenName',
  'familyName',
  'company',
  'jobTitle',
  'intent',
  'country',
  'language',
  'timezone',
]

function customFieldsOf(assigned: Assigned): JsonObject {
  const found: JsonObject = {}
  for (const [target, answers] of assigned) {
    if (!target.startsWith('customFields.')) continue
    const value = answers.map((one) => one.value).find((one) => renderValue(one) !== '')
    if (value !== undefined && value !== null) found[target.slice('customFields.'.length)] = plainValue(value)
  }
  return found
}

const plainValue = (value: JsonValue): JsonValue =>
  Array.isArray(value) ? value.map(renderValue) : isObject(value) ? renderValue(value) : value

function emailOf(text: string | undefined): string | undefined {
  const trimmed = text?.trim().toLowerCase() ?? ''
  return trimmed.length <= 254 && /^[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>.]+$/.test(trimmed) ? trimmed : undefined
}

/** A national number is understood where its country is known. */
function internationalPhone(text: string, country: string | undefined): string | undefined {
  const direct = phoneOf(text.replace(/^\s*00(?=[1-9])/, '+'))
  if (country === undefined || !isSupportedCountry(country) || /^\s*(?:\+|00)/.test(text)) return direct
  const parsed = parsePhoneNumberFromString(text.slice(0, wordLength), { defaultCountry: country })
  // Bare digits may be national: those that are possible in the country are taken for what it has.
  return parsed?.isPossible() ? phoneOf(parsed.number) : direct
}

function languageOf(text: string | undefined): string | undefined {
  try {
    const [tag] = Intl.getCanonicalLocales(text?.trim().replaceAll('_', '-') ?? [])
    return tag !== undefined && /^[a-z]{2,3}(?:-|$)/.test(tag) && tag.length <= 35 ? tag : undefined
  } catch {
    return undefined
  }
}

function timezoneOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text.trim() }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}
