import { type CountryCode, getExampleNumber } from 'libphonenumber-js'
import phoneExamples from 'libphonenumber-js/mobile/examples'
import { followUpStatuses, intents, sources } from './company.ts'
import { languages } from './languages/index.ts'
import type { Language } from './languages/language.ts'
import { type Population, populations } from './populations.ts'
import { idAt, type Random } from './random.ts'

/** A demo contact, before it is a row. */
export interface Person {
  id: string
  createdMs: number
  population: Population
  language: Language
  displayName: string
  givenName: string
  familyName: string
  email: string
  phone: string
  company: string | null
  jobTitle: string | null
  residence: { country: string; subdivision: string } | null
  address: { street: string; city: string; postalCode: string; country: string } | null
  birthDate: string | null
  lifecycleStage: 'lead' | 'prospect' | 'customer' | 'former'
  followUpStatus: string | null
  intent: string | null
  intentScore: number | null
  tags: string[]
  externalId: string | null
  source: string
}

const dayMs = 86_400_000

/** People of all populations by their weights, oldest first; no two share an email address or a phone number. */
export function makePeople(count: number, nowMs: number, random: Random): Person[] {
  const taken = new Set<string>()
  const total = populations.reduce((sum, one) => sum + one.weight, 0)
  const people: Person[] = []
  let weightSoFar = 0
  for (const population of populations) {
    weightSoFar += population.weight
    // By the running sum, so that rounding never loses or adds one.
    const until = Math.round((weightSoFar / total) * count)
    while (people.length < until) people.push(makePerson(population, nowMs, random, taken))
  }
  return people.sort((one, other) => one.createdMs - other.createdMs)
}

function makePerson(population: Population, nowMs: number, random: Random, taken: Set<string>): Person {
  const language = languages[population.language]
  const given = nameOf(random.pick(language.given.split(' ')))
  const family = nameOf(random.pick(language.family.split(' ')))
  const [city, postalCode, subdivision] = random.pick(population.towns)
  const stage = random.weighted({ lead: 35, prospect: 25, customer: 35, former: 5 })
  const createdMs = nowMs - Math.floor(random.next() ** 1.4 * 200 * dayMs) - dayMs
  const works = random.is(0.4)
  const isWanted = stage !== 'former' && random.is(0.7)
  return {
    id: idAt(createdMs),
    createdMs,
    population,
    language,
    displayName: fill(language.name, { given: given.native, family: family.native }),
    givenName: given.native,
    familyName: family.native,
    email: email(given.latin, family.latin, random, taken),
    phone: phone(population, random, taken),
    company: works ? fill(random.pick(language.companies), { family: family.native }) : null,
    jobTitle: works && random.is(0.8) ? random.pick(language.jobs) : null,
    residence: random.is(0.6) ? { country: population.country, subdivision } : null,
    address: random.is(0.4)
      ? {
          street: `${random.pick(population.streets)} ${random.int(1, 120)}`,
          city,
          postalCode,
          country: population.country,
        }
      : null,
    birthDate: random.is(0.2) ? `${random.int(1955, 2004)}-${two(random.int(1, 12))}-${two(random.int(1, 28))}` : null,
    lifecycleStage: stage,
    followUpStatus: isWanted ? random.pick(followUpStatuses) : null,
    intent: isWanted ? random.pick(intents) : null,
    intentScore: isWanted ? random.int(5, 98) : null,
    tags: (['vip', 'wholesale', 'café', 'newsletter', 'trade-fair'] as const).filter((_, i) =>
      random.is([0.06, works ? 0.3 : 0.02, works ? 0.25 : 0, 0.3, 0.08][i] ?? 0),
    ),
    externalId: stage === 'customer' || stage === 'former' ? `K-${random.digits(6)}` : null,
    source: random.pick(sources),
  }
}

/** "native/latin", or a name in Latin letters whose plain form is made by leaving the marks out. */
function nameOf(word: string): { native: string; latin: string } {
  const [native = '', latin] = word.split('/')
  return { native, latin: plain(latin ?? native) }
}

const letters: Readonly<Record<string, string>> = { ß: 'ss', ł: 'l', ø: 'o', ı: 'i', đ: 'd', æ: 'ae' }

function plain(name: string): string {
  const folded = name.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return folded.replaceAll(/[ßłøıđæ]/g, (letter) => letters[letter] ?? '').replaceAll(/[^a-z]/g, '')
}

function email(given: string, family: string, random: Random, taken: Set<string>): string {
  for (;;) {
    const number = random.is(0.35) ? random.int(1, 99) : ''
    const local = random.pick([
      `${given}.${family}`,
      `${family}.${given}`,
      `${given[0]}.${family}`,
      `${given}${family}`,
    ])
    const address = `${local}${number}@example.${random.pick(['com', 'org', 'net'])}`
    if (taken.has(address)) continue
    taken.add(address)
    return address
  }
}

function phone(population: Population, random: Random, taken: Set<string>): string {
  const patterns = population.phones ?? [examplePattern(population.country)]
  for (;;) {
    const number = random.pick(patterns).replaceAll('#', () => random.digits(1))
    if (taken.has(number)) continue
    taken.add(number)
    return number
  }
}

function examplePattern(country: string): string {
  const example = getExampleNumber(country as CountryCode, phoneExamples)
  if (!example) throw new Error(`no example of a phone number in ${country}`)
  return example.number.replace(/\d{4}$/, '####')
}

/** Puts values into a text with {names}. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}

const two = (number: number): string => String(number).padStart(2, '0')
