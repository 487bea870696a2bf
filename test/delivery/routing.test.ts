import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Row, TestMember, TestService } from '../harness/service.ts'
import { done, eventsOf } from '../resources/conversations/fixtures.ts'
import { phoneNumberId, wabaId, whatsappPost } from '../resources/ingest/posts.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

let position = 0

/** Makes a rule, behind those that there are. */
const rule = async (service: TestService, body: Record<string, unknown>): Promise<Row> => {
  const name = `Rule ${++position}`
  const made = await done(service, 'POST', '/v1/routing-rules', {
    name,
    position,
    event: 'conversation_created',
    ...body,
  })
  return { ...made.body, id: made.id }
}

/** Has somebody write, and gives the conversation. */
async function wrote(
  lanes: Lanes,
  channel: Awaited<ReturnType<Lanes['connector']>>,
  from: string,
  text = 'hello',
): Promise<Row> {
  await channel.send(said(text, { from: { value: from, displayName: from } }))
  await lanes.drain()
  const { data } = await done(
    lanes.service,
    'GET',
    `/v1/conversations?channelId=${channel.id}&include=contact,assignee&limit=200`,
  )
  const found = data.find((one) => (one.contact as Row).displayName === from)
  if (!found) throw new Error('no such conversation')
  return found
}

const team = async (service: TestService, name = 'Team'): Promise<string> =>
  (await done(service, 'POST', '/v1/teams', { name })).id
const agents = (service: TestService, count: number, extra: Record<string, unknown>): Promise<TestMember[]> =>
  Promise.all(Array.from({ length: count }, () => service.member('agent', extra)))

t.test('the first rule that holds is done, and those behind it where it says so', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const [channel, other] = [await lanes.connector(), await lanes.connector()]
  const teamId = await team(service)
  const first = await rule(service, {
    when: { eq: ['contact.displayName', 'Ada'] },
    actions: [{ setPriority: 'high' }, { addTag: 'vip' }],
    continue: true,
  })
  await rule(service, { channelIds: [other.id], actions: [{ setPriority: 'low' }] })
  const third = await rule(service, {
    when: { eq: ['channel.type', 'connector'] },
    actions: [{ assignTeam: teamId }, { setPurpose: 'support' }],
  })
  await rule(service, { actions: [{ setPriority: 'urgent' }] })
  await rule(service, {
    event: 'message_received',
    when: { in: ['message.text', ['stop it', 'refund']] },
    actions: [{ setFollowUpStatus: 'angry' }],
  })
  await rule(service, { event: 'message_received', enabled: false, actions: [{ setStatus: 'closed' }] })
  const ada = await wrote(lanes, channel, 'Ada')
  t.match(ada, { priority: 'high', tags: ['vip'], teamId, purpose: 'support', status: 'open', assigneeId: null })
  t.match(await wrote(lanes, channel, 'Ben'), { priority: 'normal', tags: [], teamId, purpose: 'support' })
  t.match(await wrote(lanes, other, 'Cleo'), { priority: 'low', teamId: null })
  const angry = await wrote(lanes, channel, 'Ada', 'refund')
  t.match(angry, { contact: { followUpStatus: 'angry' }, priority: 'high', teamId })

  const [event] = await service.sql<{
    touched: { resource: string; ids: string[]; changed?: string[] }[]
    actor_kind: string
    cause_id: string
  }>(
    `SELECT touched, actor_kind, cause_id FROM audit.readable_event WHERE $1 = ANY (ids) AND action = 'import' ORDER BY sequence LIMIT 1`,
    [first.id],
  )
  t.match(event, { actor_kind: 'system', cause_id: /./ })
  t.same(
    event?.touched.find(({ resource }) => resource === 'routing-rules')?.ids.sort(),
    [first.id, third.id].sort(),
    'the audit names the rules',
  )
  t.ok(event?.touched.some(({ resource, changed }) => resource === 'conversations' && changed?.includes('teamId')))
  t.ok((await done(service, 'GET', '/v1/tags?name=vip')).data.length === 1, 'a new tag joins the catalogue')
})

t.test(
  'rules are asked again when a message opens what was closed, and what is brought in from the past is no event',
  async (t) => {
    const lanes = await startLanes(t)
    const { service } = lanes
    const channel = await lanes.connector()
    await rule(service, { event: 'conversation_reopened', actions: [{ addTag: 'back' }] })
    await rule(service, { event: 'message_received', actions: [{ addTag: 'wrote' }] })
    await rule(service, { actions: [{ addTag: 'new' }] })
    await channel.send(said('long ago', { historical: true, from: { value: 'Ada', displayName: 'Ada' } }))
    await lanes.drain()
    t.match((await done(service, 'GET', '/v1/conversations')).data, [{ status: 'closed', tags: [] }])
    t.match(await wrote(lanes, channel, 'Ada'), { status: 'open', tags: ['back', 'wrote'] })
    const ben = await wrote(lanes, channel, 'Ben')
    t.match(ben, { tags: ['new', 'wrote'] })
    await done(service, 'PATCH', `/v1/conversations/${ben.id}`, { status: 'closed', tags: [] })
    t.match(await wrote(lanes, channel, 'Ben'), { status: 'open', tags: ['back', 'wrote'] })
    const until = new Date(Date.now() + 60_000).toISOString()
    await done(service, 'PATCH', `/v1/conversations/${ben.id}`, { status: 'snoozed', snoozedUntil: until, tags: [] })
    t.match(
      await wrote(lanes, channel, 'Ben'),
      { status: 'open', snoozedUntil: null, tags: ['wrote'] },
      'a message wakes; nothing was closed',
    )
  },
)

t.test('a wish about being contacted is an event', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.whatsapp()
  await rule(service, {
    event: 'consent_changed',
    when: { and: [{ eq: ['consent.category', 'marketing'] }, { eq: ['consent.state', 'stop'] }] },
    actions: [{ setFollowUpStatus: 'leave alone' }],
  })
  const preference = (value: string, at: number) => {
    const contacts = [{ wa_id: '4915112345678', profile: { name: 'Mina' } }]
    const wish = {
      wa_id: '4915112345678',
      value,
      category: 'marketing_messages',
      timestamp: String(1_790_000_000 + at),
    }
    const metadata = { display_phone_number: '1', phone_number_id: phoneNumberId }
    const value_ = { messaging_product: 'whatsapp', metadata, contacts, user_preferences: [wish] }
    return {
      object: 'whatsapp_business_account',
      entry: [{ id: wabaId, changes: [{ field: 'user_preferences', value: value_ }] }],
    }
  }
  await channel.send(whatsappPost([{ id: 'wamid.1', text: 'hi' }]))
  await channel.send(preference('resume', 2))
  await lanes.drain()
  t.match((await done(service, 'GET', '/v1/contacts')).data, [{ followUpStatus: null }])
  await channel.send(preference('stop', 3))
  await lanes.drain()
  t.match((await done(service, 'GET', '/v1/contacts')).data, [{ followUpStatus: 'leave alone' }])
})

t.test(
  'work is given to those who are there, see it and speak the language; else it stays with the team',
  async (t) => {
    const lanes = await startLanes(t)
    const { service } = lanes
    const channel = await lanes.connector()
    const teamId = await team(service)
    const elsewhere = (await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })).id
    const today = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date().getUTCDay()]
    const all = {
      timezone: 'UTC',
      days: Object.fromEntries(
        ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((day) => [day, [{ from: '00:00', to: '24:00' }]]),
      ),
    }
    const off = {
      timezone: 'UTC',
      days: {
        ...all.days,
        [String(today)]: [],
        [['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'][new Date().getUTCDay()] ?? '']: [],
      },
    }
    const make = (extra: Record<string, unknown>) =>
      service.member('agent', { teamIds: [teamId], languages: ['de', 'en'], workingHours: all, ...extra })
    const [mei] = [await make({})]
    await make({ isAway: true })
    await make({ businessUnitIds: [elsewhere] })
    await make({ workingHours: off })
    await make({ languages: ['fr'] })
    await make({ teamIds: [] })
    const retired = await make({})
    await done(service, 'PATCH', `/v1/members/${retired.id}`, { status: 'deactivated' })
    await rule(service, {
      event: 'message_received',
      actions: [{ assign: { strategy: 'round_robin', teamId, language: true, workingHours: true, reassign: true } }],
    })
    for (const name of ['Ada', 'Ben', 'Cleo']) {
      const talk = await wrote(lanes, channel, name)
      await done(service, 'PATCH', `/v1/contacts/${talk.contactId}`, { language: 'de-AT' })
      t.match(await wrote(lanes, channel, name), { teamId, assigneeId: mei.id }, 'only one can take it')
    }
    const french = await wrote(lanes, channel, 'Dora')
    await done(service, 'PATCH', `/v1/contacts/${french.contactId}`, { language: 'pt' })
    t.match(await wrote(lanes, channel, 'Dora'), { teamId, assigneeId: null }, 'nobody speaks it')
    await done(service, 'PATCH', `/v1/members/${mei.id}`, { isAway: true }, mei.token)
    t.match(await wrote(lanes, channel, 'Ada'), { teamId, assigneeId: null }, 'away')
  },
)

t.test('whoever has a conversation keeps it, and a member of choice gets it where they can', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const [mei, ben] = [await service.member('agent'), await service.member('agent')]
  await rule(service, { event: 'message_received', actions: [{ assign: { strategy: 'member', memberId: mei.id } }] })
  const talk = await wrote(lanes, channel, 'Ada')
  t.equal(talk.assigneeId, mei.id)
  await done(service, 'PATCH', `/v1/conversations/${talk.id}`, { assigneeId: ben.id })
  t.equal((await wrote(lanes, channel, 'Ada')).assigneeId, ben.id)
  await done(service, 'PATCH', `/v1/members/${mei.id}`, { isAway: true })
  t.equal((await wrote(lanes, channel, 'Cleo')).assigneeId, null)
})

t.test('whoever has least to answer is next', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const teamId = await team(service)
  const [mei, ben] = await agents(service, 2, { teamIds: [teamId] })
  await rule(service, { actions: [{ assign: { strategy: 'least_open', teamId } }] })
  const given: unknown[] = []
  for (let i = 0; i < 4; i++) given.push((await wrote(lanes, channel, `Person ${i}`)).assigneeId)
  t.same(given.filter((id) => id === mei?.id).length, 2)
  for (const { id } of (await done(service, 'GET', `/v1/conversations?assigneeId=${ben?.id}`)).data)
    await done(service, 'PATCH', `/v1/conversations/${id}`, { status: 'closed' })
  t.equal((await wrote(lanes, channel, 'Somebody')).assigneeId, ben?.id)
  t.equal((await wrote(lanes, channel, 'Somebody else')).assigneeId, ben?.id)
})

t.test('a rule that is changed, switched off or trashed counts at the next event', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const made = await rule(service, { actions: [{ setPriority: 'high' }] })
  const path = `/v1/routing-rules/${made.id}`
  const patch = async (body: unknown) => service.request('PATCH', path, { body, headers: { 'if-match': '*' } })
  const next = async () => (await wrote(lanes, channel, randomUUID())).priority
  t.equal(await next(), 'high')
  t.equal((await patch({ actions: [{ setPriority: 'low' }] })).status, 200)
  t.equal(await next(), 'low')
  await patch({ when: { eq: ['contact.displayName', 'nobody'] } })
  t.equal(await next(), 'normal')
  const replaced = await patch({ when: { exists: ['contact.displayName', true] } })
  t.same(replaced.body.when, { exists: ['contact.displayName', true] }, 'a condition is replaced as a whole')
  t.equal(await next(), 'low')
  await patch({ enabled: false })
  t.equal(await next(), 'normal')
  await patch({ enabled: true })
  t.equal(await next(), 'low')
  const deleted = await service.request('DELETE', path, { headers: { 'if-match': '*' } })
  t.equal(deleted.status, 204)
  t.equal(await next(), 'normal')
  t.equal((await eventsOf(service, deleted))[0]?.action, 'delete')
})

t.test('a custom field is asked about, and its deletion switches the rule off', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const field = await done(service, 'POST', '/v1/custom-fields', {
    resource: 'contacts',
    key: 'tier',
    type: 'text',
    classification: 'general',
  })
  const made = await rule(service, {
    event: 'message_received',
    when: { eq: ['contact.customFields.tier', 'gold'] },
    actions: [{ setPriority: 'urgent' }],
  })
  const other = await rule(service, { event: 'message_received', actions: [{ addTag: 'other' }] })
  await channel.send(said('hi', { from: { value: 'Ada', displayName: 'Ada', customFields: { tier: 'gold' } } }))
  await channel.send(said('hi', { from: { value: 'Ben', displayName: 'Ben', customFields: { tier: 'tin' } } }))
  await lanes.drain()
  const priorities = async () =>
    (await done(service, 'GET', '/v1/conversations?include=contact&sort=createdAt')).data.map(
      ({ priority }) => priority,
    )
  t.same(await priorities(), ['urgent', 'normal'])
  await done(service, 'DELETE', `/v1/custom-fields/${field.id}`)
  t.match((await done(service, 'GET', `/v1/routing-rules/${made.id}`)).body, {
    enabled: false,
    disabledReason: 'field_deleted',
    version: 2,
  })
  t.match((await done(service, 'GET', `/v1/routing-rules/${other.id}`)).body, { enabled: true, version: 1 })
  await done(
    service,
    'PATCH',
    `/v1/conversations/${(await done(service, 'GET', '/v1/conversations?priority=urgent')).data[0]?.id}`,
    { priority: 'normal' },
  )
  await wrote(lanes, channel, 'Ada')
  t.same(await priorities(), ['normal', 'normal'])
  const again = await service.request('PATCH', `/v1/routing-rules/${made.id}`, {
    body: { enabled: true },
    headers: { 'if-match': '*' },
  })
  t.equal(again.status, 422, 'it is in force again only when it asks about what there is')
})
