import { randomUUID } from 'node:crypto'
import fastify from 'fastify'
import t from 'tap'
import { z } from 'zod'
import { useGuard } from '../../src/http/guard.ts'
import { RateLimit } from '../../src/http/rate-limit.ts'
import { RouteTable } from '../../src/http/route-table.ts'
import { useZod } from '../../src/http/schema.ts'
import { allRoutes, type Route } from '../harness/routes.ts'
import { startTestService, type TestService } from '../harness/service.ts'

/** Routes that answer without a token. This list may only shrink: each one is a door that nobody guards. */
const open = new Set([
  'GET /openapi.json',
  'HEAD /openapi.json',
  ...['', '/page.js', '/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png'].flatMap((page) => [
    `GET /docs${page}`,
    `HEAD /docs${page}`,
  ]),
  'GET /health/live',
  'HEAD /health/live',
  'GET /health/ready',
  'HEAD /health/ready',
  // Guards itself: by a token of its own, or to this machine alone.
  'GET /metrics',
  'HEAD /metrics',
  'POST /v1/sessions',
  'POST /v1/sessions/refresh',
  'POST /v1/invitations/accept',
  // Whoever posts here shows the channel's own signature; which tenant it is for is not known before.
  'GET /v1/ingest/:channelId',
  'HEAD /v1/ingest/:channelId',
  'POST /v1/ingest/:channelId',
  // What browsers ask before they post a form.
  'OPTIONS /v1/ingest/:channelId',
  // Whoever asks shows a visitor's token, or gets one of their own; see test/resources/webchat.
  'POST /v1/webchat/:channelId/sessions',
  'GET /v1/webchat/:channelId/messages',
  'HEAD /v1/webchat/:channelId/messages',
  'POST /v1/webchat/:channelId/messages',
  'POST /v1/webchat/:channelId/read',
  'GET /v1/webchat/:channelId/events',
  'POST /v1/webchat/:channelId/files',
  'GET /v1/webchat/:channelId/files/:fileId',
  'HEAD /v1/webchat/:channelId/files/:fileId',
  ...['sessions', 'messages', 'read', 'events', 'files', 'files/:fileId'].map(
    (path) => `OPTIONS /v1/webchat/:channelId/${path}`,
  ),
  // The address itself is sealed: it names for whom it was made, whose rights of this moment count; see
  // test/resources/attachments/links.test.ts and test/resources/unsubscribe.
  'GET /v1/files/:token',
  'HEAD /v1/files/:token',
  'GET /v1/unsubscribe/:token',
  'HEAD /v1/unsubscribe/:token',
  'POST /v1/unsubscribe/:token',
  // The program by which outsiders check the audit: the same for everybody, and part of the published source.
  'GET /v1/audit/verifier.mjs',
  'HEAD /v1/audit/verifier.mjs',
  'OPTIONS *',
])

/** Routes on which everybody who is let in meets their own record, whatever their roles. It may only shrink, too. */
const own = new Set(['GET /v1/me', 'HEAD /v1/me', 'DELETE /v1/sessions/current', 'POST /v1/me/password'])

const name = ({ method, url }: Route): string => `${method} ${url}`
const pathOf = (route: Route, id: string = randomUUID()): string => route.url.replaceAll(/:\w+/g, id)
const bodyOf = ({ method }: Route): { body?: unknown } =>
  ['POST', 'PUT', 'PATCH'].includes(method) ? { body: {} } : {}

t.test('every route is guarded, or is on the list of those that are not', async (t) => {
  const { app, request } = await startTestService(t)
  const routes = allRoutes(app)
  t.ok(routes.length > 50, 'the walk finds the routes')
  const names = new Set(routes.map(name))
  for (const listed of [...open, ...own]) t.ok(names.has(listed), `the exception ${listed} is still needed`)

  await t.test('no token, 401', async (t) => {
    for (const route of routes.filter((each) => !open.has(name(each)))) {
      const answer = await request(route.method, pathOf(route), { token: null, ...bodyOf(route) })
      t.equal(answer.status, 401, name(route))
      t.match(answer.headers, { 'www-authenticate': /^Bearer/ }, name(route))
    }
  })
})

t.test('a member without a role gets 403 or 404 everywhere but from its own record', async (t) => {
  const { app, request, member, sql } = await startTestService(t)
  const nobody = await member([])
  for (const route of allRoutes(app).filter((each) => !open.has(name(each)) && !own.has(name(each)))) {
    const answer = await request(route.method, pathOf(route), { token: nobody.token, ...bodyOf(route) })
    t.ok([403, 404].includes(answer.status), `${name(route)} answers ${answer.status}`)
    const events = await sql('SELECT outcome FROM audit.readable_event WHERE request_id = $1', [
      answer.headers['request-id'],
    ])
    t.same(events, [{ outcome: 'denied' }], `the refusal of ${name(route)} is on record`)
  }
})

t.test('every request of the owner leaves an audit event that carries the request id of its answer', async (t) => {
  const service = await startTestService(t)
  const { app, request } = service
  await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  await request('POST', '/v1/tags', { body: { name: 'vip' } })
  await request('POST', '/v1/teams', { body: { name: 'DACH' } })
  await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [] } })

  const routes = allRoutes(app).filter((each) => !open.has(name(each)) && name(each) !== 'DELETE /v1/sessions/current')
  for (const route of routes) {
    const missing = await request(route.method, pathOf(route), bodyOf(route))
    t.ok(missing.status < 500, `${name(route)} answers ${missing.status}`)
    await recorded(t, service, missing, name(route))
  }

  const lists = new Set(routes.map(name))
  const listable = ({ method, url }: Route): boolean =>
    method === 'GET' && url.endsWith('/:id') && lists.has(`GET ${url.replace('/:id', '')}`)
  await t.test('fetched, not modified, asked by HEAD', async (t) => {
    let fetched = 0
    for (const route of routes.filter((each) => listable(each))) {
      const [record] = (await request('GET', route.url.replace('/:id', ''))).data
      if (!record) continue
      fetched++
      const path = pathOf(route, record.id)
      const found = await request('GET', path)
      t.equal(found.status, 200, path)
      await recorded(t, service, found, `GET ${path}`)
      const same = await request('GET', path, { headers: { 'if-none-match': String(found.headers.etag) } })
      t.equal(same.status, 304, path)
      t.equal(same.text, '')
      await recorded(t, service, same, `GET ${path} that is not modified`)
      const unchanged = await request('HEAD', path, { headers: { 'if-none-match': String(found.headers.etag) } })
      t.equal(unchanged.status, 304)
      const head = await request('HEAD', path)
      t.equal(head.status, 200)
      t.equal(head.text, '')
      t.equal(head.headers.etag, found.headers.etag, 'HEAD answers the headers of GET')
      await recorded(t, service, head, `HEAD ${path}`)
    }
    t.ok(fetched >= 7, `${fetched} nouns had a record to fetch`)
  })

  const end = await request('DELETE', '/v1/sessions/current')
  t.equal(end.status, 204)
  await recorded(t, service, end, 'logging out')
})

async function recorded(
  t: { ok(value: unknown, message: string): unknown },
  { sql, ownerId }: TestService,
  answer: { headers: Readonly<Record<string, string | undefined>> },
  what: string,
): Promise<void> {
  const events = await sql<{ actor_id: string }>('SELECT actor_id FROM audit.readable_event WHERE request_id = $1', [
    answer.headers['request-id'],
  ])
  t.ok(events.length > 0 && events.every((event) => event.actor_id === ownerId), `${what} is on record`)
}

t.test('a route that forgets its access or the schema of its answers does not start', async (t) => {
  const { db } = await startTestService(t)
  const response = { 200: z.object({}) }
  const handler = async () => ({})
  const built = async (route: { config?: object; schema?: object }): Promise<void> => {
    const app = fastify()
    useZod(app, true)
    useGuard(app, db, new RateLimit(0), new RouteTable(app))
    app.get('/v1/things', { handler, ...route })
    await app.ready()
    await app.close()
  }
  await t.rejects(built({ schema: { response } }), /declares neither its access nor that it is public/)
  await t.rejects(built({ config: { public: false }, schema: { response } }), /declares neither/)
  await t.rejects(built({ config: { public: true } }), /has no response schema/)
  await t.rejects(
    built({ config: { access: { action: 'read', resource: 'contacts' } }, schema: {} }),
    /no response schema/,
  )
  await t.resolves(built({ config: { public: true }, schema: { response } }))
})
