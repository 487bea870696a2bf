import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { startTestService } from '../../harness/service.ts'
import { done, faultsOf } from '../conversations/fixtures.ts'
import { draft, make } from './fixtures.ts'

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
