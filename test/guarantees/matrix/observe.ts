import { isDeepStrictEqual } from 'node:util'
import type { Field } from '../../../src/access/model.ts'
import type { Answer, Row } from '../../harness/service.ts'
import type { Actor } from '../house/cast.ts'
import type { House } from '../house/house.ts'
import { type Ask, inParallel } from '../house/http.ts'
import { heldIn, type Sight } from '../house/oracle.ts'
import type { Place } from '../house/rows.ts'
import { type Test, testsOf } from './fields.ts'

/** A record of the house, with where it is listed. */
export interface Sample {
  resource: string
  place: Place
  row: Row
  /** null where the resource has no list. */
  list: string | null
}

/** What is in the trash is listed apart. */
const aside = ({ row }: Sample): { url: string; body: { trashed?: true } } =>
  row.trashedAt ? { url: '&trashed=true', body: { trashed: true } } : { url: '', body: {} }

/** What was seen of a record, by the way by which it came: as itself, or along with another one. */
export type Seen = ReadonlyMap<string, Row>

/** Every answer in which records come along with others, asked once per actor. */
export async function asides(ask: Ask, { token }: Actor, house: House): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  const paths: [string, string][] = []
  for (const place of ['near', 'far', 'elsewhere', 'trashed', 'foreign'] as const) {
    const id = (resource: string): string => house.samples.get(resource)?.get(place) ?? ''
    paths.push(
      [`include ${place}`, `/v1/conversations/${id('conversations')}?include=contact,lastMessage,assignee`],
      [`timeline ${place}`, `/v1/contacts/${id('contacts')}/timeline?limit=200`],
      [`messages ${place}`, `/v1/conversations/${id('conversations')}/messages`],
    )
  }
  paths.push(['include in list', '/v1/conversations?include=contact,lastMessage,assignee&limit=200'])
  await inParallel(paths, async ([name, path]) => {
    const answer = await ask(token, 'GET', path)
    if (answer.status === 200) found.set(name, answer.body)
  })
  return found
}

// An author or an actor is named by an id, and is no record.
const recordKeys = new Set(['data', 'record', 'contact', 'lastMessage', 'assignee', 'attachments'])

/** Records with this id anywhere in an answer, but for the answer itself. */
function within(json: unknown, id: string, key = ''): [string, Row][] {
  if (Array.isArray(json)) return json.flatMap((one) => within(one, id, key))
  if (typeof json !== 'object' || json === null) return []
  const here: [string, Row][] =
    recordKeys.has(key) && 'id' in json && json.id === id && !('record' in json) ? [[key, { ...json, id }]] : []
  return [...here, ...Object.entries(json).flatMap(([name, value]) => within(value, id, name))]
}

/** Looks at a record in every way there is. */
export async function look(
  ask: Ask,
  { token }: Actor,
  sample: Sample,
  along: ReadonlyMap<string, unknown>,
): Promise<Seen> {
  const { resource, row, list } = sample
  const { url, body } = aside(sample)
  const seen = new Map<string, Row>()
  const one = await ask(token, 'GET', `/v1/${resource}/${row.id}`)
  if (one.status === 200) seen.set('one', { ...one.body, id: one.id })
  if (list) {
    const listed = await ask(token, 'GET', `${list}?id=${row.id}${url}`)
    if (listed.status === 200) for (const found of listed.data) seen.set('list', found)
    const searched = await ask(token, 'POST', `${list}/search`, { where: { in: ['id', [row.id]] }, ...body })
    if (searched.status === 200) for (const found of searched.data) seen.set('search', found)
  }
  // A list of the noun itself is no aside; children are shown in brief.
  for (const [name, json] of along)
    for (const [key, found] of within(json, row.id))
      if (key === 'data') seen.set('list', found)
      else seen.set(key === 'attachments' ? 'brief' : (name.split(' ')[0] ?? ''), found)
  return seen
}

/** How a record shows a field whose clear value is known. */
export function sightIn(shown: Row, field: string, clear: unknown): Sight | 'wrong' {
  const masked = Array.isArray(shown.maskedFields) && shown.maskedFields.includes(field)
  const value = heldIn(shown, field)
  if (masked) return value !== null && value !== undefined && isDeepStrictEqual(value, clear) ? 'wrong' : 'masked'
  // A custom field without a value is in nobody's record.
  if (value === undefined) return 'hidden'
  return isDeepStrictEqual(value, clear) ? 'clear' : 'wrong'
}

/** One word for all ways where they agree, as they should; else each by itself. */
export function readCell(seen: Seen, field: string, clear: unknown): string {
  const ways = [...seen]
    .filter(([way, row]) => way !== 'brief' || heldIn(row, field) !== undefined)
    .map(([way, row]) => [way, sightIn(row, field, clear)] as const)
  const sights = new Set(ways.map(([, sight]) => sight))
  if (sights.size === 1) return [...sights].join()
  return ways.map(([way, sight]) => `${way}:${sight}`).join(' ')
}

/**
 * By which operators a field can be asked about, and whether the record is found by what it holds. All of them are asked
 * in one question first; where that is refused or finds nothing, each by itself.
 */
export async function filterCell(
  ask: Ask,
  { token }: Actor,
  sample: Sample,
  field: Field,
  shown: Row | undefined,
): Promise<string> {
  const { row, list } = sample
  if (!list) return ''
  const veiled = veiledValue(field, row, shown)
  const tests = testsOf(field, veiled ?? heldIn(row, field.name))
  if (tests.length === 0) return 'null'
  const { url, body } = aside(sample)
  const asked = async (...conditions: object[]): Promise<string> => {
    const where = { and: [{ eq: ['id', row.id] }, ...conditions] }
    return told(await ask(token, 'POST', `${list}/search`, { where, ...body }), row.id)
  }
  const inUrl = async ({ op, operand }: Test): Promise<string> => {
    const value = encodeURIComponent(String(operand))
    return told(await ask(token, 'GET', `${list}?id=${row.id}${url}&${field.name}[${op}]=${value}`), row.id)
  }
  if (veiled !== undefined && field.kind === 'text') {
    const whole = await asked({ eq: [field.name, heldIn(row, field.name)] })
    if (whole !== 'none') return `by what is hidden: ${whole}`
  }
  const later = tests.filter(({ op }) => op !== 'startsWith')
  const together = await asked(...later.map(({ op, operand }) => ({ [op]: [field.name, operand] })))
  // What may be asked hangs on the field alone: at one place it is tried by each operator, and in the URL's way too.
  const isNear = sample.place === 'near'
  // startsWith is of URLs only; other fields are asked there whether they are equal.
  const first = tests.find(({ op }) => op === 'startsWith') ?? tests[0]
  const ofUrl = first && isNear ? [[first.op, await inUrl(first)] as const] : []
  if (together === 'found' && ofUrl.every(([, outcome]) => outcome === 'found')) return 'all'
  const isMasked = Array.isArray(shown?.maskedFields) && shown.maskedFields.includes(field.name)
  // Of a field that is masked every operator is asked by itself; of one that is hidden, one more, another one for each
  // field; FULL=1 asks all.
  const turn = field.name.length % Math.max(1, later.length)
  const isAsked = (op: string, i: number): boolean => op === 'eq' || (isNear && (isMasked || i === turn))
  const some = process.env.FULL ? later : later.filter(({ op }, i) => isAsked(op, i))
  const ofBody = await Promise.all(
    some.map(async ({ op, operand }) => [op, await asked({ [op]: [field.name, operand] })] as const),
  )
  return summary([...ofBody, ...ofUrl, ...(together === '400' ? [['all', '400'] as const] : [])])
}

const told = (answer: Answer, id: string): string =>
  answer.status !== 200 ? String(answer.status) : answer.data.some((one) => one.id === id) ? 'found' : 'none'

/** The outcomes of the operators in a word or a few. */
function summary(outcomes: readonly (readonly [op: string, outcome: string])[]): string {
  const by = (outcome: string): string[] => [...new Set(outcomes.flatMap(([op, one]) => (one === outcome ? [op] : [])))]
  const kinds = new Set(outcomes.map(([, outcome]) => outcome))
  const [only] = kinds
  if (kinds.size === 1) return only === 'found' ? 'all' : only === '400' ? '-' : (only ?? '')
  if (kinds.size === 2 && kinds.has('400'))
    return kinds.has('found') ? by('found').join('+') : `none(${by('none').join('+')})`
  return outcomes.map(([op, outcome]) => `${op}:${outcome}`).join(' ')
}

export async function sortCell(ask: Ask, { token }: Actor, sample: Sample, field: string): Promise<string> {
  const { row, list } = sample
  if (!list) return ''
  const sort = field.length % 2 === 0 ? field : `-${field}`
  const { status } = await ask(token, 'GET', `${list}?id=${row.id}&sort=${sort}&limit=1`)
  return status === 200 ? 'yes' : status === 400 ? '-' : String(status)
}

/** What is left of a value in which something was found and hidden; undefined where nothing was. */
function veiledValue(field: Field, row: Row, shown: Row | undefined): unknown {
  const isMasked = Array.isArray(shown?.maskedFields) && shown.maskedFields.includes(field.name)
  return field.detected && isMasked && isVeiled(heldIn(row, field.name))
    ? shown && heldIn(shown, field.name)
    : undefined
}

/** Whether detection finds anything in a value: the house's own numbers. */
export const isVeiled = (value: unknown): boolean => /\+4915\d{9}/.test(JSON.stringify(value) ?? '')

/** Whether the record is found by the words of the field alone. */
export async function searchCell(
  ask: Ask,
  { token }: Actor,
  sample: Sample,
  field: Field,
  shown: Row | undefined,
): Promise<string> {
  const { row, list } = sample
  const { url } = aside(sample)
  const value = heldIn(row, field.name)
  if (!list) return ''
  if (typeof value !== 'string' || field.kind !== 'text' || value.startsWith('/')) return '-'
  const word = value.split(/[\s]/)[0] ?? ''
  const number = /\+4915\d{9}/.exec(value)?.[0]
  if (number !== undefined && veiledValue(field, row, shown) !== undefined) {
    const byNumber = await ask(token, 'GET', `${list}?id=${row.id}${url}&q=${encodeURIComponent(number)}`)
    if (told(byNumber, row.id) === 'found') return 'found by what is hidden'
  }
  const answer = await ask(token, 'GET', `${list}?id=${row.id}${url}&q=${encodeURIComponent(word)}`)
  return told(answer, row.id) === 'found' ? 'yes' : '-'
}
