import t from 'tap'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, send, until, wrote } from '../resources/conversations/fixtures.ts'
import { customer, metaExchange, verifyToken } from './exchange-meta.ts'

const { service, graph, channelId, post, from, to, list, sends } = await metaExchange('messenger', '300000000000001')
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
const conversationId = async (): Promise<string> => String((await list('/v1/conversations'))[0]?.id)
const last = async () => (await list(`/v1/conversations/${await conversationId()}/messages?sort=-occurredAt`))[0]

t.test('the address proves itself with the verify token, and keeps out who cannot sign', async (t) => {
  const ask = (token: string) =>
    service.request('GET', `/v1/ingest/${channelId}?hub.mode=subscribe&hub.challenge=1158&hub.verify_token=${token}`, {
      token: null,
    })
  t.match(await ask(verifyToken), { status: 200, text: '1158' })
  t.equal((await ask('wrong')).status, 403)
  const body = JSON.stringify({ object: 'page', entry: [] })
  const headers = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, 'content-type': 'application/json' }
  t.equal((await service.request('POST', `/v1/ingest/${channelId}`, { body, token: null, headers })).status, 401)
  const channel = await done(service, 'GET', `/v1/channels/${channelId}`)
  t.notMatch(channel.text, /of-tests/)
  t.match(channel.body.settings, { pageId: '300000000000001' })
})

t.test('a customer writes and is answered, redelivered or not', async (t) => {
  const question = from({ message: { mid: 'm_1', text: 'Do you have roses?' } })
  await post(question)
  await post(question)
  await until(async () => (await list('/v1/conversations')).length === 1)
  t.match(await list('/v1/conversations?include=contact,lastMessage'), [
    { channel: 'messenger', unreadCount: 1, lastMessage: { text: 'Do you have roses?', direction: 'inbound' } },
  ])
  const [inbound] = await list(`/v1/conversations/${await conversationId()}/messages`)
  const made = await send(service, await conversationId(), { text: 'We do.', replyToId: inbound?.id })
  t.equal(made.status, 201)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.same(sends(), [
    {
      recipient: { id: customer },
      messaging_type: 'RESPONSE',
      message: { text: 'We do.', metadata: made.id },
      reply_to: { mid: 'm_1' },
    },
  ])
  await post(to({ message: { mid: 'm_out1', is_echo: true, app_id: 1, metadata: made.id, text: 'We do.' } }))
  await post(from({ delivery: { mids: ['m_out1'] } }))
  await until(async () => (await statusOf(made.id)) === 'delivered')
  t.equal(
    (await list(`/v1/conversations/${await conversationId()}/messages`)).length,
    2,
    'its echo is no other message',
  )
  await post(from({ read: { watermark: Date.now() } }))
  await until(async () => (await statusOf(made.id)) === 'read')
  await post(from({ delivery: { watermark: Date.now() } }))
})

t.test('a send whose answer was lost is settled by its echo; what the page’s own app sends is kept', async (t) => {
  const { answer } = graph
  graph.answer = (_seen, response) => response.destroy()
  const made = await send(service, await conversationId(), { text: 'Anything else?' })
  await until(async () => (await statusOf(made.id)) === 'unknown')
  graph.answer = answer
  await post(to({ message: { mid: 'm_lost', is_echo: true, metadata: made.id, text: 'Anything else?' } }))
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.match((await done(service, 'GET', `/v1/messages/${made.id}`)).body, { externalId: 'm_lost', error: null })
  const [first] = await list(`/v1/conversations/${await conversationId()}/messages?sort=occurredAt&direction=outbound`)
  t.equal(first?.status, 'read', 'a watermark that comes late takes nothing back')
  await post(to({ message: { mid: 'm_app', is_echo: true, app_id: 263902037430900, text: 'From the app' } }))
  await until(async () => (await last())?.text === 'From the app')
  t.match(await last(), { direction: 'outbound', status: 'sent', content: { appId: '263902037430900' } })
})

t.test('a photo is fetched without the token; an unsending takes it back', async (t) => {
  const photo = { type: 'image', payload: { url: `${graph.url}/photo` } }
  await post(from({ message: { mid: 'm_photo', text: 'like these', attachments: [photo] } }))
  await until(async () => JSON.stringify((await last())?.attachments).includes('"stored"'))
  t.match(await last(), { type: 'image', text: '[image] like these', content: { caption: 'like these' } })
  await post(from({ message: { mid: 'm_photo', is_deleted: true } }))
  await until(async () => typeof (await last())?.deletedAt === 'string')
  t.match(await last(), { text: '', attachments: [] })
})

t.test('an edit, a reaction, a button and who answers are part of the history', async (t) => {
  await post(from({ message: { mid: 'm_2', text: 'ten roses' } }))
  await until(async () => (await last())?.text === 'ten roses')
  await post(from({ message_edit: { mid: 'm_2', text: 'twelve roses', num_edit: '1' } }))
  await until(async () => (await last())?.text === 'twelve roses')
  await post(from({ reaction: { mid: 'm_out1', action: 'react', reaction: 'love', emoji: '❤️' } }))
  await post(from({ postback: { mid: 'm_3', title: 'Order', payload: 'ORDER' } }))
  await until(async () => (await last())?.type === 'button')
  t.match(await last(), { text: 'Order', content: { payload: 'ORDER' } })
  await post(from({ pass_thread_control: { new_owner_app_id: '12' } }))
  await until(async () => (await last())?.type === 'system')
  t.match(await last(), { content: { event: 'handover', newOwnerAppId: '12' } })
  const events = await service.sql(
    `SELECT kind, status, reason FROM app.inbound_event WHERE status NOT IN ('processed', 'duplicate')`,
  )
  t.same(events, [])
})

t.test('a file is uploaded and sent; words beside it are refused, since Messenger has no place for them', async (t) => {
  const file = await upload(service, png, { fileName: 'roses.png', type: 'image/png' })
  const both = await send(service, await conversationId(), { text: 'These', attachmentIds: [file.id] })
  t.match([both.status, both.body.errors], [422, [{ path: '/text', code: 'text_too_long' }]])
  const made = await send(service, await conversationId(), { attachmentIds: [file.id] })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const uploaded = graph.seen.find(({ path }) => path === '/v24.0/me/message_attachments')
  t.match(uploaded?.headers['content-type'], /^multipart\/form-data/)
  t.match(uploaded?.body, /filename="roses\.png"/)
  t.match(sends().at(-1), {
    message: { attachment: { type: 'image', payload: { attachment_id: '77' } }, metadata: made.id },
  })
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

t.test('after a day only a person may answer, under the tag that says so; after a week nobody', async (t) => {
  const id = await conversationId()
  await wrote(service, id, `now() - interval '30 hours'`)
  const made = await send(service, id, { text: 'Sorry that it took so long' })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.match(sends().at(-1), { messaging_type: 'MESSAGE_TAG', tag: 'HUMAN_AGENT' })
  await wrote(service, id, `now() - interval '8 days'`)
  const late = await send(service, id, { text: 'Are you still there?' })
  t.match([late.status, late.code], [422, 'window_closed'])
})

t.test('nothing secret and nothing personal is in the log', async (t) => {
  t.notMatch(service.logs.join(''), /of-tests|roses|6000000000000001/)
})
