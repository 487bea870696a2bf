import { randomUUID } from 'node:crypto'
import t from 'tap'
import { event, message, signed } from '../channels/line/fixtures.ts'
import { json } from '../channels/local-server.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, faultsOf, send, until } from '../resources/conversations/fixtures.ts'
import { provider } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true, env: { PUBLIC_URL: 'https://hub.test' } })
const secret = 'a-channel-secret'
const token = 'a-channel-access-token'

/** LINE: both ways to send, files, profiles; nothing without the token. */
const line = await provider(t, (seen, response, count) => {
  if (seen.headers.authorization !== `Bearer ${token}`) json(response, 401, { message: 'Authentication failed' })
  else if (/^\/v2\/bot\/message\/(reply|push)$/.test(seen.path)) {
    response.setHeader('x-line-request-id', randomUUID())
    json(response, 200, { sentMessages: [{ id: `sent${count}`, quoteToken: 'q' }] })
  } else if (/^\/v2\/bot\/message\/\w+\/content$/.test(seen.path))
    response.writeHead(200, { 'content-type': 'image/png' }).end(png)
  else json(response, 404, { message: 'Not found' })
})

const channel = await done(service, 'POST', '/v1/channels', {
  type: 'line',
  name: 'LINE',
  settings: { channelSecret: secret, channelAccessToken: token, apiBaseUrl: line.url, dataApiBaseUrl: line.url },
})

let events = 0
/** Posts as LINE does; each event with an id of its own, now. */
async function post(...list: Record<string, unknown>[]): Promise<void> {
  const stamped = list.map((one) => ({ ...one, webhookEventId: `01JD${++events}`, timestamp: Date.now() }))
  const { headers, rawBody } = signed({ destination: 'Ubot', events: stamped })
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: rawBody,
    token: null,
    headers: { 'content-type': 'application/json', 'x-line-signature': headers['X-Line-Signature'] ?? '' },
  })
  if (answer.status !== 200) throw new Error(answer.text)
}

const sends = () => line.seen.filter(({ path }) => /\/(reply|push)$/.test(path))
const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status

t.test('a channel says where its events are to be posted, and keeps its secrets', async (t) => {
  t.equal(channel.status, 201)
  t.equal(channel.string('webhookUrl'), `https://hub.test/v1/ingest/${channel.id}`)
  t.notMatch(channel.text, /a-channel-/)
})

t.test('the console’s "Verify" button is answered and leaves nothing', async (t) => {
  await post()
  const dead = { type: 'user', userId: 'Udeadbeefdeadbeefdeadbeefdeadbeef' }
  await post(message({ type: 'text', text: 'Hello, world' }, { replyToken: '0'.repeat(32), source: dead }))
  t.strictSame(await list('/v1/inbound-events'), [])
  t.strictSame(await list('/v1/contacts'), [])
})

t.test('a forged post is refused', async (t) => {
  const { rawBody, headers } = signed({ events: [message({ type: 'text', text: 'x' })] }, 'another-secret')
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: rawBody,
    token: null,
    headers: { 'content-type': 'application/json', 'x-line-signature': headers['X-Line-Signature'] ?? '' },
  })
  t.equal(answer.status, 401)
  t.strictSame(await list('/v1/inbound-events'), [])
})

t.test('a customer writes and is answered', async (t) => {
  await post(message({ type: 'text', text: 'Is there sencha?' }))
  await until(async () => (await list('/v1/conversations')).length === 1)
  const [conversation] = await list('/v1/conversations?include=contact,lastMessage')
  t.match(conversation, {
    channel: 'line',
    unreadCount: 1,
    lastMessage: { text: 'Is there sencha?', direction: 'inbound' },
  })
  const made = await send(service, String(conversation?.id), { text: 'There is.' })
  t.equal(made.status, 201)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.strictSame(
    sends().map(({ path }) => path),
    ['/v2/bot/message/reply'],
    'quick enough to be an answer, which is free',
  )
  t.strictSame(JSON.parse(sends()[0]?.body ?? ''), {
    replyToken: 'reply-token-1',
    messages: [{ type: 'text', text: 'There is.' }],
  })
  const second = await send(service, String(conversation?.id), { text: 'And matcha.' })
  await until(async () => (await statusOf(second.id)) === 'sent')
  t.equal(sends()[1]?.path, '/v2/bot/message/push', 'a reply token is good once')
  t.equal(sends()[1]?.headers['x-line-retry-key'], second.id)
  t.match(await list(`/v1/conversations/${conversation?.id}/messages?sort=occurredAt`), [
    { direction: 'inbound', type: 'text', externalId: '4711' },
    { direction: 'outbound', externalId: /^sent/ },
    { direction: 'outbound', externalId: /^sent/ },
  ])
})

t.test('an image is fetched with the token, an unsend takes it back', async (t) => {
  const [conversation] = await list('/v1/conversations')
  const path = `/v1/conversations/${conversation?.id}/messages?sort=-occurredAt&limit=1`
  await post(message({ id: '325708', type: 'image', contentProvider: { type: 'line' } }))
  await until(async () => (await list(path))[0]?.type === 'image')
  await until(async () => line.seen.some((seen) => seen.path === '/v2/bot/message/325708/content'))
  await until(async () => JSON.stringify((await list(path))[0]?.attachments).includes('"stored"'))
  await post(event('unsend', { unsend: { messageId: '325708' } }))
  await until(async () => typeof (await list(path))[0]?.deletedAt === 'string')
  t.match((await list(path))[0], { text: '', attachments: [] })
})

t.test('an answer quotes, and brings a picture by a link that the customer’s phone can open', async (t) => {
  const [conversation] = await list('/v1/conversations')
  const messages = `/v1/conversations/${conversation?.id}/messages?sort=-occurredAt&limit=1`
  await post(message({ id: '42', type: 'text', text: 'How does it look?', quoteToken: 'q42' }))
  await until(async () => (await list(messages))[0]?.externalId === '42')
  const [asked] = await list(messages)
  const file = await upload(service, png, { fileName: 'sencha.png', type: 'image/png' })
  const made = await send(service, String(conversation?.id), {
    text: 'Like this',
    replyToId: asked?.id,
    attachmentIds: [file.id],
  })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const [picture, text] = JSON.parse(sends().at(-1)?.body ?? '').messages
  t.strictSame(text, { type: 'text', text: 'Like this', quoteToken: 'q42' })
  t.match(picture, { type: 'image', previewImageUrl: picture.originalContentUrl })
  const { pathname, origin } = new URL(picture.originalContentUrl)
  t.equal(origin, 'https://hub.test')
  const opened = await fetch(`${service.url}${pathname}`)
  t.equal(opened.status, 200)
  t.ok(png.equals(Buffer.from(await opened.arrayBuffer())))
})

t.test('the button that is pressed brings its id back', async (t) => {
  const [conversation] = await list('/v1/conversations')
  const path = `/v1/conversations/${conversation?.id}/messages?sort=-occurredAt&limit=1`
  const made = await send(service, String(conversation?.id), {
    type: 'interactive',
    text: 'Which tea?',
    interactive: { buttons: [{ id: 'tea-1', title: 'Sencha' }] },
  })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const [{ quickReply }] = JSON.parse(sends().at(-1)?.body ?? '').messages
  await post(event('postback', { postback: { data: quickReply.items[0].action.data }, replyToken: undefined }))
  await until(async () => (await list(path))[0]?.type === 'button')
  t.match((await list(path))[0], { direction: 'inbound', content: { payload: 'tea-1' } })
})

t.test('a reply token that was certainly not used is used at the next attempt', async (t) => {
  const [conversation] = await list('/v1/conversations')
  const path = `/v1/conversations/${conversation?.id}/messages?sort=-occurredAt&limit=1`
  await post(message({ id: '43', type: 'text', text: 'And now?' }, { replyToken: 'reply-token-43' }))
  await until(async () => (await list(path))[0]?.externalId === '43')
  const { answer } = line
  let refusals = 1
  line.answer = (seen, response, count) => {
    if (refusals-- > 0) json(response, 429, { message: 'Too many requests' }, { 'retry-after': '1' })
    else answer(seen, response, count)
  }
  const asked = sends().length
  const made = await send(service, String(conversation?.id), { text: 'Now as well.' })
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.strictSame(
    sends()
      .slice(asked)
      .map(({ path, body }) => [path, JSON.parse(body).replyToken]),
    [
      ['/v2/bot/message/reply', 'reply-token-43'],
      ['/v2/bot/message/reply', 'reply-token-43'],
    ],
  )
  const next = await send(service, String(conversation?.id), { text: 'Once more.' })
  await until(async () => (await statusOf(next.id)) === 'sent')
  t.equal(sends().at(-1)?.path, '/v2/bot/message/push', 'used, it is gone')
  line.answer = answer
})

t.test('who unfollows is not written to any more, who follows again is', async (t) => {
  const [conversation] = await list('/v1/conversations')
  const write = () => send(service, String(conversation?.id), { text: 'Still there?' })
  await post(event('unfollow', { replyToken: undefined }))
  await until(async () => (await write()).status === 422)
  t.match(faultsOf(await write()), [{ code: 'blocked' }])
  await post(event('follow', { replyToken: undefined, follow: { isUnblocked: true } }))
  await until(async () => (await write()).status === 201)
})

t.test('nothing of the channel’s secrets or reply tokens is in the log', async (t) => {
  t.notMatch(service.logs.join(''), /a-channel-secret|a-channel-access-token|reply-token-1/)
})
