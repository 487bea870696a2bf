import t from 'tap'
import { type Lanes, said, startLanes, statuses, texts } from './lanes.ts'

t.test('who writes becomes a contact with an address, a conversation and messages', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { id, send } = await connector()
  await send(said('hello'), said('anybody there?', { thread: 'order-1' }), said('second'))
  await drain()
  const [contact, ...others] = (await service.request('GET', '/v1/contacts')).data
  t.same(others, [])
  t.match(contact, { displayName: 'Ada Lovelace', source: 'connector', version: 1 })
  const conversations = (await service.request('GET', '/v1/conversations?sort=lastMessageAt')).data
  t.match(conversations, [
    { contactId: contact?.id, channelId: id, status: 'open', unreadCount: 1 },
    { contactId: contact?.id, channelId: id, status: 'open', unreadCount: 2 },
  ])
  const [, main] = conversations
  const messages = (await service.request('GET', `/v1/conversations/${main?.id}/messages?sort=occurredAt`)).data
  t.match(messages, [
    { text: 'hello', direction: 'inbound', status: 'received', author: { kind: 'contact', id: contact?.id } },
    { text: 'second' },
  ])
  t.equal(main?.waitingSince, messages[0]?.occurredAt, 'they wait since the first')
  t.equal(main?.lastMessageId, messages[1]?.id)
  t.match((await service.request('GET', `/v1/contacts/${contact?.id}/identities`)).data, [
    { kind: 'connector', value: 'ada', verified: true, channelId: id },
  ])
})

t.test(
  'everything of a batch is in one audit event, with versions, the contacts concerned and its cause',
  async (t) => {
    const { service, connector, drain } = await startLanes(t)
    const { send } = await connector()
    await send(said('one'), said('two'))
    await drain()
    await send(said('three'))
    await drain()
    const [contact] = (await service.request('GET', '/v1/contacts')).data
    const events = (await service.request('GET', `/v1/audit-events?action=import&subjectId=${contact?.id}`)).data
    t.equal(events.length, 2)
    t.match(events[1], {
      actor: { kind: 'system' },
      resource: 'inbound-events',
      rowCount: 2,
      touched: [
        { resource: 'inbound-events', ids: { length: 2 }, version: 2 },
        { resource: 'contacts', ids: [contact?.id], version: 1 },
        { resource: 'identities', ids: { length: 1 }, version: 1 },
        { resource: 'conversations', ids: { length: 1 }, version: 1 },
        { resource: 'messages', ids: { length: 2 }, version: 1 },
      ],
    })
    t.match(events[0], {
      touched: [
        { resource: 'inbound-events' },
        { resource: 'conversations', version: 2 },
        { resource: 'messages', version: 1 },
      ],
    })
    const [last] = (await service.request('GET', '/v1/inbound-events?sort=-receivedAt&limit=1')).data
    t.equal(events[0]?.causeId, last?.id)
  },
)

t.test('once the contact is known, what the provider sent opens with that contact’s key only', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await send(said('a secret wish'))
  const stored = await sealed(service)
  await drain()
  const [after] = await sealed(service)
  t.not(after?.sealed.toString('hex'), stored[0]?.sealed.toString('hex'))
  const keys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  const context = `inbound/${after?.id}`
  t.throws(() => keys.open(after?.sealed ?? Buffer.alloc(0), context), 'not under the tenant’s any more')
  const [key] = await service.sql<{ contact_id: string; wrapped_key: Buffer }>('SELECT * FROM app.contact_key')
  const own = keys.contact(key?.contact_id ?? '', key?.wrapped_key ?? Buffer.alloc(0))
  t.match(own.open(after?.sealed ?? Buffer.alloc(0), context).toString(), 'a secret wish')
  const payload = await service.request('GET', `/v1/inbound-events/${after?.id}/payload`)
  t.match(payload.text, 'a secret wish')
})

t.test('a message that came already is a duplicate, whatever event brings it', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  const message = { type: 'text', text: 'once', externalId: 'm-1' }
  await send(said('', { message }), said('', { message }))
  await drain()
  await send(said('', { message }))
  await drain()
  t.same(await statuses(service), ['processed', 'duplicate', 'duplicate'])
  t.match(await service.sql('SELECT count(*)::int AS n, max(version) AS version FROM app.message'), [
    { n: 1, version: 1 },
  ])
  t.match((await service.request('GET', '/v1/conversations')).data, [{ unreadCount: 1, version: 1 }])
})

t.test('a replay changes nothing, and what was processed stays processed', async (t) => {
  const lanes = await startLanes(t)
  const { service, connector, drain } = lanes
  const { send } = await connector()
  await send(
    said('hello', { id: 'm-1' }),
    said('', { type: 'edit', messageId: 'm-1', message: { type: 'text', text: 'hello!' } }),
  )
  await send(
    said('', { type: 'reaction', messageId: 'm-1', emoji: '👍' }),
    said('', { type: 'delete', messageId: 'gone' }),
  )
  await drain()
  const before = [await everything(service), await statuses(service)]
  t.same(before[1], ['processed', 'processed', 'processed', 'ignored'])
  for (const { id } of (await service.request('GET', '/v1/inbound-events')).data)
    t.equal((await service.request('POST', `/v1/inbound-events/${id}/replay`)).status, 202)
  await drain()
  t.same([await everything(service), await statuses(service)], before)
  t.ok((await sealed(service)).every((one) => one.sealed !== null))
})

t.test('lanes that meet one new person at the same time make one contact', async (t) => {
  const { service, whatsapp, waiting, run } = await startLanes(t)
  const { send } = await whatsapp()
  for (let person = 0; person < 5; person++) {
    const phone = `49151000000${person}0`
    const metadata = { display_phone_number: '4930555', phone_number_id: '700000000000001' }
    // The same person in lanes of their own: known by number, by user id, by both, in a group.
    const messages = [
      { from: phone, from_user_id: `DE.${person}`, id: `w-${person}-1` },
      { from: phone, id: `w-${person}-2` },
      { from: phone, group_id: 'g-1', id: `w-${person}-3` },
      { from: phone, group_id: `g-2-${person}`, id: `w-${person}-4` },
    ]
    for (const message of messages)
      await send({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: '8',
            changes: [
              {
                field: 'messages',
                value: {
                  metadata,
                  messages: [{ ...message, timestamp: '1780000000', type: 'text', text: { body: 'hi' } }],
                },
              },
            ],
          },
        ],
      })
  }
  const lanes = await waiting()
  t.ok(lanes.length > 12, `${lanes.length} lanes`)
  await Promise.all(lanes.map((lane) => run(lane)))
  t.same(await waiting(), [])
  t.match(await service.sql('SELECT count(*)::int AS n FROM app.contact'), [{ n: 5 }])
  t.match(await service.sql('SELECT count(*)::int AS n, count(DISTINCT contact_id)::int AS people FROM app.message'), [
    { n: 20, people: 5 },
  ])
  t.same(await service.sql('SELECT FROM app.identity GROUP BY kind, match_value HAVING count(*) > 1'), [])
})

t.test('one lane drained by several at once is still in order, and nothing is done twice', async (t) => {
  const { service, connector, waiting, run } = await startLanes(t)
  const { send } = await connector()
  await send(...Array.from({ length: 90 }, (_, i) => said(`text ${i}`)))
  const [lane] = await waiting()
  if (!lane) throw new Error('no lane')
  await Promise.all([run(lane), run(lane), run(lane), run(lane)])
  t.equal((await texts(service)).length, 90)
  t.match((await service.request('GET', '/v1/conversations')).data, [{ unreadCount: 90 }])
  const events = await service.sql('SELECT touched FROM audit.readable_event WHERE action = $1 AND actor_kind = $2', [
    'import',
    'system',
  ])
  t.equal(events.length, 5, 'twenty at a time')
})

async function sealed(service: Lanes['service']) {
  return service.sql<{ id: string; sealed: Buffer }>(
    'SELECT id, sealed_payload AS sealed FROM app.inbound_event ORDER BY sequence',
  )
}

/** All records as they are, versions included. */
async function everything(service: Lanes['service']): Promise<unknown[]> {
  const tables = ['contact', 'identity', 'conversation', 'message', 'attachment', 'consent_event']
  return Promise.all(tables.map((table) => service.sql(`SELECT * FROM app.${table} ORDER BY id`)))
}
