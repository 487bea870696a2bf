import t from 'tap'
import { json } from '../channels/local-server.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { done, newPhone, send, until } from '../resources/conversations/fixtures.ts'
import { post, whatsappChannel } from '../resources/ingest/posts.ts'
import { type Provider, provider, statusesOf } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const accept: Provider['answer'] = (_seen, response, count) =>
  json(response, 200, { messages: [{ id: `wamid.out.${count}` }] })
const refuse: Provider['answer'] = (_seen, response) =>
  json(response, 400, { error: { code: 131_026, message: 'Message undeliverable', type: 'OAuthException' } })
const graph = await provider(t, accept)
const channel = await done(service, 'POST', '/v1/channels', whatsappChannel({ apiBaseUrl: `${graph.url}/v24.0` }))

let count = 0
/** Posts as Meta does, signed. */
async function deliver(value: Record<string, unknown>): Promise<void> {
  const metadata = { display_phone_number: '4930555', phone_number_id: '700000000000001' }
  const changes = [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }]
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '8', changes }] })
  const answer = await post(service, channel.id, body)
  if (answer.status !== 200) throw new Error(answer.text)
}
const now = (): string => String(Math.floor(Date.now() / 1000))

/** Somebody new who writes, and what they do next. */
async function customer() {
  const from = newPhone().slice(1)
  const write = (text: string, timestamp = now()) => {
    const id = `wamid.in.${++count}`
    const message = { from, id, timestamp, type: 'text', text: { body: text } }
    return deliver({ contacts: [{ wa_id: from, profile: { name: from } }], messages: [message] }).then(() => id)
  }
  const first = await write('hello?')
  const find = async () =>
    service.sql<{ id: string }>('SELECT m.conversation_id AS id FROM app.message m WHERE m.external_id = $1', [first])
  await until(async () => (await find()).length === 1)
  const path = `/v1/conversations/${(await find())[0]?.id}`
  const talk = async (): Promise<Row> => (await done(service, 'GET', path)).body as Row
  return { from, first, write, talk, path, id: String((await find())[0]?.id) }
}
const statusIs = (id: string, wanted: string) =>
  until(async () => (await done(service, 'GET', `/v1/messages/${id}`)).body.status === wanted)

t.test('who was answered in vain waits again, since the same moment', async (t) => {
  graph.answer = refuse
  const { id, talk } = await customer()
  const before = await talk()
  t.match(before, { waitingSince: /./, unreadCount: 1, status: 'open' })
  const made = await send(service, id, { text: 'Good morning' })
  t.equal(made.status, 201)
  await statusIs(made.id, 'failed')
  const { waitingSince, status } = await talk()
  t.same({ waitingSince, status }, { waitingSince: before.waitingSince, status: 'open' })
  t.match(await service.sql('SELECT unread_count AS n FROM app.conversation WHERE id = $1', [id]), [{ n: 1 }])
  const [event] = await service.sql<{ touched: { resource: string; changed?: string[] }[] }>(
    `SELECT touched FROM audit.readable_event WHERE action = 'send' AND actor_kind = 'system' AND $1 = ANY (ids) ORDER BY sequence DESC LIMIT 1`,
    [id],
  )
  t.match(
    event?.touched.find((one) => one.resource === 'conversations'),
    { changed: ['waitingSince', 'unreadCount', 'status'] },
  )
  graph.answer = accept
  const again = await send(service, id, { text: 'Good morning' })
  await statusIs(again.id, 'sent')
  t.match(await talk(), { waitingSince: null })
})

t.test('what was closed upon an answer is open again when that fails', async (t) => {
  graph.answer = (_seen, response) => void setTimeout(() => refuse(_seen, response, 0), 500)
  const { id, talk, path } = await customer()
  const before = await talk()
  const made = await send(service, id, { text: 'Done' })
  await done(service, 'PATCH', path, { status: 'closed' })
  t.match(await talk(), { status: 'closed', waitingSince: null })
  await statusIs(made.id, 'failed')
  t.match(await talk(), { status: 'open', waitingSince: before.waitingSince })
})

t.test('an answer that arrives settles what one before it owed; one that fails too gives it back', async (t) => {
  const refuses = new Set(['first'])
  graph.answer = (seen, response, n) => {
    const { text } = JSON.parse(seen.body)
    return (refuses.has(text.body) ? refuse : accept)(seen, response, n)
  }
  const both = async () => {
    const one = await customer()
    const before = await one.talk()
    const made = [await send(service, one.id, { text: 'first' }), await send(service, one.id, { text: 'second' })]
    await until(async () => !(await statusesOf(service, one.id)).includes('queued'))
    return { ...one, before, made }
  }
  const answered = await both()
  t.same(await statusesOf(service, answered.id), ['failed', 'sent'])
  t.match(await answered.talk(), { waitingSince: null })
  refuses.add('second')
  const unanswered = await both()
  t.same(await statusesOf(service, unanswered.id), ['failed', 'failed'])
  t.match(await unanswered.talk(), { waitingSince: unanswered.before.waitingSince })
})

t.test('a failure that the provider tells of later counts as well, and what came meanwhile stays', async (t) => {
  graph.answer = accept
  const { id, talk, write, from } = await customer()
  const before = await talk()
  const made = await send(service, id, { text: 'On its way' })
  await statusIs(made.id, 'sent')
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await write('and?')
  await until(async () => (await talk()).waitingSince !== null)
  t.not((await talk()).waitingSince, before.waitingSince)
  const externalId = (await done(service, 'GET', `/v1/messages/${made.id}`)).string('externalId')
  const failed = { id: externalId, status: 'failed', recipient_id: from, timestamp: now(), errors: [{ code: 131_026 }] }
  await deliver({ statuses: [failed] })
  await statusIs(made.id, 'failed')
  t.match(await talk(), { waitingSince: before.waitingSince })
  t.match(await service.sql('SELECT unread_count AS n FROM app.conversation WHERE id = $1', [id]), [{ n: 2 }])
})

t.test('for what the contact has taken back meanwhile nobody waits', async (t) => {
  graph.answer = (_seen, response) => void setTimeout(() => refuse(_seen, response, 0), 1_000)
  const { id, talk, first, from } = await customer()
  const made = await send(service, id, { text: 'Pardon?' })
  const revoke = {
    from,
    id: `wamid.in.${++count}`,
    timestamp: String(Number(now()) + 1),
    type: 'revoke',
    revoke: { original_message_id: first },
  }
  await deliver({ contacts: [{ wa_id: from, profile: { name: from } }], messages: [revoke] })
  await until(
    async () =>
      (await service.sql('SELECT FROM app.message WHERE external_id = $1 AND deleted_at IS NOT NULL', [first]))
        .length === 1,
  )
  await statusIs(made.id, 'failed')
  t.match(await talk(), { waitingSince: null })
})
