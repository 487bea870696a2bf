import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('an API key is shown once, works as its roles say, and is stored as a hash', async (t) => {
  const service = await startTestService(t)
  const { request, role, sql } = service
  const roleId = await role([{ resource: 'tags', actions: ['read'], fields: { read: ['name'] } }])
  const made = await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId] } })
  t.equal(made.status, 201)
  const key = made.string('key')
  t.match(key, /^cak_[\w-]{86}$/)
  t.equal((await request('GET', '/v1/tags', { token: key })).status, 200)
  t.equal((await request('GET', '/v1/contacts', { token: key })).status, 403)
  t.match((await request('GET', '/v1/me', { token: key })).body, {
    kind: 'apiKey',
    id: made.id,
    displayName: 'CRM',
    email: null,
  })

  for (const path of ['/v1/api-keys', `/v1/api-keys/${made.id}`]) t.notMatch((await request('GET', path)).text, key)
  t.match((await request('GET', `/v1/api-keys/${made.id}`)).body, {
    prefix: key.slice(0, 12),
    createdBy: service.ownerId,
  })
  const secret = Buffer.from(key.slice(4), 'base64url').subarray(32)
  for (const table of await sql<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('app', 'audit', 'directory')`,
  )) {
    const text = JSON.stringify(await sql(`SELECT * FROM ${table.name}`))
    for (const form of [
      key,
      key.slice(50),
      secret.toString('hex'),
      secret.toString('base64'),
      secret.toString('base64url'),
    ])
      t.notMatch(text, form, `not in ${table.name}`)
  }

  await t.test('almost the same key is another', async (t) => {
    const flip = (at: number): string => key.slice(0, at) + (key[at] === 'A' ? 'B' : 'A') + key.slice(at + 1)
    for (const wrong of [
      flip(5),
      flip(30),
      flip(60),
      flip(88),
      `${key}A`,
      key.slice(0, -1),
      key.toUpperCase(),
      key.replace('cak_', 'CAK_'),
      key.replace('cak_', ''),
    ])
      t.equal((await request('GET', '/v1/tags', { token: wrong })).status, 401, wrong.slice(-8))
  })
  await t.test('a replayed creation does not show it again', async (t) => {
    const once = { body: { name: 'Once', roleIds: [roleId] }, headers: { 'idempotency-key': 'once' } }
    const first = await request('POST', '/v1/api-keys', once)
    const second = await request('POST', '/v1/api-keys', once)
    t.equal(second.headers['idempotent-replayed'], 'true')
    t.equal(second.id, first.id)
    t.notOk('key' in second.body)
  })
})

t.test('a key ends at once: expired, deactivated, thrown away', async (t) => {
  const service = await startTestService(t)
  const { request, role } = service
  const roleId = await role([{ resource: 'tags', actions: ['read'], fields: { read: ['name'] } }])
  const make = async (more: object = {}): Promise<{ id: string; key: string }> => {
    const made = await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId], ...more } })
    return { id: made.id, key: made.string('key') }
  }
  const status = async (key: string): Promise<number> => (await request('GET', '/v1/tags', { token: key })).status

  const short = await make({ expiresAt: new Date(Date.now() + 1500).toISOString() })
  t.equal(await status(short.key), 200)
  const deactivated = await make()
  t.equal(await status(deactivated.key), 200)
  t.equal((await request('PATCH', `/v1/api-keys/${deactivated.id}`, { body: { status: 'deactivated' } })).status, 200)
  t.equal(await status(deactivated.key), 401)
  t.equal((await request('PATCH', `/v1/api-keys/${deactivated.id}`, { body: { status: 'active' } })).status, 200)
  t.equal(await status(deactivated.key), 200, 'and begins again')
  const trashed = await make()
  t.equal(await status(trashed.key), 200)
  t.equal((await request('DELETE', `/v1/api-keys/${trashed.id}`)).status, 204)
  t.equal(await status(trashed.key), 401)
  t.equal((await request('POST', `/v1/api-keys/${trashed.id}/restore`)).status, 200)
  t.equal(await status(trashed.key), 200, 'out of the trash it works as before')

  const changed = await make()
  t.equal((await request('PATCH', `/v1/api-keys/${changed.id}`, { body: { roleIds: [] } })).status, 200)
  t.equal(await status(changed.key), 403, 'with other roles it may other things')
  while ((await status(short.key)) === 200) await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(await status(short.key), 401, 'its time is over')
  t.equal(
    (await request('POST', '/v1/api-keys', { body: { name: 'x', roleIds: ['01a202d9-2e07-7c5f-9264-191e6ba52545'] } }))
      .status,
    422,
  )
})

t.test('a key belongs to its tenant and business units', async (t) => {
  const service = await startTestService(t)
  const { request, role } = service
  const other = await service.tenant()
  const unit = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const roleId = await role([
    { resource: 'contacts', actions: ['read', 'create'], fields: { read: ['*'], write: ['*'] } },
  ])
  const key = (
    await request('POST', '/v1/api-keys', { body: { name: 'Unit', roleIds: [roleId], businessUnitIds: [unit] } })
  ).string('key')
  const first = (await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })).id
  const theirs = (await request('POST', '/v1/contacts', { token: other.ownerToken, body: { displayName: 'Bea' } })).id
  for (const id of [first, theirs]) t.equal((await request('GET', `/v1/contacts/${id}`, { token: key })).status, 404)
  const mine = await request('POST', '/v1/contacts', { token: key, body: { displayName: 'Cora' } })
  t.match([mine.status, mine.body], [201, { businessUnitId: unit }], 'what it makes is in its own unit')
  t.same(
    (await request('GET', '/v1/contacts', { token: key })).data.map((one) => one.id),
    [mine.id],
  )
  t.equal((await request('PATCH', '/v1/me', { token: key, body: {} })).status, 405)
  t.equal((await request('DELETE', '/v1/sessions/current', { token: key })).status, 422, 'it has no session to end')
  const body = { currentPassword: 'x', newPassword: 'long-enough-it-is' }
  t.equal((await request('POST', '/v1/me/password', { token: key, body })).status, 403, 'nor a password')
})
