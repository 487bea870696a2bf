import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { OutboundMessage, RawEvent } from '../../../src/channels/channel.ts'
import { connector } from '../../../src/channels/connector/index.ts'
import { createHttpClient, HttpClientError } from '../../../src/channels/http-client.ts'
import type { JsonObject, JsonValue } from '../../../src/channels/json.ts'
import type { NeutralEvent } from '../../../src/channels/neutral.ts'
import { signWebhook, verifyWebhook, webhookSecret } from '../../../src/channels/standard-webhooks.ts'
import { json, localServer } from '../local-server.ts'
import { postOf } from '../post.ts'

const secret = webhookSecret(randomBytes(32))
const ada = {
  value: 'crm-17',
  displayName: 'Ada',
  email: ' Ada@Example.COM ',
  phone: '+49 151 12345678',
  customFields: { tier: 'gold', scores: [1, 2] },
}
const hello = {
  id: 'e1',
  type: 'message',
  occurredAt: '2026-01-02T03:04:05Z',
  from: ada,
  thread: 't1',
  message: { type: 'text', text: 'Hello' },
}

function split(...events: JsonValue[]) {
  const result = connector.split(postOf(JSON.stringify({ events })), {})
  if ('malformed' in result) throw new Error(result.malformed)
  return result
}

function parse(event: JsonObject): NeutralEvent {
  const { events, rejected } = split(event)
  const [raw] = events
  if (raw === undefined) throw new Error(`rejected: ${rejected[0]?.code}`)
  const parsed = connector.parse(raw)
  if (parsed.outcome !== 'events' || parsed.events.length !== 1) throw new Error(JSON.stringify(parsed))
  return parsed.events[0] as NeutralEvent
}

t.test('a post is believed for its signature, within five minutes', async (t) => {
  const rawBody = Buffer.from('{"events":[]}')
  const receivedAt = new Date(1_790_000_000_000)
  const post = (headers: Record<string, string>) => ({ headers, query: {}, rawBody, receivedAt })
  t.strictSame(connector.verify(post(signWebhook('m', receivedAt, '{"events":[]}', secret)), { secret }), { ok: true })
  t.strictSame(connector.verify(post({}), { secret }), { ok: false, reason: 'signature_missing' })
  t.strictSame(
    connector.verify(post(signWebhook('m', receivedAt, '{"events":[]}', webhookSecret(randomBytes(32)))), { secret }),
    { ok: false, reason: 'signature_invalid' },
  )
  t.strictSame(connector.verify(post(signWebhook('m', new Date(0), '{"events":[]}', secret)), { secret }), {
    ok: false,
    reason: 'timestamp_out_of_range',
  })
  t.strictSame(connector.verify(post(signWebhook('m', receivedAt, '{"events":[]}', secret)), {}), {
    ok: false,
    reason: 'secret_missing',
  })
})

t.test('a secret is made when left out, kept when given, and different each time', async (t) => {
  const made = connector.generate?.({})
  const other = connector.generate?.({})
  t.match(made?.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  t.not(made?.secret, other?.secret)
  t.equal(connector.generate?.({ secret })?.secret, secret)
  t.equal(connector.settings.safeParse(made).success, true)
  for (const bad of [{ secret: 'short' }, { secret: 'whsec_AAAA' }, { outboundUrl: 'ftp://x.example' }, { extra: 1 }])
    t.equal(connector.settings.safeParse(bad).success, false, JSON.stringify(bad))
})

t.test('a message is a message, with its sender, thread and custom fields', async (t) => {
  t.strictSame(split(hello), {
    rejected: [],
    events: [
      {
        account: null,
        dedupeKey: 'event:e1',
        lane: 'from:crm-17',
        kind: 'message',
        occurredAt: new Date('2026-01-02T03:04:05Z'),
        payload: hello,
      },
    ] satisfies RawEvent[],
  })
  t.strictSame(parse(hello), {
    type: 'message',
    externalId: 'e1',
    historical: false,
    direction: 'inbound',
    from: {
      identities: [
        { kind: 'connector', value: 'crm-17', verified: true },
        { kind: 'phone', value: '+4915112345678', verified: false },
        { kind: 'email', value: 'ada@example.com', verified: false },
      ],
      phone: '+4915112345678',
      email: 'ada@example.com',
      displayName: 'Ada',
      customFields: { tier: 'gold', scores: [1, 2] },
    },
    thread: { id: 't1', kind: 'direct' },
    occurredAt: new Date('2026-01-02T03:04:05Z'),
    message: { type: 'text', content: { text: 'Hello' }, text: 'Hello' },
    media: [],
  })
})

t.test('historical, outbound, attachments and unknown message types', async (t) => {
  t.match(parse({ ...hello, historical: true }), { historical: true })
  t.match(parse({ ...hello, direction: 'outbound' }), {
    direction: 'outbound',
    from: { identities: [] },
    to: { displayName: 'Ada' },
  })
  t.match(parse({ ...hello, direction: 'outbound', from: { value: 'us' }, to: ada }), {
    from: { identities: [{ value: 'us' }] },
    to: { displayName: 'Ada' },
  })
  const photo = { url: 'https://x.example/a.png', name: 'a.png', mediaType: 'image/png' }
  t.match(parse({ ...hello, message: { type: 'text', text: 'see', attachments: [photo] } }), {
    message: { type: 'text', text: 'see' },
    media: [{ kind: 'image', url: photo.url, filename: 'a.png', mediaType: 'image/png' }],
  })
  t.match(parse({ ...hello, message: { attachments: [photo] } }), { message: { type: 'image', text: '[image] a.png' } })
  t.match(parse({ ...hello, message: { type: 'hologram', text: 'beam', power: 3 } }), {
    message: { type: 'unsupported', text: 'beam', content: { providerType: 'hologram', data: { power: 3 } } },
  })
  t.match(parse({ ...hello, from: { value: '0151 123', kind: 'phone' } }), {
    from: { phoneAsGiven: '0151 123', identities: [{ kind: 'connector' }] },
  })
  t.match(parse({ ...hello, id: 7, occurredAt: 1790000000 }), { externalId: '7', occurredAt: new Date(1790000000_000) })
})

t.test('status, edit, delete and reaction name their message', async (t) => {
  const about = { id: 'e2', messageId: 'e1', from: ada }
  t.match(parse({ ...about, type: 'status', status: 'delivered' }), {
    type: 'status',
    externalId: 'e1',
    status: 'delivered',
    error: undefined,
  })
  t.match(parse({ ...about, type: 'status', status: 'failed', error: { code: 'x', message: 'y' } }), {
    error: { code: 'x', message: 'y', class: 'permanent' },
  })
  t.match(parse({ ...about, type: 'edit', message: { text: 'new' } }), {
    type: 'edit',
    externalId: 'e1',
    message: { text: 'new' },
  })
  t.match(parse({ ...about, type: 'delete' }), { type: 'delete', externalId: 'e1' })
  t.match(parse({ ...about, type: 'reaction', emoji: '👍' }), { type: 'reaction', externalId: 'e1', emoji: '👍' })
  t.match(parse({ ...about, type: 'reaction', emoji: null }), { type: 'reaction', emoji: null })
  const [unknown] = split({ ...about, type: 'status', status: 'pondering' }).events
  t.strictSame(unknown && connector.parse(unknown), { outcome: 'failed', reason: 'status_unknown' })
})

t.test('a bad event is rejected by id and code while the good ones of the post are accepted', async (t) => {
  const bad: [JsonValue, string | null, string][] = [
    [7, null, 'not_an_object'],
    [{ ...hello, id: undefined as unknown as null }, null, 'id_missing'],
    [{ ...hello, id: ' ' }, ' ', 'id_missing'],
    [{ ...hello, id: 'x'.repeat(256) }, 'x'.repeat(255), 'id_too_long'],
    [{ ...hello, id: 'b', type: null }, 'b', 'type_missing'],
    [{ ...hello, id: 'b', type: 'dance' }, 'b', 'type_unknown'],
    [{ ...hello, id: 'b', from: {} }, 'b', 'from_missing'],
    [{ ...hello, id: 'b', direction: 'sideways' }, 'b', 'direction_unknown'],
    [{ ...hello, id: 'b', occurredAt: 'soon' }, 'b', 'occurred_at_invalid'],
    [{ ...hello, id: 'b', historical: true, occurredAt: null }, 'b', 'occurred_at_missing'],
    [{ ...hello, id: 'b', message: 'text' }, 'b', 'message_missing'],
    [{ ...hello, id: 'b', message: { type: 'text' } }, 'b', 'text_missing'],
    [{ ...hello, id: 'b', message: { text: 'x', attachments: [{ url: 'file:///etc' }] } }, 'b', 'attachment_invalid'],
    [{ id: 'b', type: 'delete' }, 'b', 'message_id_missing'],
    [{ id: 'b', type: 'status', messageId: 'm' }, 'b', 'status_missing'],
    [{ id: 'b', type: 'reaction', messageId: 'm', from: ada }, 'b', 'emoji_missing'],
  ]
  const { events, rejected } = split(hello, ...bad.map(([event]) => event), { ...hello, id: 'e9', unheardOf: { a: 1 } })
  t.strictSame(
    events.map(({ dedupeKey }) => dedupeKey),
    ['event:e1', 'event:e9'],
  )
  t.strictSame(events[1]?.payload, { ...hello, id: 'e9', unheardOf: { a: 1 } }, 'unknown members are kept')
  t.strictSame(
    rejected,
    bad.map(([, id, code]) => ({ id, code })),
  )
  t.strictSame(
    connector.answer?.({ accepted: 2, duplicates: 1, rejected: [{ id: 'b', code: 'text_missing' }] }, postOf(''), {}),
    {
      status: 202,
      body: { accepted: 2, duplicates: 1, rejected: [{ id: 'b', code: 'text_missing' }] },
    },
  )
  for (const body of ['[]', '{}', '{"events":{}}', 'null'])
    t.strictSame(connector.split(postOf(body), {}), { malformed: 'events_missing' }, body)
})

const outbound: OutboundMessage = {
  id: 'our-1',
  recipient: {
    identities: [
      { kind: 'phone', value: '+4915112345678', verified: false },
      { kind: 'connector', value: 'crm-17', verified: true },
    ],
    thread: { id: 't1', kind: 'direct' },
  },
  content: { type: 'text', text: 'Hi Ada 🌷' },
  files: [],
  replyTo: 'e1',
}

t.test('an answer is posted signed, under our message id, and a retry carries the same id', async (t) => {
  const server = await localServer((_seen, response) => json(response, 200, { externalId: 99 }))
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    t.strictSame(await connector.send(outbound, { secret, outboundUrl: `${server.url}/hook` }, http), {
      outcome: 'sent',
      externalId: '99',
      recipientIds: [],
    })
  }
  t.equal(server.seen.length, 2)
  for (const seen of server.seen) {
    t.equal(seen.headers['webhook-id'], 'our-1')
    t.strictSame(
      verifyWebhook({ ...seen.headers } as Record<string, string>, Buffer.from(seen.body), new Date(), secret),
      { ok: true },
    )
    const { timestamp, ...body } = JSON.parse(seen.body)
    t.match(timestamp, /^\d{4}-\d\d-\d\dT.*Z$/)
    t.strictSame(body, {
      type: 'message.outbound',
      data: {
        id: 'our-1',
        to: { value: 'crm-17', kind: 'connector' },
        thread: 't1',
        replyTo: 'e1',
        message: { type: 'text', text: 'Hi Ada 🌷' },
      },
    })
  }
})

t.test('the answer decides: sent, retry or permanent', async (t) => {
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  const cases: [number, string, Record<string, unknown>][] = [
    [204, '', { outcome: 'sent', externalId: 'our-1' }],
    [200, 'ok', { outcome: 'sent', externalId: 'our-1' }],
    [201, '{"externalId":"x"}', { outcome: 'sent', externalId: 'x' }],
    [408, '', { outcome: 'retry', reason: 'http_408', retryAfterMs: 3000, pauses: undefined }],
    [429, '', { outcome: 'retry', retryAfterMs: 3000, pauses: 'account' }],
    [503, '', { outcome: 'retry', retryAfterMs: 3000, pauses: 'account' }],
    [500, '', { outcome: 'retry' }],
    [504, '', { outcome: 'retry' }],
    [400, '', { outcome: 'failed', class: 'permanent', code: 'http_400' }],
    [410, '', { outcome: 'failed', code: 'http_410' }],
    [302, '', { outcome: 'failed', code: 'http_302' }],
  ]
  for (const [status, body, expected] of cases) {
    const server = await localServer((_seen, response) =>
      response.writeHead(status, { 'retry-after': '3', location: '/' }).end(body),
    )
    t.match(await connector.send(outbound, { secret, outboundUrl: server.url }, http), expected, String(status))
    t.equal(server.seen.length, 1)
    await server.close()
  }
  t.strictSame(await connector.send(outbound, { secret }, http), {
    outcome: 'failed',
    code: 'no_outbound_url',
    message: 'this connector has no outboundUrl',
    class: 'permanent',
  })
  const silent = {
    request: () => Promise.reject(new HttpClientError('timeout_after_send', true, 'x')),
    download: () => Promise.reject(new Error('not used')),
    connect: () => Promise.reject(new Error('not used')),
  }
  t.match(
    await connector.send(outbound, { secret, outboundUrl: 'https://x.example' }, silent),
    { outcome: 'retry' },
    'idempotent at the receiver, so doubt may be retried',
  )
  const guarded = createHttpClient({ allowPrivate: false })
  t.teardown(() => guarded.close())
  t.match(await connector.send(outbound, { secret, outboundUrl: 'https://127.0.0.1:1' }, guarded), {
    outcome: 'failed',
    code: 'blocked_address',
  })
})
