import t from 'tap'
import { change, message, messages, mina, webhook } from '../channels/whatsapp/fixtures.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

interface Touched {
  resource: string
  ids: string[]
  changed?: string[]
}

/** What normalising has touched, one entry behind the other. */
async function touched(service: Lanes['service']): Promise<Touched[]> {
  const rows = await service.sql<{ touched: Touched[] }>(
    `SELECT touched FROM audit.readable_event WHERE resource = 'inbound-events' AND actor_kind = 'system' ORDER BY sequence`,
  )
  return rows.flatMap((row) => row.touched)
}

t.test('past messages fill the history and make no work: no unread, no window, nobody waits', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  const past = { historical: true, occurredAt: '2020-05-01T10:00:00Z' }
  await send(
    said('long ago', past),
    said('our answer', { ...past, direction: 'outbound', occurredAt: '2020-05-01T11:00:00Z' }),
  )
  await drain()
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  t.match(talk, {
    status: 'closed',
    unreadCount: 0,
    waitingSince: null,
    lastInboundAt: null,
    lastMessageAt: '2020-05-01T11:00:00Z',
  })
  t.match((await service.request('GET', `/v1/conversations/${talk?.id}/messages?sort=occurredAt`)).data, [
    { historical: true, direction: 'inbound', status: 'received' },
    { historical: true, direction: 'outbound', status: 'sent', author: { kind: 'provider', id: null } },
  ])
  await send(said('now'), said('more of the past', past))
  await drain()
  t.match((await service.request('GET', '/v1/conversations')).data, [{ status: 'open', unreadCount: 1 }])
})

t.test('a closed, snoozed or pending conversation opens when the person writes, not when others do', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await send(said('hello'))
  await drain()
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  const path = `/v1/conversations/${talk?.id}`
  const until = new Date(Date.now() + 3_600_000).toISOString()
  for (const body of [{ status: 'closed' }, { status: 'pending' }, { status: 'snoozed', snoozedUntil: until }]) {
    const set = await service.request('PATCH', path, { body: { ...body, unreadCount: 0 } })
    t.equal(set.status, 200, set.text)
    await send(said('from the app', { direction: 'outbound' }))
    await drain()
    t.match((await service.request('GET', path)).body, { status: body.status, unreadCount: 0, waitingSince: null })
    await send(said('are you there?'))
    await drain()
    t.match((await service.request('GET', path)).body, { status: 'open', snoozedUntil: null, unreadCount: 1 })
  }
})

t.test('an answer from elsewhere settles what was said until then, and no more', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await send(said('first'), said('answer', { direction: 'outbound' }))
  const [second, answer] = [said('second'), said('late answer', { direction: 'outbound' })]
  const third = said('third')
  await send(third, second, answer)
  await drain()
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  t.match(talk, { unreadCount: 1 })
  t.equal(Date.parse(String(talk?.waitingSince)), Date.parse(String(third.occurredAt)))
  t.equal(Date.parse(String(talk?.lastInboundAt)), Date.parse(String(third.occurredAt)))
})

t.test('a preference is an event of consent with its evidence, which the application cannot change', async (t) => {
  const { service, whatsapp, drain } = await startLanes(t)
  const { id, send } = await whatsapp()
  const wish = (value: string, second: number) =>
    webhook(
      change('user_preferences', {
        contacts: [mina],
        user_preferences: [
          { wa_id: mina.wa_id, value, category: 'marketing_messages', timestamp: String(1_780_000_000 + second) },
        ],
      }),
    )
  await send(wish('stop', 1))
  await send(wish('resume', 2))
  await drain()
  const rows = await service.sql(
    'SELECT c.*, e.status FROM app.consent_event c JOIN app.inbound_event e ON e.id = c.evidence_event_id ORDER BY c.occurred_at',
  )
  t.match(rows, [
    { category: 'marketing', state: 'stop', source: 'preference', channel_id: id, status: 'processed' },
    { category: 'marketing', state: 'resume' },
  ])
  const consents = (await touched(service)).filter((one) => one.resource === 'consent-events').flatMap(({ ids }) => ids)
  t.same(consents.sort(), rows.map((row) => row.id).sort(), 'and on record')
  for (const statement of ['UPDATE app.consent_event SET state = $1', 'DELETE FROM app.consent_event WHERE state = $1'])
    await t.rejects(
      service.db.change(
        {
          principal: service.db.own('system', { tenantId: service.tenantId, region: 'default' }),
          meta: { requestId: null, ip: null, purpose: null },
        },
        { action: 'update', resource: 'contacts' },
        (tx) => tx.query({ text: statement, params: ['stop'] }),
      ),
      { code: '42501' },
    )
})

t.test('trouble that the provider reports shows in the channel’s health, as a code', async (t) => {
  const { service, whatsapp, drain } = await startLanes(t)
  const { id, send } = await whatsapp({ wabaId: '800000000000001' })
  await send(
    webhook({ field: 'account_update', value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } } }),
  )
  await drain()
  const channel = (await service.request('GET', `/v1/channels/${id}`)).body
  t.match(channel, { lastError: 'account_update', version: 1 })
  t.ok(channel.lastEventAt)
  t.ok(channel.lastErrorAt)
  t.match(
    (await touched(service)).filter((one) => one.resource === 'channels'),
    [{ ids: [id], changed: ['lastEventAt', 'lastError', 'lastErrorAt'] }],
    'and on record',
  )
})

t.test('files become attachments that wait for their fetching, and go when the message is taken back', async (t) => {
  const { service, whatsapp, drain } = await startLanes(t)
  const { send } = await whatsapp()
  const image = { type: 'image', image: { id: 'media-4711', mime_type: 'image/jpeg', caption: 'look' } }
  await send(messages(message(image, 'w1')))
  await drain()
  const [file] = await service.sql<{ id: string; sealed_source: Buffer; status: string }>(
    'SELECT * FROM app.attachment',
  )
  t.match(file, { status: 'pending', media_type: 'image/jpeg' })
  t.match(
    (await touched(service)).filter((one) => one.resource === 'attachments'),
    [{ ids: [file?.id], version: 1 }],
    'on record as made',
  )
  const keys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  t.match(JSON.parse(keys.open(file?.sealed_source ?? Buffer.alloc(0), `attachment/${file?.id}`).toString()), {
    externalId: 'media-4711',
  })
  t.match(await service.sql(`SELECT key, payload FROM graphile_worker._private_jobs WHERE key LIKE 'fetch-media/%'`), [
    { key: `fetch-media/${file?.id}`, payload: { attachmentId: file?.id, tenantId: service.tenantId } },
  ])
  const edited = { type: 'image', image: { id: 'media-4712', mime_type: 'image/png', caption: 'better' } }
  await send(messages(message({ type: 'edit', edit: { original_message_id: 'w1', message: edited } }, 'w2')))
  await drain()
  t.match(await service.sql('SELECT status FROM app.attachment ORDER BY created_at'), [
    { status: 'removed' },
    { status: 'pending' },
  ])
  t.match(await service.sql('SELECT text, cardinality(attachment_ids) AS files FROM app.message'), [
    { text: '[image] better', files: 1 },
  ])
  await send(messages(message({ type: 'revoke', revoke: { original_message_id: 'w1' } }, 'w3')))
  await drain()
  t.match(await service.sql('SELECT status, sealed_source FROM app.attachment'), [
    { status: 'removed', sealed_source: null },
    { status: 'removed', sealed_source: null },
  ])
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  const [gone] = (await service.request('GET', `/v1/conversations/${talk?.id}/messages`)).data
  t.match(gone, { text: '', content: {}, attachmentIds: [] })
  t.ok(gone?.deletedAt)
})

t.test('a status finds a message of ours whose id at the provider is not known yet', async (t) => {
  const { service, whatsapp, drain } = await startLanes(t)
  const { send } = await whatsapp()
  await send(messages(message({ type: 'text', text: { body: 'hi' }, timestamp: now() })))
  await drain()
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  const answer = await service.request('POST', `/v1/conversations/${talk?.id}/messages`, {
    body: { type: 'text', text: 'hello' },
  })
  t.equal(answer.status, 201, answer.text)
  await service.sql('UPDATE app.message SET dispatched_at = now() WHERE id = $1', [answer.id])
  await send(
    webhook(
      change('messages', {
        statuses: [
          {
            id: 'wamid.ours',
            recipient_id: mina.wa_id,
            status: 'delivered',
            timestamp: '1780000009',
            biz_opaque_callback_data: answer.id,
          },
        ],
      }),
    ),
  )
  await drain()
  t.match(await service.sql('SELECT status, external_id FROM app.message WHERE id = $1', [answer.id]), [
    { status: 'delivered', external_id: 'wamid.ours' },
  ])
})

t.test('the echo of a message that is being sent waits until its own id is known', async (t) => {
  const { service, whatsapp, drain, waiting, run } = await startLanes(t)
  const { send } = await whatsapp()
  await send(messages(message({ type: 'text', text: { body: 'hi' }, timestamp: now() })))
  await drain()
  const [talk] = (await service.request('GET', '/v1/conversations')).data
  const answer = await service.request('POST', `/v1/conversations/${talk?.id}/messages`, {
    body: { type: 'text', text: 'hello' },
  })
  await service.sql('UPDATE app.message SET dispatched_at = now() WHERE id = $1', [answer.id])
  await send(
    webhook(
      change('smb_message_echoes', {
        message_echoes: [
          {
            from: '493055570000',
            to: mina.wa_id,
            id: 'wamid.ours',
            timestamp: '1780000009',
            type: 'text',
            text: { body: 'hello' },
          },
        ],
      }),
    ),
  )
  for (const lane of await waiting()) await run(lane, { failureDelaysMs: [], waitingDelaysMs: [60_000] })
  t.equal((await service.sql('SELECT FROM app.message')).length, 2)
  await service.sql(`UPDATE app.message SET status = 'sent', external_id = 'wamid.ours' WHERE id = $1`, [answer.id])
  await service.sql('UPDATE app.inbound_event SET retry_at = now() WHERE retry_at IS NOT NULL')
  await drain()
  t.equal((await service.sql('SELECT FROM app.message')).length, 2)
  t.match(await service.sql(`SELECT status, message_id FROM app.inbound_event WHERE kind LIKE 'smb%'`), [
    { status: 'duplicate', message_id: answer.id },
  ])
})

/** Seconds since 1970, as WhatsApp writes them. */
const now = (): string => String(Math.floor(Date.now() / 1000))
