import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { json } from '../channels/local-server.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { done, send, until, whatsappChannel } from '../resources/conversations/fixtures.ts'
import { provider, whatsappRequest } from './outbox.ts'

const service = await startTestService(t, { worker: true })
const whatsapp = await provider(t, (_seen, response, count) =>
  json(response, 200, { messages: [{ id: `wamid.out${count}` }] }),
)
const channelId = await whatsappChannel(service, whatsapp.url)
const { settings } = (await done(service, 'GET', `/v1/channels/${channelId}`)).body as {
  settings: { phoneNumberId: string }
}

/** Posts as Meta does. */
async function post(value: Record<string, unknown>): Promise<void> {
  const metadata = { display_phone_number: '493055570000', phone_number_id: settings.phoneNumberId }
  const change = { field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [change] }] })
  const signature = createHmac('sha256', 'app-secret').update(body).digest('hex')
  const headers = { 'x-hub-signature-256': `sha256=${signature}`, 'content-type': 'application/json' }
  const answer = await service.request('POST', `/v1/ingest/${channelId}`, { body, token: null, headers })
  if (answer.status !== 200) throw new Error(answer.text)
}

const seconds = (): string => String(Math.floor(Date.now() / 1000))
const number = '4917612345678'

const wrote = (id: string, text: string) =>
  post({
    contacts: [{ profile: { name: 'Mina' }, wa_id: number }],
    messages: [{ from: number, id, timestamp: seconds(), type: 'text', text: { body: text } }],
  })

const reported = (id: string, status: string, more: Record<string, unknown> = {}) =>
  post({ statuses: [{ id, status, timestamp: seconds(), recipient_id: number, ...more }] })

const agent = await service.member('agent')
const inbox = async (): Promise<Row[]> =>
  (
    await done(
      service,
      'GET',
      '/v1/conversations?include=contact,lastMessage&sort=-lastMessageAt',
      undefined,
      agent.token,
    )
  ).data
const statusOf = async (id: string): Promise<unknown> =>
  (await done(service, 'GET', `/v1/messages/${id}`, undefined, agent.token)).body.status

t.test('a customer writes, an agent who sees no number answers, and sees it delivered and read', async (t) => {
  await wrote('wamid.in1', 'Is my order on its way?')
  await until(async () => (await inbox()).length === 1)
  const [conversation] = await inbox()
  t.match(conversation, {
    unreadCount: 1,
    status: 'open',
    lastMessage: { text: 'Is my order on its way?', direction: 'inbound' },
  })
  const path = `/v1/conversations/${conversation?.id}`
  await done(service, 'PATCH', path, { assigneeId: agent.id, unreadCount: 0 }, agent.token)
  const made = await send(
    service,
    String(conversation?.id),
    { text: 'It is.', expectedLastMessageId: conversation?.lastMessageId },
    { token: agent.token },
  )
  t.equal(made.status, 201)
  await until(async () => (await statusOf(made.id)) === 'sent')
  t.equal(whatsapp.seen.map(whatsappRequest)[0]?.to, number, 'the provider gets the number')
  await reported('wamid.out1', 'read')
  await until(async () => (await statusOf(made.id)) === 'read')
  await reported('wamid.out1', 'delivered')
  await new Promise((resolve) => setTimeout(resolve, 500))
  t.equal(await statusOf(made.id), 'read', 'a status that comes late takes nothing back')
  const seen = await Promise.all(
    [
      path,
      `${path}/messages`,
      `/v1/contacts/${conversation?.contactId}`,
      `/v1/contacts/${conversation?.contactId}/timeline`,
      `/v1/contacts/${conversation?.contactId}/identities`,
    ].map(async (at) => (await done(service, 'GET', at, undefined, agent.token)).text),
  )
  for (const text of seen) t.notMatch(text, number)
  t.match((await inbox())[0], { unreadCount: 0, waitingSince: null, lastMessageId: made.id })
})

t.test('statuses that come before the provider has answered are not lost', async (t) => {
  const [conversation] = await inbox()
  let answer = (): void => {}
  whatsapp.answer = (_seen, response: ServerResponse) => {
    answer = () => json(response, 200, { messages: [{ id: 'wamid.slow' }] })
  }
  const made = await send(service, String(conversation?.id), { text: 'Anything else?' })
  await until(() => whatsapp.seen.length === 2)
  await reported('wamid.slow', 'delivered', { biz_opaque_callback_data: made.id })
  await until(async () => (await statusOf(made.id)) === 'delivered')
  answer()
  await new Promise((resolve) => setTimeout(resolve, 500))
  t.equal(await statusOf(made.id), 'delivered')
  const stored = await done(service, 'GET', `/v1/messages/${made.id}`)
  t.equal(stored.body.externalId, 'wamid.slow')
})

t.test('a send whose answer was lost is settled by the first status that names it', async (t) => {
  const [conversation] = await inbox()
  whatsapp.answer = (_seen, response) => response.destroy()
  const made = await send(service, String(conversation?.id), { text: 'Bye' })
  await until(async () => (await statusOf(made.id)) === 'unknown')
  await reported('wamid.lost', 'delivered', { biz_opaque_callback_data: made.id })
  await until(async () => (await statusOf(made.id)) === 'delivered')
  const stored = await done(service, 'GET', `/v1/messages/${made.id}`)
  t.match(stored.body, { externalId: 'wamid.lost', error: null })
})
