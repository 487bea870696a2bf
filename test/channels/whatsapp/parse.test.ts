import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import { customerOf } from '../../../src/channels/neutral.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { postOf } from '../post.ts'
import { change, message, messages, mina, only, parsed, settings, split, webhook } from './fixtures.ts'

const one = (body: JsonObject) => only(parsed(messages(message(body))))
const identities = [
  { kind: 'whatsapp', value: '4915112345678', verified: true },
  { kind: 'whatsapp_bsuid', value: 'DE.4711', verified: true },
  { kind: 'whatsapp_parent_bsuid', value: 'DE.ENT.99', verified: true },
  { kind: 'phone', value: '+4915112345678', verified: true },
]

t.test('somebody without a phone is known by their BSUID', async (t) => {
  const { from: _from, ...nameless } = message({ type: 'text', text: { body: 'x' } })
  const bsuidOnly = { profile: { name: 'M', username: 'mina' }, user_id: 'DE.4711' }
  for (const item of [nameless, { ...nameless, from_user_id: 'DE.4711' }, { ...nameless, from: 'DE.4711' }]) {
    const event = only(parsed(webhook(change('messages', { contacts: [bsuidOnly], messages: [item] }))))
    t.match(customerOf(event), {
      identities: [{ kind: 'whatsapp_bsuid', value: 'DE.4711' }],
      displayName: 'M',
      username: 'mina',
    })
    t.equal(customerOf(event)?.phone, undefined)
  }
})

t.test('ids of a contact entry that names somebody else are never taken over', async (t) => {
  const event = only(
    parsed(
      webhook(
        change('messages', {
          contacts: [{ ...mina, wa_id: '33612345678' }],
          messages: [message({ type: 'text', text: { body: 'x' } })],
        }),
      ),
    ),
  )
  t.strictSame(
    customerOf(event)?.identities.map(({ value }) => value),
    ['4915112345678', '+4915112345678'],
  )
})

t.test('the same phone under another BSUID is another person: a number that was given to somebody else', async (t) => {
  const item = message({ type: 'text', text: { body: 'x' }, from_user_id: 'DE.1' })
  const former = { wa_id: mina.wa_id, user_id: 'DE.2', parent_user_id: 'DE.ENT.2' }
  const event = only(parsed(webhook(change('messages', { contacts: [former], messages: [item] }))))
  t.strictSame(
    customerOf(event)?.identities.map(({ value }) => value),
    ['4915112345678', 'DE.1', '+4915112345678'],
  )
})

t.test('a message of which nobody is the sender is failed, not guessed', async (t) => {
  const { from: _from, ...nameless } = message({ type: 'text', text: { body: 'x' } })
  t.strictSame(whatsapp.parse(only(split(webhook(change('messages', { messages: [nameless] }))))), {
    outcome: 'failed',
    reason: 'no_sender',
  })
  const { id: _id, ...idless } = message({ type: 'text', text: { body: 'x' } })
  t.strictSame(whatsapp.parse(only(split(messages(idless)))), { outcome: 'failed', reason: 'no_message_id' })
})

t.test('an echo is outbound to the customer, even where from and to are swapped', async (t) => {
  const echo = { id: 'wamid.e', timestamp: '1790000001', type: 'text', text: { body: 'On my way' } }
  const pairs: JsonObject[] = [
    { from: '493055570000', to: mina.wa_id },
    { from: mina.wa_id, to: '493055570000' },
    { from: '493055570000', to_user_id: 'DE.4711' },
  ]
  for (const people of pairs) {
    const event = only(
      parsed(webhook(change('smb_message_echoes', { contacts: [mina], message_echoes: [{ ...echo, ...people }] }))),
    )
    t.match(event, {
      type: 'message',
      direction: 'outbound',
      externalId: 'wamid.e',
      to: { identities },
      from: { phone: '+493055570000' },
    })
  }
  const revoke = {
    ...echo,
    type: 'revoke',
    revoke: { original_message_id: 'wamid.0' },
    from: '493055570000',
    to: mina.wa_id,
  }
  t.match(only(parsed(webhook(change('smb_message_echoes', { message_echoes: [revoke] })))), {
    type: 'delete',
    direction: 'outbound',
    externalId: 'wamid.0',
  })
})

t.test('past messages are historical, from whichever side', async (t) => {
  const history = (item: JsonObject) =>
    webhook(
      change('history', {
        history: [
          {
            threads: [
              { id: mina.wa_id, messages: [{ timestamp: 1780000000, type: 'text', text: { body: 'x' }, ...item }] },
            ],
          },
        ],
      }),
    )
  t.match(only(parsed(history({ id: 'a', from: mina.wa_id }))), {
    historical: true,
    direction: 'inbound',
    from: { phone: '+4915112345678' },
  })
  t.match(only(parsed(history({ id: 'b', from: '493055570000', history_context: { status: 'read' } }))), {
    historical: true,
    direction: 'outbound',
    to: { phone: '+4915112345678' },
  })
})

t.test('a group message has its thread and its author', async (t) => {
  t.match(one({ type: 'text', text: { body: 'x' }, group_id: 'G1' }), {
    thread: { id: 'G1', kind: 'group' },
    from: { identities },
  })
})

t.test('NUL and lone surrogates are gone from everything that is stored', async (t) => {
  const raw = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"p\\u0000"},"messages":[{"from":"49151\\u000012345678","id":"wamid\\u0000.1","type":"text","text":{"body":"a\\u0000b \\ud83d cut"}}]}}]}]}`
  const result = whatsapp.split(postOf(raw), settings)
  if ('malformed' in result) throw new Error(result.malformed)
  const event = only(result.events)
  t.strictSame([event.account, event.lane, event.dedupeKey], ['p', '+4915112345678', 'messages:wamid.1'])
  const all = JSON.stringify([event, whatsapp.parse(event)])
  t.notMatch(all, '\\u0000')
  t.match(all, 'ab \ufffd cut')
  t.match(JSON.stringify(whatsapp.parse({ kind: 'messages.text', payload: JSON.parse(raw).entry[0] })), /unknown_shape/)
})
