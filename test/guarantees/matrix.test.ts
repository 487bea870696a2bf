import t from 'tap'
import { startTestService } from '../harness/service.ts'
import { castOf } from './house/cast.ts'
import { clearRows, type House, prepareHouse } from './house/house.ts'
import { askingAt } from './house/http.ts'
import { guardedRoutes } from './house/paths.ts'
import { fieldMatrix, type Setting } from './matrix/field-matrix.ts'
import { definitionsOf } from './matrix/fields.ts'
import { cellsOf, expectedOutcome, isOutcome, remember, routeOutcomes, routeTable } from './matrix/route-matrix.ts'
import { compared, leftOver } from './matrix/table.ts'

// Every cell of the tables in test/output/matrix/ is an answer of the started service, over HTTP. A cell must be what the
// committed file says, so that whoever changes rights sees in the diff what they change; and what an oracle makes of
// the grants' JSON, so that a wrong table cannot be committed. UPDATE=1 writes the files anew, ONLY=agent,owner tries
// some of the cast, FULL=1 asks every operator of every field that is refused.

t.setTimeout(600_000)

const only = process.env.ONLY?.split(',')
const isAsked = (name: string): boolean => only === undefined || only.includes(name)

t.test(
  'what every role may do with every route and every field is what its grants say',
  { timeout: 600_000 },
  async (t) => {
    const service = await startTestService(t, { listen: true, env: { LOG_LEVEL: 'error' } })
    const ask = askingAt(t, service.url)
    const house = await prepareHouse(service)
    const routes = await guardedRoutes(service, service.app, ask, house.missing)
    t.ok(routes.length > 60, `${routes.length} routes ask for a right`)
    const cast = (await castOf(service, house)).filter(({ name }) => isAsked(name))
    const definitions = await definitionsOf(service)
    const files: string[] = []
    const held = (name: string, text: string): void => {
      files.push(name)
      t.same(compared(name, text), { missing: [], added: [] }, `${name}.txt; UPDATE=1 writes it anew`)
    }

    const start = { ask, house, routes, definitions, rows: await clearRows(house) }
    await remember(service, start)
    const cells = cellsOf(start)
    const columns = new Map<string, readonly string[]>()
    for (const actor of cast) {
      await house.belongTo(actor.me.id)
      await remember(service, start)
      const setting = { ...start, rows: await clearRows(house) }
      const outcomes = await routeOutcomes(service, setting, actor, cells)
      columns.set(actor.name, outcomes)
      const wrong = cells.flatMap((cell, i) => {
        const [expected, found] = [expectedOutcome(setting, actor, cell), outcomes[i] ?? '']
        const { method, url } = cell.route
        return isOutcome(expected, found) ? [] : [`${method} ${url} ${cell.spot}: ${found}, by the grants ${expected}`]
      })
      t.same(wrong, [], `${actor.name}: routes`)
      if (actor.name === 'agent') await nothingElse(t, ask, actor.token, routes, house)
    }
    if (!only) held('routes', routeTable(cells, columns))

    let count = 0
    for (const actor of cast) {
      await house.belongTo(actor.me.id)
      const found = await fieldMatrix({ ...start, rows: await clearRows(house) }, actor)
      count += found.cells
      t.comment(`${actor.name}: ${found.cells} cells`)
      t.same(found.wrong, [], `${actor.name}: fields`)
      held(`fields-${actor.name}`, found.text)
    }
    t.comment(`${cells.length * cast.length} outcomes of routes, ${count} cells of fields`)
    if (!only) t.same(leftOver(files), [], 'no file is left of a role that is gone')
  },
)

/** HEAD answers as GET does, and a method that a path does not know is refused before anything is looked at. */
async function nothingElse(
  t: { equal(a: unknown, b: unknown, name: string): unknown; same(a: unknown, b: unknown, name: string): unknown },
  ask: Setting['ask'],
  token: string,
  routes: Setting['routes'],
  house: House,
): Promise<void> {
  for (const { method, url, noun } of routes) {
    const path = url.replace(/:\w+/, house.samples.get(noun ?? '')?.get('near') ?? '')
    const isPut = routes.some((one) => one.method === 'PUT' && one.url === url)
    if (!isPut) t.equal((await ask(token, 'PUT', path, {})).status, 405, `PUT ${url}`)
    if (method !== 'GET' || url.endsWith('/content')) continue
    const [get, head] = [await ask(token, 'GET', path), await ask(token, 'HEAD', path)]
    t.same([head.status, head.headers.etag], [get.status, get.headers.etag], `HEAD ${url}`)
  }
}
