import type { Resource } from '../../../src/access/define.ts'
import { resources } from '../../../src/resources/index.ts'
import type { Row, TestService } from '../../harness/service.ts'
import type { Actor } from '../house/cast.ts'
import { tableOf } from '../house/house.ts'
import { inParallel } from '../house/http.ts'
import { isThere, Oracle } from '../house/oracle.ts'
import type { GuardedRoute } from '../house/paths.ts'
import type { Place } from '../house/rows.ts'
import { openOf, type Setting } from './field-matrix.ts'
import { aligned } from './table.ts'
import { newBody, requiredOf } from './write.ts'

/** Where a route can be asked: at a record of each place, at one that nothing has, or anywhere. */
type Spot = Place | 'missing' | ''

interface Cell {
  route: GuardedRoute
  spot: Spot
}

const spots: readonly Spot[] = ['near', 'far', 'elsewhere', 'trashed', 'foreign', 'missing']
const byName = new Map(resources.map((resource) => [resource.name, resource]))

/** Every route at every place. */
export function cellsOf({ routes, rows }: Setting): Cell[] {
  return routes.flatMap((route) =>
    (route.noun === null ? ([''] as const) : spots)
      .filter((spot) => spot === '' || spot === 'missing' || rows.get(route.noun ?? '')?.has(spot) === true)
      .map((spot) => ({ route, spot })),
  )
}

/** The status of every cell, as one actor; what a success has changed is put back. */
export async function routeOutcomes(
  service: TestService,
  setting: Setting,
  actor: Actor,
  cells: readonly Cell[],
): Promise<string[]> {
  const { ask, house } = setting
  const outcomes = new Map<Cell, string>()
  const tryOne = async (cell: Cell): Promise<number> => {
    const { method, url, noun } = cell.route
    const id = cell.spot === 'missing' ? house.missing : (house.samples.get(noun ?? '')?.get(cell.spot as Place) ?? '')
    const path = url.replace(/:\w+/, id).replace(':contactId', house.samples.get('contacts')?.get('far') ?? '')
    const answer = await ask(actor.token, method, path, bodyFor(cell.route, setting), {
      'if-match': '*',
    })
    outcomes.set(cell, String(answer.status))
    return answer.status
  }
  const isLook = ({ method, url }: GuardedRoute): boolean => method === 'GET' || url.endsWith('/search')
  // What a route refuses to somebody's roles, it refuses before it looks at a record: that is asked at one place.
  const oracle = new Oracle(actor, openOf(setting.definitions))
  const asked = cells.filter(({ route, spot }) => isOne(spot) || oracle.may(route.action, route.resource))
  await inParallel(
    asked.filter(({ route }) => isLook(route)),
    tryOne,
  )
  for (const cell of asked.filter(({ route }) => !isLook(route)))
    if ((await tryOne(cell)) < 300 && cell.route.noun) await putBack(service, cell.route.noun)
  return cells.map((cell) => outcomes.get(cell) ?? '')
}

const isOne = (spot: Spot): boolean => spot === 'near' || spot === ''

/** Remembers the house's records as they stand. */
export async function remember({ sql }: TestService, { house }: Setting): Promise<void> {
  for (const [resource, ids] of house.samples)
    if (resource !== 'audit-events')
      await sql(
        `DROP TABLE IF EXISTS public."${resource}"; CREATE TABLE public."${resource}" AS
           SELECT * FROM app.${tableOf(resource)} WHERE id = ANY ('{${[...ids.values()].join()}}'::uuid[])`,
      )
}

async function putBack({ sql }: TestService, resource: string): Promise<void> {
  // An event is never changed.
  if (resource === 'audit-events') return
  const columns = await sql<{ name: string }>(
    `SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = 'app.${tableOf(resource)}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('tenant_id', 'id') AND attidentity = '' AND attgenerated = ''`,
  )
  const names = columns.map(({ name }) => name)
  await sql(
    `UPDATE app.${tableOf(resource)} AS now SET (${names.join()}) = ROW(${names.map((name) => `was.${name}`).join()}) FROM public."${resource}" AS was WHERE was.id = now.id AND was.tenant_id = now.tenant_id`,
  )
}

/** A body with which whoever may do it gets past the schema, where one is known. */
function bodyFor({ method, url, resource, action }: GuardedRoute, { rows }: Setting): unknown {
  if (!['POST', 'PUT', 'PATCH'].includes(method)) return undefined
  const last = url.split('/').at(-1)
  const noun = byName.get(resource)
  const near = rows.get(resource)?.get('near')
  // Of an event, what was said with it: no field that anybody sees masked.
  if (url === '/v1/audit-events/:id/reveal') return { fields: ['reason'], reason: 'a complaint' }
  if (url.endsWith('/reveal')) return { fields: ['phone'], reason: 'the customer asked' }
  // Refused to whoever may, since it names the person: the house keeps its people.
  if (last === 'erase') return { reason: [...(rows.get('contacts')?.values() ?? [])].map((row) => row.phone).join(' ') }
  // What would come of it: the house keeps its people apart.
  if (last === 'merge') return { mergeId: rows.get('contacts')?.get('far')?.id, dryRun: true }
  if (last === 'messages') return { text: 'Good morning' }
  if (last === 'simulate') return { grants: [], resource: 'contacts', record: {} }
  if (last === 'exchange') return { memberId: rows.get('members')?.get('near')?.id }
  if (method === 'POST' && action === 'create' && last === resource && noun && near) return minimal(noun, near)
  return {}
}

function minimal(resource: Resource, near: Row): Record<string, unknown> {
  const [first] = requiredOf(resource)
  return first === undefined ? {} : newBody(resource, near, first)
}

/** What the grants say: 403, 404, or that the principal is let in and the noun's own rules decide. */
export function expectedOutcome(setting: Setting, actor: Actor, { route, spot }: Cell): string {
  const oracle = new Oracle(actor, openOf(setting.definitions))
  const { action, resource, noun, method, url } = route
  if (!oracle.may(action, resource)) return isOne(spot) ? '403' : ''
  const last = url.split('/').at(-1) ?? ''
  const isNew = method === 'POST' && action === 'create' && last === resource
  const near = setting.rows.get(resource)?.get('near')
  const required = byName.get(resource)
  // What is required must be among what may be set, and the row that comes of it one that may be made.
  const made = isNew && near && required ? minimal(required, near) : {}
  const isSettable =
    !isNew ||
    !required ||
    (oracle.can('create', resource, made) &&
      requiredOf(required).every((field) => oracle.writable('create', resource, made, field)))
  // A key acts for members; members act for nobody.
  if (action === 'impersonate' && !actor.isKey) return '403'
  if (noun === null) return isSettable ? 'in' : '403'
  const row = spot === '' || spot === 'missing' || spot === 'foreign' ? undefined : setting.rows.get(noun)?.get(spot)
  const byId = (other: string, id: unknown): Row | null =>
    [...(setting.rows.get(other) ?? [])].find(([place, one]) => one.id === id && place !== 'foreign')?.[1] ?? null
  if (!row || !isThere(oracle, noun, row, byId)) return '404'
  if (action === 'restore') return !row.trashedAt ? '404' : mayItself(oracle, action, noun, row)
  if (action === 'erase') return mayItself(oracle, action, noun, row)
  if (row.trashedAt && (action !== 'read' || resource !== noun) && !(resource !== noun && action === 'read'))
    return '404'
  // Content is a field's right; how a channel is, and what to enter at its provider, too.
  const field = rightsOfFields[last] ?? null
  if (['content', 'health'].includes(last) && row.trashedAt) return '404'
  if (last === 'setup') return oracle.writable('update', noun, row, 'settings') ? 'in' : '403'
  if (field !== null) return oracle.sight(noun, row, field) === 'clear' ? 'in' : '404'
  if (resource !== noun) return isSettable ? 'in' : '403'
  return mayItself(oracle, action, noun, row)
}

/** Routes that show one field, by the end of their path. */
const rightsOfFields: Readonly<Record<string, string>> = {
  content: 'contentUrl',
  link: 'contentUrl',
  payload: 'payload',
  evidence: 'evidence',
  health: 'lastError',
}

function mayItself(oracle: Oracle, action: string, resource: string, row: Row): string {
  if (!oracle.can(action, resource, row)) return '403'
  const isOwn = row.authorId === oracle.me.id || oracle.can('administer', resource, row)
  // A note stays its author's.
  return resource === 'notes' && ['update', 'delete', 'restore'].includes(action) && !isOwn ? '403' : 'in'
}

export const isOutcome = (expected: string, found: string): boolean =>
  expected === 'in' ? !['401', '403', '404', '500', ''].includes(found) : expected === found

/** One line per route and place, one column per actor. */
export function routeTable(cells: readonly Cell[], columns: ReadonlyMap<string, readonly string[]>): string {
  const head = ['', '', ...columns.keys()]
  let last = ''
  const lines = cells.map(({ route, spot }, i) => {
    const name = `${route.method} ${route.url}`
    const shown = name === last ? '' : name
    last = name
    return [shown, spot, ...[...columns.values()].map((outcomes) => outcomes[i] ?? '')]
  })
  return aligned([head, ...lines])
}
