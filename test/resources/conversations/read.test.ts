import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Lanes, said, startLanes } from '../../delivery/lanes.ts'
import type { Answer, TestMember } from '../../harness/service.ts'
import { done, eventsOf, faultsOf } from './fixtures.ts'

interface Talk {
  path: string
  /** the contact's messages, oldest first */
  messageIds: string[]
}

/** A conversation with so many messages of its contact. */
async function talkOf(lanes: Lanes, count: number, from = randomUUID()): Promise<Talk & { write(): Promise<string> }> {
  const channel = await lanes.connector()
  const write = async (): Promise<string> => {
    await channel.send(said('hello', { from: { value: from, displayName: 'Ada' } }))
    await lanes.drain()
    const [message] = await lanes.service.sql<{ id: string }>(
      'SELECT id FROM app.message ORDER BY occurred_at DESC, id DESC LIMIT 1',
    )
    return String(message?.id)
  }
  const messageIds: string[] = []
  for (let i = 0; i < count; i++) messageIds.push(await write())
  const found = await done(lanes.service, 'GET', `/v1/conversations?channelId=${channel.id}`)
  return { path: `/v1/conversations/${found.data[0]?.id}`, messageIds, write }
}

const unreadOf = async ({ service }: Lanes, path: string, token: string): Promise<unknown> =>
  (await done(service, 'GET', path, undefined, token)).body.unreadCount

t.test('what a member has read is theirs alone', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const talk = await talkOf(lanes, 3)
  const [mei, ben] = [await service.member('agent'), await service.member('agent')]
  const read = `${talk.path}/read`
  const unread = (one: TestMember) => unreadOf(lanes, talk.path, one.token)
  const mark = (one: TestMember, body?: unknown, method = 'PUT'): Promise<Answer> =>
    done(service, method, read, body ?? {}, one.token)
  t.same([await unread(mei), await unread(ben)], [3, 3], 'until they say so: what nobody has answered')
  t.match((await done(service, 'GET', read, undefined, mei.token)).body, { lastMessageId: null, unreadCount: 3 })

  const marked = await mark(mei, { lastMessageId: talk.messageIds[1] })
  t.match(marked.body, { lastMessageId: talk.messageIds[1], unreadCount: 1 })
  t.same([await unread(mei), await unread(ben)], [1, 3])
  const events = await eventsOf(service, marked)
  t.match(events[0], {
    action: 'read',
    resource: 'conversations',
    outcome: 'allowed',
    touched: [{ changed: ['unreadCount'] }],
  })
  t.equal(events[0]?.subject_ids.length, 1, 'the contact is concerned')
  t.equal((await done(service, 'GET', talk.path)).body.version, 3, 'reading changes nothing of the conversation')

  await mark(mei, {}, 'POST')
  t.equal(await unread(mei), 0)
  const fourth = await talk.write()
  t.same([await unread(mei), await unread(ben)], [1, 4])
  t.match(
    (await mark(mei, { lastMessageId: talk.messageIds[0] })).body,
    { unreadCount: 3 },
    'an older one marks as unread',
  )
  await mark(mei, { lastMessageId: fourth })
  await done(service, 'DELETE', read, undefined, mei.token)
  t.equal(await unread(mei), 1, 'the last message of the contact')
  await done(service, 'DELETE', read, undefined, ben.token)
  t.equal(await unread(ben), 4, 'nothing is read by marking it as unread')

  const patched = await done(service, 'PATCH', talk.path, { unreadCount: 0 }, mei.token)
  t.equal(patched.body.unreadCount, 0, 'the patch says the same')
  t.equal(await unread(ben), 4)
  await done(service, 'POST', `${talk.path}/messages`, { text: 'hello' }, ben.token)
  t.same([await unread(mei), await unread(ben)], [0, 0], 'whoever answers has read')
  await talk.write()
  const cleo = await service.member('agent')
  t.same([await unread(mei), await unread(ben), await unread(cleo)], [1, 1, 1])
  await done(service, 'POST', `${talk.path}/messages`, { text: 'and again' }, ben.token)
  t.same(
    [await unread(mei), await unread(ben), await unread(cleo)],
    [1, 0, 0],
    'a colleague’s answer is no reading of mine',
  )
})

t.test('unread conversations are found and counted, each member’s own', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const talks = [await talkOf(lanes, 1), await talkOf(lanes, 2), await talkOf(lanes, 1)]
  const mei = await service.member('agent')
  const paths = async (query: string): Promise<string[]> =>
    (await done(service, 'GET', `/v1/conversations?${query}`, undefined, mei.token)).data.map(
      ({ id }) => `/v1/conversations/${id}`,
    )
  const counts = async (token = mei.token) => {
    const answer = await done(service, 'GET', '/v1/conversations/counts', undefined, token)
    return { answer, body: answer.body }
  }
  t.same((await counts()).body, { open: 3, unread: 3, unassigned: 3, mine: 0, waiting: 3 })
  await done(service, 'PUT', `${talks[0]?.path}/read`, {}, mei.token)
  await done(service, 'PATCH', String(talks[1]?.path), { assigneeId: mei.id }, mei.token)
  await done(service, 'PATCH', String(talks[2]?.path), { status: 'closed' }, mei.token)
  t.same(await paths('unread=true'), [talks[1]?.path], 'what is closed is done for those who never looked')
  t.same((await paths('unread=false')).sort(), [talks[0]?.path, talks[2]?.path].sort())
  t.same(await paths('unreadCount[gt]=1'), [talks[1]?.path])
  const { answer, body } = await counts()
  t.same(body, { open: 2, unread: 1, unassigned: 1, mine: 1, waiting: 2 })
  const [event] = await eventsOf(service, answer)
  t.match(event, { action: 'read', resource: 'conversations', outcome: 'allowed', row_count: 0 }, 'counting is a read')
  const elsewhere = await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })
  const stranger = await service.member('agent', { businessUnitIds: [elsewhere.id] })
  t.same((await counts(stranger.token)).body, { open: 0, unread: 0, unassigned: 0, mine: 0, waiting: 0 })
})

t.test('counts tell nothing of fields that the role does not show', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  await talkOf(lanes, 1)
  const role = (read: string[]) => service.role([{ resource: 'conversations', actions: ['read'], fields: { read } }])
  const counts = async (read: string[]) => {
    const { token } = await service.member(await role(read))
    return (await done(service, 'GET', '/v1/conversations/counts', undefined, token)).body
  }
  t.same(await counts(['status']), { open: 1 })
  t.same(await counts(['waitingSince']), { waiting: 1 })
  t.same(await counts(['unread']), { unread: 1 })
  t.same(await counts(['subject']), {})
  const blind = await service.member(
    await service.role([{ resource: 'contacts', actions: ['read'], fields: { read: ['*'] } }]),
  )
  t.equal((await service.request('GET', '/v1/conversations/counts', { token: blind.token })).status, 403)
})

t.test('whoever sees only some messages is not told how many the others are', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const talk = await talkOf(lanes, 4)
  await service.sql(`UPDATE app.message SET purpose = 'sales' WHERE id = ANY ($1)`, [talk.messageIds.slice(0, 2)])
  const grants = [
    { resource: 'conversations', actions: ['read'], fields: { read: ['*'] } },
    { resource: 'messages', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['purpose', 'sales'] } },
  ]
  const { token } = await service.member(await service.role(grants))
  const inbox = await done(service, 'GET', '/v1/conversations?unread=true', undefined, token)
  t.match(inbox.data, [{ unreadCount: 2, unread: true }])
  t.equal(
    (await done(service, 'PUT', `${talk.path}/read`, { lastMessageId: talk.messageIds[0] }, token)).body.unreadCount,
    1,
  )
  const hidden = await service.request('PUT', `${talk.path}/read`, {
    body: { lastMessageId: talk.messageIds[3] },
    token,
  })
  t.match([hidden.status, faultsOf(hidden)], [422, [{ path: '/lastMessageId', code: 'unknown_reference' }]])
  await done(service, 'PUT', `${talk.path}/read`, { lastMessageId: talk.messageIds[1] }, token)
  t.match((await done(service, 'GET', '/v1/conversations', undefined, token)).data, [{ unreadCount: 0, unread: false }])
  t.match((await done(service, 'GET', '/v1/conversations/counts', undefined, token)).body, { unread: 0 })
})

t.test('a marker names no message that its member does not see', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const talk = await talkOf(lanes, 3)
  await service.sql(`UPDATE app.message SET purpose = 'sales' WHERE id = ANY ($1)`, [talk.messageIds.slice(0, 2)])
  const seeing = async (purpose: string) => {
    const grants = [
      { resource: 'conversations', actions: ['read'], fields: { read: ['*'] } },
      { resource: 'messages', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['purpose', purpose] } },
    ]
    return (await service.member(await service.role(grants))).token
  }
  const [some, none] = [await seeing('sales'), await seeing('nothing')]
  const read = `${talk.path}/read`
  for (const method of ['PUT', 'POST', 'GET']) {
    const named = async (token: string) =>
      (await done(service, method, read, method === 'GET' ? undefined : {}, token)).body.lastMessageId
    t.equal(await named(some), talk.messageIds[1], `${method}: the last one that they see`)
    t.equal(await named(none), null, method)
  }
  t.equal((await done(service, 'PUT', read, {})).body.lastMessageId, talk.messageIds[2], 'who sees all is told all')
})

t.test('a marker is set in what one sees, by whoever has eyes', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const [talk, other] = [await talkOf(lanes, 1), await talkOf(lanes, 1)]
  const put = (path: string, body: unknown, token = service.ownerToken) =>
    service.request('PUT', `${path}/read`, { body, token })
  const foreign = await put(talk.path, { lastMessageId: other.messageIds[0] })
  t.match([foreign.status, faultsOf(foreign)], [422, [{ path: '/lastMessageId', code: 'unknown_reference' }]])
  t.equal((await put(talk.path, { lastMessageId: randomUUID() })).status, 422)
  t.equal((await put(talk.path, { lastMessageId: 'x' })).status, 400)
  t.equal((await put(talk.path, { other: true })).status, 400)
  t.equal((await put(`/v1/conversations/${randomUUID()}`, {})).status, 404)
  const elsewhere = await done(service, 'POST', '/v1/business-units', { name: 'Elsewhere' })
  const stranger = await service.member('agent', { businessUnitIds: [elsewhere.id] })
  for (const method of ['GET', 'PUT', 'POST', 'DELETE'])
    t.equal(
      (
        await service.request(method, `${talk.path}/read`, {
          token: stranger.token,
          ...(method === 'GET' || method === 'DELETE' ? {} : { body: {} }),
        })
      ).status,
      404,
      method,
    )
  const roleIds = [(await done(service, 'GET', '/v1/roles?name=owner')).data[0]?.id]
  const key = (await done(service, 'POST', '/v1/api-keys', { name: 'crm', roleIds })).string('key')
  t.equal((await put(talk.path, {}, key)).status, 422, 'a key reads for nobody')
  t.equal((await service.request('PATCH', talk.path, { body: { unreadCount: 0 }, token: key })).status, 422)
  t.match((await done(service, 'GET', talk.path, undefined, key)).body, { unreadCount: 1 })
  const forMember = await done(service, 'POST', '/v1/sessions/exchange', { memberId: service.ownerId }, key)
  t.equal((await put(talk.path, {}, forMember.string('accessToken'))).status, 200, 'for a member it does')
  t.equal((await done(service, 'GET', talk.path)).body.unreadCount, 0)
})

t.test('what a contact takes back is not unread, and nobody waits for an answer to it', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const [mei, ben] = [await service.member('agent'), await service.member('agent')]
  const at = (s: number): string => new Date(1_790_000_000_000 + s * 1_000).toISOString()
  const say = (id: string, s: number) => ({ ...said(id), id, occurredAt: at(s) })
  const unsay = (id: string, s: number) => ({
    id: `${id}-gone`,
    type: 'delete',
    occurredAt: at(s),
    from: { value: 'ada' },
    message: { id },
  })
  const [first] = [say('one', 1)]
  await channel.send(first, say('two', 2), say('three', 3))
  await lanes.drain()
  const path = `/v1/conversations/${(await done(service, 'GET', '/v1/conversations')).data[0]?.id}`
  const state = async () => {
    const { waitingSince } = (await done(service, 'GET', path)).body
    return { waitingSince, unread: [await unreadOf(lanes, path, mei.token), await unreadOf(lanes, path, ben.token)] }
  }
  const messages = (await done(service, 'GET', `${path}/messages`)).data
  await done(
    service,
    'PUT',
    `${path}/read`,
    { lastMessageId: messages.find(({ text }) => text === 'one')?.id },
    mei.token,
  )
  t.match(await state(), { waitingSince: at(1).replace('.000', ''), unread: [2, 3] })
  await channel.send(unsay('one', 5))
  await lanes.drain()
  t.match(
    await state(),
    { waitingSince: at(2).replace('.000', ''), unread: [2, 2] },
    'whoever had read it has as much unread as before',
  )
  await channel.send(unsay('two', 6), unsay('three', 6))
  await lanes.drain()
  t.same(await state(), { waitingSince: null, unread: [0, 0] })
  await channel.send(say('four', 7), unsay('four', 8), say('five', 9))
  await lanes.drain()
  t.match(await state(), { waitingSince: at(9).replace('.000', ''), unread: [1, 1] }, 'also within one batch')
})
