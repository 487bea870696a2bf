import { randomUUID } from 'node:crypto'
import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { done, faultsOf } from '../conversations/fixtures.ts'

const draft = (more: Record<string, unknown> = {}) => ({
  name: 'A rule',
  position: 1,
  event: 'message_received',
  actions: [{ setPriority: 'high' }],
  ...more,
})

const make = (service: TestService, more: Record<string, unknown> = {}, token = service.ownerToken) =>
  service.request('POST', '/v1/routing-rules', { body: draft(more), token })

t.test('rules are configuration: owners and managers write them, agents do not see them', async (t) => {
  const service = await startTestService(t)
  const [manager, agent, sales] = [
    await service.member('manager'),
    await service.member('agent'),
    await service.member('sales'),
  ]
  const made = await make(service, {}, manager.token)
  t.equal(made.status, 201, made.text)
  t.match(made.body, { enabled: true, channelIds: [], when: null, continue: false, disabledReason: null, version: 1 })
  for (const { token } of [agent, sales]) {
    t.equal((await make(service, {}, token)).status, 403)
    t.equal((await service.request('GET', '/v1/routing-rules', { token })).status, 403)
    t.equal(
      (await service.request('PATCH', `/v1/routing-rules/${made.id}`, { body: { enabled: false }, token })).status,
      403,
    )
    t.equal((await service.request('POST', '/v1/routing-rules/simulate', { body: {}, token })).status, 403)
  }
  const path = `/v1/routing-rules/${made.id}`
  t.equal((await service.request('PATCH', path, { body: { enabled: false } })).status, 428)
  t.equal((await service.request('DELETE', path)).status, 428)
  const fetched = await done(service, 'GET', path)
  const headers = { 'if-match': String(fetched.headers.etag) }
  t.equal((await service.request('PATCH', path, { body: { enabled: false }, headers })).status, 200)
  t.equal((await service.request('PATCH', path, { body: { enabled: true }, headers })).status, 412)
  const elsewhere = await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })
  const stranger = await service.member('manager', { businessUnitIds: [elsewhere.id] })
  t.equal((await service.request('GET', path, { token: stranger.token })).status, 404)
  t.equal((await make(service, { businessUnitId: made.body.businessUnitId }, stranger.token)).status, 422)
})

t.test('a rule that names what is not there, or says what means nothing, is refused where it says so', async (t) => {
  const service = await startTestService(t)
  const faults = async (more: Record<string, unknown>) => {
    const answer = await make(service, more)
    return [answer.status, ...faultsOf(answer)]
  }
  const nobody = randomUUID()
  const elsewhere = await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })
  const stranger = await service.member('agent', { businessUnitIds: [elsewhere.id] })
  const foreign = await done(service, 'POST', '/v1/channels', {
    type: 'connector',
    name: 'Far',
    settings: {},
    businessUnitId: elsewhere.id,
  })
  const refused = (path: string, code: string) => [422, { path, code }]
  t.match(await faults({ channelIds: [foreign.id] }), refused('/channelIds/0', 'unknown_reference'))
  t.match(await faults({ actions: [{ assignTeam: nobody }] }), refused('/actions/0/assignTeam', 'unknown_reference'))
  const assign = (one: Record<string, unknown>) => faults({ actions: [{ setPriority: 'low' }, { assign: one }] })
  t.match(
    await assign({ strategy: 'round_robin', teamId: nobody }),
    refused('/actions/1/assign/teamId', 'unknown_reference'),
  )
  t.match(
    await assign({ strategy: 'member', memberId: stranger.id }),
    refused('/actions/1/assign/memberId', 'unknown_reference'),
    'who does not see the unit',
  )
  t.match(await assign({ strategy: 'member' }), refused('/actions/1/assign/memberId', 'required'))
  t.match(
    await assign({ strategy: 'round_robin', memberId: stranger.id }),
    refused('/actions/1/assign/memberId', 'not_applicable'),
  )
  const when = (condition: unknown) => faults({ when: condition })
  t.match(await when({ eq: ['contact.nothing', 'x'] }), refused('/when/eq', 'invalid_condition'))
  t.match(await when({ eq: ['displayName', 'x'] }), refused('/when/eq', 'invalid_condition'))
  t.match(
    await when({ and: [{ eq: ['contact.customFields.none', 'x'] }] }),
    refused('/when/and/0/eq', 'invalid_condition'),
  )
  t.match(await when({ eq: ['conversation.assigneeId', '$me.id'] }), refused('/when/eq/1', 'invalid_condition'))
  t.match(await when({ in: ['conversation.teamId', '$me.teamIds'] }), refused('/when/in/1', 'invalid_condition'))
  t.match(
    await when({ lt: ['message.text', 'x'] }),
    refused('/when/lt', 'invalid_condition'),
    'texts are asked for as a whole',
  )
  t.match(await when({ eq: ['contact.intentScore', 'x'] }), refused('/when/eq/1', 'invalid_condition'))
  t.match(await when({ startsWith: ['message.text', 'x'] }), [400])
  for (const actions of [
    [],
    [{}],
    [{ setStatus: 'snoozed' }],
    [{ setPriority: 'low', setStatus: 'open' }],
    [{ erase: true }],
    'x',
  ])
    t.equal((await make(service, { actions })).status, 400, JSON.stringify(actions))
  t.equal((await make(service, { event: 'other' })).status, 400)
  t.equal((await make(service, { more: 1 })).status, 400)
  t.equal((await make(service, { disabledReason: 'x' })).status, 400)
  t.equal(
    (
      await make(service, {
        when: { or: [{ exists: ['message.text', true] }, { eq: ['contact.email', 'A@example.com'] }] },
      })
    ).status,
    201,
  )
})

t.test('whoever writes a rule may ask about no more than they see', async (t) => {
  const service = await startTestService(t)
  const { token } = await service.member('manager')
  const status = async (when: unknown) => (await make(service, { when }, token)).status
  t.equal(await status({ eq: ['contact.country', 'DE'] }), 201)
  t.equal(await status({ eq: ['channel.type', 'whatsapp'] }), 201)
  t.equal(await status({ eq: ['contact.phone', '+4915100000000'] }), 422, 'masked')
  t.equal(await status({ eq: ['message.text', 'refund'] }), 422, 'never seen')
  t.equal(await status({ eq: ['contact.birthDate', '1988-04-01'] }), 422)
  const made = await make(service, { when: { eq: ['message.text', 'refund'] } })
  const patch = (body: unknown) =>
    service.request('PATCH', `/v1/routing-rules/${made.id}`, { body, token, headers: { 'if-match': '*' } })
  t.equal((await patch({ actions: [{ addTag: 'x' }] })).status, 422, 'nor change what such a rule does')
  t.equal((await patch({ position: 3 })).status, 422, 'nor when it comes to be asked')
  t.equal((await patch({ enabled: false, position: 3 })).status, 200)
  t.equal((await patch({ enabled: true })).status, 422)
})

t.test(
  'a rule tells its author nothing of records that they do not see, and does nothing that they may not',
  async (t) => {
    const lanes = await startLanes(t)
    const { service } = lanes
    const channel = await lanes.connector()
    await channel.send(said('hello'))
    await lanes.drain()
    const [talk] = (await done(service, 'GET', '/v1/conversations')).data
    await done(service, 'PATCH', `/v1/contacts/${talk?.contactId}`, { intent: 'lawsuit' })
    const author = await service.member(
      await service.role([
        { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['ownerId', '$me.id'] } },
        { resource: 'messages', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['direction', 'outbound'] } },
        { resource: 'conversations', actions: ['read'], fields: { read: ['*'] } },
        {
          resource: 'routing-rules',
          actions: ['read', 'create', 'update', 'delete', 'restore'],
          fields: { read: ['*'], write: ['*'] },
        },
      ]),
    )
    t.equal((await service.request('GET', `/v1/contacts/${talk?.contactId}`, { token: author.token })).status, 404)
    const asking = [{ eq: ['contact.intent', 'lawsuit'] }, { eq: ['message.text', 'secret word'] }]
    const doing = [
      { addTag: 'found' },
      { setFollowUpStatus: 'to call' },
      { setPurpose: 'marketing' },
      { setStatus: 'closed' },
      { setPriority: 'low' },
      { assign: { strategy: 'member', memberId: author.id } },
    ]
    const drafts = [...asking.map((when) => ({ when })), ...doing.map((action) => ({ actions: [action] }))]
    for (const rule of drafts) {
      const refused = [
        422,
        { path: 'when' in rule ? '/when/eq' : `/actions/0/${Object.keys(rule.actions[0] ?? {})[0]}` },
      ]
      const answer = await make(service, rule, author.token)
      t.match([answer.status, ...faultsOf(answer)], refused, JSON.stringify(rule))
      const tried = await service.request('POST', '/v1/routing-rules/simulate', {
        body: { rule: { event: 'message_received', actions: [{ addTag: 'x' }], ...rule }, conversationId: talk?.id },
        token: author.token,
      })
      t.equal(tried.status, 422, `tried: ${JSON.stringify(rule)}`)
      const made = await done(service, 'POST', '/v1/routing-rules', draft({ enabled: false, ...rule }))
      const path = `/v1/routing-rules/${made.id}`
      const headers = { 'if-match': '*' }
      for (const body of [{ enabled: true }, { event: 'conversation_created' }])
        t.equal(
          (await service.request('PATCH', path, { body, headers, token: author.token })).status,
          422,
          'nor changed',
        )
      await service.request('DELETE', path, { headers })
      t.equal(
        (await service.request('POST', `${path}/restore`, { token: author.token })).status,
        422,
        'nor brought back',
      )
    }
    await channel.send(said('secret word'))
    await lanes.drain()
    t.match((await done(service, 'GET', `/v1/conversations/${talk?.id}`)).body, {
      tags: [],
      purpose: null,
      status: 'open',
      priority: 'normal',
      assigneeId: null,
    })
  },
)

t.test('rights to every record of the business unit are enough for its rules, and for no other’s', async (t) => {
  const service = await startTestService(t)
  const [north, south] = [
    await done(service, 'POST', '/v1/business-units', { name: 'North' }),
    await done(service, 'POST', '/v1/business-units', { name: 'South' }),
  ]
  const inNorth = { when: { eq: ['businessUnitId', north.id] } }
  const mine = { in: ['businessUnitId', '$me.businessUnitIds'] }
  const { token } = await service.member(
    await service.role([
      { resource: 'contacts', actions: ['read'], fields: { read: ['intent'] }, ...inNorth },
      { resource: 'messages', actions: ['read'], fields: { read: ['text'] } },
      { resource: 'conversations', actions: ['read'], fields: { read: ['status'] }, when: mine },
      { resource: 'conversations', actions: ['update'], fields: { write: ['tags'] }, ...inNorth },
      { resource: 'routing-rules', actions: ['read', 'create'], fields: { read: ['*'], write: ['*'] } },
    ]),
    { businessUnitIds: [north.id, south.id] },
  )
  const status = async (businessUnitId: string, more: Record<string, unknown>): Promise<number> =>
    (await make(service, { businessUnitId, actions: [{ addTag: 'x' }], ...more }, token)).status
  const when = { and: [{ eq: ['contact.intent', 'buy'] }, { eq: ['message.text', 'yes'] }] }
  t.equal(await status(north.id, { when }), 201)
  t.equal(await status(south.id, { when }), 422)
  t.equal(await status(south.id, {}), 422, 'tags are not theirs there')
  t.equal(await status(north.id, { when: { eq: ['conversation.priority', 'high'] } }), 422)
})

t.test('a manager’s rules do what a manager does', async (t) => {
  const service = await startTestService(t)
  const { token, id } = await service.member('manager')
  const teamId = (await done(service, 'POST', '/v1/teams', { name: 'Team' })).id
  const status = async (...actions: object[]): Promise<number> => (await make(service, { actions }, token)).status
  const shared = await make(
    service,
    {
      event: 'conversation_created',
      when: { in: ['contact.country', ['DE', 'AT']] },
      continue: true,
      actions: [
        { assign: { strategy: 'round_robin', teamId, language: true, workingHours: true } },
        { setPriority: 'high' },
      ],
    },
    token,
  )
  t.equal(shared.status, 201, shared.text)
  t.equal(await status({ setStatus: 'pending' }, { assignTeam: teamId }), 201)
  t.equal(await status({ assign: { strategy: 'member', memberId: id } }), 201)
  for (const other of [{ addTag: 'vip' }, { setFollowUpStatus: 'to call' }, { setPurpose: 'support' }])
    t.equal(await status(other), 422, JSON.stringify(other))
})

t.test('a draft is tried on a conversation, as whoever asks sees it, and nothing is done', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const teamId = (await done(service, 'POST', '/v1/teams', { name: 'Team' })).id
  const mei = await service.member('agent', { teamIds: [teamId], languages: ['de'] })
  const ben = await service.member('agent', { teamIds: [teamId], languages: ['en'] })
  await channel.send(said('refund', { from: { value: 'ada', displayName: 'Ada' } }))
  await lanes.drain()
  const talk = (await done(service, 'GET', '/v1/conversations')).data[0]
  const conversationId = talk?.id
  const simulate = (rule: Record<string, unknown>, token = service.ownerToken) =>
    service.request('POST', '/v1/routing-rules/simulate', {
      body: { rule: { event: 'message_received', actions: [{ setPriority: 'high' }], ...rule }, conversationId },
      token,
    })
  t.match((await simulate({ when: { eq: ['message.text', 'refund'] } })).body, {
    asked: true,
    holds: true,
    conversation: { priority: 'high' },
    contact: {},
  })
  t.match((await simulate({ when: { eq: ['message.text', 'other'] } })).body, {
    asked: true,
    holds: false,
    conversation: {},
  })
  const other = await lanes.connector()
  t.match((await simulate({ channelIds: [other.id] })).body, { asked: false, holds: false, assigned: false })
  const unknown = await simulate({ channelIds: [randomUUID()] })
  t.match([unknown.status, ...faultsOf(unknown)], [422, { path: '/rule/channelIds/0', code: 'unknown_reference' }])
  const shared = {
    actions: [{ setFollowUpStatus: 'to call' }, { assign: { strategy: 'round_robin', teamId, language: true } }],
  }
  const first = (await simulate(shared)).body
  t.match(first, { contact: { followUpStatus: 'to call' }, conversation: { teamId } })
  t.same((await simulate(shared)).body, first, 'nobody’s turn passes')
  await done(service, 'PATCH', `/v1/contacts/${talk?.contactId}`, { language: 'de' })
  t.match((await simulate(shared)).body, { conversation: { assigneeId: mei.id }, assigned: true })
  await done(service, 'PATCH', `/v1/contacts/${talk?.contactId}`, { language: 'en' })
  t.match((await simulate({ actions: [{ assign: { strategy: 'least_open', teamId, language: true } }] })).body, {
    conversation: { assigneeId: ben.id },
  })
  t.match((await done(service, 'GET', `/v1/conversations/${conversationId}`)).body, {
    priority: 'normal',
    assigneeId: null,
    teamId: null,
    version: 1,
  })
  const manager = await service.member('manager')
  t.equal((await simulate({ when: { eq: ['message.text', 'refund'] } }, manager.token)).status, 422)
  t.match((await simulate({ when: { eq: ['conversation.status', 'open'] } }, manager.token)).body, { holds: true })
  const elsewhere = await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })
  const stranger = await service.member('manager', { businessUnitIds: [elsewhere.id] })
  t.equal((await simulate({}, stranger.token)).status, 404)
})

t.test('a draft names and tells of no team and no member that whoever tries it does not see', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const teamId = (await done(service, 'POST', '/v1/teams', { name: 'Team' })).id
  const hidden = await service.member('agent', { teamIds: [teamId] })
  await channel.send(said('hello'))
  await lanes.drain()
  const [talk] = (await done(service, 'GET', '/v1/conversations')).data
  const own = [
    {
      resource: 'conversations',
      actions: ['read', 'update', 'assign'],
      fields: { read: ['*'], write: ['assigneeId', 'teamId'] },
    },
    { resource: 'routing-rules', actions: ['read'], fields: { read: ['*'] } },
  ]
  const teams = { resource: 'teams', actions: ['read'], fields: { read: ['*'] } }
  const simulate = async (grants: object[], assign: object) => {
    const { token } = await service.member(await service.role(grants))
    return service.request('POST', '/v1/routing-rules/simulate', {
      body: { rule: { event: 'message_received', actions: [{ assign }] }, conversationId: talk?.id },
      token,
    })
  }
  const shared = { strategy: 'round_robin', teamId }
  const place = '/rule/actions/0/assign'
  const refused = async (grants: object[], assign: object, path: string, code: string) => {
    const answer = await simulate(grants, assign)
    t.match([answer.status, ...faultsOf(answer)], [422, { path: `${place}${path}`, code }])
    t.notOk(answer.text.includes(hidden.id))
  }
  await refused(own, shared, '/teamId', 'unknown_reference')
  await refused([...own, teams], { ...shared, workingHours: true }, '/workingHours', 'not_held')
  await refused(own, { strategy: 'member', memberId: hidden.id }, '/memberId', 'unknown_reference')
  const blind = await simulate([...own, teams], shared)
  t.equal(blind.status, 200, blind.text)
  t.same(blind.body, { asked: true, holds: true, conversation: { teamId }, assigned: true, contact: {} })
  const members = { resource: 'members', actions: ['read'], fields: { read: ['displayName'] } }
  t.match((await simulate([...own, teams, members], shared)).body, { conversation: { assigneeId: hidden.id } })
})

t.test('members say when they work, and everybody that they are away', async (t) => {
  const service = await startTestService(t)
  const [agent, other, manager] = [
    await service.member('agent'),
    await service.member('agent'),
    await service.member('manager'),
  ]
  const patch = (id: string, body: unknown, token: string) =>
    service.request('PATCH', `/v1/members/${id}`, { body, token })
  t.match((await patch(agent.id, { isAway: true }, agent.token)).body, { isAway: true })
  t.equal((await patch(other.id, { isAway: true }, agent.token)).status, 403)
  t.equal((await patch(agent.id, { languages: ['de'] }, agent.token)).status, 403)
  const workingHours = {
    timezone: 'Europe/Berlin',
    days: {
      mon: [
        { from: '09:00', to: '12:00' },
        { from: '13:00', to: '17:30' },
      ],
    },
  }
  t.match((await patch(agent.id, { languages: ['de', 'pt-BR'], workingHours, isAway: false }, manager.token)).body, {
    languages: ['de', 'pt-BR'],
    workingHours,
    isAway: false,
  })
  const less = { timezone: 'Europe/Berlin', days: { tue: [] } }
  t.same((await patch(agent.id, { workingHours: less }, manager.token)).body.workingHours, less, 'replaced as a whole')
  for (const wrong of [
    { timezone: 'Mars', days: {} },
    { timezone: 'UTC', days: { mon: [{ from: '17:00', to: '09:00' }] } },
    { timezone: 'UTC', days: { mon: [{ from: '9:00', to: '10:00' }] } },
    { timezone: 'UTC', days: { noday: [] } },
    { timezone: 'UTC' },
  ])
    t.equal((await patch(agent.id, { workingHours: wrong }, manager.token)).status, 400, JSON.stringify(wrong))
  const seen = (await done(service, 'GET', `/v1/members/${other.id}`, undefined, agent.token)).body
  t.match(seen, { isAway: false, languages: [] })
  t.notOk('workingHours' in seen, 'colleagues are not told each other’s hours')
})
