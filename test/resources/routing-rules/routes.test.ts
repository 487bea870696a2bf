import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { done, faultsOf } from '../conversations/fixtures.ts'
import { make } from './fixtures.ts'

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
