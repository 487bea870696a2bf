import { randomUUID } from 'node:crypto'
import t from 'tap'
import { password, startTestService, type TestService } from '../../harness/service.ts'

const german = { eq: ['country', 'DE'] }
const french = { eq: ['country', 'FR'] }
const contacts = (fields: object, when?: object, ...more: string[]) => ({
  resource: 'contacts',
  actions: ['read', ...more],
  fields,
  ...(when ? { when } : {}),
})
const ofRoles = {
  resource: 'roles',
  actions: ['read', 'create', 'update', 'delete', 'restore'],
  fields: { read: ['*'], write: ['*'] },
}
const staff = (resource: string) => ({
  resource,
  actions: ['read', 'create', 'update', 'delete', 'restore', 'administer'],
  fields: { read: ['*'], write: ['*'] },
})
/** A clerk who makes roles and staff, and sees the names of German contacts. */
const clerk = [
  contacts({ read: ['displayName'], mask: ['phone'] }, german),
  ofRoles,
  staff('members'),
  staff('api-keys'),
]
const ifMatch = { 'if-match': '*' }

const make = ({ request }: TestService, token: string, grants: unknown) =>
  request('POST', '/v1/roles', { token, body: { name: `role ${randomUUID()}`, grants } })

/** Asks as one of the clerks, and says where it was refused. */
function refusals(answer: { status: number; text: string; body: Record<string, unknown> }): unknown {
  const errors = answer.status >= 400 ? answer.body.errors : []
  return Array.isArray(errors) ? [answer.status, ...errors.map(({ path }) => path)] : [answer.status, answer.text]
}

t.test('a role holds nothing that its author does not have', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { token } = await service.member(await service.role(clerk))
  const places = async (...grants: unknown[]) => refusals(await make(service, token, grants))

  t.same(await places(...clerk), [201], 'all that it has')
  t.same(await places(contacts({ read: ['displayName'] }, german)), [201])
  t.same(
    await places(contacts({ mask: ['phone', 'displayName'] }, { and: [german, { exists: ['phone', true] }] })),
    [201],
  )
  t.same(await places(contacts({ read: ['displayName', 'email'] }, german)), [403, '/grants/0/fields/read/1'])
  t.same(
    await places(contacts({ read: ['phone'] }, german)),
    [403, '/grants/0/fields/read/0'],
    'clear instead of masked',
  )
  t.same(await places(contacts({ read: ['*'] }, german)), [403, '/grants/0/fields/read/0'])
  t.same(await places(contacts({ read: ['displayName'] })), [403, '/grants/0/actions/0'], 'all rows instead of some')
  t.same(await places(contacts({ read: ['displayName'] }, french)), [403, '/grants/0/actions/0'])
  t.same(await places(contacts({ read: ['displayName'] }, { or: [german, french] })), [403, '/grants/0/actions/0'])
  t.same(await places(contacts({ read: ['displayName'], write: ['displayName'] }, german, 'update', 'reveal')), [
    403,
    '/grants/0/actions/1',
    '/grants/0/actions/2',
  ])
  t.same(await places(...clerk, { resource: 'channels', actions: ['administer'] }), [403, '/grants/4/actions/0'])
  t.same(
    await places(contacts({ read: ['color'] })),
    [422, '/grants/0/fields/read/0'],
    'what does not exist comes first',
  )

  await t.test('nor by changing one, nor by bringing one back', async (t) => {
    const mine = (await make(service, token, clerk)).id
    const change = async (grants: unknown) =>
      refusals(await request('PATCH', `/v1/roles/${mine}`, { token, body: { grants }, headers: ifMatch }))
    t.same(await change([contacts({ read: ['displayName', 'email'] }, german)]), [403, '/grants/0/fields/read/1'])
    t.same((await request('GET', `/v1/roles/${mine}`)).body.grants, clerk, 'nothing of it was kept')
    t.same(await change([]), [200])
    t.same(await change(clerk), [200])

    const wide = await service.role([contacts({ read: ['*'] })])
    const patch = (body: object) => request('PATCH', `/v1/roles/${wide}`, { token, body, headers: ifMatch })
    t.same(refusals(await patch({ grants: [contacts({ read: ['*'] })] })), [403, '/grants/0/actions/0'], 'as it was')
    t.equal((await patch({ name: 'Wide' })).status, 200, 'a name gives nothing')
    t.equal((await request('DELETE', `/v1/roles/${wide}`, { token, headers: ifMatch })).status, 204)
    t.same(refusals(await request('POST', `/v1/roles/${wide}/restore`, { token })), [403, '/grants/0/actions/0'])
    t.equal((await request('POST', `/v1/roles/${wide}/restore`)).status, 200, 'the owner has it all')
  })
  await t.test('the owner gives everything', async (t) => {
    for (const { grants } of (await request('GET', '/v1/roles')).data)
      t.equal((await make(service, service.ownerToken, grants)).status, 201)
  })
})

t.test('two halves make no whole', async (t) => {
  const service = await startTestService(t)
  const halves = [contacts({ read: ['displayName'] }, german), contacts({ read: ['phone'] }, french)]
  const { token } = await service.member([await service.role([...halves, ofRoles]), await service.role([halves[1]])])
  const places = async (...grants: unknown[]) => refusals(await make(service, token, grants))
  t.same(await places(...halves), [201])
  for (const when of [german, { and: [german, { exists: ['phone', true] }] }])
    t.same(await places(contacts({ read: ['displayName', 'phone'] }, when)), [403, '/grants/0/fields/read/1'])
  t.same(await places(contacts({ read: ['displayName', 'phone'] }, { or: [german, french] })), [
    403,
    '/grants/0/fields/read/0',
    '/grants/0/fields/read/1',
  ])
})

t.test('a role is given by whoever has all that is in it', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { token, id: clerkId } = await service.member(await service.role(clerk))
  const roleOf = async (name: string): Promise<string> =>
    (await request('GET', '/v1/roles')).data.find((one) => one.name === name)?.id ?? ''
  const [owner, agent] = [await roleOf('owner'), await roleOf('agent')]
  const less = await service.role([contacts({ read: ['displayName'] }, german)])
  const member = (roleIds: string[], more: object = {}) =>
    request('POST', '/v1/members', {
      token,
      body: { email: `${randomUUID()}@example.com`, displayName: 'New', password, roleIds, ...more },
    })
  const key = (roleIds: string[]) => request('POST', '/v1/api-keys', { token, body: { name: 'Key', roleIds } })
  for (const give of [member, key]) {
    t.equal((await give([less])).status, 201)
    for (const beyond of [owner, agent]) {
      const refused = await give([less, beyond])
      t.same(refusals(refused), [403, '/roleIds/1'])
      t.notMatch(refused.text, /messages|reveal|displayName/, 'what is in the role is not told')
    }
  }
  const patch = (path: string, body: object, who = token) => request('PATCH', path, { token: who, body })
  t.same(
    refusals(await patch(`/v1/members/${clerkId}`, { roleIds: [owner] })),
    [403, '/roleIds/0'],
    'to itself neither',
  )
  const keyId = (await key([less])).id
  t.same(refusals(await patch(`/v1/api-keys/${keyId}`, { roleIds: [less, agent] })), [403, '/roleIds/1'])

  await t.test('what somebody has stays, and may be taken', async (t) => {
    const other = await service.member('agent')
    t.same(refusals(await patch(`/v1/members/${other.id}`, { roleIds: [agent, less] })), [200], 'one more beside it')
    t.same(refusals(await patch(`/v1/members/${other.id}`, { displayName: 'Else' })), [200])
    t.same(refusals(await patch(`/v1/members/${other.id}`, { roleIds: [less] })), [200])
    t.same(refusals(await patch(`/v1/members/${other.id}`, { roleIds: [agent] })), [403, '/roleIds/0'], 'not back')
  })
  await t.test('nor by letting somebody in again, nor by a link', async (t) => {
    const other = await service.member('agent')
    t.equal((await request('POST', `/v1/members/${other.id}/invitations`, { token })).status, 403)
    t.equal((await patch(`/v1/members/${other.id}`, { email: `${randomUUID()}@example.com` })).status, 403)
    t.equal((await patch(`/v1/members/${other.id}`, { status: 'deactivated' })).status, 200)
    t.same(refusals(await patch(`/v1/members/${other.id}`, { status: 'active' })), [403, '/roleIds/0'])
    t.equal((await request('DELETE', `/v1/members/${other.id}`, { token })).status, 204)
    t.same(refusals(await request('POST', `/v1/members/${other.id}/restore`, { token })), [403, '/roleIds/0'])
    t.equal((await request('POST', `/v1/members/${other.id}/restore`)).status, 200)
    const strong = (await request('POST', '/v1/api-keys', { body: { name: 'Strong', roleIds: [agent] } })).id
    const later = new Date(Date.now() + 1e9).toISOString()
    t.same(refusals(await patch(`/v1/api-keys/${strong}`, { expiresAt: later })), [403, '/roleIds/0'])
    t.equal((await patch(`/v1/api-keys/${strong}`, { status: 'deactivated' })).status, 200)
    t.same(refusals(await patch(`/v1/api-keys/${strong}`, { status: 'active' })), [403, '/roleIds/0'])
    t.equal((await request('DELETE', `/v1/api-keys/${strong}`, { token })).status, 204)
    t.same(refusals(await request('POST', `/v1/api-keys/${strong}/restore`, { token })), [403, '/roleIds/0'])
  })
  await t.test('to see every business unit is given by whoever does; a unit by whoever sees it', async (t) => {
    const all = (await request('GET', '/v1/roles')).data.find((one) => one.name === 'owner')
    const twin = await service.member(await service.role((all?.grants ?? []) as unknown[]))
    const give = (body: object) =>
      request('POST', '/v1/members', {
        token: twin.token,
        body: { email: `${randomUUID()}@example.com`, displayName: 'New', ...body },
      })
    t.same(refusals(await give({ roleIds: [owner] })), [403, '/roleIds/0'])
    t.same(refusals(await give({ roleIds: [agent] })), [201])
    const second = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
    t.same(refusals(await give({ businessUnitIds: [second] })), [422, '/businessUnitIds'])
    t.same(
      refusals(await give({ businessUnitIds: [randomUUID()] })),
      [422, '/businessUnitIds'],
      'as if there were none',
    )
    t.same(refusals(await patch(`/v1/members/${twin.id}`, { businessUnitIds: [second] }, twin.token)), [
      422,
      '/businessUnitIds',
    ])
    const theirs = await service.member([], { businessUnitIds: [second] })
    t.equal((await patch(`/v1/members/${theirs.id}`, { status: 'deactivated' }, twin.token)).status, 200)
    t.same(refusals(await patch(`/v1/members/${theirs.id}`, { status: 'active' }, twin.token)), [
      403,
      '/businessUnitIds',
    ])
    t.equal((await patch(`/v1/members/${theirs.id}`, { status: 'active' }, service.ownerToken)).status, 200)
    const far = await service.member('owner', { businessUnitIds: [second] })
    const there = await service.member(await service.role(clerk), { businessUnitIds: [second] })
    t.ok(far.id)
    const made = await request('POST', '/v1/members', {
      token: there.token,
      body: { email: `${randomUUID()}@example.com`, displayName: 'New' },
    })
    t.same(
      (await request('GET', `/v1/members/${made.id}`)).body.businessUnitIds,
      [second],
      'who does not see the first unit makes members of its own',
    )
  })
})

t.test('a key that acts for a member gives what both have', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const wide = contacts({ read: ['*'] })
  const narrow = contacts({ read: ['displayName'] }, german)
  const impersonate = { resource: 'members', actions: ['impersonate', 'read'], fields: { read: ['id'] } }
  const roles = {
    narrow: await service.role([narrow, ofRoles, impersonate]),
    wide: await service.role([wide, ofRoles]),
  }
  const keyOf = async (roleId: string): Promise<string> =>
    (await request('POST', '/v1/api-keys', { body: { name: 'Front end', roleIds: [roleId] } })).string('key')
  const actFor = async (key: string, memberId: string): Promise<string> =>
    (await request('POST', '/v1/sessions/exchange', { token: key, body: { memberId } })).string('accessToken')
  const narrowForOwner = await actFor(await keyOf(roles.narrow), service.ownerId)
  t.same(refusals(await make(service, narrowForOwner, [wide])), [403, '/grants/0/actions/0'], 'the key has less')
  t.same(refusals(await make(service, narrowForOwner, [narrow])), [201])
  const wideKey = await keyOf(await service.role([wide, ofRoles, impersonate]))
  const narrowMember = await service.member(roles.narrow)
  const wideForNarrow = await actFor(wideKey, narrowMember.id)
  t.same(refusals(await make(service, wideForNarrow, [wide])), [403, '/grants/0/actions/0'], 'the member has less')
  t.same(refusals(await make(service, wideForNarrow, [narrow])), [201])
  t.same(refusals(await make(service, wideKey, [wide])), [201], 'the key by itself may')
})

t.test('a role that is taken away gives nothing any more', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const role = await service.role(clerk)
  const { token, id } = await service.member(role)
  t.equal((await make(service, token, [clerk[0]])).status, 201)
  const headers = ifMatch
  await request('PATCH', `/v1/roles/${role}`, { body: { grants: [ofRoles, staff('members')] }, headers })
  t.same(refusals(await make(service, token, [clerk[0]])), [403, '/grants/0/actions/0'], 'at the next request')
  await request('PATCH', `/v1/members/${id}`, { body: { roleIds: [] } })
  t.equal((await make(service, token, [])).status, 403)
})
