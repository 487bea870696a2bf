import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

/** What a request of the member is answered now, for a right that comes and goes. */
const seen = async ({ request }: TestService, token: string): Promise<number> =>
  (await request('GET', '/v1/contacts', { token })).status

t.test('what is taken away is gone at the very next request, and what is given is there', async (t) => {
  const service = await startTestService(t)
  const { request, member, role } = service
  const reader = { resource: 'contacts', actions: ['read'], fields: { read: ['displayName'] } }
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', company: 'Quokka' } })
  const patch = async (path: string, body: object): Promise<void> => {
    const { headers } = await request('GET', path)
    const answer = await request('PATCH', path, { body, headers: { 'if-match': String(headers.etag) } })
    t.equal(answer.status, 200, answer.text)
  }

  await t.test('a role’s grants', async (t) => {
    const roleId = await role([reader])
    const { token } = await member(roleId)
    const fields = async (): Promise<string[]> =>
      Object.keys((await request('GET', `/v1/contacts/${id}`, { token })).body)
    t.same(await fields(), ['id', 'displayName'])
    await patch(`/v1/roles/${roleId}`, { grants: [{ ...reader, fields: { read: ['displayName', 'company'] } }] })
    t.same(await fields(), ['id', 'displayName', 'company'])
    await patch(`/v1/roles/${roleId}`, { grants: [{ ...reader, resource: 'tags', fields: { read: ['name'] } }] })
    t.equal(await seen(service, token), 403)
    t.equal((await request('GET', '/v1/tags', { token })).status, 200, 'a kind of record never asked for before')
    await patch(`/v1/roles/${roleId}`, { grants: [reader] })
    t.equal((await request('GET', '/v1/contacts?company=Quokka', { token })).status, 400)
    await patch(`/v1/roles/${roleId}`, { grants: [{ ...reader, fields: { read: ['displayName', 'company'] } }] })
    t.equal(
      (await request('GET', '/v1/contacts?company=Quokka', { token })).status,
      200,
      'a filter refused a moment ago',
    )
    await patch(`/v1/roles/${roleId}`, { grants: [reader] })
    t.equal((await request('GET', '/v1/contacts?company=Quokka', { token })).status, 400, 'and refused again')
  })

  await t.test('a right to write', async (t) => {
    const roleId = await role([reader])
    const { token } = await member(roleId)
    const write = (): ReturnType<typeof request> =>
      request('PATCH', `/v1/contacts/${id}`, { token, body: { displayName: 'Anne' } })
    const make = (): ReturnType<typeof request> =>
      request('POST', '/v1/contacts', { token, body: { displayName: 'Bea' } })
    t.same([(await write()).status, (await make()).status], [403, 403])
    await patch(`/v1/roles/${roleId}`, {
      grants: [
        { ...reader, actions: ['read', 'update', 'create'], fields: { read: ['displayName'], write: ['displayName'] } },
      ],
    })
    t.same([(await write()).status, (await make()).status], [200, 201])
    await patch(`/v1/roles/${roleId}`, {
      grants: [
        { ...reader, actions: ['read', 'update', 'create'], fields: { read: ['displayName'], write: ['company'] } },
      ],
    })
    t.same([(await write()).status, (await make()).status], [403, 403])
  })

  await t.test('a member’s roles', async (t) => {
    const roleId = await role([reader])
    const { token, id: memberId } = await member([])
    t.equal(await seen(service, token), 403)
    await patch(`/v1/members/${memberId}`, { roleIds: [roleId] })
    t.equal(await seen(service, token), 200)
    await patch(`/v1/members/${memberId}`, { roleIds: [] })
    t.equal(await seen(service, token), 403)
  })

  await t.test('a member’s business units', async (t) => {
    const roleId = await role([reader])
    const unit = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
    const { token, id: memberId } = await member(roleId)
    const found = async (): Promise<number> => (await request('GET', `/v1/contacts/${id}`, { token })).status
    t.equal(await found(), 200)
    await patch(`/v1/members/${memberId}`, { businessUnitIds: [unit] })
    t.equal(await found(), 404)
    t.same((await request('GET', '/v1/contacts', { token })).data, [])
    t.same((await request('GET', '/v1/me', { token })).body.businessUnitIds, [unit])
    await patch(`/v1/members/${memberId}`, { businessUnitIds: [] })
    t.same((await request('GET', '/v1/contacts', { token })).data, [], 'no unit is no data, not all')
  })

  await t.test('the countries of a member’s team', async (t) => {
    const team = (await request('POST', '/v1/teams', { body: { name: 'DACH', countries: ['AT'] } })).id
    const roleId = await role([{ ...reader, when: { in: ['country', '$me.countries'] } }])
    const { token } = await member(roleId, { teamIds: [team] })
    const german = (await request('POST', '/v1/contacts', { body: { displayName: 'Dora', country: 'DE' } })).id
    t.equal((await request('GET', `/v1/contacts/${german}`, { token })).status, 404)
    await patch(`/v1/teams/${team}`, { countries: ['AT', 'DE'] })
    t.equal((await request('GET', `/v1/contacts/${german}`, { token })).status, 200)
    await patch(`/v1/teams/${team}`, { countries: [] })
    t.equal((await request('GET', `/v1/contacts/${german}`, { token })).status, 404)
  })

  await t.test('the member', async (t) => {
    const { token, id: memberId, refreshToken } = await member('agent')
    t.equal(await seen(service, token), 200)
    await patch(`/v1/members/${memberId}`, { status: 'deactivated' })
    t.equal(await seen(service, token), 401)
    t.equal((await request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken } })).status, 401)
    const late = await member('agent')
    await request('DELETE', `/v1/members/${late.id}`)
    t.equal(await seen(service, late.token), 401, 'in the trash')
    for (const [what, path] of [
      ['a request that is not valid', '/v1/contacts?color=red'],
      ['one that it might not make', '/v1/roles'],
      ['one for what is not there', '/v1/contacts/01a202d9-2e07-7c5f-9264-191e6ba52545'],
    ] as const)
      t.equal((await request('GET', path, { token: late.token })).status, 401, `${what} is answered by 401 too`)
    const body = { displayName: 1 }
    t.equal((await request('POST', '/v1/contacts', { token: late.token, body })).status, 401, 'whatever is in its body')
  })

  await t.test('a session', async (t) => {
    const { token } = await member('agent')
    t.equal(await seen(service, token), 200)
    await service.sql(
      `UPDATE app.session SET ended_at = now() WHERE id = (SELECT id FROM app.session ORDER BY id DESC LIMIT 1)`,
    )
    t.equal(await seen(service, token), 401)
  })
})

t.test('a right that is lost while its request waits is lost for that request', async (t) => {
  const service = await startTestService(t)
  const { id } = await service.request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const { token, id: memberId } = await service.member('agent')
  const lock = await service.hold(`SELECT FROM app.contact WHERE id = '${id}' FOR UPDATE`)
  const late = service.request('PATCH', `/v1/contacts/${id}`, { token, body: { displayName: 'Anne' } })
  await service.waiting()
  t.equal((await service.request('PATCH', `/v1/members/${memberId}`, { body: { status: 'deactivated' } })).status, 200)
  await lock.release()
  const answer = await late
  // It began while the right was there, and ends in one piece: either way, never half.
  const [contact] = await service.sql('SELECT display_name FROM app.contact WHERE id = $1', [id])
  t.equal(contact?.display_name, answer.status === 200 ? 'Anne' : 'Anna', `${answer.status}`)
})

t.test('an exchanged token', async (t) => {
  const service = await startTestService(t)
  const { request, member, role } = service
  const { id } = await request('POST', '/v1/contacts', {
    body: { displayName: 'Anna', company: 'Quokka', phone: '+4917012345678' },
  })
  const grants = [
    { resource: 'members', actions: ['read', 'impersonate'], fields: { read: ['id'] } },
    {
      resource: 'contacts',
      actions: ['read', 'update'],
      fields: { read: ['displayName', 'phone'], write: ['displayName'] },
    },
  ]
  const roleId = await role(grants)
  const made = await request('POST', '/v1/api-keys', { body: { name: 'Front end', roleIds: [roleId] } })
  const key = made.string('key')
  const exchange = (memberId: string, token = key) =>
    request('POST', '/v1/sessions/exchange', { token, body: { memberId } })
  const agent = await member('agent')
  const answer = await exchange(agent.id)
  t.equal(answer.status, 201, answer.text)
  const token = answer.string('accessToken')
  t.notOk('refreshToken' in answer.body, 'it cannot be prolonged')

  await t.test('shows of the member what the key sees of members, and says so in the audit', async (t) => {
    t.same(answer.body.member, { id: agent.id, tenantId: service.tenantId })
    const { data } = await request('GET', `/v1/audit-events?requestId=${answer.headers['request-id']}`)
    t.match(data, [{ touched: [{ shown: ['id'] }] }])
  })

  await t.test('has the rights that both have', async (t) => {
    t.same((await request('GET', `/v1/contacts/${id}`, { token })).body, {
      id,
      displayName: 'Anna',
      phone: '+49•••••••••78',
      maskedFields: ['phone'],
    })
    t.equal((await request('PATCH', `/v1/contacts/${id}`, { token, body: { displayName: 'Anne' } })).status, 200)
    t.equal(
      (await request('PATCH', `/v1/contacts/${id}`, { token, body: { company: 'X' } })).status,
      400,
      'the key may not',
    )
    t.equal((await request('GET', '/v1/tags', { token })).status, 403, 'the member may, the key may not')
    t.equal((await request('GET', '/v1/members', { token })).status, 200)
  })

  await t.test('the audit names both', async (t) => {
    const found = await request('GET', `/v1/contacts/${id}`, { token })
    const events = await request('GET', `/v1/audit-events?requestId=${found.headers['request-id']}`)
    t.match(events.data, [{ actor: { kind: 'apiKey', id: made.id }, onBehalfOf: agent.id, outcome: 'allowed' }])
    const taken = await request('GET', `/v1/audit-events?requestId=${answer.headers['request-id']}`)
    t.match(taken.data, [{ action: 'impersonate', resource: 'members', touched: [{ ids: [agent.id] }] }])
    const me = await request('GET', '/v1/me', { token })
    t.match(me.body, { kind: 'apiKey', id: made.id, onBehalfOf: agent.id })
  })

  await t.test('is given to keys that may, for members who are active, of the same tenant', async (t) => {
    t.equal((await exchange(agent.id, service.ownerToken)).status, 403, 'a member is no key')
    const other = await service.tenant()
    t.equal((await exchange(other.ownerId)).status, 404)
    const plain = await request('POST', '/v1/api-keys', {
      body: { name: 'Plain', roleIds: [await role(grants.slice(1))] },
    })
    t.equal((await exchange(agent.id, plain.string('key'))).status, 403)
    const gone = await member([])
    await request('PATCH', `/v1/members/${gone.id}`, { body: { status: 'deactivated' } })
    t.equal((await exchange(gone.id)).status, 422)
    t.equal((await exchange(agent.id, token)).status, 403, 'nor does one lead to another')
  })

  await t.test('ends with either of them', async (t) => {
    const second = await member('agent')
    const theirs = (await exchange(second.id)).string('accessToken')
    t.equal(await seen(service, theirs), 200)
    await request('PATCH', `/v1/members/${second.id}`, { body: { status: 'deactivated' } })
    t.equal(await seen(service, theirs), 401)
    t.equal(await seen(service, token), 200)
    await request('PATCH', `/v1/api-keys/${made.id}`, { body: { status: 'deactivated' } })
    t.equal(await seen(service, token), 401)
  })
})
