import type { Resource } from '../../../src/access/define.ts'
import type { Field } from '../../../src/access/model.ts'
import { resources } from '../../../src/resources/index.ts'
import type { Row } from '../../harness/service.ts'
import type { Actor } from '../house/cast.ts'
import type { House } from '../house/house.ts'
import { type Ask, inParallel } from '../house/http.ts'
import { heldIn, isThere, Oracle } from '../house/oracle.ts'
import { type GuardedRoute, listPath, parentOf } from '../house/paths.ts'
import type { Place } from '../house/rows.ts'
import { expectedCells, isExpected } from './expect.ts'
import { fieldsOf } from './fields.ts'
import { asides, filterCell, look, readCell, type Sample, type Seen, searchCell, sortCell } from './observe.ts'
import { block } from './table.ts'
import { backCell, createCell, patchCell, revealCell } from './write.ts'

/** Everything that the matrix is tried on. */
export interface Setting {
  ask: Ask
  house: House
  routes: readonly GuardedRoute[]
  definitions: Parameters<typeof fieldsOf>[1]
  /** Every sample as its owner sees it, by resource and place. */
  rows: ReadonlyMap<string, ReadonlyMap<Place, Row>>
}

export interface Found {
  text: string
  /** Cells that are not what the grants say. */
  wrong: string[]
  cells: number
}

/** The custom fields that whoever may see custom fields may see. */
export const openOf = (definitions: Setting['definitions']): Set<string> =>
  new Set(definitions.filter((one) => one.classification === 'general').map((one) => `customFields.${one.key}`))

/** What one record has shown so far. */
interface Looked {
  resource: Resource
  sample: Sample
  seen: Seen
  cells: Map<string, Record<string, string>>
  can: Parameters<typeof expectedCells>[5]
}

/**
 * Tries every field of every resource in every place, as one actor: first all that only looks, then all that writes.
 * Where no grant has a condition, what may be done with a field is the same in all places: then one place is asked all
 * questions, and the others whether they are there and what they show.
 */
export async function fieldMatrix(setting: Setting, actor: Actor): Promise<Found> {
  const { ask, house, definitions, rows, routes } = setting
  const oracle = new Oracle(actor, openOf(definitions))
  const along = await asides(ask, actor, house)
  const found: Found = { text: '', wrong: [], cells: 0 }
  const byId = (resource: string, id: unknown): Row | null =>
    [...(rows.get(resource) ?? [])].find(([place, row]) => row.id === id && place !== 'foreign')?.[1] ?? null
  const has = (resource: string, method: string, action: string, end: string): boolean =>
    routes.some(
      (one) => one.method === method && one.action === action && one.resource === resource && one.url.endsWith(end),
    )

  const looked = await inParallel(
    resources.flatMap((resource) =>
      [...(rows.get(resource.name) ?? [])].map(([place, row]) => ({ resource, place, row })),
    ),
    async ({ resource, place, row }): Promise<Looked> => {
      const { name } = resource
      const parent = parentOf(routes, name)
      const parentId = parent ? (house.samples.get(parent)?.get(place) ?? '') : ''
      const sample: Sample = { resource: name, place, row, list: listPath(routes, name)?.(parentId) ?? null }
      const seen = await look(ask, actor, sample, along)
      const there = place !== 'foreign' && isThere(oracle, name, row, byId)
      found.cells++
      if (there !== seen.has('one') || (!there && seen.size > 0))
        found.wrong.push(
          `${actor.name}: ${name} (${place}) is ${there ? '' : 'not '}there by the grants; seen by: ${[...seen.keys()].join()}`,
        )
      const parentRow = parent ? byId(parent, parentId) : null
      // What the route itself refuses stands in the table of routes.
      const may = (action: string): boolean => oracle.may(action, name)
      const isWhole = place === 'near' || oracle.decisive(name).size > 0
      const can = {
        questions: isWhole,
        filter: isWhole,
        update: isWhole && may('update') && has(name, 'PATCH', 'update', `/v1/${name}/:id`),
        // A file comes in a form of its own.
        create: place === 'near' && may('create') && name !== 'attachments' && has(name, 'POST', 'create', `/${name}`),
        reveal:
          isWhole && name !== 'audit-events' && may('reveal') && has(name, 'POST', 'reveal', `/v1/${name}/:id/reveal`),
        parentThere: parent === null || (parentRow !== null && isThere(oracle, parent, parentRow, byId)),
      }
      return { resource, sample, seen, cells: new Map(), can }
    },
  )
  const there = looked.filter(({ seen }) => seen.has('one'))
  const each = there.flatMap((one) =>
    [...fieldsOf(one.resource, definitions).values()].map((field) => ({ one, field })),
  )
  for (const { one, field } of each) one.cells.set(field.name, {})
  const fill = async ({ one, field }: (typeof each)[number], more: Promise<Record<string, string>>): Promise<void> => {
    one.cells.set(field.name, { ...one.cells.get(field.name), ...(await more) })
  }
  await inParallel(each, (cell) => fill(cell, reading(ask, actor, cell.one, cell.field)))
  await inParallel(each, (cell) => fill(cell, writing(ask, actor, cell.one, cell.field)))
  for (const { one, field } of each) {
    const { resource, sample, seen, cells, can } = one
    for (const [column, value] of Object.entries(expectedCells(oracle, resource, field, sample, byId, can, seen))) {
      found.cells++
      const told = cells.get(field.name)?.[column] ?? ''
      if (!isExpected(value, told))
        found.wrong.push(
          `${actor.name}: ${resource.name}.${field.name} (${sample.place}) ${column} is "${told}", by the grants "${value}"`,
        )
    }
  }
  found.text = resources.map((resource) => blocksOf(looked.filter((one) => one.resource === resource))).join('')
  return found
}

async function reading(
  ask: Ask,
  actor: Actor,
  { sample, seen, can }: Looked,
  field: Field,
): Promise<Record<string, string>> {
  const shown = seen.get('one')
  return {
    read: readCell(seen, field.name, heldIn(sample.row, field.name)),
    ...(can.filter ? { filter: await filterCell(ask, actor, sample, field, shown) } : {}),
    ...(can.questions && sample.place === 'near' ? { sort: await sortCell(ask, actor, sample, field.name) } : {}),
    ...(can.questions ? { q: await searchCell(ask, actor, sample, field, shown) } : {}),
  }
}

async function writing(
  ask: Ask,
  actor: Actor,
  { resource, sample, seen, can }: Looked,
  field: Field,
): Promise<Record<string, string>> {
  return {
    ...(can.create ? { create: await createCell(ask, actor, sample, resource, field.name) } : {}),
    ...(can.update ? { patch: await patchCell(ask, actor, sample, field.name) } : {}),
    ...(can.update ? { back: await backCell(ask, actor, sample, field.name, seen.get('one')) } : {}),
    ...(can.reveal ? { reveal: await revealCell(ask, actor, sample, field) } : {}),
  }
}

/** The blocks of a resource; places that are alike share one. */
function blocksOf(looked: readonly Looked[]): string {
  const blocks = new Map<string, string[]>()
  for (const { sample, seen, cells } of looked) {
    const along = [...seen.keys()].filter((way) => way !== 'one').sort()
    const text = !seen.has('one')
      ? 'not there\n'
      : block(along.length > 0 ? `also by ${along.join(', ')}` : 'by its id alone', cells)
    blocks.set(text, [...(blocks.get(text) ?? []), sample.place])
  }
  return [...blocks].map(([text, where]) => `${looked[0]?.sample.resource} (${where.join(', ')}): ${text}\n`).join('')
}
