import { setImmediate as breath } from 'node:timers/promises'
import { createContext, Script } from 'node:vm'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Parsed, Post, RawEvent } from '../../src/channels/channel.ts'
import { form } from '../../src/channels/form/index.ts'
import { parseForm } from '../../src/channels/form/parse.ts'
import type { JsonValue } from '../../src/channels/json.ts'
import { telegram } from '../../src/channels/telegram/index.ts'
import { parseTelegram } from '../../src/channels/telegram/parse.ts'
import { webchat } from '../../src/channels/webchat/index.ts'
import { parseWebchat } from '../../src/channels/webchat/parse.ts'
import { sized } from '../harness/size.ts'
import { bodies, shaped } from './bodies.ts'
import { formCase } from './form/generator.ts'
import { bulk, bulkMembers, hostileText } from './hostile.ts'
import { postOf } from './post.ts'
import { settings as botSettings } from './telegram/fixtures.ts'
import { telegramBody } from './telegram/generator.ts'

t.setTimeout(3_600_000)

/**
 * FULL=1 tries each parser for ten minutes, FUZZ_SECONDS for as long as it says; FUZZ names the one to try.
 * SEED begins where a failed run began.
 */
const seconds = Number(process.env.FUZZ_SECONDS ?? sized(2, 600, 0.2))
const only = process.env.FUZZ
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Of the processor, for one post: four times what the largest takes. */
const caseMsMax = 2_000
/** By the clock, on a machine that does other things too: then it is stopped, whatever it is in. */
const endlessMs = 20_000
/** So many cases, then others have their turn. */
const round = 100
/** Of most posts; see postBytesMax of the channel types. */
const bytesMax = 4 * 1024 * 1024

/** What a post was split into, and what each event became. */
interface Read {
  events: readonly RawEvent[]
  parsed: readonly Parsed[]
}

interface Fuzzed<Case> {
  cases: fc.Arbitrary<Case>
  bytes: (one: Case) => number
  run: (one: Case) => Read
  /** after how many milliseconds a case is stopped */
  limit?: number
}

/** As it is after it was stored. */
const kept = (event: RawEvent): { kind: string; payload: JsonValue } => ({
  kind: event.kind,
  payload: JSON.parse(JSON.stringify(event.payload)),
})

function ofPost(
  post: Post,
  split: (post: Post) => ReturnType<typeof form.split>,
  parse: (event: RawEvent) => Parsed,
): Read {
  const result = split(post)
  const events = 'malformed' in result ? [] : result.events
  return { events, parsed: events.map(parse) }
}

const isClean = (value: unknown): boolean => {
  const text = JSON.stringify(value)
  return text.isWellFormed() && !text.includes('\\u0000')
}

/** Each case has so much time and no more: what goes round and round within one pattern is stopped in it. */
async function fuzz<Case>(
  name: string,
  t: Test,
  { cases, bytes, run, limit = endlessMs }: Fuzzed<Case>,
): Promise<void> {
  const context = createContext({ turn: () => {} })
  const script = new Script('turn()')
  const outcomes = new Map<string, number>()
  const found = { cases: 0, events: 0, bytes: 0, slowestMs: 0, slowestBytes: 0 }
  const property = fc.property(cases, (one) => {
    fc.pre(bytes(one) <= bytesMax)
    let result: Read = { events: [], parsed: [] }
    context.turn = () => {
      result = run(one)
    }
    const started = process.threadCpuUsage()
    script.runInContext(context, { timeout: limit })
    const { user, system } = process.threadCpuUsage(started)
    const ms = (user + system) / 1_000
    if (ms > found.slowestMs) Object.assign(found, { slowestMs: ms, slowestBytes: bytes(one) })
    if (ms > caseMsMax) throw new Error(`it took ${Math.round(ms)} ms of the processor`)
    found.cases += 1
    found.bytes += bytes(one)
    found.events += result.events.length
    for (const parsed of result.parsed) {
      outcomes.set(parsed.outcome, (outcomes.get(parsed.outcome) ?? 0) + 1)
      if (parsed.outcome !== 'events' && !/^[a-z0-9_]+$/.test(parsed.reason)) throw new Error(parsed.reason)
      if (!isClean(parsed)) throw new Error('what it became cannot be stored')
    }
    for (const { account, scope, dedupeKey, lane, kind, payload } of result.events)
      if (!isClean([account, scope, dedupeKey, lane, payload]) || !/^[a-z0-9_.]+$/.test(kind))
        throw new Error(`an event of ${kind} cannot be stored`)
  })
  const until = Date.now() + seconds * 1_000
  for (let turn = 0; Date.now() < until; turn++) {
    // Cases of 100,000 characters are not made smaller: that would take hours.
    fc.assert(property, { numRuns: round, seed: seed + turn, endOnFailure: true, includeErrorInReport: true })
    await breath()
  }
  const said = [...outcomes].map(([outcome, n]) => `${outcome} ${n}`).join(', ')
  t.comment(
    `${name}: ${found.cases} posts of ${Math.round(found.bytes / 1024)} KB in ${seconds} s from seed ${seed}, ${found.events} events (${said}); ` +
      `the slowest took ${Math.round(found.slowestMs)} ms of the processor for ${Math.round(found.slowestBytes / 1024)} KB`,
  )
  t.ok(found.events > 0 && outcomes.has('events') && outcomes.size > 1, said)
}

const chatSettings = { signingSecret: 'a-secret-of-sixteen', allowedOrigins: [] }
const hostileJson = fc.oneof(
  { weight: 4, arbitrary: shaped },
  { weight: 2, arbitrary: hostileText },
  { weight: 1, arbitrary: bulk(shaped) },
  { weight: 1, arbitrary: bulkMembers(hostileText, shaped) },
) as fc.Arbitrary<JsonValue>
const ordinary = bodies.telegram ?? shaped
const crowded = fc.record({
  update_id: fc.integer(),
  message: fc.record({
    message_id: fc.integer(),
    chat: fc.constant({ id: 55, type: 'private' }),
    text: hostileText,
    photo: bulk(fc.constant({ file_id: 'f', width: 90, height: 90 })),
    entities: bulk(fc.constant({ type: 'url', offset: 0, length: 3 })),
    new_chat_members: bulk(fc.record({ id: fc.integer(), first_name: hostileText })),
  }),
}) as fc.Arbitrary<JsonValue>
const telegramCase = fc.oneof(
  { weight: 8, arbitrary: telegramBody(shaped, hostileText) },
  { weight: 8, arbitrary: ordinary },
  { weight: 1, arbitrary: crowded },
  { weight: 1, arbitrary: bulkMembers(hostileText, fc.constant({ a: 1 })) },
)
const visitorCase = fc.oneof(
  { weight: 1, arbitrary: hostileJson },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        visitor: fc.record(
          { id: hostileText, userId: hostileText, name: hostileText, email: hostileText },
          { requiredKeys: ['id'] },
        ),
        id: hostileText,
        text: hostileText,
        files: fc.oneof(
          fc.array(fc.record({ fileName: hostileText, mediaType: hostileText, sizeBytes: hostileJson }), {
            maxLength: 3,
          }),
          hostileJson,
        ),
      },
      { requiredKeys: ['visitor', 'id'] },
    ) as fc.Arbitrary<JsonValue>,
  },
)
const asJson = (
  cases: fc.Arbitrary<JsonValue>,
  split: (post: Post) => ReturnType<typeof form.split>,
  parse: (event: { kind: string; payload: JsonValue }) => Parsed,
): Fuzzed<Buffer> => ({
  cases: cases.map((body) => Buffer.from(JSON.stringify(body))),
  bytes: (body) => body.length,
  run: (body) => ofPost(postOf(body), split, (event) => parse(kept(event))),
})

const subjects: Record<string, (t: Test) => Promise<void>> = {
  telegram: (t) =>
    fuzz(
      'telegram',
      t,
      asJson(telegramCase, (post) => telegram.split(post, botSettings), parseTelegram),
    ),
  webchat: (t) =>
    fuzz(
      'webchat',
      t,
      asJson(visitorCase, (post) => webchat.split(post, chatSettings), parseWebchat),
    ),
  form: (t) =>
    fuzz('form', t, {
      cases: formCase,
      bytes: ({ body }) => body.length,
      run: ({ headers, body, settings }) => {
        const post = postOf(body, headers, { secret: 'x' })
        form.verify(post, settings)
        form.answer?.({ accepted: 1, duplicates: 0, rejected: [] }, post, settings)
        return ofPost(
          post,
          (one) => form.split(one, settings),
          (event) => parseForm(kept(event), { settings }),
        )
      },
    }),
}

for (const [name, run] of Object.entries(subjects)) {
  if (only !== undefined && only !== name) continue
  t.test(`${name}: whatever is posted is taken apart in no time, or is a failure with a reason`, run)
}

t.test('a pattern that does not come to an end is found', async (t) => {
  const endless = /^(a+)+$/
  await t.rejects(
    fuzz('endless', t, {
      cases: fc.constant('a'.repeat(50)),
      bytes: (text) => text.length,
      run: (text) => ({ events: [], parsed: endless.test(`${text}!`) ? [] : [] }),
      limit: 100,
    }),
    /timed out/,
  )
})
