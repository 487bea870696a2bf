import t from 'tap'
import { resources } from '../../src/resources/index.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { sized } from '../harness/size.ts'
import { badQuestions } from './canaries/bad-questions.ts'
import { canariesIn, hiddenFrom, neverTold } from './canaries/secrets.ts'
import { type Actor, castOf } from './house/cast.ts'
import { clearRows, type House, prepareHouse, tableOf } from './house/house.ts'
import { type Ask, askingAt, inParallel } from './house/http.ts'
import { Oracle } from './house/oracle.ts'
import { guardedRoutes } from './house/paths.ts'
import { openOf, type Setting } from './matrix/field-matrix.ts'
import { definitionsOf } from './matrix/fields.ts'
import { asides } from './matrix/observe.ts'
import { Chance } from './twins/chance.ts'
import { Asker, type Question } from './twins/questions.ts'
import { Snapshots } from './twins/snapshots.ts'

// Every field of every record holds a word that stands nowhere else. Whoever may not see it gets it from no answer,
// whatever they ask and however it is refused; and it is in no log line, metric, job or audit event, whoever asked.
// What logs do with values when the database itself fails, logs.test.ts tries. SEED=n repeats a run.

t.setTimeout(600_000)

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const looks = sized(42, 600, 42)

t.test('what somebody may not see is nowhere to be found', { timeout: 600_000 }, async (t) => {
  const service = await startTestService(t, { listen: true })
  const ask = askingAt(t, service.url)
  const house = await prepareHouse(service)
  const routes = await guardedRoutes(service, service.app, ask, house.missing)
  const definitions = await definitionsOf(service)
  const cast = await castOf(service, house)
  const nobody = { ...(await service.member([])), name: 'nobody', layers: [[]], units: [house.north] }
  const none = { id: nobody.id, teamIds: [], businessUnitIds: [house.north], countries: [] }
  const askers: Actor[] = [...cast.filter(({ name }) => !['owner', 'privacy'].includes(name)), { ...nobody, me: none }]
  const never = await neverTold(service, cast)
  const snapshots = await Snapshots.of(service)
  await snapshots.take('start')
  const chance = new Chance(seed)

  for (const actor of askers) {
    await snapshots.become('start')
    await house.belongTo(actor.me.id)
    const setting: Setting = { ask, house, routes, definitions, rows: await clearRows(house) }
    const hidden = hiddenFrom(setting, actor)
    t.ok(hidden.size > 30, `${actor.name} may not see ${hidden.size} words`)
    const found = new Set<string>()
    const hold = (what: string, text: string): void => {
      const sent = new Set(canariesIn(what))
      for (const canary of canariesIn(text)) {
        const where = hidden.get(canary)
        // A refusal names what was sent.
        if (where && !sent.has(canary)) found.add(`${where}: ${canary} in ${what}: ${text.slice(0, 2_000)}`)
      }
      for (const [secret, where] of never) if (text.includes(secret)) found.add(`${where} in ${what}`)
    }
    for (const [name, json] of await asides(ask, actor, house)) hold(name, JSON.stringify(json))
    const some = Array.from({ length: 3 }, () => chance.of([...hidden.keys()]))
    const questions = questionsOf(setting, actor, hidden, chance)
    for (const question of [...questions, null, ...badQuestions(house, some)]) {
      if (question === null) {
        // What somebody sends, and perhaps writes, they know: from here on the other words are looked for.
        for (const word of some) hidden.delete(word)
        continue
      }
      const { method, path, body, headers = {} } = question
      const answer = await ask(actor.token, method, path, body, headers)
      // Paths come back in nothing but Location, which names records.
      hold(JSON.stringify(question), `${JSON.stringify(answer.headers)} ${answer.text}`)
      if (answer.status >= 500) found.add(`${JSON.stringify(question)} answered ${answer.status}`)
    }
    t.same([...found], [], `${actor.name}, SEED=${seed}`)
  }

  await everybodysWords(t, service, ask, house, cast)
})

function questionsOf(setting: Setting, actor: Actor, hidden: ReadonlyMap<string, string>, chance: Chance): Question[] {
  const words = [...hidden.keys()]
  const differences = words.map((one) => ({
    resource: '',
    place: 'near' as const,
    id: '',
    field: '',
    one,
    two: one,
    sight: 'hidden' as const,
  }))
  const asker = new Asker(setting, actor, differences, chance)
  const all = resources.flatMap(({ name }): Question[] =>
    [...(setting.house.samples.get(name)?.values() ?? [])].flatMap((id) => [
      { method: 'GET', path: `/v1/${name}/${id}` },
      { method: 'GET', path: `/v1/${name}` },
    ]),
  )
  const looking = Array.from({ length: looks }, () => asker.look())
  // Where what is seen hangs on the row, a change would show more by right.
  const oracle = new Oracle(actor, openOf(setting.definitions))
  const isFixed = resources.every(({ name }) => oracle.decisive(name).size === 0)
  const changing = isFixed ? Array.from({ length: looks / 3 }, () => asker.change()) : []
  // Whoever writes a word themselves has it already.
  const foreign = changing.filter(({ body }) => canariesIn(JSON.stringify(body) ?? '').length === 0)
  return [...all, ...looking, ...foreign]
}

/** What is kept and shown beside the answers: logs, metrics, jobs and the audit hold nobody's values. */
async function everybodysWords(
  t: { same(found: unknown, wanted: unknown, name: string): unknown; ok(found: unknown, name: string): unknown },
  service: TestService,
  ask: Ask,
  house: House,
  cast: readonly Actor[],
): Promise<void> {
  const tokenOf = (name: string): string => cast.find((one) => one.name === name)?.token ?? ''
  // The control: an owner is told all of it.
  const told = new Set<string>()
  const wanted = new Set<string>()
  for (const { name } of resources)
    for (const place of ['near', 'elsewhere'] as const) {
      const id = house.samples.get(name)?.get(place)
      if (!id) continue
      for (const row of await service.sql(
        `SELECT to_jsonb(each)::text AS row FROM (SELECT * FROM ${name === 'audit-events' ? 'audit.event' : `app.${tableOf(name)}`}) AS each WHERE ${name === 'audit-events' ? 'event_id' : 'id'} = $1`,
        [id],
      ))
        for (const canary of canariesIn(String(row.row))) wanted.add(canary)
      for (const canary of canariesIn((await ask(tokenOf('owner'), 'GET', `/v1/${name}/${id}`)).text)) told.add(canary)
    }
  t.ok(
    wanted.size > 60 && [...wanted].filter((one) => told.has(one)).length > wanted.size * 0.9,
    `the owner is told ${told.size} of ${wanted.size} words`,
  )

  // Work for the queue, with words in it.
  const conversation = `/v1/conversations/${house.samples.get('conversations')?.get('near')}`
  await service.sql('UPDATE app.conversation SET last_inbound_at = now()')
  await ask(tokenOf('owner'), 'POST', `${conversation}/messages`, { text: 'ZqSecretbcdfg call +4915123456789' })
  await ask(tokenOf('owner'), 'PATCH', conversation, { status: 'snoozed', snoozedUntil: '2037-01-01T00:00:00Z' })

  const views = await inParallel(['manager', 'privacy', 'owner'], async (name) => {
    let text = ''
    let cursor = ''
    do {
      const page = await ask(tokenOf(name), 'GET', `/v1/audit-events?limit=200${cursor}`)
      text += page.text
      cursor = typeof page.body.nextCursor === 'string' ? `&cursor=${page.body.nextCursor}` : ''
    } while (cursor && text.length < 3_000_000)
    t.ok(text.length > 10_000, `${name} reads the audit`)
    return text
  })
  const events = await service.sql<{ row: string }>(
    'SELECT to_jsonb(each)::text AS row FROM audit.readable_event AS each',
  )
  const jobs = await service.sql<{ row: string }>(
    'SELECT to_jsonb(each)::text AS row FROM graphile_worker._private_jobs AS each',
  )
  const metrics = (await ask(null, 'GET', '/metrics')).text
  t.ok(
    jobs.length > 0 && events.length > 500 && metrics.includes('http') && service.logs.length > 500,
    'there is something to look into',
  )
  const places: [string, string[]][] = [
    ['what the audit shows', views],
    ['the audit itself', events.map(({ row }) => row)],
    ['a job', jobs.map(({ row }) => row)],
    ['the metrics', [metrics]],
    ['the log', service.logs],
  ]
  const never = [...(await neverTold(service, cast)).keys()]
  for (const [what, texts] of places) {
    const found = texts.flatMap((text) => [...canariesIn(text), ...never.filter((one) => text.includes(one))])
    const where = texts.find((text) => found.some((one) => text.toLowerCase().includes(one.toLowerCase()))) ?? ''
    t.same([...new Set(found)].slice(0, 5), [], `nobody's words stand in ${what} ${where.slice(0, 500)}`)
  }
}
