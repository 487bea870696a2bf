import type { JsonRow } from '../../db/database.ts'
import { madeUpNames } from '../contacts/made-up-name.ts'
import { matchValue } from '../identities/match.ts'

/** Whose value stays where two contacts have different ones; `both` for lists. */
export type Side = 'ours' | 'theirs' | 'both'

/** Fields of which a contact has one value. A test holds these lists against the fields that a contact has. */
export const singleFields = [
  'displayName',
  'givenName',
  'familyName',
  'email',
  'phone',
  'company',
  'jobTitle',
  'country',
  'residence',
  'language',
  'timezone',
  'birthDate',
  'address',
  'lifecycleStage',
  'followUpStatus',
  'intent',
  'intentScore',
  'ownerId',
  'teamId',
  'source',
] as const
/** Fields that are true of the one person when they are true of either. */
export const eitherFields = ['restricted', 'held'] as const
/** Fields that stay as they are, or have a way of their own. */
export const otherFields = ['businessUnitId', 'subjectId', 'tags', 'customFields', 'externalIds'] as const

/** A field of the contact that a merge has set, by its public name ("customFields.shoeSize"). */
export interface FieldChange {
  field: string
  before: unknown
  after: unknown
}

/** What a merge does with the fields of the contact that stays; kept sealed, so that it can be taken back. */
export interface JoinedFields {
  changes: FieldChange[]
  tagsAdded: string[]
  tagsRemoved: string[]
}

const customPrefix = 'customFields.'

/** A field of a record in clear; of a custom one by its full name. */
export function fieldOf(record: JsonRow, field: string): unknown {
  if (!field.startsWith(customPrefix)) return record[field] ?? null
  const all = record.customFields
  const key = field.slice(customPrefix.length)
  return isObject(all) && Object.hasOwn(all, key) ? all[key] : null
}

/** The fields of which one value must be chosen: a contact's own, and those that either of the two has of the tenant's. */
export function comparedFields(ours: JsonRow, theirs: JsonRow): string[] {
  const keys = new Set([ours, theirs].flatMap(({ customFields: all }) => (isObject(all) ? Object.keys(all) : [])))
  return [...singleFields, ...[...keys].sort().map((key) => `${customPrefix}${key}`)]
}

/** Whether both have a value, and one of the two must give way. */
export const isConflict = (field: string, ours: unknown, theirs: unknown): boolean =>
  !(isUnset(field, ours) || isUnset(field, theirs) || isSame(field, ours, theirs))

/** Nothing, or what a contact has before anybody says anything. */
export function isUnset(field: string, value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  if (field === 'displayName') return madeUpNames.has(String(value))
  if (field === 'lifecycleStage') return value === 'lead'
  return Array.isArray(value) && value.length === 0
}

/**
 * How the fields of a contact and of the one that goes into it become one. What is empty is filled; where both have a
 * value, the contact keeps its own unless somebody chose otherwise. Nobody is less restricted, or less held, than before.
 */
export function joinFields(ours: JsonRow, theirs: JsonRow, choices: ReadonlyMap<string, Side>): JoinedFields {
  const changes = comparedFields(ours, theirs).flatMap((field): FieldChange[] => {
    const [before, after] = [fieldOf(ours, field), fieldOf(theirs, field)]
    const choice = choices.get(field)
    if (choice === 'ours' || isUnset(field, after) || isSame(field, before, after)) return []
    return choice === 'theirs' || isUnset(field, before) ? [{ field, before, after }] : []
  })
  for (const field of eitherFields)
    if (theirs[field] === true && ours[field] !== true) changes.push({ field, before: false, after: true })
  const [own, others] = [textsOf(ours.tags), textsOf(theirs.tags)]
  const choice = choices.get('tags') ?? 'both'
  return {
    changes,
    tagsAdded: choice === 'ours' ? [] : others.filter((tag) => !own.includes(tag)),
    tagsRemoved: choice === 'theirs' ? own.filter((tag) => !others.includes(tag)) : [],
  }
}

/** A merge of the same contact that is not taken back, with the record that went into it, in clear. */
export interface OtherMerge {
  id: string
  /** which of two came first */
  order: number
  fields: JoinedFields
  theirs: JsonRow
}

/**
 * What becomes of the contact's fields when a merge is taken back: what the merge has set is what it was before, unless
 * somebody has set it since. Where a later merge stands on the value, or another one brought the same, that one remembers
 * it from now on.
 * @param now the contact as it is, in clear
 * @returns the values to set, and the other merges whose memory changes
 */
export function partFields(
  now: JsonRow,
  { order, fields }: Pick<OtherMerge, 'order' | 'fields'>,
  others: readonly OtherMerge[],
): { values: Map<string, unknown>; tags: string[]; changed: OtherMerge[] } {
  const sorted = others.map((one) => structuredClone(one)).sort((a, b) => a.order - b.order)
  const changed = new Set<OtherMerge>()
  const values = new Map<string, unknown>()
  const tags = new Set(textsOf(now.tags))
  for (const step of stepsOf(fields)) {
    const { before, after } = step
    const having = sorted.filter((one) => stepsOf(one.fields).some((each) => each.name === step.name))
    const later = having.find((one) => one.order > order)
    const upon = later && stepsOf(later.fields).find((each) => each.name === step.name)
    if (later && upon) {
      if (!isEqual(upon.before, after)) continue
      remember(later.fields, { ...upon, before })
      changed.add(later)
      continue
    }
    if (!isEqual(step.isTag ? tags.has(step.name) : fieldOf(now, step.name), after)) continue
    const also = having.length === 0 && after === true ? sorted.find((one) => isTrue(one.theirs, step)) : undefined
    if (also) {
      remember(also.fields, step)
      changed.add(also)
    } else if (!step.isTag) values.set(step.name, before)
    else if (before === true) tags.add(step.name)
    else tags.delete(step.name)
  }
  return { values, tags: [...tags], changed: [...changed] }
}

/** What a merge did with one field, or with one tag: whether it is carried. */
interface Step {
  name: string
  isTag: boolean
  before: unknown
  after: unknown
}

function stepsOf({ changes, tagsAdded, tagsRemoved }: JoinedFields): Step[] {
  return [
    ...changes.map(({ field, before, after }) => ({ name: field, isTag: false, before, after })),
    ...tagsAdded.map((name) => ({ name, isTag: true, before: false, after: true })),
    ...tagsRemoved.map((name) => ({ name, isTag: true, before: true, after: false })),
  ]
}

/** Puts a step in the place of the one that a merge remembers of the same name; one that changes nothing is none. */
function remember(fields: JoinedFields, { name, isTag, before, after }: Step): void {
  const isNone = isEqual(before, after)
  if (isTag) {
    const others = (all: string[]): string[] => all.filter((tag) => tag !== name)
    fields.tagsAdded = [...others(fields.tagsAdded), ...(after === true && !isNone ? [name] : [])]
    fields.tagsRemoved = [...others(fields.tagsRemoved), ...(after === false && !isNone ? [name] : [])]
  } else
    fields.changes = [
      ...fields.changes.filter(({ field }) => field !== name),
      ...(isNone ? [] : [{ field: name, before, after }]),
    ]
}

/** Whether a contact brings a tag, or makes true what is true of either. */
const isTrue = (theirs: JsonRow, { name, isTag }: Step): boolean =>
  isTag ? textsOf(theirs.tags).includes(name) : isEither(name) && theirs[name] === true

const isEither = (field: string): boolean => eitherFields.some((one) => one === field)

/** Two numbers or emails are the same in whatever form they are written. */
function isSame(field: string, one: unknown, other: unknown): boolean {
  if ((field === 'email' || field === 'phone') && typeof one === 'string' && typeof other === 'string')
    return matchValue(field, one) === matchValue(field, other)
  return isEqual(one, other)
}

const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null)

export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []

const isObject = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
