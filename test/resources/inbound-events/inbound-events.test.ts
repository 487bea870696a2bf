import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { post, whatsappChannel, whatsappPost } from '../ingest/posts.ts'

t.test('an event is replayed from whatever state, once per Idempotency-Key', async (t) => {
  const { request, sql, service, ids } = await withEvents(t, 1)
  const [id = ''] = ids
  for (const status of ['failed', 'ignored', 'processed', 'stored']) {
    await sql(
      `UPDATE app.inbound_event SET status = $1, reason = 'unknown_type', attempts = 5, retry_at = now() + interval '1 hour'`,
      [status],
    )
    await sql('DELETE FROM graphile_worker._private_jobs')
    const answer = await replay(service, id)
    t.equal(answer.status, 202, answer.text)
    t.match(answer.body, { id, status: 'stored', attempts: 0, reason: null })
    t.equal((await sql(`SELECT FROM graphile_worker.jobs WHERE task_identifier = 'normalise'`)).length, 1)
    t.same(await sql('SELECT retry_at FROM app.inbound_event'), [{ retry_at: null }])
  }
  const headers = { 'idempotency-key': 'again' }
  const first = await replay(service, id, headers)
  const second = await replay(service, id, headers)
  t.equal(second.headers['idempotent-replayed'], 'true')
  t.equal(second.body.version, first.body.version)
  t.match((await request('GET', `/v1/audit-events?recordId=${id}&action=administer`)).data[0], {
    outcome: 'allowed',
    touched: [{ resource: 'inbound-events', changed: ['status', 'reason', 'attempts', 'channelId', 'businessUnitId'] }],
  })
})

t.test('an unrouted event is replayed to the channel that serves its account by now, or refused', async (t) => {
  const { request, sql, service, id: channelId } = await withEvents(t, 0)
  await post(service, channelId, whatsappPost([{ id: 'wamid.x', text: 'x' }], '2'))
  const [event] = (await request('GET', '/v1/inbound-events')).data
  const none = await replay(service, event?.id ?? '')
  t.equal(none.status, 422)
  t.equal(none.code, 'unprocessable')
  const made = await request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId: '2' }) })
  await sql(`UPDATE app.inbound_event SET status = 'unrouted', channel_id = NULL, business_unit_id = NULL`)
  t.match((await replay(service, event?.id ?? '')).body, {
    status: 'stored',
    channelId: made.id,
    businessUnitId: made.body.businessUnitId,
  })
})

t.test('an event without its payload is gone', async (t) => {
  const { request, sql, service, ids } = await withEvents(t, 1)
  const [id = ''] = ids
  await sql('UPDATE app.inbound_event SET sealed_payload = NULL')
  t.equal((await request('GET', `/v1/inbound-events/${id}/payload`)).status, 410)
  t.equal((await replay(service, id)).status, 410)
  t.equal((await request('GET', `/v1/inbound-events/${id}`)).body.payload, null)
})

t.test('a failing event can be set aside, another one not', async (t) => {
  const { request, sql, ids } = await withEvents(t, 1)
  const [id] = ids
  const setAside = () => request('POST', `/v1/inbound-events/${id}/set-aside`)
  t.equal((await setAside()).code, 'conflict')
  await sql(`UPDATE app.inbound_event SET attempts = 2, reason = 'unknown_type', retry_at = now() + interval '1 hour'`)
  await sql('DELETE FROM graphile_worker._private_jobs')
  t.match((await setAside()).body, { status: 'failed', reason: 'set_aside' })
  t.equal((await sql('SELECT FROM graphile_worker.jobs')).length, 1, 'the lane goes on')
  t.equal((await setAside()).status, 409)
})

t.test('the payload is for those who may read that field, and reading it is on record', async (t) => {
  const { request, service, ids, sql } = await withEvents(t, 1)
  const [id = ''] = ids
  const path = `/v1/inbound-events/${id}/payload`
  const manager = await service.member('manager')
  const listed = (await request('GET', '/v1/inbound-events', { token: manager.token })).data
  t.equal(listed.length, 1)
  t.equal(listed[0]?.payload, undefined)
  t.equal((await request('GET', path, { token: manager.token })).status, 404)
  t.equal((await replay(service, id, {}, manager.token)).status, 202, 'how the house works is theirs')
  const privacy = await service.member('privacy')
  t.match((await request('GET', path, { token: privacy.token })).text, /text 0/)
  t.equal((await replay(service, id, {}, privacy.token)).status, 403)
  const agent = await service.member('agent')
  for (const url of [path, `/v1/inbound-events/${id}`, '/v1/inbound-events'])
    t.equal((await request('GET', url, { token: agent.token })).status, 403)
  const stranger = await service.tenant()
  t.equal((await request('GET', path, { token: stranger.ownerToken })).status, 404)
  t.equal((await replay(service, id, {}, stranger.ownerToken)).status, 404)
  t.equal((await request('GET', `/v1/inbound-events/${randomUUID()}/payload`)).status, 404)
  const byKind = await service.role([
    {
      resource: 'inbound-events',
      actions: ['read'],
      fields: { read: ['kind', 'payload'] },
      when: { eq: ['kind', 'messages.image'] },
    },
    { resource: 'inbound-events', actions: ['read'], fields: { read: ['kind'] } },
  ])
  const some = await service.member(byKind)
  t.equal((await request('GET', path, { token: some.token })).status, 404, 'the payload of this kind is not theirs')
  await sql(`UPDATE app.inbound_event SET kind = 'messages.image'`)
  t.equal((await request('GET', path, { token: some.token })).status, 200)
  const reads = await request('GET', `/v1/audit-events?recordId=${id}&action=read&outcome=allowed`)
  t.ok(reads.data.some((one) => JSON.stringify(one.touched).includes('"shown":["payload"]')))
  const denied = await request('GET', `/v1/audit-events?recordId=${id}&action=read&outcome=denied`)
  t.ok(denied.data.length >= 3)
})

t.test('nobody makes, changes or deletes an event by hand', async (t) => {
  const { request, ids } = await withEvents(t, 1)
  t.equal((await request('POST', '/v1/inbound-events', { body: {} })).status, 405)
  t.equal((await request('PATCH', `/v1/inbound-events/${ids[0]}`, { body: { status: 'processed' } })).status, 405)
  t.equal((await request('DELETE', `/v1/inbound-events/${ids[0]}`)).status, 405)
  const found = await request('POST', '/v1/inbound-events/search', { body: { where: { eq: ['status', 'stored'] } } })
  t.equal(found.data.length, 1)
})

async function withEvents(t: Parameters<typeof startTestService>[0], count: number) {
  const service = await startTestService(t)
  const { id } = await service.request('POST', '/v1/channels', { body: whatsappChannel() })
  if (count > 0)
    await post(
      service,
      id,
      whatsappPost(Array.from({ length: count }, (_, i) => ({ id: `wamid.${i}`, text: `text ${i}` }))),
    )
  const ids = (await service.request('GET', '/v1/inbound-events')).data.map((one) => one.id)
  return { service, request: service.request, sql: service.sql, id, ids }
}

const replay = (service: TestService, id: string, headers: Record<string, string> = {}, token = service.ownerToken) =>
  service.request('POST', `/v1/inbound-events/${id}/replay`, { headers, token })

t.test('replaying what was processed doubles nothing, and its payload opens under its contact’s key', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request, sql } = service
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  await post(service, id, whatsappPost([{ id: 'wamid.1', text: 'only once' }]))
  const event = await settled(service, 1)
  const counts = () =>
    sql(`SELECT (SELECT count(*)::int FROM app.message) AS messages, (SELECT count(*)::int FROM app.contact) AS contacts,
      (SELECT count(*)::int FROM app.conversation) AS conversations, (SELECT sum(unread_count)::int FROM app.conversation) AS unread`)
  t.same(await counts(), [{ messages: 1, contacts: 1, conversations: 1, unread: 1 }])
  t.ok(event.contactId)
  t.match((await request('GET', `/v1/inbound-events/${event.id}/payload`)).text, /only once/)
  const [read] = (
    await request('GET', `/v1/audit-events?recordId=${event.id}&action=read&subjectId=${event.contactId}`)
  ).data
  t.match(read?.subjectIds, [event.contactId], 'it counts as seeing the contact')
  t.equal((await replay(service, event.id)).status, 202)
  const again = await settled(service, 1)
  t.ok(Number(again.version) > Number(event.version))
  t.same(await counts(), [{ messages: 1, contacts: 1, conversations: 1, unread: 1 }])
  await sql('DELETE FROM app.contact_key')
  t.equal((await request('GET', `/v1/inbound-events/${event.id}/payload`)).status, 410, 'erased with its key')
})

/** The one event, once it has been dealt with. */
async function settled({ request }: TestService, count: number) {
  for (let i = 0; i < 500; i++) {
    const [event, ...rest] = (await request('GET', '/v1/inbound-events?status=processed')).data
    if (event && rest.length === count - 1) return event
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('the event was not processed')
}
