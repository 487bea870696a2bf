import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { done, eventsOf } from '../conversations/fixtures.ts'

const make = async (service: TestService, body: object) => (await done(service, 'POST', '/v1/contacts', body)).id

const suggested = async (service: TestService, id: string, token = service.ownerToken) => {
  const { data } = await done(service, 'GET', `/v1/contacts/${id}/merge-suggestions`, undefined, token)
  return Object.fromEntries(
    data.map((one) => [one.contactId, (one.reasons as { code: string }[]).map(({ code }) => code)]),
  )
}

t.test('what speaks for two contacts being one person', async (t) => {
  const service = await startTestService(t)
  const base = await make(service, {
    displayName: 'Zoë Müller',
    email: 'zoe@example.com',
    phone: '+5511987654321',
    country: 'BR',
    birthDate: '1988-04-01',
    externalIds: [{ system: 'crm', id: 'C-1' }],
  })
  const email = await make(service, { displayName: 'B', email: 'ZOE@example.com' })
  const phone = await make(service, { displayName: 'C', phone: '+551187654321' })
  const external = await make(service, { displayName: 'D', externalIds: [{ system: 'shop', id: 'C-1' }] })
  const name = await make(service, { displayName: 'zoe muller', country: 'BR' })
  const birth = await make(service, { displayName: 'Zoë Müller', birthDate: '1988-04-01', email: 'zoe@example.com' })
  await make(service, { displayName: 'Zoë Müller', country: 'DE' })
  await make(service, { displayName: 'Nobody', email: 'other@example.com' })
  const found = await suggested(service, base)
  t.same(found, {
    [email]: ['same_email'],
    [phone]: ['same_phone'],
    [external]: ['same_external_id'],
    [name]: ['same_name_and_country'],
    [birth]: ['same_email', 'same_name_and_birth_date'],
  })
  const answer = await done(service, 'GET', `/v1/contacts/${base}/merge-suggestions`)
  const scores = answer.data.map((one) => Number(one.score))
  t.same(
    scores,
    scores.toSorted((a, b) => b - a),
    'the most likely first',
  )
  t.equal(answer.data[0]?.contactId, birth, 'two reasons are more than one')
  const [event] = await eventsOf(service, answer)
  t.match(event, { action: 'read', resource: 'contacts' })
  t.same(new Set(event?.subject_ids), new Set([base, ...Object.keys(found)]), 'who was shown is on record')
  t.equal((await done(service, 'GET', `/v1/contacts/${base}/merge-suggestions?limit=2`)).data.length, 2)

  await t.test('somebody says no, and it is remembered for both and for everybody', async (t) => {
    const path = (one: string, other: string) => `/v1/contacts/${one}/merge-suggestions/${other}/dismiss`
    const { token: agent } = await service.member('agent')
    t.equal((await service.request('POST', path(base, email), { token: agent })).status, 403)
    t.equal((await service.request('POST', path(base, email))).status, 204)
    t.equal((await service.request('POST', path(email, base))).status, 204)
    t.notOk(email in (await suggested(service, base)))
    t.notOk(base in (await suggested(service, email)))
    t.equal((await service.request('POST', path(base, base))).status, 422)
    t.equal((await service.request('POST', path(base, randomUUID()))).status, 404)
    t.equal((await service.request('POST', `/v1/contacts/${base}/merge`, { body: { mergeId: email } })).status, 200)
  })
})

t.test('nobody is told by a suggestion what they do not see', async (t) => {
  const service = await startTestService(t)
  const known = { email: 'zoe@example.com', phone: '+4915112345678', displayName: 'Zoë', country: 'DE' }
  const base = await make(service, known)
  const hidden = await make(service, { ...known, country: 'AT' })
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
  await make(service, { ...known, businessUnitId: unit })
  t.same(Object.keys(await suggested(service, base)), [hidden], 'the owner sees both units, and is suggested one')

  const { token: agent } = await service.member('agent')
  t.same(await suggested(service, base, agent), {}, 'masked addresses speak for nothing')

  const german = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['country', 'DE'] } },
    { resource: 'identities', actions: ['read'], fields: { read: ['*'] } },
  ])
  t.same(await suggested(service, base, (await service.member(german)).token), {}, 'who is out of sight is not there')

  const blind = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['country'], mask: ['displayName', 'email', 'phone'] } },
  ])
  t.same(await suggested(service, base, (await service.member(blind)).token), {})

  const half = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] } },
    { resource: 'identities', actions: ['read'], fields: { read: ['kind', 'contactId'], mask: ['value'] } },
  ])
  const twin = await make(service, { displayName: 'Zoë', country: 'DE' })
  t.same(await suggested(service, base, (await service.member(half)).token), { [twin]: ['same_name_and_country'] })

  const far = await service.member('privacy', { businessUnitIds: [unit] })
  t.equal((await service.request('GET', `/v1/contacts/${base}/merge-suggestions`, { token: far.token })).status, 404)
})

t.test('a conflict over masked fields does not tell whether they are the same', async (t) => {
  const service = await startTestService(t)
  const role = await service.role([
    {
      resource: 'contacts',
      actions: ['read', 'merge'],
      fields: { read: ['displayName'], mask: ['phone', 'birthDate'] },
    },
  ])
  const { token } = await service.member(role)
  const answers: unknown[] = []
  for (const phone of ['+4915112345678', '+4915199999978']) {
    const [one, other] = [
      await make(service, { displayName: 'A', phone: '+4915112345678', company: 'X' }),
      await make(service, { displayName: 'A', phone, company: 'Y' }),
    ]
    const body = { mergeId: other, dryRun: true }
    const answer = await done(service, 'POST', `/v1/contacts/${one}/merge`, body, token)
    answers.push((answer.body.conflicts as object[]).map((conflict) => ({ ...conflict, contactId: null })))
  }
  t.match(answers[0], [{ field: 'phone', masked: true, chosen: 'ours' }])
  t.same(answers[0], answers[1])
})
