import t from 'tap'
import type { JsonObject } from '../../src/channels/json.ts'
import { isFurther } from '../../src/delivery/normalise/status.ts'
import { change, webhook } from '../channels/whatsapp/fixtures.ts'
import { post } from '../resources/ingest/posts.ts'
import { dump } from './dump.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

const mina = { profile: { name: 'Mina' }, wa_id: '4915112345678', user_id: 'DE.4711' }
const li = { profile: { name: '李' }, wa_id: '8613812345678', user_id: 'CN.88' }
const jose = { profile: { name: 'José' }, wa_id: '5511987654321' }
const at = (second: number): string => String(1_780_000_000 + second)

/** A history in which most things happen that can, three people, and every event with its place in time. */
function history(account: string): JsonObject[] {
  const field = (name: string, value: JsonObject) => webhook(change(name, value, account))
  const from = (who: typeof mina | typeof jose | typeof li, id: string, second: number, body: JsonObject): JsonObject =>
    field('messages', {
      contacts: [who],
      messages: [
        {
          from: who.wa_id,
          ...('user_id' in who ? { from_user_id: who.user_id } : {}),
          id,
          timestamp: at(second),
          ...body,
        },
      ],
    })
  const echo = (to: string, id: string, second: number, body: string): JsonObject =>
    field('smb_message_echoes', {
      message_echoes: [{ from: '493055570000', to, id, timestamp: at(second), type: 'text', text: { body } }],
    })
  const status = (id: string, to: string, word: string, second: number): JsonObject =>
    field('messages', { statuses: [{ id, recipient_id: to, status: word, timestamp: at(second) }] })
  const past = (id: string, second: number, body: string, context?: string): JsonObject =>
    field('history', {
      history: [
        {
          threads: [
            {
              id: mina.wa_id,
              messages: [
                {
                  ...{ from: mina.wa_id, id, timestamp: at(second), type: 'text', text: { body } },
                  ...(context ? { context: { id: context } } : {}),
                },
              ],
            },
          ],
        },
      ],
    })
  const text = (body: string, context?: string): JsonObject => ({
    type: 'text',
    text: { body },
    ...(context ? { context: { id: context } } : {}),
  })
  return [
    past('p1', -900, 'long ago'),
    past('p2', -800, 'about that', 'p1'),
    from(mina, 'm1', 1, text('hello')),
    from(mina, 'm2', 2, { type: 'image', image: { id: 'media-1', caption: 'look', mime_type: 'image/jpeg' } }),
    echo(mina.wa_id, 'e1', 3, 'nice'),
    status('e1', mina.wa_id, 'delivered', 4),
    status('e1', mina.wa_id, 'read', 5),
    from(mina, 'm3', 6, text('thanks', 'e1')),
    from(mina, 'r1', 7, { type: 'reaction', reaction: { message_id: 'e1', emoji: '❤️' } }),
    from(mina, 'ed1', 8, { type: 'edit', edit: { original_message_id: 'm1', message: text('hello!') } }),
    from(mina, 'ed2', 9, { type: 'edit', edit: { original_message_id: 'm1', message: text('hello!!') } }),
    from(mina, 'd1', 10, { type: 'revoke', revoke: { original_message_id: 'm2' } }),
    from(mina, 'm4', 11, text('still there?', 'm3')),
    // With a number and a user id, then with the id alone, as people with a username come. (Somebody who came with the
    // number alone and with the id alone first is two people, whom nobody joins without being asked.)
    from(li, 'l1', 1, text('你好')),
    field('messages', {
      contacts: [{ profile: { name: '李' }, user_id: li.user_id }],
      messages: [{ from_user_id: li.user_id, id: 'l2', timestamp: at(2), ...text('我又来了') }],
    }),
    field('user_preferences', {
      contacts: [mina],
      user_preferences: [{ wa_id: mina.wa_id, value: 'stop', category: 'marketing_messages', timestamp: at(13) }],
    }),
    // Brazil with and without the ninth digit is one number.
    from(jose, 'j1', 1, text('olá')),
    field('messages', {
      contacts: [{ ...jose, wa_id: '551187654321' }],
      messages: [{ from: '551187654321', id: 'j2', timestamp: at(2), ...text('tudo bem?') }],
    }),
    echo('5511987654321', 'e2', 3, 'tudo'),
    status('e2', '551187654321', 'sent', 4),
    { ...status('e2', '551187654321', 'failed', 5) },
    from(jose, 'g1', 6, { ...text('in the group'), group_id: 'group-1' }),
  ]
}

t.test('the same events, twice over and in any order, lead to the same records', { timeout: 120_000 }, async (t) => {
  const lanes = await startLanes(t)
  const { service, drain, waiting, run } = lanes
  const random = seeded(20_261_122)
  const dumps: unknown[] = []
  for (let round = 0; round < 7; round++) {
    const account = `70000000000010${round}`
    const unit = await service.request('POST', '/v1/business-units', {
      body: { name: `Unit ${round}`, region: 'default' },
    })
    t.equal(unit.status, 201, unit.text)
    const made = await service.request('POST', '/v1/channels', { body: channelBody(account, unit.id) })
    t.equal(made.status, 201, made.text)
    const events = history(account)
    // First as they happened, each post drained at once; then shuffled, repeated, and drained now and then.
    const posts = round === 0 ? events : shuffled([...events, ...events], random)
    for (const body of posts) {
      await send(lanes, made.id, body)
      if (round === 0 || random() < 0.3) for (const lane of await waiting()) await run(lane, patient)
    }
    await service.sql('UPDATE app.inbound_event SET retry_at = now() WHERE retry_at IS NOT NULL')
    await drain()
    dumps.push(await dump(service, unit.id))
  }
  const [first] = dumps
  t.match(JSON.stringify(first), /hello!!/)
  for (const other of dumps.slice(1)) t.same(other, first)
  t.same(
    await service.sql(
      `SELECT DISTINCT status, reason FROM app.inbound_event WHERE status NOT IN ('processed', 'duplicate') ORDER BY 2`,
    ),
    [{ status: 'ignored', reason: 'edited_later' }],
  )
})

/** What waits goes on waiting until the test has posted everything. */
const patient = { failureDelaysMs: [], waitingDelaysMs: Array.from({ length: 200 }, () => 60_000) }

t.test('a status never goes back, in whatever order the callbacks come', async (t) => {
  const words = ['sent', 'delivered', 'read', 'failed', 'unknown', 'queued']
  for (const one of words)
    for (const other of words) t.notOk(isFurther(one, other) && isFurther(other, one), `${one}, ${other}`)
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  const orders = permutations(['sent', 'delivered', 'read']).concat(permutations(['delivered', 'failed', 'read']))
  const events: object[] = []
  for (const [i, order] of orders.entries()) {
    const from = { value: `person-${i}` }
    events.push(said('out', { id: `out-${i}`, direction: 'outbound', from }))
    for (const status of order)
      events.push(
        said('', {
          type: 'status',
          messageId: `out-${i}`,
          status,
          from,
          error: { code: '131026', message: 'not on +49 151 12345678' },
        }),
      )
  }
  await send(...events)
  await drain()
  const rows = await service.sql<{ external_id: string; status: string; error: unknown }>(
    'SELECT external_id, status, error FROM app.message',
  )
  t.equal(rows.length, orders.length)
  for (const [i, order] of orders.entries()) {
    const row = rows.find((one) => one.external_id === `out-${i}`)
    const isFailed = order.includes('failed')
    t.equal(row?.status, isFailed ? 'failed' : 'read', order.join())
    t.same(row?.error, isFailed ? { code: '131026', class: 'permanent' } : null)
  }
})

t.test('what is said of a message waits for it, holds nobody up, and is given up in the end', async (t) => {
  const { service, connector, waiting, run } = await startLanes(t)
  const { send } = await connector()
  await send(
    said('', { type: 'reaction', messageId: 'late', emoji: '👍' }),
    said('', { type: 'status', messageId: 'foreign', status: 'read' }),
  )
  await send(said('goes on'))
  const long = { failureDelaysMs: [], waitingDelaysMs: [60_000, 60_000] }
  const [lane] = await waiting()
  if (!lane) throw new Error('no lane')
  await run(lane, long)
  t.match((await service.request('GET', '/v1/inbound-events?sort=occurredAt')).data, [
    { status: 'stored', reason: 'unknown_message', attempts: 1 },
    { status: 'stored', reason: 'unknown_message', attempts: 1 },
    { status: 'processed' },
  ])
  const timers = await service.sql(
    `SELECT FROM graphile_worker.jobs WHERE key LIKE 'normalise/%/%/%' AND run_at > now() + interval '50 seconds'`,
  )
  t.equal(timers.length, 1)
  await send(said('late', { id: 'late' }))
  await run(lane, long)
  t.match((await service.request('GET', '/v1/inbound-events?sort=occurredAt')).data[0], {
    status: 'processed',
    reason: null,
  })
  t.match(await service.sql(`SELECT reactions FROM app.message WHERE external_id = 'late'`), [
    { reactions: [{ by: 'contact', emoji: '👍' }] },
  ])
  await service.sql('UPDATE app.inbound_event SET retry_at = now()')
  await run(lane, { ...long, waitingDelaysMs: [0] })
  t.match((await service.request('GET', '/v1/inbound-events?sort=occurredAt')).data[1], {
    status: 'ignored',
    reason: 'unknown_message',
  })
})

function channelBody(account: string, businessUnitId: string) {
  const settings = { phoneNumberId: account, appSecret: 'the-app-secret-of-tests', verifyToken: 'v', accessToken: 'a' }
  return { type: 'whatsapp', name: account, settings, businessUnitId }
}

async function send({ service }: Lanes, channelId: string, body: JsonObject): Promise<void> {
  const answer = await post(service, channelId, JSON.stringify(body))
  if (answer.status !== 200) throw new Error(answer.text)
}

/** Numbers from 0 to 1 that are the same at every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one): [number, T] => [random(), one])
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one)
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]]
  return list.flatMap((one, i) => permutations(list.toSpliced(i, 1)).map((rest) => [one, ...rest]))
}
