import t from 'tap'
import { line } from '../../../src/channels/line/index.ts'
import { customer, event, message, settings, signed, split } from './fixtures.ts'

t.test('the posts of the console’s "Verify" button hold no events', async (t) => {
  t.strictSame(line.split(signed({ destination: 'Ubot', events: [] }), settings), { events: [], rejected: [] })
  const dead = { type: 'user', userId: 'Udeadbeefdeadbeefdeadbeefdeadbeef' }
  t.strictSame(
    split(
      message({ type: 'text', text: 'Hello' }, { replyToken: '0'.repeat(32), source: dead }),
      message({ type: 'sticker' }, { replyToken: 'f'.repeat(32), source: dead }),
    ),
    [],
  )
  t.equal(split(message({ type: 'text', text: 'Hello' })).length, 1)
})

t.test('each event is one of its own, in the lane of its chat, with the account that it was for', async (t) => {
  const [text, group, room, account] = split(
    message({ type: 'text', text: 'A' }),
    message({ type: 'text', text: 'B' }, { source: { type: 'group', groupId: 'C1', userId: customer } }),
    event('join', { source: { type: 'room', roomId: 'R1' } }),
    event('botSuspended', { source: undefined }),
  )
  t.match(text, { account: null, lane: customer, kind: 'message.text', occurredAt: new Date(1795341600000) })
  t.match(text?.payload, { destination: 'Ubot', event: { message: { text: 'A' } } })
  t.match(group, { lane: 'group:C1' })
  t.match(room, { lane: 'group:R1', kind: 'join' })
  t.match(account, { lane: null, kind: 'bot_suspended' })
})

t.test('a redelivery is known by its event, and two messages of an album are two', async (t) => {
  const key = (one: unknown) => split(one)[0]?.dedupeKey
  const first = message({ type: 'image' })
  t.equal(key(first), key({ ...first, deliveryContext: { isRedelivery: true }, replyToken: 'another' }))
  t.not(key(first), key(message({ type: 'image', id: '4712' })))
  t.not(key(first), key({ ...first, webhookEventId: '01JDXAMPLE0000000000000002' }))
  // Before there were ids.
  const { webhookEventId: _id, ...old } = first
  t.equal(key(old), key({ ...old, deliveryContext: { isRedelivery: true } }))
  t.not(key(old), key({ ...old, timestamp: 1795341600001 }))
})

t.test('what has no shape of LINE’s is kept whole, and what is no JSON is refused', async (t) => {
  const whole = line.split(signed({ hello: 'world' }), settings)
  t.match(whole, { events: [{ kind: 'unknown', lane: null, payload: { hello: 'world' } }] })
  t.strictSame(line.split(signed('i am not json'), settings), { malformed: 'invalid_json' })
  t.strictSame(line.split(signed('[]'), settings), { malformed: 'not_an_object' })
  t.match(split(7, event('somethingNew2027')), [{ kind: 'unknown' }, { kind: 'something_new2027' }])
})
