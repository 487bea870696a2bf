import t from 'tap'
import { utter } from '../../src/delivery/normalise/conversation.ts'
import type { ConversationRecord } from '../../src/delivery/normalise/records.ts'
import { signature } from '../channels/messenger/fixtures.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'
import { make } from '../resources/routing-rules/fixtures.ts'
import { appSecret, metaExchange } from './exchange-meta.ts'

const page = '300000000000001'
const { service, channelId, post, from, to, list } = await metaExchange('messenger', page)

/** Posts an item as Meta does to an app that does not hold the thread. */
async function overhear(item: Record<string, unknown>): Promise<void> {
  const body = JSON.stringify({ object: 'page', entry: [{ id: page, time: Date.now(), standby: [item] }] })
  const headers = {
    'x-hub-signature-256': signature(Buffer.from(body), appSecret),
    'content-type': 'application/json',
  }
  const answer = await service.request('POST', `/v1/ingest/${channelId}`, { body, token: null, headers })
  if (answer.status !== 200) throw new Error(answer.text)
}
const messages = async () =>
  list(`/v1/conversations/${(await list('/v1/conversations'))[0]?.id}/messages?sort=occurredAt`)

t.test('what people say while another app answers them is recorded, and calls for no answer of ours', async (t) => {
  t.equal((await make(service)).status, 201)
  await overhear(from({ message: { mid: 'm_1', text: 'Where is my order?' } }))
  await overhear(to({ message: { mid: 'm_2', is_echo: true, app_id: 1217, text: 'The bot looks it up' } }))
  await overhear(from({ postback: { mid: 'm_3', title: 'Thanks' } }))
  await until(async () => (await list('/v1/conversations')).length === 1 && (await messages()).length === 3)
  t.match(await messages(), [
    { text: 'Where is my order?', direction: 'inbound', historical: true, content: { standby: true } },
    { text: 'The bot looks it up', direction: 'outbound' },
    { text: 'Thanks', direction: 'inbound', historical: true },
  ])
  const [talk] = await list('/v1/conversations')
  t.match(talk, { status: 'closed', unreadCount: 0, unread: false, waitingSince: null, priority: 'normal' })
  t.match((await done(service, 'GET', '/v1/conversations/counts')).body, { open: 0, unread: 0, waiting: 0 })
  const made = await send(service, String(talk?.id), { text: 'Shall we take over?' })
  t.equal(made.status, 201, 'they wrote within the provider’s window all the same')
})

t.test('once the thread is ours, they wait again; what the other app answers settles that', async (t) => {
  await post(from({ message: { mid: 'm_4', text: 'A person, please' } }))
  await until(async () => (await list('/v1/conversations'))[0]?.unreadCount === 1)
  t.match(await list('/v1/conversations'), [{ status: 'open', waitingSince: /./, priority: 'high' }])
  await overhear(to({ message: { mid: 'm_5', is_echo: true, app_id: 1217, text: 'Done' } }))
  await until(async () => (await list('/v1/conversations'))[0]?.waitingSince === null)
  t.match(await service.sql('SELECT unread_count AS n FROM app.conversation'), [{ n: 0 }])
})

t.test('an answer of another app begins no conversation for rules', async (t) => {
  const talk = { isNew: true, occasions: [], recent: [], heard: 0, unreadCount: 0, status: 'open' } as unknown
  const conversation = Object.assign({ waitingSinceMs: null, lastMessageMs: null }, talk) as ConversationRecord
  const echo = { messageId: 'm', atMs: 1, isHistorical: false, isSaid: true, isAutomated: false, isInbound: false }
  utter(conversation, { ...echo, isElsewhere: true })
  t.same(conversation.occasions, [])
  utter(conversation, echo)
  t.match(conversation.occasions, [{ event: 'conversation_created' }])
})
