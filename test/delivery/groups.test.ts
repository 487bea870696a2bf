import { randomUUID } from 'node:crypto'
import t from 'tap'
import { event, message, signed } from '../channels/line/fixtures.ts'
import { json } from '../channels/local-server.ts'
import { botApi, ok } from '../channels/telegram/bot-api.ts'
import * as telegram from '../channels/telegram/fixtures.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { content, png, upload } from '../resources/attachments/fixtures.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'
import { post as postWhatsapp, whatsappChannel } from '../resources/ingest/posts.ts'
import { provider } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const names: Record<string, string> = { Uann: 'Ann', Ubob: 'Bob', Ucleo: 'Cleo' }

/** LINE: takes messages, gives a picture, and tells of people only as members of the group in which they are. */
const line = await provider(t, (seen, response, count) => {
  const member = /^\/v2\/bot\/group\/C\w+\/member\/(\w+)$/.exec(seen.path)?.[1]
  if (/^\/v2\/bot\/message\/(reply|push)$/.test(seen.path))
    json(response, 200, { sentMessages: [{ id: `sent${count}` }] })
  else if (seen.path.endsWith('/content')) response.writeHead(200, { 'content-type': 'image/png' }).end(png)
  else if (member !== undefined) json(response, 200, { displayName: names[member] })
  else json(response, 404, { message: 'Not found' })
})
const sends = () => line.seen.filter(({ path }) => /\/(reply|push)$/.test(path))

const channel = await done(service, 'POST', '/v1/channels', {
  type: 'line',
  name: 'LINE',
  settings: {
    channelSecret: 'a-channel-secret',
    channelAccessToken: 'a-token',
    apiBaseUrl: line.url,
    dataApiBaseUrl: line.url,
  },
})

let events = 0
/** Posts as LINE does; each event with an id of its own, now. */
async function post(...list: Record<string, unknown>[]): Promise<void> {
  const stamped = list.map((one) => ({ ...one, webhookEventId: `01JE${++events}`, timestamp: Date.now() + events }))
  const { headers, rawBody } = signed({ destination: 'Ubot', events: stamped })
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: rawBody,
    token: null,
    headers: { 'content-type': 'application/json', 'x-line-signature': headers['X-Line-Signature'] ?? '' },
  })
  if (answer.status !== 200) throw new Error(answer.text)
  await until(async () => (await listOf('/v1/inbound-events?status=stored')).length === 0)
}

const inGroup = (groupId: string, userId?: string) => ({
  source: { type: 'group', groupId, ...(userId === undefined ? {} : { userId }) },
})
/** What somebody says in a group; without an id, LINE does not say who. */
const says = (groupId: string, text: string, userId?: string) =>
  message({ id: randomUUID(), type: 'text', text }, { ...inGroup(groupId, userId), replyToken: undefined })

const listOf = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const talksOn = (id: string) => listOf(`/v1/conversations?channelId=${id}&limit=200`)
const messagesOf = async (id: unknown) =>
  id === undefined ? [] : listOf(`/v1/conversations/${id}/messages?sort=occurredAt&limit=200`)
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
/** Who says what, by the names of contacts. */
async function spoken(id: unknown): Promise<[unknown, unknown][]> {
  const people = new Map((await listOf('/v1/contacts?limit=200')).map((one) => [one.id, one.displayName]))
  return (await messagesOf(id)).map(({ author, text }) => {
    const { kind, id: who } = author as { kind: string; id: string | null }
    return [kind === 'contact' ? (who === null ? 'somebody' : people.get(who)) : kind, text]
  })
}
async function say(conversationId: unknown, body: Record<string, unknown>) {
  const made = await send(service, String(conversationId), body)
  if (made.status !== 201) throw new Error(made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  return made
}

t.test('what comes before anybody is named waits for the group’s conversation, with its reason', async (t) => {
  await post(event('join', { ...inGroup('Cone'), replyToken: undefined }), says('Cone', 'who is this?'))
  t.match(await listOf('/v1/inbound-events?sort=receivedAt'), [
    { status: 'ignored', reason: 'unknown_group' },
    { status: 'ignored', reason: 'unknown_group' },
  ])
  t.same(await listOf('/v1/conversations'), [])
  t.same(await listOf('/v1/contacts'), [], 'nobody is made of it')

  await post(says('Cone', 'hello', 'Uann'))
  const [talk, ...others] = await talksOn(channel.id)
  t.same(others, [])
  await until(async () => (await messagesOf(talk?.id)).length === 3)
  await until(async () => (await listOf('/v1/contacts'))[0]?.displayName === 'Ann')
  t.same(await spoken(talk?.id), [
    ['provider', 'The account joined the group'],
    ['somebody', 'who is this?'],
    ['Ann', 'hello'],
  ])
  t.same(
    (await listOf('/v1/inbound-events')).map((one) => one.status),
    ['processed', 'processed', 'processed'],
    'taken up again',
  )
})

t.test('whoever speaks in a group speaks in its one conversation, under their own name', async (t) => {
  await post(
    says('Cone', 'hi all', 'Ubob'),
    says('Cone', 'not told who I am'),
    event('memberJoined', {
      ...inGroup('Cone'),
      replyToken: undefined,
      joined: { members: [{ type: 'user', userId: 'Ucleo' }] },
    }),
    says('Cone', 'me again', 'Uann'),
  )
  await until(async () => (await listOf('/v1/contacts?displayName=Bob')).length === 1)
  const [talk, ...others] = await talksOn(channel.id)
  t.same(others, [])
  t.same((await spoken(talk?.id)).slice(3), [
    ['Bob', 'hi all'],
    ['somebody', 'not told who I am'],
    ['provider', 'Somebody joined the group'],
    ['Ann', 'me again'],
  ])
  t.equal((await listOf('/v1/contacts')).length, 2, 'who joins and says nothing is no contact')
  t.match(talk, { isGroup: true, unreadCount: 5 }, 'what systems tell is not unread')
  const bob = (await listOf('/v1/contacts?displayName=Bob'))[0]
  const timeline = await listOf(`/v1/contacts/${bob?.id}/timeline?kind=message`)
  t.same(
    timeline.map((one) => (one.record as Row).text),
    ['hi all'],
    'each member’s timeline has what they said',
  )
  await post(
    says('Ctwo', 'another group', 'Ubob'),
    message({ id: randomUUID(), type: 'text', text: 'alone' }, { source: { type: 'user', userId: 'Ubob' } }),
  )
  t.same(
    (await talksOn(channel.id)).map((one) => one.isGroup).sort(),
    [false, true, true],
    'other threads are other conversations',
  )
})

t.test('an answer goes to the group, whatever its first speaker wants for themselves', async (t) => {
  const talk = (await talksOn(channel.id)).find((one) => one.unreadCount === 5)
  await post(event('unfollow', { source: { type: 'user', userId: 'Uann' }, replyToken: undefined }))
  const made = await say(talk?.id, { text: 'Welcome' })
  t.equal(sends().at(-1)?.path, '/v2/bot/message/push')
  t.match(JSON.parse(sends().at(-1)?.body ?? ''), { to: 'Cone', messages: [{ text: 'Welcome' }] })
  t.match((await done(service, 'GET', `/v1/messages/${made.id}`)).body, { identityId: null })
  const marketing = await send(service, String(talk?.id), { text: 'Buy', purpose: 'marketing' })
  t.match([marketing.status, marketing.body.errors], [422, [{ code: 'opted_out' }]], 'one who wants none is enough')
  await post(
    message(
      { id: randomUUID(), type: 'text', text: 'quick' },
      { ...inGroup('Cone', 'Ubob'), replyToken: 'token-of-bob' },
    ),
  )
  await say(talk?.id, { text: 'At once' })
  t.equal(sends().at(-1)?.path, '/v2/bot/message/reply', 'by the token of whoever wrote')
  t.match(JSON.parse(sends().at(-1)?.body ?? ''), { replyToken: 'token-of-bob' })
})

t.test('who is erased goes with their own words; the group stays, also when it was theirs', async (t) => {
  await post(
    says('Cthree', 'Ann begins', 'Uann'),
    says('Cthree', 'Bob goes on', 'Ubob'),
    message({ id: 'picture', type: 'image', contentProvider: { type: 'line' } }, inGroup('Cthree')),
  )
  const [talk] = (await talksOn(channel.id)).filter((one) => one.unreadCount === 3)
  const all = await messagesOf(talk?.id)
  const [first] = all
  const picture = async () => (await messagesOf(talk?.id)).find((one) => one.type === 'image')?.attachments as Row[]
  await until(async () => (await picture())[0]?.status === 'stored')
  const file = await upload(service, png, { fileName: 'plan.png', type: 'image/png' })
  await say(talk?.id, { text: 'For all', attachmentIds: [file.id] })
  await say(talk?.id, { text: 'Dear Ann', replyToId: first?.id })
  await done(service, 'POST', `/v1/conversations/${talk?.id}/notes`, { text: 'a note' })
  await post(says('Cthree', 'and I', 'Uann'))

  const [ann] = await listOf('/v1/contacts?displayName=Ann')
  const [bob] = await listOf('/v1/contacts?displayName=Bob')
  t.equal(talk?.contactId, ann?.id, 'it belongs to whoever spoke first')
  const path = `/v1/conversations/${talk?.id}`
  await done(service, 'POST', `/v1/contacts/${ann?.id}/erase`, { reason: 'asked for it' })
  const after = (await done(service, 'GET', path)).body
  t.match(after, { contactId: bob?.id, waitingSince: null, unreadCount: 0 })
  t.same(await spoken(talk?.id), [
    ['Bob', 'Bob goes on'],
    ['somebody', '[image]'],
    ['member', 'For all'],
  ])
  t.same(
    (await listOf(`${path}/notes`)).map((one) => one.text),
    ['a note'],
  )
  for (const id of [(await picture())[0]?.id, file.id]) t.ok(png.equals((await content(service, String(id))).bytes))
  t.match(await service.sql('SELECT count(*)::int AS n FROM app.message WHERE contact_id = $1', [ann?.id]), [{ n: 0 }])

  await post(says('Cthree', 'still here', 'Ubob'))
  t.match((await done(service, 'GET', path)).body, { unreadCount: 1, waitingSince: /./ })
  await say(talk?.id, { text: 'So are we' })
  t.match(JSON.parse(sends().at(-1)?.body ?? ''), { to: 'Cthree' })

  await done(service, 'POST', `/v1/contacts/${bob?.id}/erase`, { reason: 'asked for it' })
  t.equal((await service.request('GET', path)).status, 404, 'nobody is left whose it could be')
  t.same(await service.sql('SELECT FROM app.message WHERE conversation_id = $1', [talk?.id]), [])
})

t.test('members who are merged and parted again have what they said, and the group stays one', async (t) => {
  names.Udan = 'Dan'
  names.Ueve = 'Eve'
  await post(
    says('Cfour', 'Dan begins', 'Udan'),
    says('Cfour', 'Eve goes on', 'Ueve'),
    says('Cfour', 'nobody'),
    says('Cfive', 'Eve begins', 'Ueve'),
    says('Cfive', 'Dan goes on', 'Udan'),
  )
  await until(async () => (await listOf('/v1/contacts?displayName=Eve')).length === 1)
  await until(async () => (await listOf('/v1/contacts?displayName=Dan')).length === 1)
  const [[dan], [eve]] = [await listOf('/v1/contacts?displayName=Dan'), await listOf('/v1/contacts?displayName=Eve')]
  const talks = (await talksOn(channel.id)).filter((one) => one.contactId === dan?.id || one.contactId === eve?.id)
  t.equal(talks.length, 2)
  for (const { id } of talks)
    await say(id, {
      text: 'To Dan',
      replyToId: (await messagesOf(id)).find((one) => /^Dan/.test(String(one.text)))?.id,
    })
  const state = () =>
    service.sql(`SELECT m.id, m.conversation_id, m.contact_id, m.author_id, c.contact_id AS owner FROM app.message m JOIN app.conversation c ON c.id = m.conversation_id
      WHERE c.thread_key IN ('Cfour', 'Cfive') ORDER BY m.id`)
  const before = await state()
  t.equal(before.length, 7)
  for (const [into, other] of [
    [dan, eve],
    [eve, dan],
  ]) {
    await done(service, 'POST', `/v1/contacts/${into?.id}/merge`, { mergeId: other?.id })
    const merged = await state()
    t.ok(merged.every((one) => one.contact_id === into?.id && one.owner === into?.id))
    t.equal(merged.filter((one) => one.author_id === null).length, 1, 'nobody stays nobody')
    await done(service, 'POST', `/v1/contacts/${into?.id}/unmerge`, {})
    t.same(await state(), before)
  }
  await done(service, 'POST', `/v1/contacts/${dan?.id}/merge`, { mergeId: eve?.id })
  await post(says('Cfour', 'Eve meanwhile', 'Ueve'), says('Csix', 'Eve elsewhere', 'Ueve'))
  await done(service, 'POST', `/v1/contacts/${dan?.id}/unmerge`, {})
  t.same((await spoken(talks.find((one) => one.contactId === dan?.id)?.id)).at(-1), ['Eve', 'Eve meanwhile'])
  t.match(await service.sql(`SELECT contact_id FROM app.conversation WHERE thread_key = 'Csix'`), [
    { contact_id: eve?.id },
  ])
  t.equal((await state()).length, 8)
})

t.test('groups on Telegram and WhatsApp are one conversation too, and are answered as groups', async (t) => {
  const bot = await botApi(t, ({ body }, response, count) =>
    ok(response, { message_id: count, chat: { id: body.chat_id } }),
  )
  const secretToken = telegram.settings.secretToken ?? ''
  const settings = { ...telegram.settings, secretToken, apiBaseUrl: bot.url }
  const own = await done(service, 'POST', '/v1/channels', { type: 'telegram', name: 'Bot', settings })
  const nora = { id: 77, is_bot: false, first_name: 'Nora' }
  const update = async (id: number, kind: string, item: Record<string, unknown>) => {
    const answer = await service.request('POST', `/v1/ingest/${own.id}`, {
      body: JSON.stringify(telegram.update(kind, item, id)),
      token: null,
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secretToken },
    })
    t.equal(answer.status, 200)
  }
  const member = { chat: telegram.group, old_chat_member: {}, new_chat_member: { status: 'member', user: nora } }
  await update(1, 'chat_member', member)
  await update(2, 'message', telegram.message({ chat: telegram.group, message_id: 1, text: 'Hello' }))
  await update(3, 'message', telegram.message({ chat: telegram.group, message_id: 2, text: 'Hi', from: nora }))
  await until(async () => (await messagesOf((await talksOn(own.id))[0]?.id)).length === 3)
  const [riders, ...others] = await talksOn(own.id)
  t.same(others, [])
  t.same((await spoken(riders?.id)).map(([who]) => who).sort(), ['Mina Adler', 'Nora', 'provider'])
  await say(riders?.id, { text: 'Helmets on' })
  t.match(bot.calls.at(-1), { method: 'sendMessage', body: { chat_id: telegram.group.id } })

  const graph = await provider(t, (_seen, response, count) =>
    json(response, 200, { messages: [{ id: `wamid.${count}` }] }),
  )
  const numbered = await done(service, 'POST', '/v1/channels', whatsappChannel({ apiBaseUrl: `${graph.url}/v24.0` }))
  const value = (from: string, id: string) => ({
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '4930555', phone_number_id: '700000000000001' },
    contacts: [{ wa_id: from, profile: { name: from } }],
    messages: [
      { from, id, group_id: 'g-1', timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: id } },
    ],
  })
  for (const [from, id] of [
    ['4915100000001', 'one'],
    ['4915100000002', 'two'],
  ] as const) {
    const changes = [{ field: 'messages', value: value(from, id) }]
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '8', changes }] })
    t.equal((await postWhatsapp(service, numbered.id, body)).status, 200)
  }
  await until(async () => (await messagesOf((await talksOn(numbered.id))[0]?.id)).length === 2)
  const [group, ...more] = await talksOn(numbered.id)
  t.same(more, [])
  const authors = (await messagesOf(group?.id)).map((one) => (one.author as { id: string }).id)
  t.equal(new Set(authors).size, 2)
  await say(group?.id, { text: 'To all' })
  t.match(JSON.parse(graph.seen.at(-1)?.body ?? ''), { recipient_type: 'group', to: 'g-1' })
})
