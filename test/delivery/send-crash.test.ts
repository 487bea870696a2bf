import t from 'tap'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { connectorChannel, send, talk, until, whatsappChannel } from '../resources/conversations/fixtures.ts'
import { extraWorker, leaseEnds, otherProcess, provider, statusesOf, storedMessages } from './outbox.ts'

// The jobs are worked on by the other process, until it is killed.
const service = await startTestService(t)

t.test(
  'killed between the call and its record: WhatsApp is not called again, a connector under the same id',
  async (t) => {
    let isHanging = true
    const whatsapp = await provider(t, (_seen, response, count) => {
      if (!isHanging) json(response, 200, { messages: [{ id: `wamid.${count}` }] })
    })
    const outbound = await provider(t, (_seen, response, count) => {
      if (!isHanging) json(response, 200, { externalId: `id-${count}` })
    })
    const onWhatsapp = { channelId: await whatsappChannel(service, whatsapp.url), kind: 'whatsapp' as const }
    const onConnector = { ...(await connectorChannel(service, outbound.url)), kind: 'connector' as const }
    const [first, second] = [await talk(service, onWhatsapp), await talk(service, onConnector)]
    const other = await otherProcess(t, service)
    for (const { conversationId } of [first, second])
      for (const text of ['one', 'two']) await send(service, conversationId, { text })
    await until(() => whatsapp.seen.length === 1 && outbound.seen.length === 1)
    await other.kill()
    isHanging = false

    const heir = extraWorker(t, service)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    t.same([whatsapp.seen.length, outbound.seen.length], [1, 1], 'nobody knows yet whether the other process lives')
    t.same(await statusesOf(service, first.conversationId), ['queued', 'queued'])
    for (const { conversationId } of [first, second]) await leaseEnds(service, conversationId)
    for (const { conversationId } of [first, second])
      await until(async () => !(await statusesOf(service, conversationId)).includes('queued'))
    t.same(await statusesOf(service, first.conversationId), ['unknown', 'sent'])
    t.match((await storedMessages(service, first.conversationId))[0]?.error, { code: 'no_answer', class: 'unknown' })
    t.same(
      whatsapp.seen.map(({ body }) => JSON.parse(body).text.body),
      ['one', 'two'],
    )
    t.same(await statusesOf(service, second.conversationId), ['sent', 'sent'])
    const [one, two] = await storedMessages(service, second.conversationId)
    t.same(
      outbound.seen.map(({ headers }) => headers['webhook-id']),
      [one?.id, one?.id, two?.id],
    )
    await heir.stop()
  },
)

t.test('two processes keep the order and double nothing', async (t) => {
  const outbound = await provider(t, (_seen, response, count) =>
    setTimeout(() => json(response, 200, { externalId: `pair-${count}` }), Math.random() * 20),
  )
  const channel = { ...(await connectorChannel(service, outbound.url)), kind: 'connector' as const }
  const talks = [await talk(service, channel), await talk(service, channel), await talk(service, channel)]
  const others = [await otherProcess(t, service), await otherProcess(t, service)]
  const texts = Array.from({ length: 10 }, (_, i) => String(i))
  await Promise.all(
    talks.map(async ({ conversationId }) => {
      for (const text of texts) await send(service, conversationId, { text })
    }),
  )
  for (const { conversationId } of talks) {
    await until(async () => (await statusesOf(service, conversationId)).every((status) => status === 'sent'))
    const ids = (await storedMessages(service, conversationId)).map(({ id }) => id)
    const seen = outbound.seen.flatMap(({ headers }) => ids.filter((id) => id === headers['webhook-id']))
    t.same(seen, ids)
  }
  for (const other of others) await other.kill()
})
