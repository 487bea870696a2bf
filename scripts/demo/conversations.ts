import { type AccountKey, accounts } from './accounts.ts'
import { products } from './company.ts'
import type { Talk, Topic } from './languages/language.ts'
import { fill, type Person } from './people.ts'
import { idAt, type Random } from './random.ts'

/** One utterance of a demo conversation. */
export interface Utterance {
  id: string
  isInbound: boolean
  text: string
  timeMs: number
}

/** A demo conversation, before it is rows. */
export interface Dialogue {
  id: string
  person: Person
  account: AccountKey
  topic: Topic
  subject: string
  utterances: Utterance[]
  /** The whole talk was held, nobody owes an answer. */
  isDone: boolean
}

const minuteMs = 60_000
const dayMs = 86_400_000
const rangeDays = 90

/**
 * Conversations over the last 90 days with just so many messages in all, oldest first. Where a channel has one
 * continuous conversation per person there is only one; emails and forms begin a new one each time.
 */
export function makeDialogues(
  people: readonly Person[],
  counts: { conversations: number; messages: number },
  nowMs: number,
  random: Random,
): Dialogue[] {
  const held = new Set<string>()
  const dialogues: Dialogue[] = []
  let left = counts.messages
  while (dialogues.length < counts.conversations) {
    // Everybody has one before anybody has two.
    const person = people[dialogues.length] ?? random.pick(people)
    const account = random.weighted<AccountKey>(person.population.channels)
    const isContinuous = !['email', 'form'].includes(accounts[account].type)
    if (isContinuous && held.has(`${person.id}/${account}`)) continue
    held.add(`${person.id}/${account}`)
    const others = counts.conversations - dialogues.length - 1
    const talk = random.pick(person.language.talks)
    const length = lengthOf(talk, left, others, random)
    left -= length
    dialogues.push(hold(person, account, talk, length, nowMs, random))
  }
  return dialogues.sort((one, other) => (one.utterances[0]?.timeMs ?? 0) - (other.utterances[0]?.timeMs ?? 0))
}

/** How much of a talk is held, so that the messages suffice for all the conversations that are to come, and are used up. */
function lengthOf(talk: Talk, left: number, others: number, random: Random): number {
  const mean = left / (others + 1)
  const wish = random.weighted({ 1: 20, 2: 36, 3: 16, 4: 20, 5: 5, 6: 3 })
  const most = Math.min(talk.lines.length, left - others)
  // Near the end, what is left over or short is made up for little by little.
  const need = others < 400 ? Math.round(mean + random.next() - 0.5) : Number(wish)
  return Math.max(1, Math.min(most, need))
}

function hold(
  person: Person,
  account: AccountKey,
  talk: Talk,
  length: number,
  nowMs: number,
  random: Random,
): Dialogue {
  const times = timesOf(talk, length, person, nowMs, random)
  const product = random.pick(products)
  const amount = random.pick([6, 12, 20, 24, 40, 60, 100, 150])
  const { tag = person.language.tag, currency, rate } = person.population
  const values = {
    order: `MT-${random.digits(5)}`,
    item: product.name,
    qty: numbers(tag).format(amount),
    price: prices(tag, currency).format(amount * product.price * rate),
    day: days(tag).format((times[0] ?? nowMs) + random.int(3, 12) * dayMs),
  }
  const utterances = times.map((timeMs, i) => {
    const line = talk.lines[i] ?? ''
    return { id: idAt(timeMs), isInbound: line.startsWith('<'), text: fill(line.slice(2), values), timeMs }
  })
  return {
    id: idAt((times[0] ?? nowMs) - 1),
    person,
    account,
    topic: talk.topic,
    subject: fill(talk.subject, values),
    utterances,
    isDone: length === talk.lines.length,
  }
}

/** When each line was said: by day where the person lives, answered within hours, and never in the future. */
function timesOf(talk: Talk, length: number, person: Person, nowMs: number, random: Random): number[] {
  const usual = talk.lines
    .slice(1, length)
    .map((line) => (line.startsWith('>') ? random.int(2, 240) : random.int(1, 600)) * minuteMs)
  // Nobody writes before they are known.
  const sinceMs = Math.max(nowMs - rangeDays * dayMs, person.createdMs)
  const sum = (all: number[]): number => all.reduce((one, other) => one + other, 0)
  const haste = Math.min(1, (nowMs - sinceMs - 3 * minuteMs) / Math.max(1, sum(usual)))
  const gaps = usual.map((gap) => gap * haste)
  const lasts = sum(gaps)
  // Somewhat more of them lately.
  const latest = nowMs - lasts - minuteMs
  const when = sinceMs + (latest - sinceMs) * random.next() ** 0.85
  const hour = ((when / 3_600_000 + person.population.utcOffsetHours) % 24) | 0
  // What would fall into the night is moved to the day before.
  const begin = hour >= 8 && hour < 21 ? when : when - (((hour + 24 - 20) % 24) + random.next()) * 3_600_000
  let time = Math.max(begin, sinceMs + minuteMs)
  return [time, ...gaps.map((gap) => (time += gap))].map(Math.floor)
}

const numbers = kept((tag) => new Intl.NumberFormat(tag))
const days = kept((tag) => new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'long' }))
const prices = kept(
  (tag, currency) => new Intl.NumberFormat(tag, { style: 'currency', currency, maximumFractionDigits: 0 }),
)

/** Making a formatter takes longer than all the rest. */
function kept<T>(make: (tag: string, currency: string) => T): (tag: string, currency?: string) => T {
  const known = new Map<string, T>()
  return (tag, currency = '') => {
    const one = known.get(`${tag}/${currency}`) ?? make(tag, currency)
    known.set(`${tag}/${currency}`, one)
    return one
  }
}
