import t from 'tap'
import { startTestService } from '../../harness/service.ts'

const grant = { resource: 'contacts', actions: ['read'], fields: { read: ['displayName'] } }

t.test('a tenant starts with six roles, which stay as the release has them', async (t) => {
  const { request, sql } = await startTestService(t)
  const { data } = await request('GET', '/v1/roles?sort=name')
  t.same(
    data.map((role) => role.name),
    ['agent', 'connector', 'manager', 'owner', 'privacy', 'sales'],
  )
  for (const role of data) {
    t.equal(role.builtIn, role.name)
    t.equal(role.seesAllBusinessUnits, role.name === 'owner')
    const etag = String((await request('GET', `/v1/roles/${role.id}`)).headers.etag)
    const headers = { 'if-match': etag }
    for (const body of [{ grants: [] }, { name: 'mine' }, { description: 'x' }])
      t.equal(
        (await request('PATCH', `/v1/roles/${role.id}`, { body, headers })).status,
        422,
        `${role.name} ${Object.keys(body)}`,
      )
    t.equal((await request('DELETE', `/v1/roles/${role.id}`, { headers })).status, 422)
  }
  t.same(await sql('SELECT DISTINCT version FROM app.role'), [{ version: 1 }])
})

t.test('a connector reads nothing; nobody but an owner touches roles and keys', async (t) => {
  const { request, member } = await startTestService(t)
  const nouns = [
    'contacts',
    'conversations',
    'roles',
    'members',
    'teams',
    'tags',
    'channels',
    'inbound-events',
    'api-keys',
    'business-units',
    'audit-events',
  ]
  const { token } = await member('connector')
  for (const noun of nouns) t.equal((await request('GET', `/v1/${noun}`, { token })).status, 403, noun)
  for (const name of ['manager', 'agent', 'sales', 'privacy', 'connector']) {
    const one = await member(name)
    t.equal(
      (await request('POST', '/v1/roles', { token: one.token, body: { name: 'x', grants: [] } })).status,
      403,
      name,
    )
    t.equal(
      (await request('POST', '/v1/api-keys', { token: one.token, body: { name: 'x', roleIds: [] } })).status,
      403,
      name,
    )
    t.equal(
      (await request('PATCH', `/v1/members/${one.id}`, { token: one.token, body: { roleIds: [] } })).status >= 400,
      true,
      `${name} does not change its own roles`,
    )
  }
})

t.test('a role is changed only by who knows what it was', async (t) => {
  const { request } = await startTestService(t)
  const made = await request('POST', '/v1/roles', { body: { name: 'Night shift', grants: [grant] } })
  t.equal(made.status, 201)
  t.match(made.body, { name: 'Night shift', grants: [grant], builtIn: null, seesAllBusinessUnits: false })
  const path = `/v1/roles/${made.id}`
  const none = await request('PATCH', path, { body: { description: 'x' } })
  t.match([none.status, none.code], [428, 'if_match_required'])
  t.equal((await request('DELETE', path)).status, 428)
  t.equal((await request('PATCH', path, { body: { description: 'x' }, headers: { 'if-match': '"old"' } })).status, 412)
  const etag = String((await request('GET', path)).headers.etag)
  t.equal((await request('PATCH', path, { body: { description: 'x' }, headers: { 'if-match': etag } })).status, 200)
  t.equal(
    (await request('POST', '/v1/roles', { body: { name: 'night SHIFT', grants: [] } })).status,
    409,
    'a name is there once',
  )
  t.equal(
    (await request('POST', '/v1/roles', { body: { name: 'Wide', grants: [], seesAllBusinessUnits: true } })).status,
    400,
    'to see all units is not given here',
  )
})

t.test('a role that somebody has stays', async (t) => {
  const { request, member, role } = await startTestService(t)
  const id = await role([grant])
  const holder = await member(id)
  const headers = { 'if-match': '*' }
  const kept = await request('DELETE', `/v1/roles/${id}`, { headers })
  t.match([kept.status, kept.code], [409, 'in_use'])
  t.equal((await request('PATCH', `/v1/members/${holder.id}`, { body: { roleIds: [] } })).status, 200)
  const key = await request('POST', '/v1/api-keys', { body: { name: 'x', roleIds: [id] } })
  t.equal((await request('DELETE', `/v1/roles/${id}`, { headers })).status, 409, 'by a key as well')
  t.equal((await request('DELETE', `/v1/api-keys/${key.id}`)).status, 204)
  t.equal((await request('DELETE', `/v1/roles/${id}`, { headers })).status, 204)
  t.equal(
    (await request('PATCH', `/v1/members/${holder.id}`, { body: { roleIds: [id] } })).status,
    422,
    'what is in the trash is given to nobody',
  )
  t.equal((await request('POST', `/v1/roles/${id}/restore`)).status, 200)
  t.equal((await request('PATCH', `/v1/members/${holder.id}`, { body: { roleIds: [id] } })).status, 200)
  t.equal((await request('GET', '/v1/contacts', { token: holder.token })).status, 200)
})

t.test('a role names what exists', async (t) => {
  const { request } = await startTestService(t)
  const make = (grants: unknown) => request('POST', '/v1/roles', { body: { name: 'x', grants } })
  for (const [path, grants] of Object.entries({
    '/grants/0/resource': [{ ...grant, resource: 'nothing' }],
    '/grants/1/fields/read/0': [grant, { ...grant, fields: { read: ['color'] } }],
    '/grants/0/fields/mask/1': [{ ...grant, fields: { mask: ['phone', 'color'] } }],
    '/grants/0/fields/write/0': [{ ...grant, fields: { write: ['color'] } }],
    '/grants/0/when/eq': [{ ...grant, when: { eq: ['color', 'red'] } }],
    '/grants/0/when/and/1/in/1': [
      { ...grant, when: { and: [{ exists: ['phone', true] }, { in: ['country', '$me.nothing'] }] } },
    ],
    '/grants/0/when/gt/1': [{ ...grant, when: { gt: ['createdAt', 'yesterday'] } }],
  })) {
    const answer = await make(grants)
    t.ok([400, 422].includes(answer.status), answer.text)
    t.match(answer.body.errors, [{ path }], path)
  }
  t.equal((await make([{ ...grant, when: { in: ['businessUnitId', '$me.businessUnitIds'] } }])).status, 201)
})
