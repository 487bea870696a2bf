import fc from 'fast-check'
import t from 'tap'
import type { ChannelType } from '../../src/channels/channel.ts'
import { channelTypes } from '../../src/channels/index.ts'
import type { JsonValue } from '../../src/channels/json.ts'
import { sized } from '../harness/size.ts'
import { bodies, json, shaped, text } from './bodies.ts'
import { postOf } from './post.ts'

const runs = sized(200, 5_000, 100)

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
      { numRuns: runs },
    )
    t.ok(events > runs * 0.4, `${events} events were looked at`)
    t.ok(outcomes.has('events') && outcomes.size > 1, [...outcomes].join())
  })

  t.test(`${channel.type}: parse never throws on any payload under any kind`, async (t) => {
    let tried = 0
    await fc.assert(
      fc.asyncProperty(text, fc.oneof(json, shaped, body), async (kind, payload) => {
        tried += 1
        return ['events', 'ignored', 'failed'].includes((await channel.parse({ kind, payload })).outcome)
      }),
      { numRuns: runs },
    )
    t.ok(tried >= runs)
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
        { numRuns: runs / 2 },
      )
      t.ok(compared > runs / 6, `${compared} keys were compared`)
    },
  )
}
