import t from 'tap'
import { telegram } from '../../src/channels/telegram/index.ts'
import { takeTurn } from '../../src/delivery/send-pace.ts'
import { systemCaller } from '../../src/resources/tenants/create.ts'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, faultsOf, send, until, wrote } from '../resources/conversations/fixtures.ts'
import { statusesOf, storedMessages, whatsappOutbox } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const { whatsapp, channelId, accept, whatsappTalk, settled } = await whatsappOutbox(t, service)

t.test('turns are handed out in the database, each once, however many ask at the same moment', async (t) => {
  const { db, tenantId } = service
  const caller = systemCaller(db, { tenantId, region: 'default' }, null)
  const [row] = await service.sql<{ id: string }>('SELECT gen_random_uuid() AS id')
  const limits = { textLength: 1, mediaBytesMax: 1, recipient: { everyMs: 1_000, burst: 3 } }
  const turn = () =>
    db.change(caller, { action: 'send', resource: 'messages' }, async (tx) => {
      tx.touch({ resource: 'messages', ids: [], changed: [] })
      return takeTurn(tx, { channelId, identityId: row?.id ?? '', limits })
    })
  const waits = (await Promise.all(Array.from({ length: 8 }, turn))).sort((a, b) => a - b)
  t.equal(waits.filter((ms) => ms === 0).length, 3, 'a burst at once')
  for (const [i, ms] of waits.slice(3).entries())
    t.ok(Math.abs(ms - (i + 1) * 1_000) < 900, `then one every second: ${Math.round(ms)}`)
})

t.test('a group has one pace, whoever of it is answered; people have their own', async (t) => {
  const { db, tenantId } = service
  const caller = systemCaller(db, { tenantId, region: 'default' }, null)
  const { limits, groupOf } = telegram
  t.match(limits, {
    group: { everyMs: 3_000, burst: 1 },
    recipient: { everyMs: 1_000, burst: 1 },
    accountPerSecond: 30,
  })
  const ids = await service.sql<{ id: string }>('SELECT gen_random_uuid() AS id FROM generate_series(1, 5)')
  const turns = (groups: (string | null)[]) =>
    db.change(caller, { action: 'send', resource: 'messages' }, async (tx) => {
      tx.touch({ resource: 'messages', ids: [], changed: [] })
      const waits: number[] = []
      for (const [i, group] of groups.entries())
        waits.push(Math.round(await takeTurn(tx, { channelId, identityId: ids[i]?.id ?? null, group, limits })))
      return waits
    })
  const topics = ['-100/3', '-100', '-100/direct/4', '-100/3', '-100'].map((thread) => groupOf?.(thread) ?? null)
  t.same(topics, ['-100', '-100', '-100', '-100', '-100'], 'all topics are one group')
  for (const [i, ms] of (await turns(topics)).entries()) t.ok(Math.abs(ms - i * 3_000) < 900, `turn ${i}: ${ms}`)
  t.same([groupOf?.('55'), groupOf?.('55@bc_1'), groupOf?.('x')], [null, null, null])
  const alone = await turns(topics.map(() => null))
  t.ok(
    alone.every((ms) => ms < 900),
    `five people at once: ${alone}`,
  )
})

t.test(
  'when the provider says that the account is too fast, all of it waits, and nothing is lost or doubled',
  async (t) => {
    let refusals = 1
    const one = await whatsappTalk((seen, response, count) => {
      if (refusals-- > 0) json(response, 429, { error: { code: 80007, message: 'slow down' } }, { 'retry-after': '2' })
      else accept(seen, response, count)
    })
    const asked = whatsapp.seen.length
    await send(service, one.conversationId, { text: 'first' })
    await until(() => whatsapp.seen.length > asked)
    await until(async () =>
      (await done(service, 'GET', `/v1/channels/${channelId}/health`)).text.includes('"pausedUntil":"2'),
    )
    const answer = whatsapp.answer
    const other = await whatsappTalk(answer)
    const pausedAt = Date.now()
    await send(service, other.conversationId, { text: 'second' })
    t.same(await settled(one), ['sent'])
    t.same(await settled(other), ['sent'])
    t.ok(Date.now() - pausedAt > 1_000, 'the other conversation waited too')
    t.equal(one.asked().length, 2)
    t.equal(other.asked().length, 1)
  },
)

t.test('a limit of one recipient, or a busy moment of the provider, holds up that conversation alone', async (t) => {
  await service.sql('UPDATE app.send_pace SET paused_until = NULL WHERE pace_id = $1', [channelId])
  for (const code of [131056, 131000]) {
    let refusals = 1
    const one = await whatsappTalk((seen, response, count) => {
      if (refusals-- > 0) json(response, 429, { error: { code, message: 'wait' } }, { 'retry-after': '2' })
      else accept(seen, response, count)
    })
    const asked = whatsapp.seen.length
    await send(service, one.conversationId, { text: 'first' })
    await until(() => whatsapp.seen.length > asked)
    const other = await whatsappTalk(whatsapp.answer)
    await send(service, other.conversationId, { text: 'second' })
    t.same(await settled(other), ['sent'])
    t.same(await statusesOf(service, one.conversationId), ['queued'], `${code}: the other went out meanwhile`)
    t.match((await done(service, 'GET', `/v1/channels/${channelId}/health`)).body, { outbound: { pausedUntil: null } })
    t.same(await settled(one), ['sent'])
  }
})

t.test('a closed window, and each other reason, stands on the message when it is found only at sending', async (t) => {
  const one = await whatsappTalk()
  await wrote(service, one.conversationId, "now() - interval '24 hours' + interval '2 seconds'")
  await service.sql(
    `INSERT INTO app.send_pace (tenant_id, pace_id, next_at, paused_until) VALUES ($1, $2, now(), now() + interval '3 seconds')
     ON CONFLICT (tenant_id, pace_id) DO UPDATE SET paused_until = EXCLUDED.paused_until`,
    [service.tenantId, channelId],
  )
  t.equal((await send(service, one.conversationId, { text: 'late' })).status, 201)
  t.same(await settled(one), ['failed'])
  t.same((await storedMessages(service, one.conversationId))[0]?.error, {
    code: 'window_closed',
    class: 'window_closed',
  })
  t.equal(one.asked().length, 0)
})

t.test('an address that bounces takes nothing until somebody writes from it', async (t) => {
  const one = await whatsappTalk()
  await service.sql('UPDATE app.identity SET undeliverable_at = now(), undeliverable_reason = $2 WHERE id = $1', [
    one.identityId,
    '5.1.1',
  ])
  t.match(faultsOf(await send(service, one.conversationId, { text: 'x' })), [{ code: 'address_undeliverable' }])
  const { data } = await done(service, 'GET', `/v1/contacts/${one.contactId}/identities`)
  t.match(
    data.find(({ id }) => id === one.identityId),
    { undeliverable: true },
  )
})

t.test('a file goes out with its caption, and a template where the window is closed', async (t) => {
  const bodies: string[] = []
  whatsapp.answer = (seen, response, count) => {
    bodies.push(`${seen.path} ${seen.body}`)
    if (seen.path.endsWith('/media')) json(response, 200, { id: 'media-1' })
    else accept(seen, response, count)
  }
  const one = await whatsappTalk(whatsapp.answer)
  const file = await upload(service, png, { fileName: 'a.png', type: 'image/png' })
  const made = await send(service, one.conversationId, { text: 'Look', attachmentIds: [file.id] })
  t.equal(made.status, 201, made.text)
  t.match(made.body, { type: 'image', text: 'Look' })
  await until(async () => !(await statusesOf(service, one.conversationId)).includes('queued'))
  t.same(await statusesOf(service, one.conversationId), ['sent'])
  t.match(bodies.at(-1), /"type":"image"/)
  t.match(bodies.at(-1), /"caption":"Look"/)
  const message = await done(service, 'GET', `/v1/messages/${made.id}`)
  t.match(message.body, { attachments: [{ id: file.id, status: 'stored' }] })
  t.match(faultsOf(await send(service, one.conversationId, { text: 'Again', attachmentIds: [file.id] })), [
    { code: 'unknown_reference' },
  ])
  await wrote(service, one.conversationId, "now() - interval '25 hours'")
  t.equal((await send(service, one.conversationId, { text: 'x' })).code, 'window_closed')
  const template = { name: 'order_update', language: 'de', components: [{ type: 'body', parameters: [] }] }
  t.equal((await send(service, one.conversationId, { type: 'template', template, text: 'Your order' })).status, 201)
  await until(async () => !(await statusesOf(service, one.conversationId)).includes('queued'))
  t.same(await statusesOf(service, one.conversationId), ['sent', 'sent'])
  t.match(bodies.at(-1), /"name":"order_update"/)
  t.match(faultsOf(await send(service, one.conversationId, { type: 'template', text: 'x' })), [
    { code: 'template_missing' },
  ])
  t.match(faultsOf(await send(service, one.conversationId, { text: 'x', subject: 'y' })), [
    { code: 'subject_not_sendable' },
  ])
})
