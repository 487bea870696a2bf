import t from 'tap'
import { type JsonObject, listAt } from '../../../src/channels/json.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { postOf } from '../post.ts'
import { change, message, messages, mina, only, settings, split, webhook } from './fixtures.ts'

const text = (id: string) => message({ type: 'text', text: { body: id } }, id)

t.test('one event per message and status, each for the number it names', async (t) => {
  const status = { id: 'wamid.s', status: 'delivered', timestamp: '1790000002', recipient_id: mina.wa_id }
  const events = split(
    webhook(
      change('messages', { contacts: [mina], messages: [text('wamid.1'), text('wamid.2')] }),
      change('messages', { contacts: [mina], statuses: [status] }, '700000000000002'),
      { field: 'account_update', value: { event: 'ACCOUNT_DELETED' } },
    ),
  )
  t.strictSame(
    events.map(({ kind, account, scope, lane }) => [kind, account, scope, lane]),
    [
      ['messages.text', '700000000000001', '800000000000001', 'DE.4711'],
      ['messages.text', '700000000000001', '800000000000001', 'DE.4711'],
      ['statuses.delivered', '700000000000002', '800000000000001', 'DE.4711'],
      ['account_update', null, '800000000000001', null],
    ],
  )
  t.equal(new Set(events.map(({ dedupeKey }) => dedupeKey)).size, 4)
  t.strictSame(events[0]?.occurredAt, new Date(1790000001_000))
})

t.test('an event holds no other customer: neither message nor profile', async (t) => {
  const jonas = { profile: { name: 'Jonas' }, wa_id: '4917200000000' }
  const events = split(
    webhook(
      change('messages', {
        contacts: [mina, jonas],
        messages: [
          text('wamid.1'),
          { ...text('wamid.2'), from: jonas.wa_id },
          { ...text('wamid.3'), from: '33612345678' },
        ],
      }),
    ),
  )
  t.equal(events.length, 3)
  const [first = '', second = '', third = ''] = events.map(({ payload }) => JSON.stringify(payload))
  t.match(first, 'Mina')
  t.notMatch(first, /Jonas|4917200000000|wamid\.[23]/)
  t.match(second, 'Jonas')
  t.notMatch(second, /Mina|4915112345678|wamid\.[13]/)
  t.notMatch(third, /Mina|Jonas/)
})

t.test('a message, its statuses and an echo to the same person share one lane', async (t) => {
  const lanes = (contact: JsonObject, ids: { from: JsonObject; recipient: JsonObject; to: JsonObject }) =>
    split(
      webhook(
        change('messages', {
          contacts: [contact],
          messages: [{ id: 'a', type: 'text', text: { body: 'x' }, ...ids.from }],
        }),
        change('messages', { contacts: [contact], statuses: [{ id: 'b', status: 'sent', ...ids.recipient }] }),
        change('messages', { statuses: [{ id: 'c', status: 'sent', ...ids.recipient }] }),
        change('smb_message_echoes', { message_echoes: [{ from: '493055570000', id: 'd', type: 'text', ...ids.to }] }),
      ),
    ).map(({ lane }) => lane)
  t.strictSame(
    new Set(
      lanes(
        { wa_id: '551187654321' },
        {
          from: { from: '5511987654321' },
          recipient: { recipient_id: '551187654321' },
          to: { to: '5511987654321' },
        },
      ),
    ),
    new Set(['+5511987654321']),
    'by phone, however it is spelled',
  )
  t.strictSame(
    new Set(
      lanes(
        { user_id: 'DE.1' },
        {
          from: { from_user_id: 'DE.1' },
          recipient: { recipient_user_id: 'DE.1' },
          to: { to_user_id: 'DE.1' },
        },
      ),
    ),
    new Set(['DE.1']),
    'by BSUID, without any phone',
  )
})

t.test('messages of one group share one lane, whoever writes', async (t) => {
  const events = split(
    webhook(
      change('messages', {
        messages: [
          { ...text('a'), group_id: 'G1' },
          { ...text('b'), from: '33612345678', group_id: 'G1' },
        ],
      }),
      change('messages', {
        statuses: [
          {
            id: 'c',
            status: 'read',
            recipient_type: 'group',
            recipient_id: 'G1',
            recipient_participant_id: '33612345678',
          },
        ],
      }),
    ),
  )
  t.strictSame(
    events.map(({ lane }) => lane),
    ['group:G1', 'group:G1', 'group:G1'],
  )
})

t.test('a redelivery has the same keys, whatever the order of members', async (t) => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, item]) => [key, reversed(item)]),
          )
        : value
  const body = webhook(
    change('messages', {
      contacts: [mina],
      messages: [text('wamid.1'), message({ type: 'reaction', reaction: { message_id: 'x' } }, 'wamid.2')],
    }),
    change('user_preferences', {
      user_preferences: [{ wa_id: mina.wa_id, category: 'marketing_messages', value: 'stop', timestamp: 1790000000 }],
    }),
    { field: 'phone_number_quality_update', value: { display_phone_number: '1', event: 'FLAGGED' } },
  )
  const keys = split(body).map(({ dedupeKey }) => dedupeKey)
  t.equal(keys.length, 4)
  t.strictSame(
    split(JSON.parse(JSON.stringify(reversed(body)))).map(({ dedupeKey }) => dedupeKey),
    keys,
  )
})

t.test('a status is one per message, status and recipient', async (t) => {
  const keys = (...statuses: JsonObject[]) =>
    new Set(split(webhook(change('messages', { statuses }))).map(({ dedupeKey }) => dedupeKey)).size
  const sent = { id: 'wamid.1', status: 'sent', recipient_id: '1' }
  t.equal(keys(sent, { ...sent, timestamp: 1 }), 1)
  t.equal(keys(sent, { ...sent, status: 'read' }), 2)
  t.equal(keys(sent, { ...sent, recipient_id: '2' }), 2)
  t.equal(keys({ ...sent, recipient_participant_id: '7' }, { ...sent, recipient_participant_id: '8' }), 2)
})

t.test('an edit or a revoke with the wamid of its message is not taken for a redelivery of it', async (t) => {
  const events = split(
    messages(text('wamid.1'), message({ type: 'edit', edit: {} }), message({ type: 'revoke', revoke: {} })),
  )
  t.equal(new Set(events.map(({ dedupeKey }) => dedupeKey)).size, 3)
})

t.test('equal account notices at different times are two', async (t) => {
  const at = (time: number) => ({
    object: 'whatsapp_business_account',
    entry: [{ id: 'W', time, changes: [{ field: 'account_update', value: { event: 'X' } }] }],
  })
  t.not(only(split(at(1790000000))).dedupeKey, only(split(at(1790000060))).dedupeKey)
  t.equal(only(split(at(1790000000))).dedupeKey, only(split(at(1790000000))).dedupeKey)
})

t.test('what has another shape is kept whole as unknown, never dropped', async (t) => {
  const shapes: JsonObject[] = [
    {},
    { object: 'permissions', entry: [{ id: 'P' }] },
    { entry: [{ id: 'W', changes: [] }] },
    { object: 'whatsapp_business_account' },
    { object: 'whatsapp_business_account', entry: 'text' },
    { object: 'whatsapp_business_account', entry: [7] },
    webhook({ field: 'messages', value: 'text' }),
  ]
  for (const body of shapes) {
    const event = only(split(body))
    t.match(event, { kind: 'unknown', account: null, lane: null })
    t.strictSame(whatsapp.parse(event), { outcome: 'failed', reason: 'unknown_shape' }, JSON.stringify(body))
  }
  t.equal(only(split(webhook({ field: 'a new field', value: { a: 1 } }))).kind, 'unknown')
  t.equal(only(split(webhook({ field: 'brand_new_field', value: { a: 1 } }))).kind, 'brand_new_field')
  t.equal(only(split(messages(message({ type: '../<b>' })))).kind, 'messages.unknown')
  t.equal(split(webhook(change('messages', { messages: [null, 1, text('x')] }))).length, 3)
  const beside = { object: 'whatsapp_business_account', entry: [{ id: 'W', time: 1, changes: [], news: [{ a: 1 }] }] }
  t.match(only(split(beside)), { kind: 'unknown', scope: 'W', payload: { news: [{ a: 1 }] } })
  const [entry = null] = listAt(webhook(change('messages', { messages: [text('x')] })), 'entry')
  const bare = { object: 'whatsapp_business_account', entry }
  t.match(only(split(bare)), { kind: 'messages.text' }, 'a list of one without its brackets')
  t.strictSame(split({ object: 'whatsapp_business_account', entry: [] }), [], 'an empty post has no events')
})

t.test('bytes that are no JSON object are malformed', async (t) => {
  for (const [bytes, malformed] of [
    ['', 'invalid_json'],
    ['{', 'invalid_json'],
    ['[]', 'not_an_object'],
    ['"x"', 'not_an_object'],
    ['null', 'not_an_object'],
  ] as const) {
    t.strictSame(whatsapp.split(postOf(bytes), settings), { malformed }, bytes)
  }
})

t.test('past messages are one event each, with their thread', async (t) => {
  const events = split(
    webhook(
      change('history', {
        history: [
          {
            metadata: { phase: 0 },
            threads: [
              {
                id: '4915112345678',
                messages: [
                  {
                    from: '4915112345678',
                    id: 'wamid.h1',
                    timestamp: '1780000000',
                    type: 'text',
                    text: { body: 'hi' },
                  },
                  {
                    from: '493055570000',
                    to: '4915112345678',
                    id: 'wamid.h2',
                    timestamp: '1780000001',
                    type: 'text',
                    text: { body: 'hello' },
                    history_context: { from_me: true },
                  },
                ],
              },
              {
                id: '33612345678',
                messages: [{ from: '33612345678', id: 'wamid.h3', type: 'text', text: { body: 'salut' } }],
              },
            ],
          },
        ],
      }),
    ),
  )
  t.strictSame(
    events.map(({ kind, lane }) => [kind, lane]),
    [
      ['history.text', '+4915112345678'],
      ['history.text', '+4915112345678'],
      ['history.text', '+33612345678'],
    ],
  )
  t.notMatch(JSON.stringify(events[0]?.payload), /hello|salut/)
})
