import { randomUUID } from 'node:crypto'
import t from 'tap'
import { allRoutes } from '../harness/routes.ts'
import { type Answer, startTestService } from '../harness/service.ts'
import { losses, type Statuses } from './losing-rights.ts'
import { type Ask, secondProcess } from './second-process.ts'

const secret = 'quokka'

/** One request in a history: when it began, and whether it was answered by the right that is taken away. */
interface Event {
  began: number
  ended: number
  what: string
  sawSecret: boolean
}

t.test(
  'a right that is taken is gone for every request that begins after, in every process',
  { timeout: 240_000 },
  async (t) => {
    const service = await startTestService(t)
    const { request, sql } = service
    const processes: readonly Ask[] = [request, await secondProcess(t, service)]
    const all = await losses(service)
    const alps = (await request('GET', '/v1/teams?name=Alps')).data[0]?.id
    const ids: string[] = []
    for (let i = 0; i < 6; i++) {
      const body = { displayName: 'Anna', company: `${secret}-${i}`, country: 'AT', teamId: alps }
      ids.push((await request('POST', '/v1/contacts', { body })).id)
    }

    for (const [what, loss] of Object.entries(all))
      await t.test(what, async (t) => {
        const held = await loss.hold()
        const { token } = held
        // Everything that is remembered of an earlier, better day: cursors, tags, keys of repeated requests, both memories.
        const repeated = {
          token,
          headers: { 'idempotency-key': randomUUID() },
          body: { displayName: 'Bea', company: `${secret}-made`, country: 'AT', teamId: alps },
        }
        const remembered = await Promise.all(
          processes.map(async (ask) => {
            const page = await ask('GET', '/v1/contacts?sort=company&limit=2', { token })
            const one = await ask('GET', `/v1/contacts/${ids[0]}`, { token })
            t.same([page.status, one.status], [200, 200], page.text)
            t.match(page.text + one.text, secret)
            return { cursor: page.string('nextCursor'), etag: String(one.headers.etag) }
          }),
        )
        t.match((await request('POST', '/v1/contacts', repeated)).text, secret)
        const [{ n: made } = { n: 0 }] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM app.contact')

        const asking = (ask: Ask, i: number): Record<keyof Statuses, () => Promise<Answer>> => ({
          list: () => ask('GET', '/v1/contacts?limit=3', { token }),
          page: () => ask('GET', `/v1/contacts?sort=company&limit=2&cursor=${remembered[i]?.cursor}`, { token }),
          fetch: () =>
            ask('GET', `/v1/contacts/${ids[0]}`, { token, headers: { 'if-none-match': remembered[i]?.etag ?? '' } }),
          again: () => ask('POST', '/v1/contacts', repeated),
          change: () => ask('PATCH', `/v1/contacts/${ids[i]}`, { token, body: { displayName: 'Anna' } }),
        })

        const history: Event[] = []
        let isOver = false
        const reader = async (ask: Ask, i: number): Promise<void> => {
          const questions = Object.entries(asking(ask, i))
          for (let n = i; !isOver; n++) {
            const [name, question] = questions[n % questions.length] ?? []
            if (!question) return
            const began = performance.now()
            const answer = await question()
            // A tag that still matches says that nothing has changed: that is seeing it once more.
            const sawSecret = answer.text.includes(secret) || answer.status === 304
            history.push({ began, ended: performance.now(), what: `${name} in ${i}: ${answer.status}`, sawSecret })
          }
        }
        const readers = processes.flatMap((ask, i) => [reader(ask, i), reader(ask, i)])
        while (history.filter((one) => one.sawSecret).length < 12) await new Promise((resolve) => setImmediate(resolve))
        await held.take()
        const taken = performance.now()
        const later = () => history.filter((one) => one.began > taken)
        while (later().length < 20) await new Promise((resolve) => setImmediate(resolve))
        isOver = true
        await Promise.all(readers)
        t.ok(
          history.some((one) => one.sawSecret && one.began < taken),
          'it was seen while the right was there',
        )
        t.same(
          later().filter((one) => one.sawSecret),
          [],
          'no request that began later saw it',
        )

        for (const [i, ask] of processes.entries()) {
          const statuses: Record<string, number> = {}
          for (const [name, question] of Object.entries(asking(ask, i))) {
            const answer = await question()
            statuses[name] = answer.status
            t.notMatch(answer.text, secret, name)
          }
          t.same(statuses, loss.after, `in process ${i}`)
          for (const [method, path, body] of [
            ['POST', '/v1/contacts/search', { sort: 'company' }],
            ['POST', '/v1/contacts/search', { where: { eq: ['company', `${secret}-0`] } }],
            ['GET', `/v1/contacts?company=${secret}-0`],
            ['GET', `/v1/contacts?q=${secret}`],
            ['HEAD', `/v1/contacts/${ids[0]}`],
            ['GET', `/v1/contacts/${ids[0]}/timeline`],
          ] as const) {
            const answer = await ask(method, path, { token, body })
            // What is masked may still be matched by its full value, and stays masked.
            if (answer.status === 200 && method !== 'HEAD')
              t.ok(
                answer.data.every((row) => row.maskedFields),
                path,
              )
            t.notMatch(answer.text, secret, path)
          }
        }
        t.same(await sql('SELECT count(*)::int AS n FROM app.contact'), [{ n: made }], 'and nothing was made again')
      })
  },
)

t.test('a cursor is worth nothing to anybody else, nor for anything else', { timeout: 120_000 }, async (t) => {
  const service = await startTestService(t)
  const { app, request } = service
  const second = await service.member('owner')
  const other = await service.tenant()
  for (const token of [service.ownerToken, other.ownerToken])
    for (let i = 0; i < 3; i++) {
      await request('POST', '/v1/contacts', { token, body: { displayName: `Anna ${i}`, phone: '+4917012345678' } })
      for (const path of ['tags', 'teams', 'business-units'])
        await request('POST', `/v1/${path}`, { token, body: { name: `N ${i}` } })
      await request('POST', '/v1/api-keys', { token, body: { name: `Key ${i}`, roleIds: [] } })
      await request('POST', '/v1/roles', { token, body: { name: `Role ${i}`, grants: [] } })
    }
  const [contact] = (await request('GET', '/v1/contacts')).data
  const lists: { path: string; cursor: string }[] = []
  // Every list that there is, at its own path or below the contact.
  for (const { method, url } of allRoutes(app).filter((route) => route.method === 'GET')) {
    const path = url.replace(':id', String(contact?.id))
    if (path.includes(':') || !path.startsWith('/v1/')) continue
    const answer = await request(method, `${path}?limit=1`)
    const cursor = answer.status === 200 && answer.text.includes('"nextCursor":"') ? answer.string('nextCursor') : null
    if (cursor) lists.push({ path, cursor })
  }
  t.ok(lists.length >= 7, lists.map((list) => list.path).join())
  const refusals = new Set<string>()
  const refused = async (what: string, path: string, token: string = service.ownerToken): Promise<void> => {
    const answer = await request('GET', path, { token })
    t.same([answer.status, answer.code], [400, 'invalid_cursor'], what)
    refusals.add(JSON.stringify({ ...answer.body, requestId: '' }))
  }
  for (const { path, cursor } of lists) {
    const next = `${path}?limit=1&cursor=${cursor}`
    t.equal((await request('GET', next)).status, 200, `${path} goes on for whom it began`)
    await refused(`${path} for somebody of the same rights`, next, second.token)
    if (!path.includes(String(contact?.id))) await refused(`${path} for another tenant`, next, other.ownerToken)
    for (const list of lists.filter((one) => one.path !== path))
      await refused(`${path} in ${list.path}`, `${list.path}?limit=1&cursor=${cursor}`)
    for (const changed of [
      cursor.slice(0, -2),
      `${cursor}AAAA`,
      cursor.toUpperCase(),
      `B${cursor.slice(1)}`,
      'x',
      'e30',
    ])
      await refused(`${path}, changed`, `${path}?limit=1&cursor=${changed}`)
  }
  const sorted = (await request('GET', '/v1/contacts?sort=displayName&limit=1')).string('nextCursor')
  for (const query of [
    'sort=-displayName',
    'sort=email',
    '',
    'sort=displayName&country=DE',
    'sort=displayName&q=Anna',
    'sort=displayName&trashed=true',
  ])
    await refused(`another question: ${query}`, `/v1/contacts?${query}&limit=1&cursor=${sorted}`)
  t.equal(refusals.size, 1, 'all in the same words')
})

t.test('a page goes on without the field that the list is sorted by, when nobody asked for it by name', async (t) => {
  const service = await startTestService(t)
  const { request, role, member } = service
  for (let i = 0; i < 5; i++) await request('POST', '/v1/tags', { body: { name: `tag ${i}` } })
  const read = (fields: string[]) => [{ resource: 'audit-events', actions: ['read'], fields: { read: fields } }]
  const roleId = await role(read(['id', 'occurredAt', 'action']))
  const { token } = await member(roleId)
  for (let i = 0; i < 4; i++) await request('GET', '/v1/tags', { token })
  const page = await request('GET', '/v1/audit-events?limit=2', { token })
  t.match(page.data, [{ occurredAt: String }, { occurredAt: String }])
  const cursor = page.string('nextCursor')
  const { headers } = await request('GET', `/v1/roles/${roleId}`)
  const change = { body: { grants: read(['id', 'action']) }, headers: { 'if-match': String(headers.etag) } }
  t.equal((await request('PATCH', `/v1/roles/${roleId}`, change)).status, 200)
  const next = await request('GET', `/v1/audit-events?limit=2&cursor=${cursor}`, { token })
  t.ok([200, 400].includes(next.status), next.text)
  t.notMatch(next.text, /occurredAt|T\d\d:\d\d/)
  const named = await request('GET', '/v1/audit-events?sort=occurredAt', { token })
  const unknown = await request('GET', '/v1/audit-events?sort=nothing', { token })
  t.same(
    [named.status, named.text.replaceAll('occurredAt', 'nothing').replace(named.string('requestId'), '')],
    [400, unknown.text.replace(unknown.string('requestId'), '')],
  )
})

t.test('on every route, who is out is answered like nobody, in every process', async (t) => {
  const service = await startTestService(t)
  const { app, request } = service
  const processes: readonly Ask[] = [request, await secondProcess(t, service)]
  const { token, id } = await service.member('owner')
  for (const ask of processes) t.equal((await ask('GET', '/v1/contacts', { token })).status, 200)
  t.equal((await request('PATCH', `/v1/members/${id}`, { body: { status: 'deactivated' } })).status, 200)
  const told = ({ status, text, headers }: Answer): unknown => [
    status,
    text.replaceAll(String(headers['request-id']), ''),
    Object.keys(headers),
  ]
  let guarded = 0
  for (const { method, url } of allRoutes(app)) {
    const path = url.replaceAll(/:\w+/g, id)
    const nobody = await request(method, path, { token: null })
    // Which routes are open to everybody is held by routes.test.ts.
    if (nobody.status !== 401 || nobody.headers['www-authenticate'] === undefined) continue
    guarded++
    for (const ask of processes) t.same(told(await ask(method, path, { token })), told(nobody), `${method} ${url}`)
  }
  t.ok(guarded > 60, `${guarded} routes`)
})
