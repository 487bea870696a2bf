import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import type { Row } from '../../harness/service.ts'
import { done, eventsOf } from '../conversations/fixtures.ts'

const lanes = await startLanes(t)
const { service, drain } = lanes
const { request } = service
const channel = await lanes.connector()
const writes = async (text: string, value = 'ada') => {
  await channel.send(said(text, { from: { value, displayName: value } }))
  await drain()
}
await writes('Hello')
await writes(' Stop! ')
await writes('START')
await writes('Hello', 'bea')
const contactOf = async (name: string): Promise<string> =>
  (await done(service, 'GET', `/v1/contacts?displayName=${name}`)).data[0]?.id ?? ''
const contactId = await contactOf('ada')
const path = `/v1/contacts/${contactId}/consent-events`
const listed = async (query = '', token?: string): Promise<Row[]> =>
  (await done(service, 'GET', `${path}${query}`, undefined, token)).data

t.test('what somebody said about being contacted is listed, the latest first, with what proves it', async (t) => {
  const [last, first, ...more] = await listed()
  t.same(more, [])
  const [identity] = (await done(service, 'GET', `/v1/contacts/${contactId}/identities`)).data
  t.match(first, {
    ...{ contactId, category: 'marketing', state: 'stop', source: 'keyword', channelId: channel.id },
    ...{ identityId: identity?.id, occurredAt: /Z$/, createdAt: /Z$/ },
    evidence: { href: `/v1/consent-events/${first?.id}/evidence` },
  })
  t.match(last, { state: 'resume', source: 'keyword' })
  const message = await done(service, 'GET', `/v1/messages/${first?.messageId}`)
  t.match(message.body, { text: ' Stop! ', contactId })
  const event = await done(service, 'GET', `/v1/inbound-events/${first?.inboundEventId}`)
  t.match(event.body, { messageId: message.id, status: 'processed' })
  t.same((await done(service, 'GET', `/v1/consent-events/${first?.id}`)).body, first)
  const evidence = await done(service, 'GET', `/v1/consent-events/${first?.id}/evidence`)
  t.same(evidence.body, { text: ' Stop! ' })
  t.match(await eventsOf(service, evidence), [
    {
      ...{ action: 'read', resource: 'consent-events', outcome: 'allowed', subject_ids: [contactId] },
      touched: [{ resource: 'consent-events', ids: [first?.id], shown: ['evidence'] }],
    },
  ])
  const stored = await service.sql<{ row: string }>('SELECT each::text AS row FROM app.consent_event AS each')
  t.notMatch(JSON.stringify(stored), /Stop!/, 'the words are kept sealed')
  t.same((await done(service, 'GET', `/v1/contacts/${await contactOf('bea')}/consent-events`)).data, [])
})

t.test('the list is filtered, sorted, paged and searched as others are', async (t) => {
  const states = (rows: readonly Row[]) => rows.map(({ state }) => state)
  t.same(states(await listed('?sort=occurredAt')), ['stop', 'resume'])
  t.same(states(await listed('?state=stop&category=marketing&source=keyword')), ['stop'])
  t.same(states(await listed('?category=all')), [])
  const first = await done(service, 'GET', `${path}?limit=1`)
  t.same(states(first.data), ['resume'])
  t.same(states(await listed(`?limit=1&cursor=${first.body.nextCursor}`)), ['stop'])
  const found = await done(service, 'POST', `${path}/search`, { where: { eq: ['state', 'resume'] } })
  t.same(states(found.data), ['resume'])
  const [one] = await listed('?include=contact,message&state=stop')
  t.match(one, {
    contact: { id: contactId, displayName: 'ada' },
    message: { id: one?.messageId, text: ' Stop! ' },
  })
  t.equal((await request('GET', `${path}?evidence=x`)).status, 400, 'what is sealed is not asked about')
})

t.test('agents and sales see what was said, and not the words; whoever answers for it sees both', async (t) => {
  const [one] = await listed()
  for (const role of ['agent', 'sales']) {
    const { token } = await service.member(role)
    const [seen] = await listed('', token)
    t.match(seen, { id: one?.id, state: 'resume', source: 'keyword', identityId: /./ })
    t.notOk(seen && ('evidence' in seen || 'inboundEventId' in seen), role)
    t.equal((await request('GET', `/v1/consent-events/${one?.id}/evidence`, { token })).status, 404, role)
  }
  const { token } = await service.member('privacy')
  t.match(await listed('', token), [{ evidence: {}, inboundEventId: /./ }, { evidence: {} }])
  const words = await done(service, 'GET', `/v1/consent-events/${one?.id}/evidence`, undefined, token)
  t.same(words.body, { text: 'START' })
  for (const role of ['manager', 'connector']) {
    const refused = await request('GET', `/v1/consent-events/${one?.id}`, { token: (await service.member(role)).token })
    t.equal(refused.status, 403, role)
  }
})

t.test('it is there for members of its business unit, and for nobody of another tenant', async (t) => {
  const [one] = await listed()
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
  const { token } = await service.member('privacy', { businessUnitIds: [unit] })
  const { ownerToken } = await service.tenant()
  for (const stranger of [token, ownerToken])
    for (const each of [path, `/v1/consent-events/${one?.id}`, `/v1/consent-events/${one?.id}/evidence`])
      t.equal((await request('GET', each, { token: stranger })).status, 404, each)
  await done(service, 'DELETE', `/v1/contacts/${contactId}`)
  const agent = await service.member('agent')
  t.equal(
    (await request('GET', `/v1/consent-events/${one?.id}`, { token: agent.token })).status,
    404,
    'nor of the trash',
  )
  await done(service, 'POST', `/v1/contacts/${contactId}/restore`)
  t.equal((await request('GET', `/v1/consent-events/${one?.id}`, { token: agent.token })).status, 200)
})

t.test('it stands in the timeline, as its own noun shows it, for whoever may read it', async (t) => {
  const timeline = async (query = '', token?: string) =>
    (await done(service, 'GET', `/v1/contacts/${contactId}/timeline${query}`, undefined, token)).data
  const own = await listed()
  t.same(
    (await timeline('?kind=consent')).map(({ kind, id, occurredAt, record }) => ({ kind, id, occurredAt, record })),
    own.map((record) => ({ kind: 'consent', id: record.id, occurredAt: record.occurredAt, record })),
  )
  const kinds = (await timeline()).map(({ kind }) => kind)
  t.same(kinds.filter((kind) => kind === 'consent').length, 2, 'among the others')
  const agent = await service.member('agent')
  const seen = await timeline('?kind=consent', agent.token)
  t.same(
    seen.map(({ record }) => record),
    await listed('', agent.token),
  )
  const manager = await service.member('manager')
  t.same(await timeline('?kind=consent', manager.token), [])
})

t.test('whoever looked at it stands in the access report, and what was said in the history', async (t) => {
  const privacy = await service.member('privacy', { displayName: 'Pia' })
  await listed('', privacy.token)
  const report = await done(service, 'GET', `/v1/contacts/${contactId}/access-report?limit=1`)
  const principals = report.body.principals as {
    principal: { name?: string }
    purposes: { shown: Record<string, string[]> }[]
  }[]
  const pia = principals.find(({ principal }) => principal.name === 'Pia')
  const shown = pia?.purposes[0]?.shown['consent-events']
  t.ok(shown?.includes('category') && shown.includes('evidence'))
  const path = `/v1/contacts/${contactId}/access-report`
  const page = await request('GET', path, { headers: { accept: 'text/html' } })
  t.match(page.text, /What you said about being contacted/)
  const { data } = await done(service, 'GET', `/v1/contacts/${contactId}/history?limit=200`)
  const changes = data.filter(({ resource }) => resource === 'consent-events')
  t.equal(changes.length, 2)
  t.match(changes[1]?.changes, [{ field: 'category', after: 'marketing' }])
})

t.test('who looked at it is no secret to those who read the audit of its business unit', async (t) => {
  const [looker, reader] = [await service.member('privacy'), await service.member('privacy')]
  await listed('', looker.token)
  const own = `/v1/audit-events?actorId=${looker.id}&resource=consent-events`
  t.match((await done(service, 'GET', own, undefined, reader.token)).data, [
    { action: 'read', subjectIds: [contactId] },
  ])
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Third' })).id
  const stranger = await service.member('privacy', { businessUnitIds: [unit] })
  t.same((await done(service, 'GET', own, undefined, stranger.token)).data, [])
})
