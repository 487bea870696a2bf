import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { retryMs } from '../../src/delivery/send-settle.ts'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { connectorChannel, done, said, send, talk, until, wrote } from '../resources/conversations/fixtures.ts'
import { connectorRequest, leaseEnds, provider, storedMessages, whatsappOutbox, whatsappRequest } from './outbox.ts'

const service = await startTestService(t, { worker: true })
const { whatsapp, channelId, accept, whatsappTalk, settled } = await whatsappOutbox(t, service)

t.test('a text goes out on WhatsApp as the Cloud API wants it, and its state comes back', async (t) => {
  const one = await whatsappTalk()
  const question = await said(service, one, 'Where is it?')
  const made = await send(service, one.conversationId, { text: 'On its way 😀', replyToId: question })
  t.same(await settled(one), ['sent'])
  const request = whatsapp.seen.find(({ body }) => body.includes(made.id))
  const { phoneNumberId } = (await done(service, 'GET', `/v1/channels/${channelId}`)).body.settings as {
    phoneNumberId: string
  }
  t.match([request?.method, request?.path], ['POST', `/v24.0/${phoneNumberId}/messages`])
  t.equal(request?.headers.authorization, 'Bearer access-token')
  t.same(one.asked(), [
    {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: one.phone.slice(1),
      type: 'text',
      text: { body: 'On its way 😀', preview_url: false },
      context: { message_id: `ext-${question}` },
      biz_opaque_callback_data: made.id,
    },
  ])
  const message = await done(service, 'GET', `/v1/messages/${made.id}`)
  t.match(message.body, { status: 'sent', error: null, version: 2 })
  t.match(message.body.externalId, /^wamid\.\d+$/)
  t.not((await done(service, 'GET', `/v1/channels/${channelId}`)).body.lastSentAt, null)
  const events = await service.sql(
    `SELECT action, resource, actor_kind, outcome, cause_id, subject_ids::text[] FROM audit.readable_event WHERE cause_id = $1 ORDER BY sequence`,
    [made.id],
  )
  const [taken] = await service.sql<{ touched: unknown }>(
    'SELECT touched FROM audit.readable_event WHERE cause_id = $1 ORDER BY sequence LIMIT 1',
    [made.id],
  )
  t.match(taken?.touched, [
    { resource: 'messages', shown: ['text'] },
    { resource: 'identities', ids: [one.identityId], shown: ['value'] },
  ])
  const event = {
    action: 'send',
    resource: 'messages',
    actor_kind: 'system',
    outcome: 'allowed',
    cause_id: made.id,
    subject_ids: [one.contactId],
  }
  t.same(events, [event, event], 'taken, and settled')
})

t.test('an answer goes to the connector signed by Standard Webhooks, under the message’s own id', async (t) => {
  const outbound = await provider(t, (_seen, response) => json(response, 200, { externalId: 'their-id' }))
  const { channelId, secret } = await connectorChannel(service, `${outbound.url}/answers`)
  const one = await talk(service, { channelId, kind: 'connector' })
  const made = await send(service, one.conversationId, { text: 'Hello' })
  t.same(await settled(one), ['sent'])
  const [seen] = outbound.seen
  t.equal(seen?.path, '/answers')
  t.equal(seen?.headers['webhook-id'], made.id)
  t.doesNotThrow(() => new Webhook(secret).verify(seen?.body ?? '', seen?.headers as Record<string, string>))
  t.match(seen && connectorRequest(seen), {
    id: made.id,
    to: { value: one.phone, kind: 'connector' },
    message: { text: 'Hello' },
  })
  t.equal((await storedMessages(service, one.conversationId))[0]?.external_id, 'their-id')
})

t.test('trouble with the token is the administrator’s to see, and over with the next success', async (t) => {
  const one = await whatsappTalk((_seen, response) =>
    json(response, 401, { error: { code: 190, message: `bad token for ${'+491510000'}`, type: 'OAuthException' } }),
  )
  await send(service, one.conversationId, { text: 'first' })
  t.same(await settled(one), ['failed'])
  const [message] = await storedMessages(service, one.conversationId)
  t.same(message?.error, { code: '190', class: 'reauthorise' }, 'without the provider’s sentence')
  const channel = () => done(service, 'GET', `/v1/channels/${channelId}`)
  t.match((await channel()).body, { lastError: 'reauthorise', lastErrorAt: /^20/ })
  whatsapp.answer = accept
  await send(service, one.conversationId, { text: 'second' })
  t.same(await settled(one), ['failed', 'sent'])
  t.match((await channel()).body, { lastError: null, lastErrorAt: null })
})

t.test('what the provider refuses for good has failed, with the reason', async (t) => {
  for (const [code, kind] of [
    [131047, 'window_closed'],
    [131050, 'opted_out'],
    [131026, 'permanent'],
    [131048, 'limit'],
  ] as const) {
    const one = await whatsappTalk((_seen, response) => json(response, 400, { error: { code, message: 'no' } }))
    await send(service, one.conversationId, { text: 'x' })
    t.same(await settled(one), ['failed'])
    t.same((await storedMessages(service, one.conversationId))[0]?.error, { code: String(code), class: kind })
    t.equal(one.asked().length, 1)
  }
})

t.test('a send whose answer is lost has an unknown fate, is never repeated, and holds nobody up', async (t) => {
  const one = await whatsappTalk((seen, response, count) => {
    const { body } = whatsappRequest(seen).text
    if (body === 'cut') response.destroy()
    else if (body === 'gateway') response.writeHead(504).end('gateway timeout')
    else accept(seen, response, count)
  })
  for (const text of ['cut', 'gateway', 'third']) await send(service, one.conversationId, { text })
  t.same(await settled(one), ['unknown', 'unknown', 'sent'])
  await leaseEnds(service, one.conversationId)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  t.same(
    one.asked().map(({ text }) => text.body),
    ['cut', 'gateway', 'third'],
  )
  t.match((await storedMessages(service, one.conversationId))[0]?.error, { class: 'unknown' })
})

t.test('the gate is asked again when a message is about to leave', async (t) => {
  const one = await whatsappTalk((_seen, response) => json(response, 503, {}, { 'retry-after': '1' }))
  await send(service, one.conversationId, { text: 'too late' })
  await until(() => one.asked().length === 1)
  await wrote(service, one.conversationId, `now() - interval '25 hours'`)
  whatsapp.answer = accept
  t.same(await settled(one), ['failed'])
  t.same((await storedMessages(service, one.conversationId))[0]?.error, {
    code: 'window_closed',
    class: 'window_closed',
  })
  t.equal(one.asked().length, 1)
})

t.test('an answer that has waited for a day is not sent any more', async (t) => {
  const one = await whatsappTalk((_seen, response) => json(response, 503, {}, { 'retry-after': '1' }))
  await send(service, one.conversationId, { text: 'yesterday' })
  await until(() => one.asked().length === 1)
  await service.sql(`UPDATE app.message SET created_at = now() - interval '25 hours' WHERE conversation_id = $1`, [
    one.conversationId,
  ])
  t.same(await settled(one), ['failed'])
  t.match((await storedMessages(service, one.conversationId))[0]?.error, { code: 'expired' })
})

t.test('a status that came first is not taken back', async (t) => {
  const one = await whatsappTalk()
  let answer = (): void => {}
  whatsapp.answer = (seen, response, count) => {
    answer = () => accept(seen, response, count)
  }
  const { id } = await send(service, one.conversationId, { text: 'x' })
  await until(() => one.asked().length === 1)
  await service.sql(`UPDATE app.message SET status = 'delivered', external_id = 'wamid.first' WHERE id = $1`, [id])
  answer()
  await until(
    async () => (await service.sql('SELECT FROM audit.readable_event WHERE cause_id = $1', [id])).length === 2,
  )
  t.match(await storedMessages(service, one.conversationId), [{ status: 'delivered', external_id: 'wamid.first' }])
})

t.test('waiting grows with the attempts, within limits, and honours what is asked', async (t) => {
  t.same(
    [1, 2, 3, 20].map((n) => retryMs(n, null, 1)),
    [1_000, 2_000, 4_000, 300_000],
  )
  t.equal(retryMs(1, null, 0), 500)
  t.ok(retryMs(1, 60_000, 0) >= 60_000)
  t.ok(retryMs(9, 2_000, 1) < 3_000)
  t.ok(retryMs(1, 1e15, 1) < 2 * 86_400_000)
})

t.test('nothing of what was said, nor an address or a secret, is in the log', async (t) => {
  const log = service.logs.join('')
  t.match(log, '"outcome":"sent"')
  for (const canary of ['On its way', 'access-token', '+4915100', '4915100', 'whsec_']) t.notMatch(log, canary)
})
