import type { Resource } from '../../../src/access/define.ts'
import type { Field } from '../../../src/access/model.ts'
import type { Row } from '../../harness/service.ts'
import { heldIn, isThere, type Oracle, type Sight } from '../house/oracle.ts'
import { testsOf } from './fields.ts'
import { isVeiled, type Sample, type Seen } from './observe.ts'
import { newBody, requiredOf, takes } from './write.ts'

/** The cells of a field of a record, by column. */
export type Cells = Readonly<Record<string, string>>

/** What a cell may be: a value, or that the principal is let in and the noun's own rules decide. */
const letIn = 'let in'
const either = '200 or 400'
export type Expected = Readonly<Record<string, string>>

export const isExpected = (expected: string, found: string): boolean =>
  expected === either
    ? ['200', '400'].includes(found)
    : expected === letIn
      ? !['400', '401', '403', '404', '500'].includes(found)
      : expected === found

/** What the grants say about every cell. */
export function expectedCells(
  oracle: Oracle,
  resource: Resource,
  field: Field,
  sample: Sample,
  other: (resource: string, id: unknown) => Row | null,
  has: { questions: boolean; filter: boolean; update: boolean; create: boolean; reveal: boolean; parentThere: boolean },
  seen: Seen,
): Expected {
  const { row, list } = sample
  const { name } = field
  const sight = oracle.sight(resource.name, row, name)
  const best = oracle.bestSight(resource.name, name)
  // A mask over what was found in a text leaves the rest, for reading and for asking; where nothing was found, all of it.
  const isRest = field.detected !== null && best === 'masked'
  if (isRest) {
    const read = sight === 'masked' && !isVeiled(heldIn(row, name)) ? 'clear' : sight
    const part = expectedCells(oracle, resource, { ...field, detected: null }, sample, other, has, seen)
    const asked = !field.filterable ? '-' : sight === 'masked' ? 'all' : 'none'
    const found = field.search && sight === 'masked' ? 'yes' : '-'
    const isBack = read === 'masked'
    return {
      ...part,
      read,
      ...(list && has.filter ? { filter: asked } : {}),
      ...(list && sample.place === 'near' && has.questions ? { sort: field.sortable ? 'yes' : '-', q: found } : {}),
      ...(isBack ? {} : { back: '' }),
    }
  }
  return {
    read: sight,
    ...(list && has.filter ? { filter: filter(field, row, sight, best) } : {}),
    ...(list && sample.place === 'near' && has.questions
      ? { sort: field.sortable && best === 'clear' ? 'yes' : '-' }
      : {}),
    ...(list && has.questions
      ? { q: field.search && sight === 'clear' && typeof heldIn(row, name) === 'string' ? 'yes' : '-' }
      : {}),
    ...(has.create && list ? { create: creation(oracle, resource, name, row, has.parentThere) } : {}),
    ...(has.update
      ? { patch: patch(oracle, resource, name, row), back: back(oracle, resource, name, row, seen, sight) }
      : {}),
    ...(has.reveal ? { reveal: reveal(oracle, resource.name, row, sight) } : {}),
  }

  function filter(asked: Field, of: Row, now: Sight, ever: Sight): string {
    const ops = testsOf(asked, heldIn(of, asked.name)).map(({ op }) => op)
    if (ops.length === 0) return 'null'
    if (!asked.filterable || ever === 'hidden') return '-'
    if (ever === 'clear') return now === 'clear' ? 'all' : 'none'
    // Seen only masked: one full value may be asked for, unless its mask shows nothing of it.
    if (!ops.includes('eq') || asked.mask === 'hidden') return '-'
    return now === 'masked' ? 'eq' : 'none(eq)'
  }
  // `other` stays here for rules about what a record belongs to.
  function reveal(by: Oracle, noun: string, of: Row, now: Sight): string {
    if (!by.may('reveal', noun)) return '403'
    if (!isThere(by, noun, of, other) || of.trashedAt) return '404'
    if (!by.can('reveal', noun, of)) return '403'
    // An id is there for everybody, and nothing to reveal for whoever's role does not name it.
    if (name === 'id') return either
    return now === 'hidden' ? '400' : '200'
  }
}

function patch(oracle: Oracle, resource: Resource, field: string, row: Row): string {
  if (!oracle.may('update', resource.name)) return '403'
  if (!takes(resource.patchBody, field)) return '400'
  if (row.trashedAt) return '404'
  if (!oracle.can('update', resource.name, row)) return '403'
  if (
    oracle.writable('update', resource.name, row, field) &&
    resource.name === 'notes' &&
    row.authorId !== oracle.me.id
  )
    // A note is changed by whoever wrote it, whatever their roles.
    return '403'
  if (oracle.writable('update', resource.name, row, field)) {
    // Whose it is is given by a right of its own; whoever sees that it stays may send it along.
    const stays = oracle.sight(resource.name, row, field) === 'clear'
    return isGiven(resource.name, field) && !stays && !oracle.can('assign', resource.name, row) ? '403' : letIn
  }
  return oracle.known('update', resource.name, field) ? '403' : '400'
}

function back(oracle: Oracle, resource: Resource, field: string, row: Row, seen: Seen, sight: Sight): string {
  const shown = seen.get('one')
  const mask = shown && heldIn(shown, field)
  if (sight !== 'masked' || mask === undefined || mask === null) return ''
  if (!oracle.may('update', resource.name)) return '403'
  // A text that looks like a mask is refused before anything else is looked at.
  if (typeof mask === 'string' && mask.includes('••')) return '422'
  const plain = patch(oracle, resource, field, row)
  return plain === letIn ? '422' : plain
}

function creation(oracle: Oracle, resource: Resource, field: string, row: Row, parentThere: boolean): string {
  if (!oracle.may('create', resource.name)) return '403'
  if (!takes(resource.createBody, field)) return '400'
  if (!parentThere) return '404'
  const body = newBody(resource, row, field)
  const after = { businessUnitId: row.businessUnitId, tags: [], ...body }
  const asked = [...new Set([...requiredOf(resource), field])]
  const refused = asked.filter((name) => !oracle.writable('create', resource.name, after, name))
  if (refused.length > 0) return refused.every((name) => oracle.known('create', resource.name, name)) ? '403' : '400'
  if (isGiven(resource.name, field) && !oracle.can('assign', resource.name, after)) return '403'
  return oracle.can('create', resource.name, after) ? letIn : '403'
}

const isGiven = (resource: string, field: string): boolean =>
  ['contacts', 'conversations'].includes(resource) && ['ownerId', 'assigneeId', 'teamId'].includes(field)
