import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sql } from '../../src/db/sql.ts'
import { type Answer, startTestService, type TestService } from '../harness/service.ts'
import { startWire, type Wire } from '../harness/wire.ts'

const canary = 'Zanzibar Quokka'

/** One request of every kind that reaches the data, with what an answer of it would give away. */
async function oneOfEach({ request, member }: TestService): Promise<{ what: string; ask: () => Promise<Answer> }[]> {
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: canary } })
  const [nobody, leaver] = [await member([]), await member([])]
  const made = { displayName: canary }
  const asks: [string, string, string, Parameters<TestService['request']>[2]?][] = [
    ['a fetch', 'GET', `/v1/contacts/${id}`],
    ['a HEAD', 'HEAD', `/v1/contacts/${id}`],
    ['a list', 'GET', '/v1/contacts'],
    ['a search', 'POST', '/v1/contacts/search', { body: { q: 'quokka' } }],
    ['who am I', 'GET', '/v1/me'],
    ['a creation', 'POST', '/v1/contacts', { body: made }],
    ['a creation once', 'POST', '/v1/contacts', { body: made, headers: { 'idempotency-key': randomUUID() } }],
    ['a change', 'PATCH', `/v1/contacts/${id}`, { body: { company: canary } }],
    ['a deletion', 'DELETE', `/v1/contacts/${id}`],
    ['a reveal', 'POST', `/v1/contacts/${id}/reveal`, { body: { fields: ['phone'], reason: 'asked' } }],
    ['a logout', 'DELETE', '/v1/sessions/current', { token: leaver.token }],
    ['a refusal, 403', 'GET', '/v1/contacts', { token: nobody.token }],
    ['a refusal, 404', 'GET', `/v1/contacts/${randomUUID()}`],
    ['a refusal, 400', 'GET', '/v1/contacts?color=red'],
    ['a refusal, 422', 'PATCH', `/v1/contacts/${id}`, { body: { phone: '+49••••••34' } }],
  ]
  return asks.map(([what, method, path, options]) => ({ what, ask: () => request(method, path, options) }))
}

/** Everything that a request could have written, except what happens outside any request. */
const written = ({ sql }: TestService): Promise<Record<string, unknown>[]> =>
  sql(`SELECT (SELECT count(*)::int FROM app.contact) AS contacts, (SELECT sum(version)::int FROM app.contact) AS versions,
    (SELECT count(*)::int FROM app.identity) AS identities, (SELECT count(*)::int FROM app.idempotency) AS keys,
    (SELECT count(*)::int FROM app.reveal_use) AS reveals, (SELECT count(*)::int FROM app.session WHERE ended_at IS NOT NULL) AS ended,
    (SELECT count(*)::int FROM audit.event) AS events`)

t.test('no audit event, no data: 503 and not one byte of it', async (t) => {
  const service = await startTestService(t)
  const asks = await oneOfEach(service)
  const [{ role } = {}] = await service.sql<{ role: string }>(
    `SELECT rolname AS role FROM pg_roles WHERE rolname = current_database() || '_app'`,
  )
  const before = await written(service)
  const breaks = [
    {
      how: 'the right to write it is gone',
      make: `REVOKE INSERT ON audit.event FROM ${role}`,
      mend: async () => {
        const columns = await service.sql<{ name: string }>(
          `SELECT string_agg(quote_ident(attname), ', ') AS name FROM pg_attribute WHERE attrelid = 'audit.event'::regclass
             AND attnum > 0 AND attname NOT IN ('occurred_at', 'epoch', 'transaction_id', 'sequence')`,
        )
        return `GRANT INSERT (${columns[0]?.name}) ON audit.event TO ${role}`
      },
    },
    ...['P0001', '23505', '23514', '53100', '40001'].map((code) => ({
      how: `the database refuses it with ${code}`,
      make: `SET LOCAL custodia.audit_ddl = 'on'; CREATE FUNCTION audit.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.fail()`,
      mend: async () =>
        `SET LOCAL custodia.audit_ddl = 'on'; DROP TRIGGER fail ON audit.event; DROP FUNCTION audit.fail`,
    })),
  ]
  for (const { how, make, mend } of breaks) {
    await service.sql(make)
    for (const { what, ask } of asks) {
      const answer = await ask()
      t.equal(answer.status, 503, `${what} while ${how}`)
      t.notMatch(answer.text, /Quokka|displayName|"id"/, 'holds no data')
      t.notMatch(Object.keys(answer.headers).join(), /etag|location/, 'nor do its headers')
    }
    await service.sql(await mend())
    t.same(await written(service), before, `nothing was written while ${how}`)
  }
  for (const { what, ask } of asks) t.ok((await ask()).status < 500, `${what} works again`)
})

t.test('only a COMMIT that says COMMIT is one', async (t) => {
  let wire: Wire | undefined
  const service = await startTestService(t, {
    through: async (url) => {
      wire = await startWire(t, url)
      return wire.url
    },
  })
  if (!wire) return
  const asks = await oneOfEach(service)
  // CommandComplete: 'C', its length, the tag.
  const commit = Buffer.from('430000000b434f4d4d495400', 'hex')
  const rollback = Buffer.from('430000000d524f4c4c4241434b00', 'hex')
  let replaced = 0
  wire.fromServer = (bytes) => {
    const at = bytes.indexOf(commit)
    if (at < 0) return bytes
    replaced++
    return Buffer.concat([bytes.subarray(0, at), rollback, bytes.subarray(at + commit.length)])
  }
  for (const { what, ask } of asks) {
    const answer = await ask()
    t.equal(answer.status, 503, `${what} whose COMMIT answered ROLLBACK`)
    t.notMatch(answer.text, /Quokka|displayName|"id"/, 'holds no data')
  }
  t.ok(replaced >= asks.length)
})

t.test('a connection that breaks at the COMMIT answers 503, and the next request works', async (t) => {
  let wire: Wire | undefined
  const service = await startTestService(t, {
    through: async (url) => {
      wire = await startWire(t, url)
      return wire.url
    },
  })
  if (!wire) return
  for (const { what, ask } of await oneOfEach(service)) {
    wire.fromClient = (bytes, cut) => {
      if (bytes.includes('COMMIT')) cut()
      return bytes
    }
    const answer = await ask()
    t.equal(answer.status, 503, what)
    t.notMatch(answer.text, /Quokka|displayName|"id"/, 'holds no data')
    wire.fromClient = (bytes) => bytes
    t.equal((await service.request('GET', '/v1/contacts')).status, 200, `after ${what}`)
  }
})

t.test('no byte of an answer leaves before its event is committed', async (t) => {
  let wire: Wire | undefined
  const service = await startTestService(t, {
    listen: true,
    through: async (url) => {
      wire = await startWire(t, url)
      return wire.url
    },
  })
  if (!wire) return
  const { id } = await service.request('POST', '/v1/contacts', { body: { displayName: canary } })
  const { hostname, port } = new URL(service.url)
  let open = (): void => {}
  let held = 0
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  // From COMMIT's own answer on, everything waits.
  wire.fromServer = async (bytes) => {
    const at = bytes.indexOf(Buffer.from('COMMIT\0'))
    if (at >= 0) {
      held++
      await gate
    }
    return bytes
  }
  const socket = connect(Number(port), hostname)
  let said = ''
  socket.on('data', (bytes) => {
    said += bytes.toString()
  })
  socket.write(
    `GET /v1/contacts/${id} HTTP/1.1\r\nhost: hub.test\r\nauthorization: Bearer ${service.ownerToken}\r\nconnection: close\r\n\r\n`,
  )
  while (held === 0) await sleep(5)
  await sleep(100)
  t.equal(said, '', 'nothing, not even a status')
  open()
  while (!said.includes(canary)) await sleep(5)
  t.match(said, /^HTTP\/1.1 200/)
  socket.destroy()
})

t.test('a change is all or nothing', async (t) => {
  const service = await startTestService(t)
  const { db, tenantId } = service
  const caller = {
    principal: db.own('system', { tenantId, region: 'default' }),
    meta: { requestId: null, ip: null, purpose: null },
  }
  const entry = { action: 'update', resource: 'tags' } as const
  const add = (name: string) =>
    sql`INSERT INTO app.tag (tenant_id, id, name) VALUES (${tenantId}::uuid, ${randomUUID()}::uuid, ${name})`
  const touched = { resource: 'tags', ids: [] }
  const before = await service.sql('SELECT count(*)::int AS n FROM audit.event')
  const nothing = async (t: Tap): Promise<void> => {
    t.same(await service.sql('SELECT name FROM app.tag'), [])
    t.same(await service.sql('SELECT count(*)::int AS n FROM audit.event'), before)
  }

  await t.test('one that names nothing that it touched is refused', async (t) => {
    await t.rejects(
      db.change(caller, entry, (tx) => tx.query(add('a'))),
      /touched nothing/,
    )
    await nothing(t)
  })
  await t.test('what throws leaves nothing', async (t) => {
    const work = db.change(caller, entry, async (tx) => {
      tx.touch(touched)
      await tx.query(add('a'))
      throw new Error('changed my mind')
    })
    await t.rejects(work, /changed my mind/)
    await nothing(t)
  })
  await t.test('a failed statement that is swallowed takes all with it', async (t) => {
    const work = db.change(caller, entry, async (tx) => {
      tx.touch(touched)
      await tx.query(add('a'))
      await tx.query(sql`SELECT 1 / 0`).catch(() => {})
      return 'done'
    })
    await t.rejects(work, { code: 'unavailable' })
    await nothing(t)
  })
  await t.test('statements on their way when it throws leave nothing either', async (t) => {
    const work = db.change(caller, entry, async (tx) => {
      tx.touch(touched)
      void tx.query(add('a'))
      throw new Error('too early')
    })
    await t.rejects(work, /too early/)
    await nothing(t)
  })
  await t.test('what succeeds is there with its event', async (t) => {
    await db.change(caller, entry, async (tx) => {
      tx.touch(touched)
      await tx.query(add('a'))
    })
    t.same(await service.sql('SELECT name FROM app.tag'), [{ name: 'a' }])
    t.same(await service.sql(`SELECT actor_kind, outcome FROM audit.event WHERE resource = 'tags'`), [
      { actor_kind: 'system', outcome: 'allowed' },
    ])
  })
})

interface Tap {
  same(found: unknown, wanted: unknown): unknown
}
