import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import {
  connectorChannel,
  done,
  eventsOf,
  faultsOf,
  send,
  talk,
  whatsappChannel,
  wrote,
} from '../conversations/fixtures.ts'

const service = await startTestService(t)
const { request } = service
const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
const someone = () => talk(service, { channelId, kind: 'connector' })
const pathOf = (contactId: string): string => `/v1/contacts/${contactId}/consent-events`
const evidence = 'By phone on 12 May: she wants no more of it. Call no. 4711.'
const stop = { category: 'marketing', state: 'stop', evidence }
const offer = (conversationId: string) => send(service, conversationId, { text: 'Offer', purpose: 'marketing' })
const refusedAs = async (conversationId: string, purpose?: string) => {
  const answer = await send(service, conversationId, { text: 'x', ...(purpose ? { purpose } : {}) })
  return answer.status === 201 ? null : faultsOf(answer)[0]?.code
}

t.test('what was said by phone or on paper is put down, and obeyed at once', async (t) => {
  const one = await someone()
  t.equal((await offer(one.conversationId)).status, 201)
  const made = await done(service, 'POST', pathOf(one.contactId), stop)
  t.equal(made.status, 201)
  t.equal(made.headers.location, `/v1/consent-events/${made.id}`)
  t.match(made.body, {
    ...{ contactId: one.contactId, category: 'marketing', state: 'stop', source: 'manual', channelId: null },
    ...{ identityId: null, messageId: null, inboundEventId: null },
    evidence: { href: `/v1/consent-events/${made.id}/evidence` },
  })
  t.same((await done(service, 'GET', `/v1/consent-events/${made.id}/evidence`)).body, { text: evidence })
  t.equal(await refusedAs(one.conversationId, 'marketing'), 'opted_out')
  t.equal(await refusedAs(one.conversationId), null, 'an answer is no marketing')
  await done(service, 'POST', pathOf(one.contactId), { ...stop, state: 'resume', evidence: 'By letter.' })
  t.equal(await refusedAs(one.conversationId, 'marketing'), null, 'the latest holds')
  await wrote(service, one.conversationId, `now() - interval '1 minute'`)
  await done(service, 'POST', pathOf(one.contactId), { ...stop, category: 'all' })
  t.equal(await refusedAs(one.conversationId), 'blocked', 'nothing at all')

  const [event] = await eventsOf(service, made)
  t.match(event, { action: 'create', resource: 'consent-events', outcome: 'allowed', subject_ids: [one.contactId] })
  t.ok(event?.touched.some(({ resource, ids }) => resource === 'consent-events' && ids.includes(made.id)))
  const [raw] = await service.sql<{ row: string }>(
    'SELECT to_jsonb(each)::text AS row FROM audit.readable_event AS each WHERE request_id = $1',
    [made.headers['request-id']],
  )
  t.notMatch(raw?.row, /4711/, 'the audit has no word of it in clear')
})

t.test('a wish for one channel holds there, one that is older than another does not', async (t) => {
  const one = await someone()
  const whatsapp = await whatsappChannel(service, 'http://127.0.0.1:9')
  const path = pathOf(one.contactId)
  await done(service, 'POST', path, { ...stop, channelId: whatsapp })
  t.equal(await refusedAs(one.conversationId, 'marketing'), null)
  await done(service, 'POST', path, { ...stop, channelId, state: 'resume' })
  const late = await done(service, 'POST', path, { ...stop, channelId, occurredAt: '2026-01-01T10:00:00+02:00' })
  t.equal(late.body.occurredAt, '2026-01-01T08:00:00Z')
  t.equal(await refusedAs(one.conversationId, 'marketing'), null, 'it was said before')
  await done(service, 'POST', path, { ...stop, channelId })
  t.equal(await refusedAs(one.conversationId, 'marketing'), 'opted_out')
})

t.test('it takes evidence, a known channel, and a time that has been', async (t) => {
  const one = await someone()
  const path = pathOf(one.contactId)
  const status = async (body: object) => (await request('POST', path, { body })).status
  for (const evidence of [undefined, '', ' \n ', 'x'.repeat(5_001), { text: 'x' }])
    t.equal(await status({ ...stop, evidence }), 400)
  for (const wrong of [
    { category: 'news' },
    { state: 'granted' },
    { source: 'keyword' },
    { identityId: one.identityId },
  ])
    t.equal(await status({ ...stop, ...wrong }), 400, JSON.stringify(wrong))
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
  const elsewhere = await whatsappChannel(service, 'http://127.0.0.1:9', unit)
  for (const channel of [randomUUID(), elsewhere]) {
    const refused = await request('POST', path, { body: { ...stop, channelId: channel } })
    t.same([refused.status, faultsOf(refused)], [422, [{ path: '/channelId', code: 'unknown_reference' }]])
  }
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
  const refused = await request('POST', path, { body: { ...stop, occurredAt: tomorrow } })
  t.same([refused.status, faultsOf(refused)], [422, [{ path: '/occurredAt', code: 'in_the_future' }]])
  t.equal((await request('POST', pathOf(randomUUID()), { body: stop })).status, 404)
  t.same((await done(service, 'GET', path)).data, [])
})

t.test('the same request twice is one wish', async (t) => {
  const one = await someone()
  const headers = { 'idempotency-key': randomUUID() }
  const [first, second] = [
    await request('POST', pathOf(one.contactId), { body: stop, headers }),
    await request('POST', pathOf(one.contactId), { body: stop, headers }),
  ]
  t.same([first.status, second.status, second.id], [201, 201, first.id])
  t.equal(second.headers['idempotent-replayed'], 'true')
  t.equal((await done(service, 'GET', pathOf(one.contactId))).data.length, 1)
})

t.test('nobody changes it or takes it away', async (t) => {
  const one = await someone()
  const made = await done(service, 'POST', pathOf(one.contactId), stop)
  for (const method of ['PATCH', 'DELETE', 'PUT'])
    t.equal((await request(method, `/v1/consent-events/${made.id}`, { body: { state: 'resume' } })).status, 405, method)
  t.equal((await request('POST', `/v1/consent-events/${made.id}/restore`)).status, 404)
})

t.test('an agent puts down that somebody has enough, and not that they agreed', async (t) => {
  const one = await someone()
  for (const role of ['agent', 'sales']) {
    const { token } = await service.member(role)
    const made = await request('POST', pathOf(one.contactId), { body: stop, token })
    t.equal(made.status, 201, made.text)
    t.notOk('evidence' in made.body, 'and does not read the words again')
    const refused = await request('POST', pathOf(one.contactId), { body: { ...stop, state: 'resume' }, token })
    t.equal(refused.status, 403, role)
  }
  const { token } = await service.member('privacy')
  const made = await request('POST', pathOf(one.contactId), { body: { ...stop, state: 'resume' }, token })
  t.match([made.status, made.body], [201, { state: 'resume', evidence: {} }])
  const manager = await service.member('manager')
  t.equal((await request('POST', pathOf(one.contactId), { body: stop, token: manager.token })).status, 403)
})

t.test('an erasure takes the words, and leaves that it was said', async (t) => {
  const one = await someone()
  const made = await done(service, 'POST', pathOf(one.contactId), stop)
  await done(service, 'POST', `/v1/contacts/${one.contactId}/erase`, { reason: 'asked for it' })
  const left = await service.sql('SELECT state, sealed_evidence FROM app.consent_event WHERE id = $1', [made.id])
  t.same(left, [{ state: 'stop', sealed_evidence: null }])
  t.equal((await request('GET', pathOf(one.contactId))).status, 410)
  for (const path of ['', '/evidence'])
    t.equal((await request('GET', `/v1/consent-events/${made.id}${path}`)).status, 404)
})
