import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Answer, ownerEmail, password, startTestService, type TestService } from '../../harness/service.ts'

const login = ({ request }: TestService, body: object) => request('POST', '/v1/sessions', { token: null, body })
const refresh = ({ request }: TestService, refreshToken: string) =>
  request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken } })
/** An error answer without what differs from request to request. */
const anonymous = (text: string): string => text.replace(/"requestId":"[^"]+"/, '')

t.test('logging in answers a session; what it holds works, and only it is told who', async (t) => {
  const service = await startTestService(t)
  const answer = await login(service, { email: ownerEmail, password })
  t.equal(answer.status, 201)
  t.match(answer.body, { member: { id: service.ownerId, email: ownerEmail, tenantId: service.tenantId } })
  const ends = Date.parse(answer.string('expiresAt')) - Date.now()
  t.ok(ends > 0 && ends <= 15 * 60_000, 'an access token lives for minutes')
  t.equal((await service.request('GET', '/v1/me', { token: answer.string('accessToken') })).id, service.ownerId)
  t.equal(
    (await login(service, { email: '  OWNER@example.com ', password })).status,
    201,
    'whatever case it is typed in',
  )

  const stored = JSON.stringify(
    await service.sql('SELECT * FROM app.session s JOIN app.refresh_token r ON r.session_id = s.id'),
  )
  for (const secret of [answer.string('refreshToken'), answer.string('accessToken')])
    t.notMatch(stored, secret.split('_').at(-1) ?? '', 'tokens are not stored')
  const [member] = await service.sql('SELECT password_hash FROM app.member WHERE id = $1', [service.ownerId])
  t.match(member?.password_hash, /^\$argon2id\$v=19\$m=\d{5,},t=\d+,p=\d+\$/)
})

t.test('a wrong password and an unknown address are told in the same words and the same time', async (t) => {
  const service = await startTestService(t)
  const invited = `invited-${randomUUID()}@example.com`
  await service.request('POST', '/v1/members', { body: { email: invited, displayName: 'Invited' } })
  const gone = await service.member([])
  await service.request('PATCH', `/v1/members/${gone.id}`, { body: { status: 'deactivated' } })
  const wrong = { email: ownerEmail, password: 'not-the-password' }
  const cases: [string, object][] = [
    ['unknown', { email: 'nobody@example.com', password }],
    ['invited', { email: invited, password }],
    ['deactivated', { email: gone.email, password }],
    ['of another tenant', { email: ownerEmail, password, tenant: randomUUID() }],
    ['of a tenant that is none', { email: ownerEmail, password, tenant: 'x' }],
    ['no address', { email: 'x', password }],
  ]
  const reference = await login(service, wrong)
  t.equal(reference.status, 401)
  t.equal(reference.code, 'invalid_credentials')
  for (const [what, body] of cases) {
    const answer = await login(service, body)
    t.equal(answer.status, 401, what)
    t.equal(anonymous(answer.text), anonymous(reference.text), what)
    t.same(Object.keys(answer.headers).sort(), Object.keys(reference.headers).sort(), what)
  }
  for (const body of [wrong, { email: 'someone@example.com', password }]) {
    const start = performance.now()
    await login(service, body)
    t.ok(performance.now() - start >= 249, 'no failure answers as soon as it is known')
  }
  const fastest = async (body: object): Promise<number> => {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 4; i++) {
      const start = performance.now()
      await login(service, body)
      best = Math.min(best, performance.now() - start)
    }
    return best
  }
  const known = await fastest(wrong)
  const unknown = await fastest({ email: 'somebody@example.com', password })
  t.ok(unknown > known / 2 && known > unknown / 2, `known ${known} ms, unknown ${unknown} ms`)

  await t.test('the failures of known accounts are on record, without the address', async (t) => {
    const events = await service.sql(
      `SELECT actor_kind, code, touched FROM audit.readable_event WHERE resource = 'sessions' AND outcome = 'denied'`,
    )
    t.ok(events.length >= 3)
    t.match(events[0], { actor_kind: 'anonymous', code: 'invalid_credentials', touched: [{ ids: [service.ownerId] }] })
    t.notMatch(JSON.stringify(events), ownerEmail)
  })
})

t.test('guessing is slowed down, for accounts that exist and for those that do not', async (t) => {
  const service = await startTestService(t)
  for (const email of [ownerEmail, 'nobody@example.com']) {
    const answers = []
    for (let i = 0; i < 11; i++) answers.push(await login(service, { email, password: 'wrong-password' }))
    t.same(
      answers.map((one) => one.status),
      [...Array(10).fill(401), 429],
      email,
    )
    t.match(answers.at(-1)?.headers, { 'retry-after': /^\d+$/ })
  }
  t.equal((await login(service, { email: ownerEmail, password })).status, 429, 'nor does the right one help then')
  t.equal((await login(service, { email: ownerEmail.toUpperCase(), password })).status, 429, 'however it is typed')
  t.equal((await service.request('GET', '/v1/me')).status, 200, 'sessions that are open stay so')
  const stored = JSON.stringify(await service.sql('SELECT subject_hash FROM directory.login_attempt'))
  t.notMatch(stored, 'owner')
  await service.sql(`UPDATE directory.login_attempt SET since = since - interval '16 minutes'`)
  t.equal((await login(service, { email: ownerEmail, password })).status, 201, 'a quarter of an hour later')
})

t.test('of many guesses at once no more are let in than of many in a row', async (t) => {
  const service = await startTestService(t)
  const guess = (): Promise<Answer> => login(service, { email: ownerEmail, password: 'wrong-password' })
  const all = await Promise.all(Array.from({ length: 30 }, guess))
  t.equal(all.filter((one) => one.status === 401).length, 10)
  t.equal(all.filter((one) => one.status === 429).length, 20)
  t.match(
    await service.sql('SELECT failures FROM directory.login_attempt'),
    [{ failures: 10 }, { failures: 10 }],
    'those that were not let in count neither for the account nor for the address',
  )
})

t.test('a right password takes its attempt back', async (t) => {
  const service = await startTestService(t)
  await login(service, { email: ownerEmail, password: 'wrong-password' })
  t.equal((await login(service, { email: ownerEmail, password })).status, 201)
  t.same(await service.sql('SELECT failures FROM directory.login_attempt'), [{ failures: 1 }], 'the guess from here')
})

t.test('a refresh token works once, and the second use of one ends the session', async (t) => {
  const service = await startTestService(t)
  const first = await service.login(ownerEmail)
  const second = await refresh(service, first.refreshToken)
  t.equal(second.status, 200)
  t.not(second.string('refreshToken'), first.refreshToken)
  t.equal((await service.request('GET', '/v1/me', { token: second.string('accessToken') })).status, 200)
  t.equal((await service.request('GET', '/v1/me', { token: first.token })).status, 200, 'the access token lives on')

  const reused = await refresh(service, first.refreshToken)
  t.equal(reused.status, 401)
  t.equal(reused.code, 'unauthenticated')
  for (const token of [first.token, second.string('accessToken')])
    t.equal((await service.request('GET', '/v1/me', { token })).status, 401, 'both lose it')
  t.equal((await refresh(service, second.string('refreshToken'))).status, 401)
  t.same(await service.sql(`SELECT count(*)::int AS n FROM app.session WHERE ended_reason = 'refresh token reused'`), [
    { n: 1 },
  ])
  t.equal((await service.request('GET', '/v1/me')).status, 200, 'other sessions of the member go on')
  t.match(
    await service.sql(
      'SELECT outcome, code, touched FROM audit.readable_event WHERE request_id = $1 ORDER BY outcome',
      [reused.headers['request-id']],
    ),
    [
      { outcome: 'allowed', touched: [{ resource: 'sessions', changed: ['endedAt'] }] },
      { outcome: 'denied', code: 'unauthenticated', touched: [{ resource: 'sessions', ids: { length: 1 } }] },
    ],
    'that the session ended is on record, and that the attempt was refused',
  )

  await t.test('of several at once, one is the first', async (t) => {
    const { refreshToken } = await service.login(ownerEmail)
    const all = await Promise.all(Array.from({ length: 5 }, () => refresh(service, refreshToken)))
    t.equal(all.filter((one) => one.status === 200).length, 1)
    t.equal(all.filter((one) => one.status === 401).length, 4)
  })
  await t.test('one that is no refresh token gets no further', async (t) => {
    const { refreshToken, token } = await service.login(ownerEmail)
    const key = (await service.request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [] } })).string('key')
    const flipped = refreshToken.slice(0, -1) + (refreshToken.endsWith('A') ? 'B' : 'A')
    for (const wrong of [
      token,
      key,
      key.replace('cak_', 'crt_'),
      `crt_${'A'.repeat(86)}`,
      `${refreshToken}A`,
      flipped,
      refreshToken.slice(0, -1),
      'crt_',
      ' ',
    ])
      t.equal((await refresh(service, wrong)).status, 401, wrong.slice(0, 12))
    t.equal((await service.request('GET', '/v1/me', { token: refreshToken })).status, 401, 'nor is it an access token')
    t.equal((await refresh(service, refreshToken)).status, 200, 'the true one is as good as ever')
  })
  await t.test('an expired session is over', async (t) => {
    const { refreshToken, token } = await service.login(ownerEmail)
    await service.sql(
      `UPDATE app.session SET expires_at = now() - interval '1 second' WHERE id = (SELECT id FROM app.session ORDER BY id DESC LIMIT 1)`,
    )
    t.equal((await refresh(service, refreshToken)).status, 401)
    t.equal((await service.request('GET', '/v1/me', { token })).status, 401)
  })
})

t.test('logging out ends this session at once, and no other', async (t) => {
  const service = await startTestService(t)
  const { token, refreshToken } = await service.login(ownerEmail)
  t.equal((await service.request('DELETE', '/v1/sessions/current', { token })).status, 204)
  t.equal((await service.request('GET', '/v1/me', { token })).status, 401)
  t.equal((await refresh(service, refreshToken)).status, 401)
  t.equal((await service.request('DELETE', '/v1/sessions/current', { token })).status, 401)
  t.equal((await service.request('GET', '/v1/me')).status, 200)
})

t.test('a new password ends every other session', async (t) => {
  const service = await startTestService(t)
  const member = await service.member('agent')
  const [here, there] = [await service.login(member.email), await service.login(member.email)]
  const change = (body: object) => service.request('POST', '/v1/me/password', { token: here.token, body })
  const next = 'another-password-2'
  const wrong = await change({ currentPassword: 'not-it-at-all', newPassword: next })
  t.equal(wrong.status, 403)
  t.equal((await change({ currentPassword: password, newPassword: 'short' })).status, 400)
  t.equal((await service.request('GET', '/v1/me', { token: there.token })).status, 200)
  t.equal((await change({ currentPassword: password, newPassword: next })).status, 204)
  t.equal((await service.request('GET', '/v1/me', { token: here.token })).status, 200, 'this one goes on')
  for (const token of [there.token, member.token])
    t.equal((await service.request('GET', '/v1/me', { token })).status, 401, 'the others are over')
  t.equal((await refresh(service, there.refreshToken)).status, 401)
  t.equal((await login(service, { email: member.email, password })).status, 401)
  t.equal((await login(service, { email: member.email, password: next })).status, 201)
  t.equal((await service.request('POST', '/v1/me/password', { token: null, body: {} })).status, 401)
})

t.test('one address in two tenants', async (t) => {
  const service = await startTestService(t)
  const other = await service.tenant(ownerEmail)
  const both = await login(service, { email: ownerEmail, password })
  t.equal(both.status, 422, 'the right password of both asks which')
  t.same((both.body.tenants as { id: string }[]).map((one) => one.id).sort(), [service.tenantId, other.tenantId].sort())
  t.equal(
    (await login(service, { email: ownerEmail, password: 'wrong-password' })).status,
    401,
    'a wrong one is told of none',
  )
  for (const { tenantId, ownerId } of [service, other]) {
    const session = await login(service, { email: ownerEmail, password, tenant: tenantId })
    t.equal(session.status, 201)
    t.match((await service.request('GET', '/v1/me', { token: session.string('accessToken') })).body, {
      tenantId,
      id: ownerId,
    })
  }
  // Another password in the second tenant: each opens its own.
  const { token } = await service.login(ownerEmail, other.tenantId)
  const next = 'only-of-the-other-3'
  await service.request('POST', '/v1/me/password', { token, body: { currentPassword: password, newPassword: next } })
  for (const [secret, tenantId] of [
    [password, service.tenantId],
    [next, other.tenantId],
  ] as const) {
    const session = await login(service, { email: ownerEmail, password: secret })
    t.match([session.status, session.body], [201, { member: { tenantId } }])
  }
})
