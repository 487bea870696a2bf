import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('a contact of another unit or tenant is as good as none, whatever is asked of it', async (t) => {
  const service = await startTestService(t)
  const { request, member } = service
  const other = await service.tenant()
  const unit = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const body = { displayName: 'Anna', phone: '+4917012345678', externalIds: [{ system: 'crm', id: '1' }] }
  const hidden = {
    'of another unit': (await request('POST', '/v1/contacts', { body: { ...body, businessUnitId: unit } })).id,
    'of another tenant': (await request('POST', '/v1/contacts', { token: other.ownerToken, body })).id,
    'in the trash': (await request('POST', '/v1/contacts', { body: { displayName: 'Gone' } })).id,
  }
  await request('DELETE', `/v1/contacts/${hidden['in the trash']}`)
  const { token } = await member('sales')
  const reveal = { fields: ['phone'], reason: 'why not' }
  for (const [what, id] of Object.entries(hidden))
    for (const [method, path, sent] of [
      ['GET', ''],
      ['HEAD', ''],
      ['PATCH', '', { displayName: 'x' }],
      ['PATCH', '', {}],
      ['POST', '/reveal', reveal],
    ] as const) {
      const ask = (one: string) => request(method, `/v1/contacts/${one}${path}`, { token, body: sent })
      const [found, missing] = [await ask(id), await ask(randomUUID())]
      t.equal(found.status, 404, `${method}${path} ${what}`)
      t.equal(found.text.replace(/"requestId":"[^"]+"/, ''), missing.text.replace(/"requestId":"[^"]+"/, ''))
      t.same(Object.keys(found.headers).sort(), Object.keys(missing.headers).sort())
      const [event] = await service.sql(
        'SELECT outcome, code, touched, subject_ids FROM audit.readable_event WHERE request_id = $1',
        [found.headers['request-id']],
      )
      t.match(event, { outcome: 'denied', code: 'not_found', touched: [{ ids: [id] }] }, 'the attempt is on record')
    }
  t.same((await request('GET', '/v1/contacts', { token })).data, [])
  t.same((await request('GET', '/v1/contacts?q=anna', { token })).data, [])
  t.same((await request('GET', '/v1/contacts?phone=%2B4917012345678', { token })).data, [])
  t.same(
    (await request('POST', '/v1/contacts/search', { token, body: { where: { eq: ['businessUnitId', unit] } } })).data,
    [],
  )

  await t.test('nor can anything be put there', async (t) => {
    const put = (businessUnitId: string) =>
      request('POST', '/v1/contacts', { token, body: { displayName: 'x', businessUnitId } })
    const [foreign, none] = [await put(unit), await put(randomUUID())]
    t.equal(foreign.status, 422)
    t.equal(foreign.text.replace(/"requestId":"[^"]+"/, ''), none.text.replace(/"requestId":"[^"]+"/, ''))
    t.equal(
      (await request('POST', '/v1/contacts', { body: { displayName: 'x', businessUnitId: randomUUID() } })).status,
      422,
      'nor by an owner',
    )
    const [theirs] = await service.sql<{ id: string }>('SELECT id FROM app.business_unit WHERE tenant_id = $1', [
      other.tenantId,
    ])
    t.equal(
      (await request('POST', '/v1/contacts', { body: { displayName: 'x', businessUnitId: theirs?.id } })).status,
      422,
    )
  })
  await t.test('the ids of others do for nothing else either', async (t) => {
    const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Bea' } })
    for (const [field, value] of [
      ['ownerId', other.ownerId],
      ['ownerId', randomUUID()],
      ['teamId', randomUUID()],
    ]) {
      const answer = await request('PATCH', `/v1/contacts/${id}`, { body: { [String(field)]: value } })
      t.equal(answer.status, 422, `${field}`)
      t.match(answer.body.errors, [{ path: `/${field}` }])
    }
    t.equal(
      (await request('PATCH', `/v1/contacts/${id}`, { body: { businessUnitId: unit } })).status,
      400,
      'a contact stays in its unit',
    )
  })
})

t.test('giving a contact to somebody is a right of its own, and goes to those who see it', async (t) => {
  const { request, member, role, sql } = await startTestService(t)
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const fields = { read: ['displayName', 'ownerId'], write: ['displayName', 'ownerId'] }
  const writer = { resource: 'contacts', actions: ['read', 'update', 'create'], fields }
  const plain = await member(await role([writer]))
  const giver = await member(await role([writer, { resource: 'contacts', actions: ['assign'] }]))
  const give = (ownerId: string | null, token: string) =>
    request('PATCH', `/v1/contacts/${id}`, { token, body: { ownerId } })
  const refused = await give(plain.id, plain.token)
  t.equal(refused.status, 403)
  t.match(refused.body.errors, [{ path: '/ownerId', code: 'not_assignable' }])
  const made = { displayName: 'Bea', ownerId: plain.id }
  t.equal((await request('POST', '/v1/contacts', { token: plain.token, body: made })).status, 403, 'nor a new one')
  t.equal((await give(null, plain.token)).status, 200, 'what stays as it is is not given')
  const given = await give(plain.id, giver.token)
  t.match(given.body, { ownerId: plain.id })
  t.match(await sql('SELECT touched FROM audit.readable_event WHERE request_id = $1', [given.headers['request-id']]), [
    { touched: [{ resource: 'contacts', ids: [id], changed: ['ownerId'] }] },
  ])
  t.equal((await give(null, plain.token)).status, 403, 'nor is it taken away')
  const elsewhere = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const stranger = await member('agent', { businessUnitIds: [elsewhere] })
  const gone = await member('agent')
  await request('PATCH', `/v1/members/${gone.id}`, { body: { status: 'deactivated' } })
  for (const nobody of [stranger.id, gone.id]) {
    const answer = await give(nobody, giver.token)
    t.equal(answer.status, 422)
    t.match(answer.body.errors, [{ path: '/ownerId' }])
  }
})

t.test('a role’s condition binds reading and writing, before and after', async (t) => {
  const service = await startTestService(t)
  const { request, member, role } = service
  const make = async (body: object): Promise<string> => (await request('POST', '/v1/contacts', { body })).id
  const [german, french] = [
    await make({ displayName: 'Anna', country: 'DE' }),
    await make({ displayName: 'Zoé', country: 'FR' }),
  ]
  const fields = {
    read: ['displayName', 'country', 'lifecycleStage'],
    write: ['displayName', 'country', 'lifecycleStage', 'company'],
  }
  const when = { eq: ['country', 'DE'] }

  await t.test('one condition for all', async (t) => {
    const { token } = await member(
      await role([{ resource: 'contacts', actions: ['read', 'update', 'create', 'delete', 'restore'], fields, when }]),
    )
    t.same(
      (await request('GET', '/v1/contacts', { token })).data.map((one) => one.id),
      [german],
    )
    const change = async (id: string, body: object): Promise<number> =>
      (await request('PATCH', `/v1/contacts/${id}`, { token, body })).status
    t.equal(await change(french, { displayName: 'x' }), 404)
    t.equal(await change(french, { country: 'DE' }), 404, 'a row is not taken by changing it')
    t.equal(await change(german, { displayName: 'Anne' }), 200)
    t.equal(await change(german, { country: 'FR' }), 403, 'nor given away')
    t.equal(await change(german, { country: null }), 403)
    const create = async (body: object): Promise<number> =>
      (await request('POST', '/v1/contacts', { token, body })).status
    t.equal(await create({ displayName: 'New', country: 'DE' }), 201)
    t.equal(await create({ displayName: 'New', country: 'FR' }), 403)
    t.equal(await create({ displayName: 'New' }), 403)
    t.equal((await request('DELETE', `/v1/contacts/${french}`, { token })).status, 404)
    t.equal((await request('DELETE', `/v1/contacts/${german}`, { token })).status, 204)
    t.equal((await request('POST', `/v1/contacts/${german}/restore`, { token })).status, 200)
  })
  await t.test('seen and not to be changed is 403; a field that may be set on some rows only', async (t) => {
    const { token } = await member(
      await role([
        { resource: 'contacts', actions: ['read'], fields },
        { resource: 'contacts', actions: ['update'], fields: { write: ['displayName'] } },
        { resource: 'contacts', actions: ['update'], fields: { write: ['country', 'lifecycleStage'] }, when },
      ]),
    )
    const change = async (id: string, body: object): Promise<number> =>
      (await request('PATCH', `/v1/contacts/${id}`, { token, body })).status
    t.equal(await change(french, { displayName: 'Zoe' }), 200)
    t.equal(await change(french, { lifecycleStage: 'customer' }), 403)
    t.equal(await change(german, { lifecycleStage: 'customer' }), 200)
    t.equal(await change(french, { country: 'DE' }), 403, 'a row cannot be moved to where it may be set')
    t.equal(await change(german, { country: 'FR' }), 403, 'nor out of it')
    t.equal(await change(german, { company: 'x' }), 400, 'what is neither seen nor set is not there')
    t.equal((await request('DELETE', `/v1/contacts/${german}`, { token })).status, 403)
  })
  await t.test('a row is judged with what its maker left out', async (t) => {
    // A new contact is a lead unless it is said otherwise.
    const { token } = await member(
      await role([
        {
          resource: 'contacts',
          actions: ['read', 'create'],
          fields,
          when: { not: { eq: ['lifecycleStage', 'lead'] } },
        },
      ]),
    )
    const before = await service.sql('SELECT count(*)::int AS n FROM app.contact')
    const create = async (body: object): Promise<number> =>
      (await request('POST', '/v1/contacts', { token, body })).status
    t.equal(await create({ displayName: 'New' }), 403)
    t.equal(await create({ displayName: 'New', lifecycleStage: 'lead' }), 403)
    t.same(await service.sql('SELECT count(*)::int AS n FROM app.contact'), before, 'and then it is not there')
    t.equal(await create({ displayName: 'New', lifecycleStage: 'customer' }), 201)
  })
  await t.test('whoever may make and not read gets the id, again and again', async (t) => {
    const { token } = await member(
      await role([{ resource: 'contacts', actions: ['create'], fields: { write: ['displayName'] } }]),
    )
    const headers = { 'idempotency-key': randomUUID() }
    const made = await request('POST', '/v1/contacts', { token, headers, body: { displayName: 'New' } })
    t.equal(made.status, 201, made.text)
    t.same(made.body, { id: made.id })
    const again = await request('POST', '/v1/contacts', { token, headers, body: { displayName: 'New' } })
    t.match([again.status, again.headers['idempotent-replayed'], again.body], [201, 'true', { id: made.id }])
    const [event] = await service.sql('SELECT touched FROM audit.readable_event WHERE request_id = $1', [
      made.headers['request-id'],
    ])
    t.match(event?.touched, [{ ids: [made.id], shown: [], masked: [], changed: ['displayName'] }])
    t.equal((await request('GET', `/v1/contacts/${made.id}`, { token })).status, 403)
  })
})
