import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { startWire, type Wire } from '../../harness/wire.ts'

const contactsOf = async ({ sql }: TestService): Promise<number> =>
  Number((await sql('SELECT count(*)::int AS n FROM app.contact'))[0]?.n)

t.test('a repeated creation is answered again and not done again', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const once = (body: object, key: string, more: object = {}) =>
    request('POST', '/v1/contacts', { body, headers: { 'idempotency-key': key }, ...more })
  const body = { displayName: 'Anna', phone: '+4917012345678' }
  const first = await once(body, 'k1')
  t.match([first.status, first.headers['idempotent-replayed']], [201, undefined])
  const second = await once(body, 'k1')
  t.match([second.status, second.headers['idempotent-replayed']], [201, 'true'])
  t.same(second.body, first.body)
  t.equal(second.headers.location, first.headers.location)
  t.equal(await contactsOf(service), 1)
  t.notMatch(
    JSON.stringify(await service.sql('SELECT * FROM app.idempotency')),
    'Anna',
    'the answer itself is not kept',
  )
  t.notMatch(JSON.stringify(await service.sql('SELECT * FROM app.idempotency')), 'k1', 'nor the key')

  await t.test('the same key with anything else is a mistake', async (t) => {
    for (const other of [{ ...body, displayName: 'Bea' }, {}, { ...body, tags: [] }])
      t.match([(await once(other, 'k1')).status, (await once(other, 'k1')).code], [422, 'idempotency_mismatch'])
    const elsewhere = await request('POST', '/v1/tags', { body: { name: 'x' }, headers: { 'idempotency-key': 'k1' } })
    t.equal(elsewhere.status, 422, 'on another path too')
    t.equal(await contactsOf(service), 1)
  })
  await t.test('keys belong to whoever sends them', async (t) => {
    const { token } = await service.member('sales')
    const theirs = await once(body, 'k1', { token })
    t.match([theirs.status, theirs.headers['idempotent-replayed']], [201, undefined])
    t.not(theirs.id, first.id)
    const other = await service.tenant()
    t.equal((await once(body, 'k1', { token: other.ownerToken })).headers['idempotent-replayed'], undefined)
  })
  await t.test('what was refused may be tried again with the same key', async (t) => {
    t.equal((await once({ displayName: '' }, 'k2')).status, 400)
    t.equal((await once({ displayName: 'x', ownerId: randomUUID() }, 'k2')).status, 422)
    t.equal((await once({ displayName: 'x' }, 'k2')).status, 201)
  })
  await t.test('after a day a key is new', async (t) => {
    await service.sql(`UPDATE app.idempotency SET created_at = created_at - interval '25 hours'`)
    const later = await once(body, 'k1')
    t.equal(later.headers['idempotent-replayed'], undefined)
    t.not(later.id, first.id)
    t.equal((await once(body, 'k1')).id, later.id)
  })
  await t.test('a key is 1 to 255 characters', async (t) => {
    for (const key of ['', 'x'.repeat(256)]) t.equal((await once(body, key)).status, 400)
    t.equal((await once(body, 'ü€🙂'.repeat(10))).status < 500, true)
  })
  await t.test('a restore too', async (t) => {
    await request('DELETE', `/v1/contacts/${first.id}`)
    const restore = () => request('POST', `/v1/contacts/${first.id}/restore`, { headers: { 'idempotency-key': 'r1' } })
    t.equal((await restore()).status, 200)
    t.match([(await restore()).status, (await restore()).headers['idempotent-replayed']], [200, 'true'])
  })
})

t.test('a replay shows what its asker may see today', async (t) => {
  const service = await startTestService(t)
  const { request, role, member } = service
  const grant = (fields: object) => [{ resource: 'contacts', actions: ['read', 'create'], fields }]
  const roleId = await role(grant({ read: ['displayName', 'phone'], write: ['displayName', 'phone'] }))
  const { token } = await member(roleId)
  const once = () =>
    request('POST', '/v1/contacts', {
      token,
      body: { displayName: 'Anna', phone: '+4917012345678' },
      headers: { 'idempotency-key': 'k' },
    })
  t.match((await once()).body, { phone: '+4917012345678' })
  const etag = String((await request('GET', `/v1/roles/${roleId}`)).headers.etag)
  await request('PATCH', `/v1/roles/${roleId}`, {
    body: { grants: grant({ read: ['displayName'], mask: ['phone'], write: ['displayName', 'phone'] }) },
    headers: { 'if-match': etag },
  })
  const again = await once()
  t.equal(again.headers['idempotent-replayed'], 'true')
  t.match(again.body, { phone: '+49•••••••••78', maskedFields: ['phone'] })
  await request('PATCH', `/v1/contacts/${again.id}`, { body: { displayName: 'Anne' } })
  t.match((await once()).body, { displayName: 'Anne' }, 'as the record is now')
  await request('DELETE', `/v1/contacts/${again.id}`)
  t.equal((await once()).status, 404, 'and not at all once it is gone')
  t.equal(await contactsOf(service), 1)
})

t.test('while the first is under way, the second is told to wait', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const once = () =>
    request('POST', '/v1/contacts', {
      body: { displayName: 'Anna', externalIds: [{ system: 'crm', id: '1' }] },
      headers: { 'idempotency-key': 'k' },
    })
  // The first one waits for a row that somebody else is about to write.
  const [unit] = await service.sql<{ id: string }>('SELECT id FROM app.business_unit')
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'x' } })
  const lock = await service.hold(
    `INSERT INTO app.external_id (tenant_id, business_unit_id, system, value, contact_id) VALUES ('${service.tenantId}', '${unit?.id}', 'crm', '1', '${id}')`,
  )
  const first = once()
  await service.waiting()
  const second = await once()
  t.match([second.status, second.code], [409, 'idempotency_in_flight'])
  t.match(second.headers, { 'retry-after': /^\d+$/ })
  await service.sql('SELECT 1')
  await lock.release()
  t.equal((await first).status, 409, 'it comes second in the end')
  const many = await Promise.all(
    Array.from({ length: 8 }, () =>
      request('POST', '/v1/contacts', { body: { displayName: 'Bea' }, headers: { 'idempotency-key': 'many' } }),
    ),
  )
  t.same(
    [...new Set(many.map((one) => one.status))].filter((status) => ![201, 409].includes(status)),
    [],
  )
  t.equal(
    new Set(many.filter((one) => one.status === 201).map((one) => one.id)).size,
    1,
    'of many at once, one is done',
  )
  t.same(await service.sql(`SELECT count(*)::int AS n FROM app.contact WHERE display_name = 'Bea'`), [{ n: 1 }])
})

t.test('a connection that breaks leaves the record and its key, or neither', async (t) => {
  let wire: Wire | undefined
  const service = await startTestService(t, {
    through: async (url) => {
      wire = await startWire(t, url)
      return wire.url
    },
  })
  if (!wire) return
  const asItIs = wire.fromClient
  const once = (key: string) =>
    service.request('POST', '/v1/contacts', { body: { displayName: key }, headers: { 'idempotency-key': key } })
  for (const [what, fail] of [
    ['before the COMMIT arrives', 'fromClient'],
    ['before its answer is heard', 'fromServer'],
  ] as const) {
    wire[fail] = (bytes, cut) => {
      if (!bytes.includes('COMMIT')) return bytes
      cut()
      return bytes
    }
    t.equal((await once(what)).status, 503, what)
    wire[fail] = asItIs
    const retried = await once(what)
    t.equal(retried.status, 201)
    t.equal(retried.headers['idempotent-replayed'], fail === 'fromServer' ? 'true' : undefined)
    t.same(await service.sql('SELECT count(*)::int AS n FROM app.contact WHERE display_name = $1', [what]), [{ n: 1 }])
  }
})
