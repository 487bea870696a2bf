import { randomUUID } from 'node:crypto'
import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { done, faultsOf } from '../conversations/fixtures.ts'

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
