import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import {
  connectorChannel,
  done,
  eventsOf,
  faultsOf,
  person,
  said,
  send,
  talk,
  until,
  whatsappChannel,
} from './fixtures.ts'

const service = await startTestService(t, { worker: true })
const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/nowhere')
const connector = { channelId, kind: 'connector' } as const
const otherUnit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
const nobody = '01a202ab-4b8a-700f-89da-3aead2bca5e7'
const reached = (await done(service, 'GET', '/v1/me')).id

t.test('a conversation takes its unit from the contact and its type from the channel', async (t) => {
  const { contactId, identityId } = await person(service, { kind: 'connector' })
  const answer = await service.request('POST', '/v1/conversations', {
    body: { contactId, identityId, channelId, subject: 'Order 1042', purpose: 'support', tags: ['urgent'] },
  })
  t.equal(answer.status, 201)
  t.match(answer.body, { channel: 'connector', status: 'open', unreadCount: 0, purpose: 'support', tags: ['urgent'] })
  const contact = await done(service, 'GET', `/v1/contacts/${contactId}`)
  t.equal(answer.string('businessUnitId'), contact.string('businessUnitId'))
  t.equal(answer.headers.location, `/v1/conversations/${answer.id}`)
  t.equal((await done(service, 'GET', '/v1/tags?name=urgent')).data.length, 1, 'the tag joined the catalogue')
  const again = await service.request('POST', '/v1/conversations', { body: { contactId, identityId, channelId } })
  t.match([again.status, again.code, again.body.existingId], [409, 'already_exists', answer.id])
  const blind = await service.member(
    await service.role([
      {
        resource: 'conversations',
        actions: ['create', 'read'],
        fields: { read: ['*'], write: ['*'] },
        when: { eq: ['assigneeId', '$me.id'] },
      },
      { resource: 'conversations', actions: ['create'], fields: { write: ['*'] } },
      ...['contacts', 'identities', 'channels'].map((resource) => ({
        resource,
        actions: ['read'],
        fields: { read: ['*'] },
      })),
    ]),
  )
  const hidden = await service.request('POST', '/v1/conversations', {
    body: { contactId, identityId, channelId },
    token: blind.token,
  })
  t.equal(hidden.status, 409)
  t.notOk('existingId' in hidden.body, 'the other one is not named to whoever does not see it')
})

t.test('what does not fit together is refused, and the unseen is as unknown as the missing', async (t) => {
  const [anna, ben] = [await person(service, { kind: 'connector' }), await person(service, { kind: 'whatsapp' })]
  const elsewhere = await person(service, { kind: 'connector', unit: otherUnit })
  const refused = async (body: Record<string, unknown>, token = service.ownerToken) => {
    const answer = await service.request('POST', '/v1/conversations', { body, token })
    return [answer.status, ...faultsOf(answer).map(({ path, code }) => `${path} ${code}`)]
  }
  t.same(await refused({ ...ids(anna), channelId: nobody }), [422, '/channelId unknown_reference'])
  t.same(await refused({ contactId: anna.contactId, identityId: ben.identityId, channelId }), [
    422,
    '/identityId unknown_reference',
  ])
  t.same(await refused({ ...ids(ben), channelId }), [422, '/identityId not_reachable'])
  t.same(
    await refused({ ...ids(elsewhere), channelId }),
    [422, '/channelId unknown_reference'],
    'another unit’s channel',
  )
  t.same(await refused({ ...ids(anna), channelId, status: 'closed' }), [400, '/status unknown_field'])
  const agent = await service.member('agent')
  t.same(await refused({ ...ids(elsewhere), channelId }, agent.token), [
    422,
    '/contactId unknown_reference',
    '/identityId unknown_reference',
  ])
})

t.test('an inbox page is one audited statement that names what it shows and nothing else', async (t) => {
  const [first, second] = [await talk(service, connector), await talk(service, connector)]
  await said(service, first, 'hello')
  const last = await said(service, second, 'good morning')
  const agent = await service.member('agent')
  await done(service, 'PATCH', `/v1/conversations/${second.conversationId}`, { assigneeId: agent.id })
  const path = `/v1/conversations?include=contact,lastMessage,assignee&sort=-lastMessageAt&limit=1`
  const answer = await done(service, 'GET', path, undefined, agent.token)
  const [row] = answer.data
  t.match(row, {
    id: second.conversationId,
    contact: { id: second.contactId, displayName: 'Anna Müller', maskedFields: ['email', 'phone'] },
    lastMessage: { id: last, text: 'good morning' },
    assignee: { id: agent.id, displayName: 'A member' },
  })
  t.notMatch(answer.text, second.phone)
  t.notMatch(answer.text, second.phone.slice(1))
  const events = await eventsOf(service, answer)
  t.equal(events.length, 1)
  t.same(
    events[0]?.touched.map(({ resource, ids }) => [resource, ids]),
    [
      ['conversations', [second.conversationId]],
      ['contacts', [second.contactId]],
      ['messages', [last]],
      ['members', [agent.id]],
    ],
  )
  t.same(events[0]?.subject_ids, [second.contactId], 'the row that only tells of a next page was not shown')
  const next = await done(service, 'GET', `${path}&cursor=${answer.body.nextCursor}`, undefined, agent.token)
  t.equal(next.data[0]?.id, first.conversationId)
  const found = await done(
    service,
    'GET',
    `/v1/conversations?assigneeId=${agent.id}&status=open&waitingSince[exists]=true`,
  )
  t.same(
    found.data.map(({ id }) => id),
    [second.conversationId],
  )
})

t.test('only who may assign gives a conversation away, and only to who can see it', async (t) => {
  const { conversationId } = await talk(service, connector)
  const path = `/v1/conversations/${conversationId}`
  const agent = await service.member('agent')
  const elsewhere = await service.member('agent', { businessUnitIds: [otherUnit] })
  const patch = (body: unknown, token = service.ownerToken) => service.request('PATCH', path, { body, token })
  t.same(faultsOf(await patch({ assigneeId: elsewhere.id })), [{ path: '/assigneeId', code: 'unknown_reference' }])
  t.same(faultsOf(await patch({ assigneeId: nobody })), [{ path: '/assigneeId', code: 'unknown_reference' }])
  t.same(faultsOf(await patch({ teamId: nobody })), [{ path: '/teamId', code: 'unknown_reference' }])
  t.equal((await patch({ assigneeId: reached })).status, 200, 'an owner sees every unit')
  const writer = await service.member(
    await service.role([
      { resource: 'conversations', actions: ['read', 'update'], fields: { read: ['*'], write: ['*'] } },
    ]),
  )
  const refused = await patch({ assigneeId: agent.id }, writer.token)
  t.match([refused.status, ...faultsOf(refused)], [403, { path: '/assigneeId', code: 'not_assignable' }])
  t.equal((await patch({ assigneeId: reached, subject: 'the same again' }, writer.token)).status, 200)
  await done(service, 'PATCH', `/v1/members/${agent.id}`, { status: 'deactivated' })
  t.equal((await patch({ assigneeId: agent.id })).status, 422)
})

t.test('a change follows the rules of the status, and says in the audit what followed from it', async (t) => {
  const { conversationId } = await talk(service, connector)
  const path = `/v1/conversations/${conversationId}`
  const before = await done(service, 'GET', path)
  t.not(before.body.waitingSince, null)
  const closed = await done(service, 'PATCH', path, { status: 'closed', unreadCount: 0 })
  t.match(closed.body, {
    status: 'closed',
    waitingSince: null,
    unreadCount: 0,
    version: Number(before.body.version) + 1,
  })
  const [event] = await eventsOf(service, closed)
  t.same(event?.touched[0]?.changed, ['status', 'unreadCount', 'waitingSince'])
  t.equal((await service.request('PATCH', path, { body: { unreadCount: 3 } })).status, 400)
  t.equal((await service.request('PATCH', path, { body: { purpose: 'marketing' } })).status, 400)
  const snoozed = await service.request('PATCH', path, {
    body: { status: 'snoozed', snoozedUntil: '2020-01-01T00:00:00Z' },
  })
  t.match([snoozed.status, faultsOf(snoozed)], [422, [{ path: '/snoozedUntil', code: 'not_in_future' }]])
  const stale = await service.request('PATCH', path, {
    body: { subject: 'x' },
    headers: { 'if-match': String(before.headers.etag) },
  })
  t.equal(stale.status, 412)
})

t.test('a snoozed conversation wakes up by itself', async (t) => {
  const { conversationId } = await talk(service, connector)
  const path = `/v1/conversations/${conversationId}`
  const soon = new Date(Date.now() + 1_500).toISOString()
  const asleep = await done(service, 'PATCH', path, { status: 'snoozed', snoozedUntil: soon })
  t.equal(asleep.body.status, 'snoozed')
  t.equal(Date.parse(String(asleep.body.snoozedUntil)), Date.parse(soon))
  await until(async () => (await done(service, 'GET', path)).body.status === 'open')
  t.ok(Date.now() >= Date.parse(soon) - 200)
  t.equal((await done(service, 'GET', path)).body.snoozedUntil, null)
})

t.test('what belongs to another business unit is not there', async (t) => {
  const one = await talk(service, connector)
  const messageId = await said(service, one, 'hello')
  const noteId = (await done(service, 'POST', `/v1/conversations/${one.conversationId}/notes`, { text: 'a note' })).id
  const { token } = await service.member(['agent', 'privacy'], { businessUnitIds: [otherUnit] })
  const at = `/v1/conversations/${one.conversationId}`
  const asked: [string, string, unknown?][] = [
    ['GET', at],
    ['PATCH', at, { subject: 'x' }],
    ['GET', `${at}/messages`],
    ['POST', `${at}/messages/search`, {}],
    ['POST', `${at}/messages`, { text: 'x' }],
    ['GET', `${at}/notes`],
    ['POST', `${at}/notes`, { text: 'x' }],
    ['GET', `/v1/messages/${messageId}`],
    ['GET', `/v1/notes/${noteId}`],
    ['DELETE', `/v1/notes/${noteId}`],
    ['GET', `/v1/identities/${one.identityId}`],
    ['GET', `/v1/contacts/${one.contactId}/identities`],
    ['GET', `/v1/contacts/${one.contactId}/timeline`],
  ]
  for (const [method, path, body] of asked) {
    const answer = await service.request(method, path, { token, ...(body === undefined ? {} : { body }) })
    t.match([answer.status, answer.code], [404, 'not_found'], `${method} ${path}`)
    const [event] = await eventsOf(service, answer)
    t.equal(event?.outcome, 'denied', `${method} ${path} is in the audit`)
  }
})

t.test('messages and notes are seen as far as their conversation is', async (t) => {
  const [mine, theirs] = [await talk(service, connector), await talk(service, connector)]
  const role = await service.role([
    { resource: 'conversations', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['assigneeId', '$me.id'] } },
    ...['messages', 'notes', 'contacts', 'identities'].map((resource) => ({
      resource,
      actions: ['read'],
      fields: { read: ['*'] },
    })),
  ])
  const { id, token } = await service.member(role)
  await done(service, 'PATCH', `/v1/conversations/${mine.conversationId}`, { assigneeId: id })
  const [seen, hidden] = [await said(service, mine, 'mine'), await said(service, theirs, 'theirs')]
  const get = async (path: string) => (await service.request('GET', path, { token })).status
  t.equal(await get(`/v1/messages/${seen}`), 200)
  t.equal(await get(`/v1/messages/${hidden}`), 404)
  t.equal(await get(`/v1/conversations/${theirs.conversationId}/messages`), 404)
  const timeline = await done(service, 'GET', `/v1/contacts/${theirs.contactId}/timeline`, undefined, token)
  t.notMatch(timeline.text, 'theirs')
  t.ok(timeline.data.every(({ kind }) => kind === 'identity'))
})

t.test('the trash hides a conversation with all that is in it, until it comes back whole', async (t) => {
  const one = await talk(service, connector)
  const messageId = await said(service, one, 'hello')
  const agent = await service.member('agent')
  const path = `/v1/conversations/${one.conversationId}`
  t.equal((await service.request('DELETE', path)).status, 204)
  const get = async (at: string, token: string) => (await service.request('GET', at, { token })).status
  for (const at of [path, `${path}/messages`, `/v1/messages/${messageId}`]) {
    t.equal(await get(at, agent.token), 404, at)
    t.equal(await get(at, service.ownerToken), 200, `${at}, for whoever may bring it back`)
  }
  t.equal((await send(service, one.conversationId, { text: 'x' })).status, 404)
  const back = await done(service, 'POST', `${path}/restore`)
  t.match(back.body, { id: one.conversationId, trashedAt: null, lastMessageId: messageId })
  t.equal(await get(`/v1/messages/${messageId}`, agent.token), 200)
})

t.test('a channel that cannot reach an address of that kind is refused, one that can is taken', async (t) => {
  const whatsapp = await whatsappChannel(service, 'http://127.0.0.1:9')
  const { contactId, identityId } = await person(service, { kind: 'whatsapp' })
  t.equal(
    (await done(service, 'POST', '/v1/conversations', { contactId, identityId, channelId: whatsapp })).status,
    201,
  )
})

const ids = ({ contactId, identityId }: { contactId: string; identityId: string }) => ({ contactId, identityId })

t.test('an include shows nothing that the field it goes by would not', async (t) => {
  const one = await talk(service, connector)
  await said(service, one, 'hello')
  await done(service, 'PATCH', `/v1/conversations/${one.conversationId}`, { assigneeId: reached })
  const path = `/v1/conversations/${one.conversationId}`
  const rest = ['contacts', 'members'].map((resource) => ({ resource, actions: ['read'], fields: { read: ['*'] } }))
  const get = async (grants: readonly unknown[], include: string) => {
    const { token } = await service.member(await service.role(grants))
    const answers = [
      await service.request('GET', `${path}?include=${include}`, { token }),
      await service.request('GET', `/v1/conversations?id=${one.conversationId}&include=${include}`, { token }),
      await service.request('POST', '/v1/conversations/search', { token, body: { include: include.split(',') } }),
    ]
    return answers.map((answer) =>
      answer.status === 200
        ? answer.body.id
          ? answer.body
          : answer.data.find(({ id }) => id === one.conversationId)
        : [answer.status, ...faultsOf(answer)],
    )
  }
  const conversationsOf = (read: readonly string[], more: Record<string, unknown> = {}) => ({
    resource: 'conversations',
    actions: ['read'],
    fields: { read, ...more },
  })
  const unknown = [400, { path: 'include', code: 'unknown_field' }]
  t.same(await get([conversationsOf(['status']), ...rest], 'contact'), [unknown, unknown, unknown])
  const masked = conversationsOf(['status'], { mask: ['contactId'] })
  t.same(await get([masked, ...rest], 'contact'), [unknown, unknown, unknown], 'nor where it is masked')
  for (const row of await get([conversationsOf(['assigneeId', 'contactId']), ...rest], 'contact,assignee'))
    t.match(row, { contact: { id: one.contactId }, assignee: { id: reached } })
  const byRow = [
    conversationsOf(['status']),
    { ...conversationsOf(['contactId']), when: { eq: ['priority', 'urgent'] } },
  ]
  for (const row of await get([...byRow, ...rest], 'contact')) t.notOk('contact' in Object(row), 'not in this row')
  await done(service, 'PATCH', path, { priority: 'urgent' })
  for (const row of await get([...byRow, ...rest], 'contact')) t.match(row, { contact: { id: one.contactId } })

  const alone = await get([conversationsOf(['*'])], 'contact,lastMessage,assignee')
  for (const row of alone)
    t.same(
      ['contact', 'lastMessage', 'assignee'].filter((name) => name in Object(row)),
      [],
      'what may not be read at all is absent, not null',
    )
  await done(service, 'PATCH', path, { assigneeId: null })
  for (const row of await get([conversationsOf(['*']), ...rest], 'assignee')) t.match(row, { assignee: null })
})
