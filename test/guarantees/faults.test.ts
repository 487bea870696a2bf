/**
 * Every statement that the service sends to answer a request goes wrong in every way: on its way there, on its way back,
 * by what the server may answer. The answer is 503 and holds no data, and what was written is written with its audit
 * event or not at all.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { signWebhook } from '../../src/channels/standard-webhooks.ts'
import { type Answer, ownerEmail, password, startTestService, type TestService } from '../harness/service.ts'
import { sized } from '../harness/size.ts'
import { type Fault, type StatementWire, startStatementWire } from '../harness/statement-wire.ts'

const canary = 'Zanzibar Quokka'
/** Disk full, out of memory, lock timeout, statement timeout, serialization failure, deadlock, shutting down, I/O error. */
const codes = ['53100', '53200', '55P03', '57014', '40001', '40P01', '57P01', '58030']

const all: readonly [Fault, ...Fault[]] = [
  { how: 'cut before' },
  { how: 'cut after' },
  ...codes.flatMap((code): Fault[] => [
    { how: 'fails before', code },
    { how: 'fails after', code },
  ]),
]

interface Kind {
  what: string
  ask: (requestId: string) => Promise<Answer>
  /** The status of the right answer. */
  wanted: number
}

/** One request of every kind that reaches the data. Each can be asked any number of times. */
async function kinds(service: TestService): Promise<{ all: Kind[]; renew: () => Promise<void> }> {
  const { request } = service
  const contact = await request('POST', '/v1/contacts', { body: { displayName: canary, phone: '+4917012345678' } })
  const channel = await request('POST', '/v1/channels', { body: { type: 'connector', name: 'C', settings: {} } })
  const agent = await service.member('agent')
  const tokens = { owner: service.ownerToken, agent: agent.token }
  // They live for minutes, and the whole of it takes longer.
  const renew = async (): Promise<void> => {
    tokens.owner = (await service.login(ownerEmail)).token
    tokens.agent = (await service.login(agent.email)).token
  }
  const trashed = await request('POST', '/v1/tags', { body: { name: 'vip' } })
  const one = `/v1/contacts/${contact.id}`
  type Options = NonNullable<Parameters<TestService['request']>[2]>
  const kind = (
    what: string,
    wanted: number,
    method: string,
    path: string,
    options: () => Options = () => ({}),
  ): Kind => ({
    what,
    wanted,
    ask: (requestId) => {
      const given = options()
      const token = given.token === null ? null : tokens[given.token === 'agent' ? 'agent' : 'owner']
      return request(method, path, { ...given, token, headers: { 'request-id': requestId, ...given.headers } })
    },
  })
  const post = (): Options => {
    const event = { id: randomUUID(), type: 'message', occurredAt: new Date().toISOString(), from: { value: canary } }
    const body = JSON.stringify({ events: [{ ...event, message: { type: 'text', text: canary } }] })
    return { token: null, body, headers: { ...signWebhook(randomUUID(), new Date(), body, channel.string('secret')) } }
  }
  const all = [
    kind('a fetch', 200, 'GET', one),
    kind('a list', 200, 'GET', '/v1/contacts'),
    kind('a search', 200, 'POST', '/v1/contacts/search', () => ({ body: { q: 'quokka' } })),
    kind('a masked match, which counts', 200, 'GET', '/v1/contacts?phone=%2B4917012345678', () => ({
      token: 'agent',
    })),
    kind('a change', 200, 'PATCH', one, () => ({ body: { company: `${canary} ${randomUUID()}` } })),
    kind('a creation', 201, 'POST', '/v1/contacts', () => ({
      body: { displayName: canary, email: `${randomUUID()}@example.com` },
    })),
    kind('a creation once', 201, 'POST', '/v1/contacts', () => ({
      body: { displayName: canary },
      headers: { 'idempotency-key': randomUUID() },
    })),
    kind('a reveal', 200, 'POST', `${one}/reveal`, () => ({
      token: 'agent',
      body: { fields: ['phone'], reason: 'asked' },
    })),
    kind('a post of a provider', 202, 'POST', `/v1/ingest/${channel.id}`, post),
    kind('a login', 201, 'POST', '/v1/sessions', () => ({ token: null, body: { email: ownerEmail, password } })),
    kind('a list of the audit', 200, 'GET', '/v1/audit-events?limit=5'),
    kind('settings', 200, 'GET', '/v1/settings'),
    kind('a refusal, 404', 404, 'DELETE', `/v1/tags/${randomUUID()}`),
    kind('a refusal, 403', 403, 'GET', '/v1/roles', () => ({ token: 'agent' })),
    kind('a change with a ticket', 200, 'PATCH', `/v1/tags/${trashed.id}`, () => ({
      body: { description: randomUUID() },
      headers: { 'x-ticket': 'SUP-1' },
    })),
  ]
  return { all, renew }
}

/** Everything that a request could have written, as far as it must be written with an event. */
const written = async ({ sql }: TestService): Promise<string> =>
  JSON.stringify(
    await sql(`SELECT (SELECT json_agg(c ORDER BY c.id) FROM app.contact c) AS contacts, (SELECT json_agg(i.id ORDER BY i.id) FROM app.identity i) AS identities,
      (SELECT json_agg(k.key_hash ORDER BY k.key_hash) FROM app.idempotency k) AS keys, (SELECT json_agg(u ORDER BY u.principal_id) FROM app.reveal_use u) AS reveals,
      (SELECT json_agg(e.id ORDER BY e.id) FROM app.inbound_event e) AS posts, (SELECT json_agg(s.id ORDER BY s.id) FROM app.session s) AS sessions,
      (SELECT count(*) FROM app.refresh_token) AS tokens, (SELECT json_agg(g ORDER BY g.id) FROM app.tag g) AS tags,
      (SELECT count(*) FROM app.contact_key) AS contact_keys, (SELECT count(*) FROM graphile_worker._private_jobs) AS jobs`),
  )

t.test(
  'whatever statement fails in whatever way: 503, no data, and nothing half written',
  { timeout: 3_600_000 },
  async (t) => {
    let wire: StatementWire | undefined
    const service = await startTestService(t, {
      through: async (url) => {
        wire = await startStatementWire(t, url)
        return wire.url
      },
    })
    if (!wire) return
    const figures = { requests: 0, statements: 0, kept: 0 }
    let turn = 0
    const asked = await kinds(service)
    for (const { what, ask, wanted } of asked.all) {
      await asked.renew()
      // Twice: the first time more is read, and statements get their names.
      for (let i = 0; i < 3; i++) t.equal((await ask(randomUUID())).status, wanted, what)
      wire.watch()
      t.equal((await ask(randomUUID())).status, wanted, `${what} as it should be`)
      const texts = [...wire.sent]
      t.ok(texts.length > 1, `${what}: ${texts.length} statements`)
      figures.statements += texts.length
      for (let nth = 1; nth <= texts.length; nth++) {
        // Each statement in two ways, another two each time, or in all.
        const faults = Array.from({ length: sized(2, all.length) }, () => all[turn++ % all.length] ?? all[0])
        for (const fault of faults) {
          const name = `${what}, statement ${nth} "${texts[nth - 1]?.slice(0, 40)}" ${fault.how} ${'code' in fault ? fault.code : ''}`
          // Attempts to log in that the database broke off count as failed: they must not get in each other's way.
          await service.sql('DELETE FROM directory.login_attempt')
          const before = await written(service)
          const requestId = randomUUID()
          wire.watch(nth, fault)
          const answer = await ask(requestId)
          wire.watch()
          figures.requests++
          if (wanted >= 400 && answer.status === wanted && /^ROLLBACK/.test(texts[nth - 1] ?? '')) {
            // There was nothing to undo: what is refused is refused, on record.
            t.equal(await settled(service, requestId), 1, name)
            continue
          }
          t.equal(answer.status, 503, name)
          t.match(
            answer.headers,
            { 'content-type': /^application\/problem\+json/, 'retry-after': /^\d+$/ },
            `${name}: its headers`,
          )
          t.same(
            Object.keys(answer.body).sort(),
            ['code', 'requestId', 'status', 'title', 'type'],
            `${name}: zero data`,
          )
          t.notMatch(answer.text, /Quokka|SUP-1/, name)
          t.notMatch(Object.keys(answer.headers).join(), /etag|location|set-cookie/, `${name}: nor in its headers`)
          const events = await settled(service, requestId)
          const isWritten = (await written(service)) !== before
          if (isWritten) {
            figures.kept++
            t.equal(events, 1, `${name}: what was written is written with its event`)
          }
          const isCommit = /^COMMIT/.test(texts[nth - 1] ?? '')
          if (isCommit && fault.how.endsWith('after')) t.ok(events <= 1, name)
          else t.same([events, isWritten], [0, false], `${name}: nothing is written`)
        }
      }
      t.equal((await ask(randomUUID())).status, wanted, `${what} works again`)
    }
    t.ok(figures.kept > 0, 'commits whose answer was lost left data and event')
    t.comment(
      `${figures.statements} statements of 15 kinds of requests, ${figures.requests} faults, ${figures.kept} of them after the commit of a change`,
    )
  },
)

/** How many events a request has, when none of its transactions is open any more. */
async function settled({ sql }: TestService, requestId: string): Promise<number> {
  for (let tries = 0; ; tries++) {
    const open = await sql(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'custodia' AND backend_xid IS NOT NULL`,
    )
    if (open.length === 0 || tries > 500) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const [row] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.event WHERE request_id = $1', [
    requestId,
  ])
  return row?.n ?? 0
}
