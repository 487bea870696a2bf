import t from 'tap'
import { change, message, messages, mina, webhook } from '../channels/whatsapp/fixtures.ts'
import { said, startLanes } from './lanes.ts'

t.test('what a connector claims fills what is empty, links nobody, and overwrites nothing', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  const known = await service.request('POST', '/v1/contacts', {
    body: { displayName: 'Ada King', email: 'ada@example.com', phone: '+4915112345678' },
  })
  const claims = {
    ...{ value: 'ada', displayName: 'Ada L.', email: 'ADA@example.com', phone: '+49 151 12345678' },
    customFields: { tier: 'gold', nested: { a: 1 } },
  }
  await send(said('hello', { from: claims }))
  await drain()
  const [other] = (await service.request('GET', '/v1/contacts?displayName=Ada L.')).data
  t.match(other, {
    ...{ email: 'ada@example.com', phone: '+4915112345678', country: 'DE', customFields: { tier: 'gold' } },
  })
  t.not(other?.id, known.id)
  const rows = (await service.request('GET', `/v1/contacts/${other?.id}/identities?sort=kind`)).data
  t.match(rows, [
    { kind: 'connector', verified: true, isPrimary: false },
    { kind: 'email', verified: false, isPrimary: true },
    { kind: 'phone', verified: false, isPrimary: true },
  ])
  await service.request('PATCH', `/v1/contacts/${other?.id}`, { body: { displayName: 'Countess', email: null } })
  const more = { value: 'ada', displayName: 'Ada Byron', email: 'new@example.com', phone: '+33612345678' }
  await send(said('me again', { from: { ...more, customFields: { tier: 'silver', city: 'Paris' } } }))
  await drain()
  t.match((await service.request('GET', `/v1/contacts/${other?.id}`)).body, {
    ...{ displayName: 'Countess', email: 'new@example.com', phone: '+4915112345678', country: 'DE' },
    customFields: { tier: 'gold', city: 'Paris' },
  })
})

t.test('a name is never an address, and the first real one takes the place of a made-up one', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  for (const displayName of ['+49 151 12345678', 'ada@example.com', ' \n ']) {
    await send(said('hi', { from: { value: 'ada', displayName } }))
    await drain()
    t.match((await service.request('GET', '/v1/contacts')).data, [{ displayName: 'Contact' }])
  }
  await send(said('hi', { from: { value: 'ada', displayName: 'Ada\u0000 \u2028 Lovelace' } }))
  await drain()
  t.match((await service.request('GET', '/v1/contacts')).data, [{ displayName: 'Ada Lovelace' }])
})

t.test('whoever writes is back from the trash, with the conversation', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await send(said('hello'))
  await drain()
  const [contact] = (await service.request('GET', '/v1/contacts')).data
  t.equal((await service.request('DELETE', `/v1/contacts/${contact?.id}`)).status, 204)
  await send(said('from the past', { historical: true }))
  await drain()
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 0, 'the past brings nobody back')
  await send(said('it is me'))
  await drain()
  t.match((await service.request('GET', '/v1/contacts')).data, [{ id: contact?.id, trashedAt: null }])
})

t.test('a proved address makes a claimed one certain, and another’s stays another’s', async (t) => {
  const { service, whatsapp, drain } = await startLanes(t)
  const { send } = await whatsapp()
  await send(messages(message({ type: 'text', text: { body: 'hi' } })))
  await drain()
  const [first] = (await service.request('GET', '/v1/contacts')).data
  t.match(first, { displayName: 'Mina', phone: '+4915112345678', country: 'DE' })
  const kinds = async (id: unknown) =>
    (await service.request('GET', `/v1/contacts/${id}/identities?sort=kind`)).data.map((one) => one.kind)
  t.same(await kinds(first?.id), ['phone', 'whatsapp', 'whatsapp_bsuid', 'whatsapp_parent_bsuid'])
  // Somebody else by every id but a user id of Mina's.
  const stranger = { profile: { name: 'Eve' }, wa_id: '33612345678', user_id: 'DE.4711' }
  await send(
    webhook(
      change('messages', {
        contacts: [stranger],
        messages: [
          { ...message({ type: 'text', text: { body: 'hi' } }, 'w2'), from: '33612345678', from_user_id: 'DE.4711' },
        ],
      }),
    ),
  )
  await drain()
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 1, 'found by the user id')
  await send(
    webhook(
      change('messages', {
        contacts: [{ profile: { name: 'Eve' }, wa_id: '33699999999' }],
        messages: [{ ...message({ type: 'text', text: { body: 'hi' } }, 'w3'), from: '33699999999' }],
      }),
    ),
  )
  await drain()
  const both = { profile: { name: 'Eve' }, wa_id: '33699999999', user_id: 'DE.4711' }
  await send(
    webhook(
      change('messages', {
        contacts: [both],
        messages: [
          { ...message({ type: 'text', text: { body: 'hi' } }, 'w4'), from: '33699999999', from_user_id: 'DE.4711' },
        ],
      }),
    ),
  )
  await drain()
  const contacts = (await service.request('GET', '/v1/contacts')).data
  t.equal(contacts.length, 2)
  const eve = contacts.find((one) => one.id !== first?.id)
  t.same(await kinds(eve?.id), ['phone', 'whatsapp'], 'nobody is merged, no address changes hands')
  t.ok(service.logs.some((line) => line.includes('belongs to another contact') && line.includes(String(eve?.id))))
  t.notMatch(service.logs.join(''), /33699999999|DE\.4711|Eve/)
})

t.test('texts that no index, column or answer could hold do no harm', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  const long = 'x'.repeat(20_000)
  await send(
    said('long thread', { thread: long, message: { type: 'text', text: 'a', externalId: long } }),
    said('', { type: 'reaction', messageId: long, emoji: '👍' }),
    said('long address', { from: { value: long } }),
    said('long name', { from: { value: 'bob', displayName: `${'🙂'.repeat(300)}`, email: 'no@dots', phone: '12' } }),
    said('far away', { occurredAt: '2090-12-31T23:59:59Z' }),
  )
  await drain()
  const { data } = await service.request('GET', '/v1/inbound-events')
  t.same(
    data.filter((one) => one.status !== 'processed').map((one) => one.reason),
    ['address_too_long'],
  )
  t.match(
    await service.sql('SELECT jsonb_array_length(reactions) AS n FROM app.message WHERE external_id LIKE $1', [
      'sha256:%',
    ]),
    [{ n: 1 }],
  )
  t.equal((await service.request('GET', '/v1/contacts')).status, 200)
  t.match(await service.sql(`SELECT max(occurred_at) < now() + interval '1 minute' AS sane FROM app.message`), [
    { sane: true },
  ])
})

t.test(
  'a changed number moves to the new one, with conversation and phone; the old one is free for others',
  async (t) => {
    const { service, whatsapp, drain } = await startLanes(t)
    const { send } = await whatsapp()
    const { user_id: _id, parent_user_id: _parent, ...byPhone } = mina
    const text = (from: string, id: string, second: number) =>
      webhook(
        change('messages', {
          contacts: [{ ...byPhone, wa_id: from }],
          messages: [{ from, id, timestamp: String(1_780_000_000 + second), type: 'text', text: { body: id } }],
        }),
      )
    const changed = webhook(
      change('messages', {
        contacts: [byPhone],
        messages: [
          {
            from: mina.wa_id,
            id: 'sys',
            timestamp: '1780000010',
            type: 'system',
            system: {
              type: 'user_changed_number',
              wa_id: '4915187654321',
              body: 'User A changed from 4915112345678 to 4915187654321',
            },
          },
        ],
      }),
    )
    await send(text(mina.wa_id, 'before', 1))
    await drain()
    await send(changed)
    await drain()
    await send(text('4915187654321', 'after', 20))
    await send(text(mina.wa_id, 'delayed', 5))
    await drain()
    const [contact, ...others] = (await service.request('GET', '/v1/contacts')).data
    t.same(others, [])
    t.match(contact, { phone: '+4915187654321' })
    const [talk, ...talks] = (await service.request('GET', '/v1/conversations')).data
    t.same(talks, [], 'one conversation goes on')
    t.match(await service.sql('SELECT value, kind FROM app.identity WHERE id = $1', [talk?.identityId]), [
      { value: '4915187654321', kind: 'whatsapp' },
    ])
    t.match(
      await service.sql(`SELECT kind, value, is_primary FROM app.identity WHERE state = 'active' ORDER BY kind`),
      [
        { kind: 'phone', value: '+4915187654321', is_primary: true },
        { kind: 'whatsapp', value: '4915187654321' },
      ],
    )
    await send(text(mina.wa_id, 'somebody new', 30))
    await drain()
    t.equal((await service.request('GET', '/v1/contacts')).data.length, 2)
    t.notMatch(JSON.stringify(await service.sql('SELECT text, content FROM app.message')), /4915187654321/)
  },
)
