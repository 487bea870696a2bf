import t from 'tap'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'
import { customer, metaExchange, verifyToken } from './exchange-meta.ts'

const account = '17840000000000001'
const { service, graph, channelId, post, from, to, list, sends } = await metaExchange('instagram', account)
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
const conversationId = async (): Promise<string> => String((await list('/v1/conversations'))[0]?.id)
const last = async () => (await list(`/v1/conversations/${await conversationId()}/messages?sort=-occurredAt`))[0]

t.test('the address proves itself with the verify token', async (t) => {
  const query = `hub.mode=subscribe&hub.challenge=1158&hub.verify_token=${verifyToken}`
  t.match(await service.request('GET', `/v1/ingest/${channelId}?${query}`, { token: null }), {
    status: 200,
    text: '1158',
  })
})

t.test('a mention in a story opens a conversation, is kept as an address, and is answered and read', async (t) => {
  const story = { type: 'story_mention', payload: { url: `${graph.url}/photo` } }
  await post(from({ message: { mid: 'm_1', attachments: [story] } }))
  await until(async () => (await list('/v1/conversations')).length === 1)
  t.match(await last(), {
    direction: 'inbound',
    text: '[story mention]',
    content: { story: { kind: 'mention', url: `${graph.url}/photo` } },
    attachments: [],
  })
  const made = await send(service, await conversationId(), { text: 'Danke! 🌷' })
  t.equal(made.status, 201)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.same(sends(), [{ recipient: { id: customer }, messaging_type: 'RESPONSE', message: { text: 'Danke! 🌷' } }])
  await post(to({ message: { mid: 'm_out1', is_echo: true, text: 'Danke! 🌷' } }))
  await post(from({ read: { mid: 'm_out1' } }))
  await until(async () => (await statusOf(made.id)) === 'read')
  t.equal(
    (await list(`/v1/conversations/${await conversationId()}/messages`)).length,
    2,
    'its echo is no other message',
  )
  t.notOk(
    graph.seen.some(({ path }) => path === '/photo'),
    'the story’s picture was not fetched',
  )
})

t.test('pictures are fetched, and what is unsent goes', async (t) => {
  const photo = { type: 'image', payload: { url: `${graph.url}/photo` } }
  await post(from({ message: { mid: 'm_2', attachments: [photo, { type: 'like_heart' }] } }))
  await until(async () => JSON.stringify((await last())?.attachments).includes('"stored"'))
  t.match(await last(), { type: 'image', text: '[image] ❤️' })
  await post(from({ message: { mid: 'm_2', is_deleted: true } }))
  await until(async () => typeof (await last())?.deletedAt === 'string')
})

t.test('a file goes out as a link that lives for minutes, and gives the bytes to whoever has it', async (t) => {
  const file = await upload(service, png, { fileName: 'roses.png', type: 'image/png' })
  const made = await send(service, await conversationId(), { attachmentIds: [file.id] })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const { message } = sends().at(-1) as { message: { attachment: { type: string; payload: { url: string } } } }
  t.equal(message.attachment.type, 'image')
  const link = new URL(message.attachment.payload.url)
  const answer = await fetch(`${service.url}${link.pathname}${link.search}`)
  t.equal(answer.status, 200)
  t.same(Buffer.from(await answer.arrayBuffer()), png)
})

t.test('the button that is pressed brings its id back', async (t) => {
  const buttons = [
    { id: 'size-m', title: 'Size M' },
    { id: 'size-l', title: 'Size L' },
  ]
  const made = await send(service, await conversationId(), {
    type: 'interactive',
    text: 'Which size?',
    interactive: { buttons },
  })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const { message } = sends().at(-1) as { message: { quick_replies: { title: string; payload: string }[] } }
  const [first] = message.quick_replies
  await post(from({ message: { mid: 'm_quick', text: first?.title, quick_reply: { payload: first?.payload } } }))
  await until(async () => (await last())?.externalId === 'm_quick')
  t.match(await last(), { type: 'button', text: 'Size M', content: { payload: 'size-m', title: 'Size M' } })
  const mixed = [
    { title: 'Shop', url: 'https://shop.example.com' },
    { id: 'later', title: 'Later' },
  ]
  const shown = await send(service, await conversationId(), {
    type: 'interactive',
    text: 'Look around?',
    interactive: { buttons: mixed },
  })
  await until(async () => (await statusOf(shown.id)) === 'sent')
  const template = sends().at(-1) as { message: { attachment: { payload: { buttons: Record<string, string>[] } } } }
  const pressed = template.message.attachment.payload.buttons[1]
  await post(from({ postback: { mid: 'm_post', title: pressed?.title, payload: pressed?.payload } }))
  await until(async () => (await last())?.externalId === 'm_post')
  t.match(await last(), { type: 'button', content: { payload: 'later', title: 'Later' } })
})

t.test('what the provider says no to has failed with its reason', async (t) => {
  const { answer } = graph
  graph.answer = (_seen, response) =>
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: { code: 10, error_subcode: 2534022, message: 'outside of allowed window' } }))
  const made = await send(service, await conversationId(), { text: 'Are you there?' })
  await until(async () => (await statusOf(made.id)) === 'failed')
  t.match((await done(service, 'GET', `/v1/messages/${made.id}`)).body.error, { code: '10', class: 'window_closed' })
  graph.answer = answer
})
