import t from 'tap'
import { botApi, ok, refuse } from '../channels/telegram/bot-api.ts'
import { group, message, mina, minaChat, settings, update } from '../channels/telegram/fixtures.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, faultsOf, send, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true, listen: true })
let isBlocked = false
const bot = await botApi(t, ({ method, body }, response, count) => {
  if (method === 'setWebhook' || method === 'answerCallbackQuery') ok(response, true)
  else if (method === 'getFile') ok(response, { file_id: body.file_id, file_path: 'documents/f1.txt', file_size: 5 })
  else if (isBlocked) refuse(response, 403, 'Forbidden: bot was blocked by the user')
  else if (method.startsWith('send')) ok(response, { message_id: 1000 + count, chat: { id: body.chat_id }, date: 1 })
  else refuse(response, 404, 'Not Found')
})

const channel = await done(service, 'POST', '/v1/channels', {
  type: 'telegram',
  name: 'Telegram',
  settings: { ...settings, apiBaseUrl: bot.url },
})

let updates = 9000
const ingest = (body: unknown, secret = 'a-secret-token') =>
  service.request('POST', `/v1/ingest/${channel.id}`, {
    body: JSON.stringify(body),
    token: null,
    headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
  })
async function post(kind: string, item: Record<string, unknown>): Promise<void> {
  const dated = { ...item, date: Math.floor(Date.now() / 1000) }
  const answer = await ingest(update(kind, dated, ++updates))
  if (answer.status !== 200) throw new Error(answer.text)
}

const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
/** The conversation with Mina alone, once she has written. */
let own = ''
const messages = async (externalId: string): Promise<Row[]> =>
  (await list(`/v1/conversations/${own}/messages?limit=200`)).filter((one) => one.externalId === externalId)
const sent = () => bot.calls.filter(({ method }) => method.startsWith('send'))

t.test('a channel keeps its secrets, and a bot serves one channel', async (t) => {
  t.equal(channel.status, 201)
  t.notMatch(channel.text, /a-bot-token|a-secret-token/)
  const again = { type: 'telegram', name: 'Again', settings: { ...settings, secretToken: 'another' } }
  t.equal((await service.request('POST', '/v1/channels', { body: again })).status, 409)
})

t.test('Telegram is told where to post, and told again when the secret changes', async (t) => {
  const told = () => bot.calls.filter(({ method }) => method === 'setWebhook').map(({ body }) => body)
  await until(() => told().length === 1)
  t.match(told()[0], { url: `http://hub.test/v1/ingest/${channel.id}`, secret_token: settings.secretToken })
  const patch = async (secretToken: string) => {
    const path = `/v1/channels/${channel.id}`
    const { headers } = await done(service, 'GET', path)
    const options = { body: { settings: { secretToken } }, headers: { 'if-match': headers.etag ?? '' } }
    t.equal((await service.request('PATCH', path, options)).status, 200)
  }
  await patch('another-secret')
  await until(() => told().at(-1)?.secret_token === 'another-secret')
  await patch('a-secret-token')
  await until(() => told().at(-1)?.secret_token === settings.secretToken)
})

t.test('without the secret nothing is taken', async (t) => {
  t.equal((await ingest(update('message', message({ text: 'x' })), 'a-secret-tokem')).status, 401)
  t.strictSame(await list('/v1/inbound-events'), [])
})

t.test('a customer writes and is answered, in private and in a group', async (t) => {
  await post('message', message({ text: 'Do you have helmets?' }))
  await until(async () => (await list('/v1/conversations')).length === 1)
  const [conversation] = await list('/v1/conversations?include=contact,lastMessage')
  t.match(conversation, {
    channel: 'telegram',
    unreadCount: 1,
    contact: { displayName: 'Mina Adler' },
    lastMessage: { text: 'Do you have helmets?', direction: 'inbound' },
  })
  own = String(conversation?.id)
  const made = await send(service, own, { text: 'We do.' })
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.match(sent(), [{ method: 'sendMessage', body: { chat_id: 55, text: 'We do.' } }])

  await post('message', message({ chat: group, message_id: 3, text: 'And gloves?' }))
  await until(async () => (await list('/v1/conversations')).length === 2)
  const [inGroup] = (await list('/v1/conversations')).filter(({ id }) => id !== own)
  const answer = await send(service, String(inGroup?.id), { text: 'Gloves too.' })
  await until(async () => (await statusOf(answer.id)) === 'sent')
  t.match(sent()[1], { body: { chat_id: group.id, text: 'Gloves too.' } })
})

t.test('a redelivery is the same message', async (t) => {
  const one = update('message', message({ message_id: 21, text: 'Once' }), ++updates)
  for (let times = 0; times < 3; times++) t.equal((await ingest(one)).status, 200)
  await until(async () => (await messages('55:21')).length > 0)
  t.equal((await messages('55:21')).length, 1)
  const raw = await list('/v1/inbound-events')
  t.equal(raw.length, 3, 'kept once')
})

t.test('a document is fetched, and the token that this takes shows nowhere', async (t) => {
  const document = { file_id: 'AgAD', file_unique_id: 'u', file_name: 'f1.txt', mime_type: 'text/plain', file_size: 5 }
  await post('message', message({ message_id: 22, document }))
  const found = async () => (await messages('55:22'))[0]
  await until(async () => JSON.stringify((await found())?.attachments ?? '').includes('"stored"'))
  t.equal(bot.others.at(-1)?.path, `/file/bot${settings.botToken}/documents/f1.txt`)
  const rows = await service.sql(`SELECT row_to_json(a)::text AS row FROM app.attachment a`)
  t.notMatch(JSON.stringify(rows), /a-bot-token/)
  t.notMatch(service.logs.join(''), /a-bot-token|a-secret-token/)
})

t.test('an answer names what it answers, and brings a file', async (t) => {
  const [asked] = await messages('55:21')
  const file = await upload(service, png, { fileName: 'helmet.png', type: 'image/png' })
  const made = await send(service, own, { text: 'This one', replyToId: asked?.id, attachmentIds: [file.id] })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.match(sent().at(-1), {
    method: 'sendPhoto',
    body: {
      chat_id: '55',
      caption: 'This one',
      reply_parameters: { message_id: 21 },
      photo: { fileName: 'helmet.png', type: 'image/png', size: png.length },
    },
  })
})

t.test('a pressed button is a message, and its spinner is stopped', async (t) => {
  const reply_markup = { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] }
  await post('callback_query', { id: '4382', from: mina, data: 'y', message: message({ reply_markup }) })
  await until(async () => (await messages('callback:4382')).length === 1)
  t.match(await messages('callback:4382'), [{ type: 'button', text: 'Yes', content: { payload: 'y' } }])
  await until(() => bot.calls.some(({ method }) => method === 'answerCallbackQuery'))
  t.strictSame(bot.calls.find(({ method }) => method === 'answerCallbackQuery')?.body, { callback_query_id: '4382' })
})

t.test('buttons of ours bring their ids back', async (t) => {
  const made = await send(service, own, {
    type: 'interactive',
    text: 'Which size?',
    interactive: { buttons: [{ id: 'size-m', title: 'Size M' }] },
  })
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const { reply_markup } = sent().at(-1)?.body ?? {}
  const { inline_keyboard } = reply_markup as { inline_keyboard: { callback_data: string }[][] }
  const data = inline_keyboard[0]?.[0]?.callback_data
  await post('callback_query', { id: '4383', from: mina, data, message: message({ reply_markup }) })
  await until(async () => (await messages('callback:4383')).length === 1)
  t.match(await messages('callback:4383'), [{ type: 'button', text: 'Size M', content: { payload: 'size-m' } }])
})

t.test('a place and a card go by their own methods', async (t) => {
  const place = await send(service, own, { type: 'location', location: { latitude: 52.5, longitude: 13.4 } })
  await until(async () => (await statusOf(place.id)) === 'sent')
  t.match(sent().at(-1), { method: 'sendLocation', body: { latitude: 52.5, longitude: 13.4 } })
  const contacts = [{ name: 'Jo', phones: ['+4917012345678'] }]
  const card = await send(service, own, { type: 'contacts', contacts })
  await until(async () => (await statusOf(card.id)) === 'sent')
  t.match(sent().at(-1), { method: 'sendContact', body: { phone_number: '+4917012345678', first_name: 'Jo' } })
})

t.test('a bot that was given no secret is told one, which is never read again', async (t) => {
  const other = await botApi(t, (_call, response) => ok(response, true))
  const { botToken } = settings
  const body = {
    type: 'telegram',
    name: 'Second',
    settings: { botToken: botToken.replace('700001', '700002'), apiBaseUrl: other.url },
  }
  const made = await done(service, 'POST', '/v1/channels', body)
  const secret = made.string('secret')
  t.match(secret, /^[\w-]{43}$/)
  const path = `/v1/channels/${made.id}`
  const read = await done(service, 'GET', path)
  t.notMatch(read.text, secret)
  const posted = (token: string) =>
    service.request('POST', `/v1/ingest/${made.id}`, {
      body: JSON.stringify(update('channel_post', message({ text: 'To all' }), 1)),
      token: null,
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': token },
    })
  t.equal((await posted('x')).status, 401)
  t.equal((await posted(secret)).status, 200)
  const options = { body: { settings: { secretToken: null } }, headers: { 'if-match': read.headers.etag ?? '' } }
  t.equal((await service.request('PATCH', path, options)).status, 200)
  t.equal((await posted(secret)).status, 401, 'another was made')
})

t.test('a group goes on under its new id', async (t) => {
  const small = { id: -552, title: 'Few', type: 'group' }
  await post('message', message({ chat: small, message_id: 5, text: 'Small' }))
  await until(async () => (await list('/v1/conversations')).length === 3)
  await post('message', message({ chat: small, message_id: 6, migrate_to_chat_id: -100552 }))
  const big = { ...small, id: -100552, type: 'supergroup' }
  await post('message', message({ chat: big, message_id: 1, migrate_from_chat_id: -552 }))
  await post('message', message({ chat: big, message_id: 2, text: 'Big' }))
  const found = async () => (await list('/v1/conversations?include=lastMessage')).map((one) => one.lastMessage)
  await until(async () => JSON.stringify(await found()).includes('Big'))
  t.equal((await found()).length, 3, 'the same conversation')
})

t.test('who blocked the bot is not reached, and why is on the message', async (t) => {
  isBlocked = true
  const made = await send(service, own, { text: 'Hello?' })
  await until(async () => (await statusOf(made.id)) === 'failed')
  t.match((await done(service, 'GET', `/v1/messages/${made.id}`)).body, {
    error: { code: 'blocked_by_user', class: 'opted_out' },
  })
})

t.test('who blocks the bot has said stop, who starts it again has taken that back', async (t) => {
  const changed = (status: string) =>
    post('my_chat_member', { chat: minaChat, from: mina, old_chat_member: {}, new_chat_member: { status } })
  const write = () => send(service, own, { text: 'Hello?' })
  await changed('kicked')
  await until(async () => (await write()).status === 422)
  t.match(faultsOf(await write()), [{ code: 'blocked' }])
  await changed('member')
  await until(async () => (await write()).status === 201)
})
