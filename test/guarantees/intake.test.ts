/**
 * What a provider really does: the same events several times, in any order, from many senders at once, to a service that
 * dies between them. 400 events × 3 deliveries and one kill; 10,000 × 5 and three with FULL=1.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { z } from 'zod'
import { appSecret, phoneNumberId, signed, wabaId, whatsappChannel } from '../resources/ingest/posts.ts'
import { ownerPassword, ServiceProcess } from './load/service-process.ts'

const isFull = process.env.FULL === '1'
const size = isFull
  ? { customers: 400, turns: 5, deliveries: 5, kills: 3 }
  : { customers: 20, turns: 4, deliveries: 3, kills: 1 }
const senders = 8
/** Statuses of one message, in the order in which they happened; each tells that the message got further. */
const ladder = ['sent', 'delivered', 'read'] as const
const start = 1_790_000_000

t.setTimeout(isFull ? 3_600_000 : 240_000)

interface Told {
  /** Meta's value of one change */
  field: 'messages' | 'smb_message_echoes'
  value: object
}

const number = (who: number): string => `49151${String(20_000_000 + who)}`
const at = (turn: number, step: number): string => String(start + turn * 60 + step)
const metadata = { display_phone_number: '+49 30 5557 0000', phone_number_id: phoneNumberId }

/** Per turn: the customer writes, the shop answers from its phone (an echo), and the answer is sent, delivered and read. */
function eventsOf(who: number): Told[] {
  const phone = number(who)
  return Array.from({ length: size.turns }, (_, turn): Told[] => {
    const [asked, answered] = [`wamid.${who}.${turn}.in`, `wamid.${who}.${turn}.out`]
    const message = { from: phone, id: asked, timestamp: at(turn, 0), type: 'text', text: { body: `${turn} asked` } }
    const echo = {
      from: '4930555700000',
      to: phone,
      id: answered,
      timestamp: at(turn, 10),
      type: 'text',
      text: { body: `${turn} answered` },
    }
    const contacts = [{ wa_id: phone, profile: { name: `Customer ${who}` } }]
    return [
      { field: 'messages', value: { messaging_product: 'whatsapp', metadata, contacts, messages: [message] } },
      { field: 'smb_message_echoes', value: { messaging_product: 'whatsapp', metadata, message_echoes: [echo] } },
      ...ladder.map((status, step): Told => {
        const told = { id: answered, status, timestamp: at(turn, 20 + step), recipient_id: phone }
        return { field: 'messages', value: { messaging_product: 'whatsapp', metadata, statuses: [told] } }
      }),
    ]
  }).flat()
}

function shuffled<T>(all: readonly T[]): T[] {
  const list = [...all]
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    const [a, b] = [list[i], list[j]]
    if (a === undefined || b === undefined) continue
    list[i] = b
    list[j] = a
  }
  return list
}

/** Several events in one post, now and then one alone. */
function postsOf(all: readonly Told[]): string[] {
  const posts: string[] = []
  for (let i = 0; i < all.length; ) {
    const count = randomInt(1, 12)
    const changes = all.slice(i, i + count).map(({ field, value }) => ({ field, value }))
    posts.push(JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: wabaId, time: start, changes }] }))
    i += count
  }
  return posts
}

t.test(
  'delivered again and again, shuffled, by many at once, through kills: each event counts once, in order',
  async (t) => {
    const service = await ServiceProcess.create()
    t.teardown(() => service.end())
    await service.start()
    const call = async <T>(shape: z.ZodType<T>, method: string, path: string, token: string | null, body?: object) => {
      const answer = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
      return shape.parse(await answer.json())
    }
    const login = { email: 'owner@example.com', password: ownerPassword }
    const { accessToken } = await call(z.object({ accessToken: z.string() }), 'POST', '/v1/sessions', null, login)
    const made = z.looseObject({ id: z.string() })
    const { id: channelId } = await call(made, 'POST', '/v1/channels', accessToken, whatsappChannel())

    const events = Array.from({ length: size.customers }, (_, who) => eventsOf(who)).flat()
    // Every event so many times; what is answered 2xx needs no more, what is not is delivered again, as providers do.
    const deliveries = shuffled(Array.from({ length: size.deliveries }, () => events).flat())
    const waiting = postsOf(deliveries)
    let refused = 0
    let isRunning = true
    const sender = async (): Promise<void> => {
      for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) {
        const status = await fetch(`${service.url}/v1/ingest/${channelId}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...signed(body, appSecret) },
          body,
        }).then(
          async (answer) => {
            await answer.arrayBuffer()
            return answer.status
          },
          () => 0,
        )
        if (status === 200) continue
        if (status !== 0 && status !== 503) throw new Error(`a post was answered ${status}`)
        refused++
        waiting.push(body)
        await sleep(50)
      }
    }
    const killer = async (): Promise<void> => {
      const all = waiting.length
      for (let kill = 1; kill <= size.kills; kill++) {
        while (isRunning && waiting.length > all * (1 - kill / (size.kills + 1))) await sleep(10)
        await service.kill()
        await sleep(randomInt(50, 500))
        await service.start()
      }
    }
    const killing = killer()
    await Promise.all(Array.from({ length: senders }, sender))
    isRunning = false
    await killing

    const client = new pg.Client({ connectionString: service.database.url })
    await client.connect()
    t.teardown(() => client.end())
    const rows = async (text: string): Promise<Record<string, unknown>[]> => (await client.query(text)).rows
    const left = async (): Promise<number> =>
      Number((await rows(`SELECT count(*) AS n FROM app.inbound_event WHERE status = 'stored'`))[0]?.n)
    for (let i = 0; i < (isFull ? 3_000 : 600) && (await left()) > 0; i++) await sleep(100)

    t.comment(`${events.length} events, ${deliveries.length} deliveries, ${refused} of the posts had to be repeated`)
    t.same(
      await rows('SELECT status, reason, count(*)::int AS n FROM app.inbound_event GROUP BY status, reason'),
      [{ status: 'processed', reason: null, n: events.length }],
      'every event once, and dealt with',
    )
    t.same(
      await rows(
        'SELECT count(*)::int AS n, count(DISTINCT contact_id)::int AS people, min(unread_count)::int AS unread FROM app.conversation',
      ).then(([row]) => ({ n: row?.n, people: row?.people })),
      { n: size.customers, people: size.customers },
      'one conversation per customer',
    )
    const talks = await rows(
      `SELECT array_agg(text || ' ' || status ORDER BY occurred_at, id) AS said FROM app.message GROUP BY conversation_id`,
    )
    const wanted = Array.from({ length: size.turns }, (_, turn) => [
      `${turn} asked received`,
      `${turn} answered read`,
    ]).flat()
    t.equal(talks.length, size.customers)
    const wrong = talks.filter(({ said }) => JSON.stringify(said) !== JSON.stringify(wanted))
    t.same(wrong.slice(0, 3), [], 'each message once, in its order, as far as it had come')

    const [talk] = await call(z.object({ data: z.array(made) }), 'GET', '/v1/conversations?limit=1', accessToken).then(
      ({ data }) => data,
    )
    const shown = await call(
      z.object({ data: z.array(z.looseObject({ text: z.string() })) }),
      'GET',
      `/v1/conversations/${talk?.id}/messages?sort=occurredAt&limit=200`,
      accessToken,
    )
    t.same(
      shown.data.map(({ text }) => text),
      wanted.map((line) => line.replace(/ (received|read)$/, '')),
      'and so the API shows them',
    )
  },
)
