import { randomUUID } from 'node:crypto'
import t from 'tap'
import { password, startTestService, type TestService } from '../../harness/service.ts'

const address = (): string => `${randomUUID()}@example.com`
const accept = ({ request }: TestService, token: string, secret = password) =>
  request('POST', '/v1/invitations/accept', { token: null, body: { token, password: secret } })

/** A new member without a password, and the token of its invitation. */
async function invited(service: TestService): Promise<{ id: string; email: string; token: string }> {
  const email = address()
  const made = await service.request('POST', '/v1/members', { body: { email, displayName: 'New' } })
  const { token } = made.body.invitation as { token: string }
  return { id: made.id, email, token }
}

t.test('a member without a password is invited, and comes in by a link that works once', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id, email, token } = await invited(service)
  t.match((await request('GET', `/v1/members/${id}`)).body, { status: 'invited', email })
  t.notMatch(JSON.stringify(await service.sql('SELECT * FROM app.invitation')), token.slice(4), 'stored hashed')
  t.equal((await request('POST', '/v1/sessions', { token: null, body: { email, password } })).status, 401)

  t.equal((await accept(service, token, 'short')).status, 400, 'a password has ten characters')
  const answer = await accept(service, token)
  t.equal(answer.status, 201)
  t.equal((await request('GET', '/v1/me', { token: answer.string('accessToken') })).id, id)
  t.match((await request('GET', `/v1/members/${id}`)).body, { status: 'active' })
  t.equal((await request('POST', '/v1/sessions', { token: null, body: { email, password } })).status, 201)

  const again = await accept(service, token, 'a-password-of-somebody-else')
  t.equal(again.status, 401, 'once')
  t.equal((await request('POST', '/v1/sessions', { token: null, body: { email, password } })).status, 201)

  await t.test('no other link does', async (t) => {
    const { token: good, id: other } = await invited(service)
    const end = good.slice(-2) === 'AA' ? 'AB' : 'AA'
    for (const wrong of [
      `cin_${'A'.repeat(86)}`,
      good.slice(0, -2) + end,
      good.replace('cin_', 'crt_'),
      `${good} `,
      good.slice(0, -1),
      'cin_',
    ])
      t.equal((await accept(service, wrong)).status, 401, wrong.slice(-6))
    await service.sql(`UPDATE app.invitation SET expires_at = now() - interval '1 second' WHERE member_id = $1`, [
      other,
    ])
    t.equal((await accept(service, good)).status, 401, 'expired')
  })
  await t.test('of several at once, one does', async (t) => {
    const { token: good } = await invited(service)
    const all = await Promise.all(Array.from({ length: 4 }, () => accept(service, good)))
    t.same(all.map((one) => one.status).sort(), [201, 401, 401, 401])
  })
  await t.test('the link of somebody who is gone leads nowhere', async (t) => {
    const gone = await invited(service)
    t.equal((await request('DELETE', `/v1/members/${gone.id}`)).status, 204)
    t.equal((await accept(service, gone.token)).status, 401)
    const out = await service.member([])
    const link = await request('POST', `/v1/members/${out.id}/invitations`, {})
    t.equal((await request('PATCH', `/v1/members/${out.id}`, { body: { status: 'deactivated' } })).status, 200)
    t.equal((await accept(service, link.string('token'))).status, 401, 'deactivated')
  })
})

t.test('a new link makes the old ones void, and using it ends the sessions', async (t) => {
  const service = await startTestService(t)
  const member = await service.member('agent')
  const first = await service.request('POST', `/v1/members/${member.id}/invitations`, {})
  t.equal(first.status, 201)
  const second = await service.request('POST', `/v1/members/${member.id}/invitations`, {})
  t.equal((await accept(service, first.string('token'), 'a-new-password-9')).status, 401)
  t.equal((await service.request('GET', '/v1/me', { token: member.token })).status, 200)
  t.equal((await accept(service, second.string('token'), 'a-new-password-9')).status, 201)
  t.equal((await service.request('GET', '/v1/me', { token: member.token })).status, 401)
})

t.test('a link to an account is given to whoever could give its rights, to nobody else', async (t) => {
  const service = await startTestService(t)
  const { request, member, role } = service
  const manager = await member('manager')
  const invite = (id: string, token: string) => request('POST', `/v1/members/${id}/invitations`, { token })
  for (const name of ['owner', 'privacy', 'agent'])
    t.equal(
      (await invite((await member(name)).id, manager.token)).status,
      403,
      `a manager gets none to an account of ${name}`,
    )
  t.equal((await invite(service.ownerId, manager.token)).status, 403)
  const made = await request('POST', '/v1/members', {
    token: manager.token,
    body: { email: address(), displayName: 'New' },
  })
  t.equal(made.status, 201)
  t.equal((await invite(made.id, manager.token)).status, 201, 'to one without roles it does')
  t.equal((await invite((await member('manager')).id, manager.token)).status, 201, 'and to one with its own')
  t.equal((await invite((await member('privacy')).id, service.ownerToken)).status, 201, 'an owner gets all')
  t.equal((await invite(service.ownerId, (await member('agent')).token)).status, 403)
  const move = (id: string) =>
    request('PATCH', `/v1/members/${id}`, { token: manager.token, body: { email: address() } })
  t.equal((await move(service.ownerId)).status, 403, 'nor does a manager move an owner’s login')
  t.equal((await move(manager.id)).status, 200, 'only its own')

  const own = await role([{ resource: 'members', actions: ['read', 'administer'], fields: { read: ['*'] } }])
  const clerk = await member(own)
  const before = await request('GET', `/v1/members/${service.ownerId}`)
  t.equal((await invite(service.ownerId, clerk.token)).status, 403)
  t.same((await request('GET', `/v1/members/${service.ownerId}`)).body, before.body)
})

t.test('the last active owner stays', async (t) => {
  const service = await startTestService(t)
  const { request, ownerId } = service
  const status = async (method: string, body?: object, id = ownerId): Promise<[number, unknown]> => {
    const answer = await request(method, `/v1/members/${id}`, { body })
    return [answer.status, answer.text ? answer.body.code : null]
  }
  const refused = [422, 'last_owner']
  t.same(await status('PATCH', { roleIds: [] }), refused)
  t.same(await status('PATCH', { status: 'deactivated' }), refused)
  t.same(await status('DELETE'), refused)
  const deputy = await service.member('owner')
  t.same(await status('PATCH', { status: 'deactivated' }, deputy.id), [200, undefined])
  t.same(await status('PATCH', { roleIds: [] }), refused, 'one who is out does not count')
  t.same(await status('DELETE', undefined, deputy.id), [204, null])
  t.same(await status('DELETE'), refused, 'nor one in the trash')
  const invitedOwner = await request('POST', '/v1/members', {
    body: {
      email: address(),
      displayName: 'Soon',
      roleIds: (await request('GET', `/v1/members/${ownerId}`)).body.roleIds,
    },
  })
  t.equal(invitedOwner.status, 201)
  t.same(await status('PATCH', { roleIds: [] }), refused, 'nor one who has not come yet')
  t.same(await status('PATCH', { displayName: 'Chief' }), [200, undefined], 'everything else may change')

  await t.test('two who remove each other at once do not both succeed', async (t) => {
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await service.member('owner'), await service.member('owner')]
      await request('PATCH', `/v1/members/${ownerId}`, { token: one.token, body: { roleIds: [] } })
      const answers = await Promise.all([
        request('PATCH', `/v1/members/${two.id}`, { token: one.token, body: { status: 'deactivated' } }),
        request('PATCH', `/v1/members/${one.id}`, { token: two.token, body: { roleIds: [] } }),
      ])
      const [left] = await service.sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM app.member m JOIN app.role r ON r.id = ANY (m.role_ids) AND r.built_in = 'owner' WHERE m.status = 'active' AND m.state = 'active'`,
      )
      t.ok(Number(left?.n) >= 1, answers.map((one) => one.status).join())
      // Back to one owner for the next round.
      const owner = await service.sql<{ id: string }>(
        `SELECT id FROM app.role WHERE built_in = 'owner' AND tenant_id = $1`,
        [service.tenantId],
      )
      await service.sql(
        `UPDATE app.member SET status = 'deactivated', access_version = access_version + 1 WHERE id = ANY ($1)`,
        [[one.id, two.id]],
      )
      await service.sql(`UPDATE app.member SET role_ids = $1, access_version = access_version + 1 WHERE id = $2`, [
        [owner[0]?.id],
        ownerId,
      ])
    }
  })
})

t.test('a member is made of what exists', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const other = await service.tenant()
  const [role] = (await request('GET', '/v1/roles', { token: other.ownerToken })).data
  const make = (body: object) =>
    request('POST', '/v1/members', { body: { email: address(), displayName: 'New', ...body } })
  for (const [what, body] of Object.entries({
    'a role that is none': { roleIds: [randomUUID()] },
    'a role of another tenant': { roleIds: [role?.id] },
    'a team that is none': { teamIds: [randomUUID()] },
    'a unit that is none': { businessUnitIds: [randomUUID()] },
  }))
    t.match([(await make(body)).status], [422], what)
  for (const [what, body] of Object.entries({
    'no address': { email: 'nobody' },
    'an address with a NUL': { email: 'a\0b@example.com' },
    'a status': { status: 'active' },
    'a role twice': { roleIds: [role?.id, role?.id] },
    'a hash': { passwordHash: 'x' },
    'a language that is none': { language: 'not a language' },
    'a time zone that is none': { timezone: 'Mars/Olympus' },
  }))
    t.equal((await make(body)).status, 400, what)
  const email = address()
  t.equal((await make({ email })).status, 201)
  t.equal((await make({ email: email.toUpperCase() })).status, 409, 'one account per address')
  t.equal(
    (await request('POST', '/v1/members', { token: other.ownerToken, body: { email, displayName: 'Elsewhere' } }))
      .status,
    201,
    'and tenant',
  )

  await t.test('a new address is the new login, the old one none', async (t) => {
    const member = await service.member([])
    const next = address()
    t.equal((await request('PATCH', `/v1/members/${member.id}`, { body: { email: next } })).status, 200)
    t.equal(
      (await request('POST', '/v1/sessions', { token: null, body: { email: member.email, password } })).status,
      401,
    )
    t.equal((await request('POST', '/v1/sessions', { token: null, body: { email: next, password } })).status, 201)
    t.equal(
      (await request('PATCH', `/v1/members/${member.id}`, { body: { email } })).status,
      409,
      'not one that another has',
    )
    t.equal(
      (await request('POST', '/v1/sessions', { token: null, body: { email: next, password } })).status,
      201,
      'and then nothing has changed',
    )
  })
  await t.test('nobody becomes active by another’s word', async (t) => {
    const guest = await invited(service)
    t.equal((await request('PATCH', `/v1/members/${guest.id}`, { body: { status: 'active' } })).status, 422)
    t.equal((await request('PATCH', `/v1/members/${service.ownerId}`, { body: { status: 'invited' } })).status, 422)
  })
  await t.test('the password is never answered', async (t) => {
    for (const path of ['/v1/members', `/v1/members/${service.ownerId}`, '/v1/me'])
      t.notMatch((await request('GET', path)).text, /argon2|password/i)
  })
})
