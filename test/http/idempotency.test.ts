import { createHash, randomUUID } from 'node:crypto'
import t from 'tap'
import { password, startTestService } from '../harness/service.ts'

t.test('what can be shown only once is done again for a repetition, and said to be one', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const agent = await service.member('agent')

  const contact = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', phone: '+4917012345678' } })
  const reveal = {
    token: agent.token,
    headers: { 'idempotency-key': randomUUID() },
    body: { fields: ['phone'], reason: 'Call back' },
  }
  const path = `/v1/contacts/${contact.id}/reveal`
  const first = await request('POST', path, reveal)
  const second = await request('POST', path, reveal)
  t.same(second.body, first.body)
  t.same(
    [first, second].map((one) => one.headers['idempotent-replayed']),
    [undefined, 'true'],
  )
  const looks = await sql("SELECT 1 FROM audit.readable_event WHERE action = 'reveal' AND outcome = 'allowed'")
  t.equal(looks.length, 2, 'each look is on record')

  const invite = { headers: { 'idempotency-key': randomUUID() } }
  const old = await request('POST', `/v1/members/${agent.id}/invitations`, invite)
  const link = await request('POST', `/v1/members/${agent.id}/invitations`, invite)
  t.equal(link.headers['idempotent-replayed'], 'true')
  const accept = async (token: string) =>
    (await request('POST', '/v1/invitations/accept', { token: null, body: { token, password: `${password}-2` } }))
      .status
  t.equal(await accept(old.string('token')), 401, 'only the newest link works')
  t.equal(await accept(link.string('token')), 201)
})

t.test('a change of the password may be repeated, though the old one is wrong by then', async (t) => {
  const service = await startTestService(t)
  const { token } = await service.member('agent')
  const change = {
    token,
    headers: { 'idempotency-key': randomUUID() },
    body: { currentPassword: password, newPassword: `${password}-2` },
  }
  const answers = [
    await service.request('POST', '/v1/me/password', change),
    await service.request('POST', '/v1/me/password', change),
    await service.request('POST', '/v1/me/password', { ...change, headers: {} }),
  ]
  t.same(
    answers.map((one) => [one.status, one.headers['idempotent-replayed']]),
    [
      [204, undefined],
      [204, 'true'],
      [403, undefined],
    ],
  )
})

t.test('what is kept of a request cannot be tried against a word list', async (t) => {
  const service = await startTestService(t)
  const body = { name: 'Night shift' }
  await service.request('POST', '/v1/teams', { body, headers: { 'idempotency-key': 'a-key' } })
  const [kept] = await service.sql<{ fingerprint: string }>(
    "SELECT encode(fingerprint, 'hex') AS fingerprint FROM app.idempotency",
  )
  const plain = createHash('sha256')
    .update(`POST /v1/teams\n${JSON.stringify(body)}`)
    .digest('hex')
  t.ok(kept)
  t.not(kept?.fingerprint, plain)
})
