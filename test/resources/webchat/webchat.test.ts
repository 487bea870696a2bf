import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { chatChannel, listen, origin, Page, until, userHash } from './chat.ts'

t.test('a visitor writes, is answered, and reads: one conversation, seen by nobody else', async (t) => {
  const service = await startTestService(t, { worker: true })
  const channelId = await chatChannel(service, { showAuthors: true })
  const page = new Page(service.request, channelId)
  t.equal((await page.open({ name: 'Anna', email: 'Anna@Example.com' })).status, 201)
  const said = await page.say('m-1', 'Do you ship to Malta?')
  t.match([said.status, said.body], [202, { id: 'm-1', duplicate: false }])
  t.match((await page.say('m-1', 'Do you ship to Malta?')).body, { duplicate: true })
  await until('the message is there', async () => (await page.texts()).length === 1)

  const [conversation] = (await service.request('GET', '/v1/conversations?include=contact')).data
  if (!conversation) throw new Error('no conversation')
  t.match(conversation, { channel: 'webchat', contact: { displayName: 'Anna', email: 'anna@example.com' } })
  const identities = (await service.request('GET', `/v1/contacts/${conversation.contactId}/identities`)).data
  t.ok(
    identities.every((one) => one.verified === false),
    'what the page says is a claim',
  )

  const answer = await service.request('POST', `/v1/conversations/${conversation.id}/messages`, {
    body: { text: 'Yes, we do.' },
  })
  t.equal(answer.status, 201)
  await service.request('POST', `/v1/conversations/${conversation.id}/notes`, { body: { text: 'internal' } })
  const status = async () => (await service.request('GET', `/v1/messages/${answer.id}`)).body.status
  await until('it was handed over', async () => (await status()) === 'sent')
  const list = await page.messages()
  t.match(list.data, [
    { clientId: 'm-1', direction: 'inbound', text: 'Do you ship to Malta?' },
    { direction: 'outbound', text: 'Yes, we do.', author: { displayName: 'Owner' } },
  ])
  t.notMatch(list.text, /internal/, 'notes are nobody’s but the team’s')
  t.equal(await status(), 'delivered', 'the list gave it to the visitor')
  t.equal((await page.messages(list.string('nextCursor'))).data.length, 0)

  const [, told] = list.data
  t.equal((await page.ask('POST', '/read', { lastMessageId: told?.id })).status, 204)
  t.equal(await status(), 'read')
  t.equal((await page.messages(list.string('nextCursor'))).data.length, 0, 'how far it has come is no news')
  t.equal((await page.open({ visitorToken: page.token })).body.conversationId, conversation.id)

  const other = new Page(service.request, channelId)
  await other.open()
  t.strictSame(await other.texts(), [])
  t.equal((await other.ask('POST', '/read', { lastMessageId: told?.id })).status, 404)
  t.equal((await other.messages(list.string('nextCursor'))).data.length, 0, 'another one’s cursor shows nothing')

  const events = await service.sql<{ actor_kind: string; actor_id: string; action: string; row_count: number }>(
    `SELECT actor_kind, actor_id, action, row_count FROM audit.readable_event WHERE request_id = $1`,
    [list.headers['request-id']],
  )
  t.match(
    events.find((one) => one.action === 'read'),
    { actor_kind: 'visitor', actor_id: page.visitorId, row_count: 2 },
    'what the visitor saw is on record',
  )
})

t.test(
  'a signed user is the same on all devices, and verified; another user of the machine is somebody else',
  async (t) => {
    const service = await startTestService(t, { worker: true })
    const channelId = await chatChannel(service)
    const page = (): Page => new Page(service.request, channelId)
    const laptop = page()
    await laptop.open()
    await laptop.say('a', 'before logging in')
    await until('it is there', async () => (await laptop.texts()).length === 1)
    t.match((await page().open({ userId: 'u1', userHash: '0'.repeat(64) })).code, 'invalid_signature')
    t.match((await page().open({ userId: 'u2', userHash: userHash('u1') })).code, 'invalid_signature')
    t.match((await page().open({ userId: 'u1' })).status, 401)
    t.match((await page().open({ userHash: userHash('') })).status, 401)
    const anonymous = laptop.token
    await laptop.open({ visitorToken: anonymous, userId: 'u1', userHash: userHash('u1') })
    await laptop.say('b', 'after logging in')
    await until('both are there', async () => (await laptop.texts()).length === 2)
    const phone = page()
    await phone.open({ userId: 'u1', userHash: userHash('u1').toUpperCase() })
    t.strictSame(await phone.texts(), ['before logging in', 'after logging in'])
    await phone.say('a', 'the same id of another device is another message')
    await until('three are there', async () => (await laptop.texts()).length === 3)
    t.equal((await service.request('GET', '/v1/contacts')).data.length, 1)
    t.equal((await service.request('GET', '/v1/conversations')).data.length, 1)
    const [contact] = (await service.request('GET', '/v1/contacts')).data
    const identities = (await service.request('GET', `/v1/contacts/${contact?.id}/identities`)).data
    t.ok(identities.some((one) => one.value === 'user:u1' && one.verified === true))
    await laptop.open({ visitorToken: laptop.token, userId: 'u2', userHash: userHash('u2') })
    t.strictSame(await laptop.texts(), [], 'the next user of the machine sees nothing of the last one')
    laptop.token = anonymous
    t.strictSame(await laptop.texts(), [], 'nor does the token from before: the conversation is the user’s now')
  },
)

t.test('forged, altered, foreign and outdated tokens open nothing', async (t) => {
  const service = await startTestService(t)
  const other = await service.tenant()
  const channelId = await chatChannel(service)
  const foreign = await chatChannel(service)
  const elsewhere = await chatChannel(service, {}, other.ownerToken)
  const page = new Page(service.request, channelId)
  await page.open()
  const good = page.token ?? ''
  t.equal((await page.messages()).status, 200)
  const routes: [string, string, unknown?][] = [
    ['GET', '/messages'],
    ['POST', '/messages', { id: 'x', text: 'x' }],
    ['POST', '/read', { lastMessageId: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }],
    ['GET', '/events'],
    ['GET', '/files/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'],
  ]
  const refusedAll = async (asking: Page, what: string): Promise<void> => {
    for (const [method, path, body] of routes)
      t.match((await asking.ask(method, path, body)).status, 401, `${method} ${path}: ${what}`)
    t.equal((await asking.open({ visitorToken: asking.token ?? 'x' })).status, 401, `a session: ${what}`)
  }
  for (const id of [foreign, elsewhere]) {
    const asking = new Page(service.request, id)
    asking.token = good
    await refusedAll(asking, 'another channel’s token')
  }
  for (const [what, token] of [
    ['none', null],
    ['not one', 'wcv1.AAAA'],
    ['another prefix', good.replace('wcv1', 'wcv2')],
    ['a member’s token', service.ownerToken],
    ['altered', `${good.slice(0, 30)}${good[30] === 'A' ? 'B' : 'A'}${good.slice(31)}`],
    ['cut', good.slice(0, -2)],
    ['longer', `${good}A`],
  ] as const) {
    page.token = token
    await refusedAll(page, what)
  }
  page.token = good
  const before = await service.request('GET', `/v1/channels/${channelId}`)
  const patch = (body: unknown) =>
    service.request('PATCH', `/v1/channels/${channelId}`, { body, headers: { 'if-match': '*' } })
  t.equal((await patch({ settings: { signingSecret: 'another-signing-secret' } })).status, 200, before.text)
  await refusedAll(page, 'made under the old signing secret')
  await patch({ status: 'disabled' })
  t.equal((await page.open()).status, 404, 'a channel that is off is not there')
  const unknown = new Page(service.request, '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11')
  t.equal((await unknown.open()).status, 404)
  const connector = await service.request('POST', '/v1/channels', {
    body: { type: 'connector', name: 'c', settings: {} },
  })
  t.equal((await new Page(service.request, connector.id).open()).status, 404, 'nor is one of another type')
})

t.test('only the channel’s own pages: CORS with its preflight, others are turned away', async (t) => {
  const service = await startTestService(t, { env: { ALLOWED_ORIGINS: 'https://crm.example' } })
  const channelId = await chatChannel(service)
  const base = `/v1/webchat/${channelId}`
  const preflight = (from: string, path = '/messages') =>
    service.request('OPTIONS', `${base}${path}`, {
      token: null,
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
  for (const path of [
    '/sessions',
    '/messages',
    '/read',
    '/events',
    '/files',
    '/files/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
  ]) {
    const asked = await preflight(origin, path)
    t.equal(asked.status, 204, path)
    t.equal(asked.headers['access-control-allow-origin'], origin)
    t.match(asked.headers['access-control-allow-headers'], /authorization/)
    t.match(asked.headers['access-control-allow-methods'], /GET|POST/)
    t.match(asked.headers.vary, /Origin/i)
  }
  for (const from of ['https://evil.example', 'https://crm.example', 'null', 'https://www.example.com.evil.example']) {
    t.notOk((await preflight(from)).headers['access-control-allow-origin'], from)
    const refused = await service.request('POST', `${base}/sessions`, {
      token: null,
      body: {},
      headers: { origin: from },
    })
    t.match([refused.status, refused.code], [403, 'forbidden'], from)
    t.notOk(refused.headers['access-control-allow-origin'])
  }
  const page = new Page(service.request, channelId)
  t.equal((await page.open()).headers['access-control-allow-origin'], origin)
  const fault = await page.ask('POST', '/messages', { id: 'x', nonsense: 1 })
  t.match([fault.status, fault.headers['access-control-allow-origin']], [400, origin], 'a page can read its faults')
  t.equal(
    (await service.request('POST', `${base}/sessions`, { token: null, body: {} })).status,
    201,
    'without a browser',
  )
})

t.test('files both ways, and nobody else’s', async (t) => {
  const service = await startTestService(t, { worker: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  const upload = async (who: Page, content: Buffer, type: string, name: string) => {
    const data = new FormData()
    data.append('file', new File([new Uint8Array(content)], name, { type }))
    const response = new Response(data)
    return service.request('POST', `${who.base}/files`, {
      token: who.token,
      body: Buffer.from(await response.arrayBuffer()),
      headers: { origin, 'content-type': response.headers.get('content-type') ?? '' },
    })
  }
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  )
  const file = await upload(page, png, 'image/png', 'dot.png')
  t.match([file.status, file.body], [201, { fileName: 'dot.png', mediaType: 'image/png', size: png.length }])
  t.equal((await upload(page, Buffer.from('<script>'), 'text/html', 'x.html')).code, 'file_refused')
  const other = new Page(service.request, channelId)
  await other.open()
  t.equal((await other.say('x', 'mine?', [file.id])).code, 'unprocessable', 'another visitor’s upload')
  const said = await page.ask('POST', '/messages', { id: 'f', attachments: [file.id] })
  t.equal(said.status, 202)
  t.match((await page.ask('POST', '/messages', { id: 'f', attachments: [file.id] })).body, { duplicate: true })
  await until('it has been taken in', async () => {
    const [one] = (await service.request('GET', '/v1/attachments?messageId[exists]=true')).data
    return one?.status === 'stored'
  })
  const [stored] = (await service.request('GET', '/v1/attachments?messageId[exists]=true')).data
  const content = await service.app.inject({
    url: `/v1/attachments/${stored?.id}/content`,
    headers: { authorization: `Bearer ${service.ownerToken}` },
  })
  t.ok(content.rawPayload.equals(png), 'the team has the very bytes')
  const [message] = (await page.messages()).data
  t.match(message, { type: 'image', attachments: [{ fileName: 'dot.png', size: png.length }] })
  const own = await page.ask('GET', `/files/${stored?.id}`)
  t.match([own.status, own.headers['content-type']], [200, 'image/png'])
  t.equal((await other.ask('GET', `/files/${stored?.id}`)).status, 404)
  t.equal((await page.ask('GET', `/files/${file.id}`)).status, 404, 'an upload is no file of the conversation')
})

t.test('a stream: what is there, what comes, edits; on again after the last event', async (t) => {
  const service = await startTestService(t, { worker: true, listen: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  await page.say('1', 'one')
  await until('it is there', async () => (await page.texts()).length === 1)
  const first = listen(service.url, page.base, { token: page.token })
  t.teardown(() => first.close())
  t.equal(await first.status, 200)
  await until('the first event', () => first.events.length === 1)
  t.match(first.events, [{ event: 'message', data: { text: 'one', clientId: '1' } }])
  const [conversation] = (await service.request('GET', '/v1/conversations')).data
  const answer = async (text: string) =>
    (await service.request('POST', `/v1/conversations/${conversation?.id}/messages`, { body: { text } })).id
  const id = await answer('two')
  await until('the answer came', () => first.events.length === 2)
  t.match(first.events[1], { event: 'message', data: { text: 'two', id, direction: 'outbound' } })
  await until('it counts as delivered', async () => {
    return (await service.request('GET', `/v1/messages/${id}`)).body.status === 'delivered'
  })
  first.close()
  await answer('three')
  await until('three is out', async () => {
    return (await service.sql(`SELECT FROM app.message WHERE text = 'three' AND status = 'sent'`)).length === 1
  })
  const again = listen(service.url, page.base, { token: page.token, lastEventId: first.events[1]?.id ?? '' })
  t.teardown(() => again.close())
  await until('three came', () => again.events.length === 1)
  t.match(again.events, [{ event: 'message', data: { text: 'three' } }], 'only what was missed')
  const other = listen(service.url, page.base, { token: 'wcv1.x' })
  t.equal(await other.status, 401)
  const shown = await service.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM audit.readable_event WHERE actor_kind = 'visitor' AND action = 'read' AND resource = 'messages' AND row_count > 0`,
  )
  t.ok((shown[0]?.n ?? 0) >= 3, 'each batch is on record')
  const started = Date.now()
  const over = again.ended
  await service.stop()
  await over
  t.ok(Date.now() - started < 5_000, 'a stop ends the streams at once')
})

t.test('whoever writes too much waits: by visitor, and by address', async (t) => {
  const service = await startTestService(t, { env: { RATE_LIMIT_PER_MINUTE: '6000' } })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  const other = new Page(service.request, channelId)
  await page.open()
  await other.open()
  const statuses: number[] = []
  for (let i = 0; i < 61; i++) statuses.push((await page.say(`m${i}`, 'x')).status)
  t.strictSame([statuses.filter((one) => one === 202).length, statuses.at(-1)], [60, 429])
  t.equal((await other.say('m', 'x')).status, 202, 'another visitor may')
  const opened: number[] = []
  for (let i = 0; i < 119; i++) opened.push((await page.open()).status)
  t.equal(opened.filter((one) => one === 429).length, 1, 'sessions are counted by address')
})

t.test('two users who log in before one browser stay two people', async (t) => {
  const service = await startTestService(t, { worker: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  const anonymous = page.token
  for (const userId of ['alice', 'bob', 'alice']) {
    await page.open({ visitorToken: anonymous, userId, userHash: userHash(userId) })
    t.equal((await page.say(`m-${userId}`, `I am ${userId}`)).status, 202)
    await until('the message is there', async () => (await page.texts()).includes(`I am ${userId}`))
  }
  const { data } = await service.request('GET', '/v1/contacts')
  t.equal(data.length, 2)
  for (const { id } of data) {
    const identities = (await service.request('GET', `/v1/contacts/${id}/identities`)).data
    t.equal(identities.filter((one) => one.verified === true).length, 1, 'each with one proved user')
  }
})
