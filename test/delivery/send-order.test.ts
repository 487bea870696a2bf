import { randomUUID } from 'node:crypto'
import t from 'tap'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { connectorChannel, done, send, talk, until } from '../resources/conversations/fixtures.ts'
import { connectorRequest, extraWorker, provider, storedMessages, whatsappOutbox, whatsappRequest } from './outbox.ts'

const service = await startTestService(t, { worker: true })
const { accept, whatsappTalk, settled } = await whatsappOutbox(t, service)

t.test('who is asked for patience is waited for, and the successors wait too', async (t) => {
  let refusals = 0
  const one = await whatsappTalk((seen, response, count) => {
    if (whatsappRequest(seen).text.body === 'first' && ++refusals <= 2)
      json(response, 429, { error: { code: 130429, message: 'slow down' } }, { 'retry-after': '1' })
    else accept(seen, response, count)
  })
  const startedAt = Date.now()
  for (const text of ['first', 'second', 'third']) await send(service, one.conversationId, { text })
  t.same(await settled(one), ['sent', 'sent', 'sent'])
  t.same(
    one.asked().map(({ text }) => text.body),
    ['first', 'first', 'first', 'second', 'third'],
  )
  t.ok(Date.now() - startedAt >= 2_000, 'Retry-After, twice')
  t.same(
    (await storedMessages(service, one.conversationId)).map(({ attempts }) => attempts),
    [3, 1, 1],
  )
})

t.test('a message that comes while another waits for its turn does not overtake it', async (t) => {
  let isRefused = true
  const one = await whatsappTalk((seen, response, count) =>
    isRefused ? json(response, 503, {}, { 'retry-after': '2' }) : accept(seen, response, count),
  )
  await send(service, one.conversationId, { text: 'first' })
  await until(() => one.asked().length === 1)
  isRefused = false
  await send(service, one.conversationId, { text: 'second' })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  t.equal(one.asked().length, 1, 'neither of them before its time')
  t.same(await settled(one), ['sent', 'sent'])
  t.same(
    one.asked().map(({ text }) => text.body),
    ['first', 'first', 'second'],
  )
})

t.test('a connector gets a doubtful message again, under the same id', async (t) => {
  const outbound = await provider(t, (_seen, response, count) =>
    count === 1 ? response.destroy() : json(response, 200, { externalId: `their-${count}` }),
  )
  const { channelId } = await connectorChannel(service, outbound.url)
  const one = await talk(service, { channelId, kind: 'connector' })
  const { id } = await send(service, one.conversationId, { text: 'x' })
  t.same(await settled(one), ['sent'])
  t.same(
    outbound.seen.map(({ headers }) => headers['webhook-id']),
    [id, id],
  )
})

t.test('a key repeated, also in parallel, makes one message and one delivery', async (t) => {
  const one = await whatsappTalk()
  const options = { headers: { 'idempotency-key': randomUUID() } }
  await Promise.all([1, 2, 3, 4].map(() => send(service, one.conversationId, { text: 'once' }, options)))
  t.same(await settled(one), ['sent'])
  t.equal((await send(service, one.conversationId, { text: 'once' }, options)).headers['idempotent-replayed'], 'true')
  await new Promise((resolve) => setTimeout(resolve, 500))
  t.equal(one.asked().length, 1)
})

t.test('a message that is on its way is left to whoever sends it', async (t) => {
  let answer = (): void => {}
  const one = await whatsappTalk((seen, response, count) => {
    if (whatsappRequest(seen).text.body === 'slow') answer = () => accept(seen, response, count)
    else accept(seen, response, count)
  })
  await send(service, one.conversationId, { text: 'slow' })
  await until(() => one.asked().length === 1)
  // Other workers take the jobs of these at once, and leave them to the one that is busy.
  for (const text of ['second', 'third']) await send(service, one.conversationId, { text })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  t.same(
    one.asked().map(({ text }) => text.body),
    ['slow'],
  )
  answer()
  t.same(await settled(one), ['sent', 'sent', 'sent'])
  t.same(
    one.asked().map(({ text }) => text.body),
    ['slow', 'second', 'third'],
  )
})

t.test('several workers keep the order of every conversation and double nothing', async (t) => {
  extraWorker(t, service)
  extraWorker(t, service)
  const outbound = await provider(t, (_seen, response, count) => {
    if (count % 17 === 0) json(response, 429, {}, { 'retry-after': '0' })
    else setTimeout(() => json(response, 200, { externalId: `id-${count}` }), Math.random() * 30)
  })
  const channel = { ...(await connectorChannel(service, outbound.url)), kind: 'connector' as const }
  const talks = await Promise.all(Array.from({ length: 5 }, () => talk(service, channel)))
  const texts = Array.from({ length: 8 }, (_, i) => String(i))
  await Promise.all(
    talks.map(async ({ conversationId }) => {
      for (const text of texts) await send(service, conversationId, { text })
    }),
  )
  const taken = new Map<string, string[]>()
  for (const one of talks) {
    t.same(
      await settled(one),
      texts.map(() => 'sent'),
    )
    taken.set(one.phone, [])
  }
  // What was refused comes again: the provider's last word counts.
  const refused = new Set(outbound.seen.flatMap((_, i) => ((i + 1) % 17 === 0 ? [i] : [])))
  for (const [i, seen] of outbound.seen.entries()) {
    const { to, message } = connectorRequest(seen)
    if (!refused.has(i)) taken.get(to.value)?.push(message.text)
  }
  for (const order of taken.values()) t.same(order, texts)
})

t.test('a message whose job was lost leaves all the same, and a sleeper wakes up', async (t) => {
  const one = await whatsappTalk((_seen, response) => json(response, 503, {}, { 'retry-after': '60' }))
  await send(service, one.conversationId, { text: 'stranded' })
  await until(
    async () => one.asked().length === 1 && (await storedMessages(service, one.conversationId))[0]?.in_flight === false,
  )
  const sleeper = await whatsappTalk()
  const snoozedUntil = new Date(Date.now() + 3_600_000).toISOString()
  await done(service, 'PATCH', `/v1/conversations/${sleeper.conversationId}`, { status: 'snoozed', snoozedUntil })
  for (const { conversationId } of [one, sleeper])
    await service.sql(`DELETE FROM graphile_worker._private_jobs WHERE key LIKE '%' || $1 || '%'`, [conversationId])
  await service.sql(
    `UPDATE app.message SET created_at = now() - interval '1 hour', dispatched_at = NULL, retry_at = now() - interval '1 hour' WHERE conversation_id = $1`,
    [one.conversationId],
  )
  await service.sql('UPDATE app.send_pace SET paused_until = NULL')
  await service.sql(`UPDATE app.conversation SET snoozed_until = now() - interval '1 hour' WHERE id = $1`, [
    sleeper.conversationId,
  ])
  await service.sql(`SELECT graphile_worker.add_job('maintain', '{}', job_key => 'maintain')`)
  t.same(await settled(one), ['sent'])
  await until(
    async () => (await done(service, 'GET', `/v1/conversations/${sleeper.conversationId}`)).body.status === 'open',
  )
})
