import fc from 'fast-check'
import t from 'tap'
import type { ChannelType } from '../../src/channels/channel.ts'
import { channelTypes } from '../../src/channels/index.ts'
import type { JsonValue } from '../../src/channels/json.ts'
import { lineBody } from './line/generator.ts'
import { messagingBody } from './meta/generator.ts'
import { postOf } from './post.ts'
import { telegramBody } from './telegram/generator.ts'

const json = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<JsonValue>
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    'text',
    'image',
    'interactive',
    'order',
    'system',
    'edit',
    'revoke',
    'reaction',
    'contacts',
    'location',
    'failed',
    'terminate',
    'user_changed_user_id',
    'message',
    'status',
    'delete',
    'constructor',
    '__proto__',
  ),
)

/** Objects with the names that the parsers look at and anything in them: this reaches further than arbitrary JSON. */
const names = [
  'id',
  'type',
  'from',
  'to',
  'timestamp',
  'text',
  'body',
  'image',
  'interactive',
  'context',
  'edit',
  'message',
  'reaction',
  'message_id',
  'system',
  'user_id',
  'wa_id',
  'errors',
  'status',
  'recipient_id',
  'value',
  'category',
  'referral',
  'contacts',
  'profile',
  'name',
  'attachments',
  'url',
  'historical',
  'occurredAt',
  'direction',
  'thread',
  'messageId',
  'emoji',
  'event',
  'original_message_id',
]
const shaped = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.integer(),
    fc.constant(null),
    json,
    tie('object'),
    fc.array(tie('object'), { maxLength: 3 }),
  ),
  object: fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 8 }),
})).object as fc.Arbitrary<JsonValue>

const families = [
  'messages',
  'statuses',
  'message_echoes',
  'calls',
  'user_preferences',
  'user_id_update',
  'state_sync',
  'groups',
  'contacts',
  'errors',
  'history',
]
const change = fc.record({
  field: fc.oneof(text, fc.constantFrom('messages', 'history', 'calls', 'account_update')),
  value: fc.dictionary(fc.constantFrom(...families, 'metadata'), fc.oneof(fc.array(shaped, { maxLength: 4 }), shaped), {
    maxKeys: 4,
  }),
})
const word = fc.constantFrom('a', 'b\0', '7', 'delivered', '\ud800x')
const connectorEvent = fc.record({
  id: word,
  type: fc.constantFrom('message', 'status', 'edit', 'delete', 'reaction'),
  from: fc.record({ value: word, phone: text }),
  messageId: word,
  emoji: word,
  status: word,
  message: fc.oneof(fc.record({ text: word }), shaped),
}) as fc.Arbitrary<JsonValue>
const formBody = fc.oneof(
  fc.dictionary(
    fc.oneof(fc.constantFrom('name', 'your-email', '_t', '_nonce', '_gotcha', 'phone', 'country'), word, text),
    text,
    {
      maxKeys: 6,
    },
  ),
  fc.record({
    event_id: word,
    form_response: fc.record({
      token: word,
      hidden: fc.dictionary(word, text, { maxKeys: 2 }),
      answers: fc.constant([{ type: 'email', email: 'a@example.com', field: { id: 'x', type: 'email' } }]),
    }),
  }),
  fc.record({
    eventId: word,
    data: fc.record({
      submissionId: word,
      fields: fc.oneof(
        fc.constant([{ key: 'a', label: 'Phone', type: 'INPUT_PHONE_NUMBER', value: '0170 1234567' }]),
        fc.array(shaped, { maxLength: 3 }),
      ),
    }),
  }),
  shaped,
) as fc.Arbitrary<JsonValue>
const bodies: Record<string, fc.Arbitrary<JsonValue>> = {
  whatsapp: fc.record({
    object: fc.constant('whatsapp_business_account'),
    entry: fc.array(
      fc.record({
        id: text,
        time: fc.integer(),
        changes: fc.array(change as fc.Arbitrary<JsonValue>, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }) as fc.Arbitrary<JsonValue>,
  form: formBody,
  webchat: fc.oneof(
    { weight: 1, arbitrary: shaped },
    {
      weight: 4,
      arbitrary: fc.record({
        visitor: fc.record({ id: word, userId: fc.oneof(word, fc.constant(null)), name: text, email: word }),
        id: word,
        text,
        files: fc.oneof(
          fc.array(fc.record({ fileName: text, mediaType: text, sizeBytes: fc.integer() }), { maxLength: 1 }),
          shaped,
        ),
      }),
    },
  ) as fc.Arbitrary<JsonValue>,
  connector: fc.record({
    events: fc.array(
      fc.oneof(
        { weight: 1, arbitrary: shaped },
        { weight: 1, arbitrary: json },
        { weight: 4, arbitrary: connectorEvent },
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }) as fc.Arbitrary<JsonValue>,
  messenger: messagingBody('page', shaped, text),
  instagram: messagingBody('instagram', shaped, text),
  line: lineBody(shaped, text),
  telegram: telegramBody(shaped, text),
}

function eventsOf(channel: ChannelType, body: JsonValue) {
  const split = channel.split(postOf(JSON.stringify(body)), {})
  return 'malformed' in split ? [] : split.events
}

function reordered(value: JsonValue, seed: number): JsonValue {
  if (Array.isArray(value)) return value.map((item) => reordered(item, seed))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, reordered(item, seed)])
  return Object.fromEntries(seed % 2 === 0 ? members.reverse() : [...members.slice(1), ...members.slice(0, 1)])
}

/** The same events, posted in the opposite order. */
function backwards(body: JsonValue): JsonValue {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, Array.isArray(value) ? value.toReversed() : value]),
  )
}

for (const channel of channelTypes) {
  // Mail is no JSON: its own folder has its properties.
  if (channel.type === 'email') continue
  const body = bodies[channel.type]
  if (body === undefined) throw new Error(`no generator for ${channel.type}: add one`)

  t.test(`${channel.type}: split and parse never throw, and what is split is storable`, async (t) => {
    let events = 0
    const outcomes = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: body }, { weight: 1, arbitrary: json }), async (value) => {
        for (const event of eventsOf(channel, value)) {
          events += 1
          outcomes.add((await channel.parse(event)).outcome)
          const stored = JSON.stringify([
            event.account,
            event.scope,
            event.dedupeKey,
            event.lane,
            event.kind,
            event.payload,
          ])
          if (!stored.isWellFormed() || stored.includes('\\u0000') || !/^[a-z0-9_.]+$/.test(event.kind)) return false
        }
        return true
      }),
      { numRuns: 500 },
    )
    t.ok(events > 200, `${events} events were looked at`)
    t.ok(outcomes.has('events') && outcomes.size > 1, [...outcomes].join())
  })

  t.test(`${channel.type}: parse never throws on any payload under any kind`, async (t) => {
    let runs = 0
    await fc.assert(
      fc.asyncProperty(text, fc.oneof(json, shaped, body), async (kind, payload) => {
        runs += 1
        return ['events', 'ignored', 'failed'].includes((await channel.parse({ kind, payload })).outcome)
      }),
      { numRuns: 500 },
    )
    t.ok(runs >= 500)
    let deep: JsonValue = 'x'
    for (let level = 0; level < 20_000; level += 1) deep = { messages: [deep], value: deep === 'x' ? 'x' : [] }
    t.match(await channel.parse({ kind: 'x', payload: deep }), { outcome: 'failed' })
  })

  t.test(`${channel.type}: split never throws on any bytes`, async (t) => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, quoted) => {
        const body = quoted
          ? Buffer.concat([Buffer.from('{"events":[{"id":"'), bytes, Buffer.from('"}]}')])
          : Buffer.from(bytes)
        const split = channel.split(postOf(body), {})
        seen.add('malformed' in split ? 'malformed' : 'split')
      }),
    )
    t.ok(seen.has('malformed'))
    t.strictSame(channel.split(postOf(''), {}), { malformed: 'invalid_json' })
  })

  t.test(
    `${channel.type}: keys and lanes are the same for a redelivery, in any order of members and of posts`,
    async (t) => {
      let compared = 0
      fc.assert(
        fc.property(body, fc.integer({ min: 0, max: 9 }), (value, seed) => {
          const identity = (from: JsonValue) =>
            eventsOf(channel, from).map(({ dedupeKey, account }) => `${account} ${dedupeKey}`)
          const first = identity(value)
          const again = identity(reordered(value, seed))
          compared += first.length
          const shuffled = identity(backwards(value))
          return (
            JSON.stringify([...first].sort()) === JSON.stringify(shuffled.sort()) &&
            JSON.stringify(first) === JSON.stringify(again) &&
            JSON.stringify(first) === JSON.stringify(identity(value))
          )
        }),
        { numRuns: 300 },
      )
      t.ok(compared > 100, `${compared} keys were compared`)
    },
  )
}
