import t from 'tap'
import { basic, mail, mailbox, secret } from '../channels/email/fixtures.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { done, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })
const channel = await done(service, 'POST', '/v1/channels', {
  type: 'email',
  name: 'Mail',
  settings: { address: mailbox, inbound: { kind: 'raw', secret } },
})
const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data

async function comes(id: string, fields: Record<string, string>, text: string): Promise<void> {
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: Buffer.from(mail({ 'Message-ID': `<${id}>`, ...fields }, text)),
    token: null,
    headers: { ...basic(secret), 'content-type': 'message/rfc822' },
  })
  if (answer.status !== 200) throw new Error(answer.text)
  await until(
    async () => (await service.sql('SELECT FROM app.message WHERE external_id LIKE $1', [`%${id}%`])).length === 1,
  )
}

t.test('who joins a thread keeps their words when its first writer is erased, and those of nobody else', async (t) => {
  await comes('a1@one.example', { From: 'Anna <anna@one.example>', Subject: 'About Anna' }, 'Anna asks')
  await comes('b1@two.example', { From: 'Bert <bert@two.example>', 'In-Reply-To': '<a1@one.example>' }, 'Bert adds')
  await comes('a2@one.example', { From: 'Anna <anna@one.example>', 'In-Reply-To': '<b1@two.example>' }, 'Anna thanks')
  const [talk, ...others] = await list('/v1/conversations')
  t.same(others, [], 'one thread')
  const [anna] = await list('/v1/contacts?email=anna@one.example')
  const [bert] = await list('/v1/contacts?email=bert@two.example')
  t.match(talk, { contactId: anna?.id, unreadCount: 3 })
  await done(service, 'POST', `/v1/conversations/${talk?.id}/notes`, { text: 'of Anna' })
  const before = new Date().toISOString()
  await done(service, 'POST', `/v1/contacts/${anna?.id}/erase`, { reason: 'asked for it' })
  const [left] = await list('/v1/conversations')
  t.match(left, { id: talk?.id, contactId: bert?.id, subject: null, status: 'open' })
  const messages = await list(`/v1/conversations/${talk?.id}/messages`)
  t.match(messages, [{ text: /Bert adds/, replyToId: null, author: { id: bert?.id } }])
  t.equal(messages.length, 1)
  t.match(left, { lastMessageId: messages[0]?.id, waitingSince: messages[0]?.occurredAt })
  t.same(await list(`/v1/conversations/${talk?.id}/notes`), [])
  t.match(await service.sql('SELECT i.value FROM app.conversation c JOIN app.identity i ON i.id = c.identity_id'), [
    { value: 'bert@two.example' },
  ])
  const events = await list(`/v1/audit-events?subjectId=${bert?.id}&action=erase&from=${before}`)
  t.equal(events.length, 1, 'his conversation was touched, and the audit says so')
})

t.test('who only joined a thread leaves it as it is without them', async (t) => {
  await comes('c1@one.example', { From: 'Cleo <cleo@one.example>', Subject: 'Third' }, 'Cleo asks')
  await comes('d1@two.example', { From: 'Dora <dora@two.example>', 'In-Reply-To': '<c1@one.example>' }, 'Dora adds')
  const [cleo] = await list('/v1/contacts?email=cleo@one.example')
  const [dora] = await list('/v1/contacts?email=dora@two.example')
  await done(service, 'POST', `/v1/contacts/${dora?.id}/erase`, { reason: 'asked for it' })
  const [talk] = await list(`/v1/conversations?contactId=${cleo?.id}`)
  const messages = await list(`/v1/conversations/${talk?.id}/messages`)
  t.match(messages, [{ text: /Cleo asks/ }])
  t.match(talk, { lastMessageId: messages[0]?.id, unreadCount: 1, subject: 'Third' })
})
