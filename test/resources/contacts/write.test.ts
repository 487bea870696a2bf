import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'

const anna = {
  displayName: 'Anna Müller',
  givenName: 'Anna',
  phone: '+4917012345678',
  email: 'anna@example.com',
  country: 'DE',
  residence: { country: 'US', subdivision: 'US-CA', source: 'provided' },
  address: { street: 'Hauptstraße 1', city: 'Köln' },
  tags: ['vip', 'new'],
  externalIds: [{ system: 'crm', id: 'C-1042' }],
}

t.test('a contact is made whole, and where it is says the answer', async (t) => {
  const { request, ownerId, sql } = await startTestService(t)
  const made = await request('POST', '/v1/contacts', { body: { ...anna, phone: '0049 (170) 1234-5678' } })
  t.equal(made.status, 201)
  t.equal(made.headers.location, `/v1/contacts/${made.id}`)
  t.match(made.body, { ...anna, version: 1, lifecycleStage: 'lead', trashedAt: null })
  t.match(made.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'a UUIDv7')
  t.match(made.body.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  t.same((await request('GET', `/v1/contacts/${made.id}`)).body, made.body)
  t.same(
    await sql('SELECT kind, value, match_value, verified, is_primary, source FROM app.identity ORDER BY kind'),
    [
      {
        kind: 'email',
        value: anna.email,
        match_value: anna.email,
        verified: false,
        is_primary: true,
        source: 'provided',
      },
      {
        kind: 'phone',
        value: anna.phone,
        match_value: anna.phone,
        verified: false,
        is_primary: true,
        source: 'provided',
      },
    ],
    'with its primary addresses',
  )
  const [event] = await sql('SELECT actor_id, touched, subject_ids FROM audit.readable_event WHERE request_id = $1', [
    made.headers['request-id'],
  ])
  t.match(event, { actor_id: ownerId, subject_ids: [made.id] })
  t.match(event?.touched, [{ resource: 'contacts', ids: [made.id], version: 1 }])
  const [{ changed } = { changed: [] }] = (event?.touched ?? []) as { changed: string[] }[]
  t.same([...changed].sort(), Object.keys(anna).sort())
  t.match(
    (await request('POST', '/v1/contacts', { body: { givenName: 'Bea', familyName: 'Berg' } })).body,
    { displayName: 'Bea Berg' },
    'called by something',
  )
  t.match((await request('POST', '/v1/contacts', { body: {} })).body, { displayName: null })
})

t.test('a change is a merge patch', async (t) => {
  const { request, sql } = await startTestService(t)
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const change = (body: object, headers = {}) => request('PATCH', `/v1/contacts/${id}`, { body, headers })
  t.match(
    (await change({ company: 'Quokka GmbH' })).body,
    { ...anna, company: 'Quokka GmbH', version: 2 },
    'the rest stays',
  )
  t.match((await change({ company: null })).body, { company: null, version: 3 }, 'null removes')
  t.match(
    (await change({ address: { postalCode: '50667' } })).body,
    { address: { ...anna.address, postalCode: '50667' } },
    'it goes into objects',
  )
  t.same((await change({ address: { street: null } })).body.address, { city: 'Köln', postalCode: '50667' })
  t.same((await change({ residence: { subdivision: 'US-NV' } })).body.residence, {
    ...anna.residence,
    subdivision: 'US-NV',
  })
  t.same((await change({ residence: { subdivision: null } })).body.residence, { country: 'US', source: 'provided' })
  t.same((await change({ address: null, residence: null })).body.address, null)
  t.same((await change({ tags: ['old'] })).body.tags, ['old'], 'a list is replaced')
  t.same((await change({ tags: [] })).body.tags, [])
  t.equal((await change({ lifecycleStage: 'customer' })).body.lifecycleStage, 'customer')
  t.equal((await change({ lifecycleStage: null })).body.lifecycleStage, 'lead', 'what is always there falls back')
  t.same((await change({ tags: ['a'] })).body.tags, ['a'])
  t.same((await change({ tags: null })).body.tags, [], 'a list is emptied')
  for (const body of [
    { id: randomUUID() },
    { version: 9 },
    { createdAt: '2026-01-01T00:00:00Z' },
    { held: true },
    { color: 'red' },
    { maskedFields: [] },
    { trashedAt: null },
  ])
    t.equal((await change(body)).status, 400, JSON.stringify(body))
  const mergePatch = { 'content-type': 'application/merge-patch+json' }
  t.equal((await change({ company: 'By its own type' }, mergePatch)).status, 200)

  await t.test('and its addresses follow', async (t) => {
    const addresses = () =>
      sql(
        `SELECT kind, value, is_primary FROM app.identity WHERE contact_id = $1 AND state = 'active' ORDER BY kind, value`,
        [id],
      )
    await change({ phone: '+4917099999999', email: null })
    t.same(await addresses(), [{ kind: 'phone', value: '+4917099999999', is_primary: true }])
    await change({ phone: null })
    t.same(await addresses(), [])
    await change({ email: 'Anna@Example.com' })
    t.same(await addresses(), [{ kind: 'email', value: 'Anna@Example.com', is_primary: true }])
  })
})

t.test('a masked value that is sent back is a mistake of its own kind, and changes nothing', async (t) => {
  const { request, member, role, sql } = await startTestService(t)
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const { token } = await member(
    await role([
      {
        resource: 'contacts',
        actions: ['read', 'update'],
        fields: {
          read: ['birthDate'],
          mask: ['phone', 'email', 'displayName', 'intentScore', 'birthDate'],
          write: ['*'],
        },
      },
    ]),
  )
  const shown = (await request('GET', `/v1/contacts/${id}`, { token })).body
  t.match(shown, { phone: '+49•••••••••78', email: 'a•••@example.com', displayName: 'A••• M•••' })
  const before = await sql('SELECT * FROM app.contact')
  for (const field of ['phone', 'email', 'displayName']) {
    const answer = await request('PATCH', `/v1/contacts/${id}`, { token, body: { [field]: shown[field] } })
    t.match([answer.status, answer.code], [422, 'masked_value'], field)
    t.match(answer.body.errors, [{ path: `/${field}` }])
  }
  t.equal(
    (await request('PATCH', `/v1/contacts/${id}`, { token, body: { company: 'x', ...shown } })).status,
    422,
    'the whole of what was read',
  )
  t.same(await sql('SELECT * FROM app.contact'), before)
  t.equal(
    (await request('PATCH', `/v1/contacts/${id}`, { token, body: { phone: '+4917099999999' } })).status,
    200,
    'a true one may be set unseen',
  )
  t.match((await request('GET', `/v1/contacts/${id}`)).body, { phone: '+4917099999999' })
  t.equal((await request('POST', '/v1/contacts', { body: { displayName: 'x', phone: '+49•••••••••78' } })).status, 400)
})

t.test('If-Match guards a change', async (t) => {
  const { request } = await startTestService(t)
  const made = await request('POST', '/v1/contacts', { body: anna })
  const path = `/v1/contacts/${made.id}`
  const etag = String((await request('GET', path)).headers.etag)
  const change = (ifMatch: string, body: object = { company: randomUUID() }) =>
    request('PATCH', path, { body, headers: { 'if-match': ifMatch } })
  const first = await change(etag)
  t.equal(first.status, 200)
  t.not(first.headers.etag, etag)
  t.equal(first.headers.etag, (await request('GET', path)).headers.etag, 'a change answers the tag of its result')
  const stale = await change(etag)
  t.match([stale.status, stale.code], [412, 'version_mismatch'])
  t.equal((await request('DELETE', path, { headers: { 'if-match': etag } })).status, 412)
  for (const wrong of ['"x"', 'x', '""', `"${randomUUID()}", "y"`]) t.equal((await change(wrong)).status, 412, wrong)
  t.equal((await change('*')).status, 200, 'any')
  const now = String((await request('GET', path)).headers.etag)
  t.equal((await change(`"x", ${now}`)).status, 200, 'one of several')
  t.match((await request('GET', path)).body, { version: 4 })

  await t.test('of two at once with the same tag, one changes', async (t) => {
    const tag = String((await request('GET', path)).headers.etag)
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((company) => change(tag, { company })))
    t.same(all.map((one) => one.status).sort(), [200, 412, 412, 412])
  })
  await t.test('and without it, none is lost', async (t) => {
    const before = Number((await request('GET', path)).body.version)
    await Promise.all(Array.from({ length: 8 }, (_, i) => request('PATCH', path, { body: { jobTitle: `${i}` } })))
    t.equal((await request('GET', path)).body.version, before + 8)
  })
})

t.test('an ETag tells of nothing but what its reader sees', async (t) => {
  const { request, member, role } = await startTestService(t)
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const { token } = await member(
    await role([
      {
        resource: 'contacts',
        actions: ['read', 'update'],
        fields: { read: ['displayName'], mask: ['phone'], write: ['displayName'] },
      },
    ]),
  )
  const tag = async (): Promise<unknown> => (await request('GET', `/v1/contacts/${id}`, { token })).headers.etag
  const first = await tag()
  await request('PATCH', `/v1/contacts/${id}`, { body: { intent: 'renewal', company: 'x', birthDate: '1988-04-17' } })
  t.equal(await tag(), first, 'hidden fields changed')
  await request('PATCH', `/v1/contacts/${id}`, { body: { phone: '+4917055555578' } })
  t.equal(await tag(), first, 'a masked one changed behind its mask')
  const mine = await request('PATCH', `/v1/contacts/${id}`, {
    token,
    body: { displayName: 'Anne' },
    headers: { 'if-match': String(first) },
  })
  t.equal(mine.status, 200, 'so it still guards what its reader saw')
  t.not(await tag(), first)
  const cached = await request('GET', `/v1/contacts/${id}`, { token, headers: { 'if-none-match': `W/${await tag()}` } })
  t.match([cached.status, cached.text], [304, ''])
  t.equal(cached.headers['cache-control'], 'private, no-cache')
})

t.test('the trash keeps a contact whole', async (t) => {
  const { request, member, sql } = await startTestService(t)
  const made = await request('POST', '/v1/contacts', { body: anna })
  const path = `/v1/contacts/${made.id}`
  t.equal((await request('DELETE', path)).status, 204)
  t.same((await request('GET', '/v1/contacts')).data, [])
  t.same((await request('GET', '/v1/contacts?q=anna')).data, [])
  t.same(
    (await request('GET', '/v1/contacts?trashed=true')).data.map((one) => one.id),
    [made.id],
  )
  t.match((await request('GET', path)).body, { id: made.id, trashedAt: /Z$/ }, 'whoever may restore sees it')
  t.equal((await request('PATCH', path, { body: { company: 'x' } })).status, 404, 'it is not changed there')
  t.equal((await request('DELETE', path)).status, 404)
  const { token } = await member('agent')
  t.equal((await request('GET', path, { token })).status, 404, 'for others it is gone')
  t.same((await request('GET', '/v1/contacts?trashed=true', { token })).data, [], 'in lists of the trash too')
  t.equal((await request('POST', `${path}/restore`, { token })).status, 403)
  const back = await request('POST', `${path}/restore`)
  t.equal(back.status, 200)
  t.match(back.body, { ...anna, id: made.id, createdAt: made.body.createdAt, trashedAt: null, version: 3 })
  t.equal((await request('POST', `${path}/restore`)).status, 404)
  t.same(
    await sql(`SELECT count(*)::int AS n FROM app.identity WHERE contact_id = $1 AND state = 'active'`, [made.id]),
    [{ n: 2 }],
  )
  t.same(
    (
      await sql(
        `SELECT action FROM audit.readable_event WHERE touched @> jsonb_build_array(jsonb_build_object('ids', jsonb_build_array($1::text))) AND outcome = 'allowed' AND action <> 'read' ORDER BY sequence`,
        [made.id],
      )
    ).map((one) => one.action),
    ['create', 'delete', 'restore'],
  )
})

t.test('an id in another system belongs to one contact of a business unit', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const other = await service.tenant()
  const unit = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const make = (body: object, token?: string) =>
    request('POST', '/v1/contacts', { body: { displayName: 'x', ...body }, ...(token ? { token } : {}) })
  const mine = [{ system: 'crm', id: '1' }]
  const first = await make({ externalIds: mine })
  t.equal(first.status, 201)
  const second = await make({ externalIds: mine, email: 'x@example.com', tags: ['a'] })
  t.match([second.status, second.code], [409, 'already_exists'])
  t.match(second.body.errors, [{ path: '/externalIds' }])
  t.equal((await make({ externalIds: mine, businessUnitId: unit })).status, 201, 'in another unit')
  t.equal((await make({ externalIds: mine }, other.ownerToken)).status, 201, 'in another tenant')
  t.equal((await make({ externalIds: [{ system: 'shop', id: '1' }] })).status, 201, 'in another system')
  const third = await make({ externalIds: [{ system: 'crm', id: '2' }] })
  const steal = await request('PATCH', `/v1/contacts/${third.id}`, {
    body: { externalIds: mine, email: 'y@example.com', tags: ['b'] },
  })
  t.match([steal.status, steal.code], [409, 'already_exists'])
  t.match(
    (await request('GET', `/v1/contacts/${third.id}`)).body,
    { externalIds: [{ system: 'crm', id: '2' }], email: null, tags: [] },
    'and nothing else has changed',
  )
  t.equal(
    (
      await request('PATCH', `/v1/contacts/${third.id}`, {
        body: {
          externalIds: [
            { system: 'crm', id: '2' },
            { system: 'shop', id: '9' },
          ],
        },
      })
    ).status,
    200,
  )
  t.equal((await request('PATCH', `/v1/contacts/${first.id}`, { body: { externalIds: [] } })).status, 200)
  t.equal(
    (await request('PATCH', `/v1/contacts/${third.id}`, { body: { externalIds: mine } })).status,
    200,
    'given up, it is free',
  )
  t.equal((await make({ externalIds: [...mine, { system: 'crm', id: '3' }] })).status, 422, 'a system stands once')
  const race = await Promise.all(Array.from({ length: 5 }, () => make({ externalIds: [{ system: 'erp', id: '7' }] })))
  t.same(race.map((one) => one.status).sort(), [201, 409, 409, 409, 409], 'of several at once, one has it')
})
