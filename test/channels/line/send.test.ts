import { Readable } from 'node:stream'
import t from 'tap'
import type { OutboundFile, OutboundMessage } from '../../../src/channels/channel.ts'
import { createHttpClient, HttpClientError } from '../../../src/channels/http-client.ts'
import { line } from '../../../src/channels/line/index.ts'
import { json, localServer, type Seen } from '../local-server.ts'
import { customer, settings } from './fixtures.ts'

const id = '018f0000-0000-7000-8000-000000000001'
const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'line', value: customer, verified: true }] },
  content: { type: 'text', text: 'ありがとう 🌷' },
  files: [],
  ...more,
})
const file = (more: Partial<OutboundFile> = {}): OutboundFile => ({
  kind: 'image',
  fileName: 'tea.png',
  mediaType: 'image/png',
  sizeBytes: 5,
  open: async () => Readable.from([Buffer.from('bytes')]),
  link: async () => 'https://hub.example/files/1',
  ...more,
})

interface Said {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

/** LINE as it is documented: a token for all, a retry key on pushes only, five messages at most. */
async function provider(
  t: Pick<typeof import('tap').t, 'teardown'>,
  answers:
    | { reply?: Said; push?: Said }
    | ((kind: 'reply' | 'push', body: { messages: { quoteToken?: string }[] }) => Said | undefined),
) {
  const server = await localServer((seen, response) => {
    const kind = seen.path === '/v2/bot/message/reply' ? 'reply' : seen.path === '/v2/bot/message/push' ? 'push' : null
    const body = JSON.parse(seen.body)
    if (kind === null || seen.method !== 'POST') return json(response, 404, { message: 'Not found' })
    if (seen.headers.authorization !== 'Bearer a-channel-access-token')
      return json(response, 401, { message: 'Authentication failed' })
    if (kind === 'reply' && seen.headers['x-line-retry-key'] !== undefined)
      return json(response, 400, { message: 'Retry key is not supported' })
    if (body.messages.length < 1 || body.messages.length > 5) return json(response, 400, { message: 'messages' })
    const said = (typeof answers === 'function' ? answers(kind, body) : answers[kind]) ?? {
      status: 200,
      body: { sentMessages: [{ id: `${kind}-1`, quoteToken: 'q' }] },
    }
    return json(response, said.status, said.body ?? { message: 'x' }, said.headers)
  })
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  return {
    seen: server.seen,
    send: (message = outbound()) => line.send(message, { ...settings, apiBaseUrl: `${server.url}/` }, http),
  }
}

const bodyOf = (seen: Seen | undefined) => JSON.parse(seen?.body ?? 'null')

t.test('without a reply handle a text is pushed, with our id as the retry key', async (t) => {
  const { seen, send } = await provider(t, {})
  t.strictSame(await send(), { outcome: 'sent', externalId: 'push-1', recipientIds: [] })
  t.equal(seen.length, 1)
  t.match(seen[0], { headers: { 'x-line-retry-key': id, 'content-type': 'application/json' } })
  t.strictSame(bodyOf(seen[0]), { to: customer, messages: [{ type: 'text', text: 'ありがとう 🌷' }] })
})

t.test('a group is written to by its own id', async (t) => {
  const { seen, send } = await provider(t, {})
  await send(
    outbound({
      recipient: {
        identities: [{ kind: 'line', value: customer, verified: true }],
        thread: { id: 'C1', kind: 'group' },
      },
    }),
  )
  t.equal(bodyOf(seen[0]).to, 'C1')
})

t.test('a reply handle is used first, once, and costs no push', async (t) => {
  const { seen, send } = await provider(t, {})
  t.strictSame(await send(outbound({ replyHandle: 'rt' })), {
    outcome: 'sent',
    externalId: 'reply-1',
    recipientIds: [],
  })
  t.strictSame(
    seen.map(({ path }) => path),
    ['/v2/bot/message/reply'],
  )
  t.strictSame(bodyOf(seen[0]), { replyToken: 'rt', messages: [{ type: 'text', text: 'ありがとう 🌷' }] })
})

t.test('a spent reply handle falls back to a push', async (t) => {
  const { seen, send } = await provider(t, { reply: { status: 400, body: { message: 'Invalid reply token' } } })
  t.match(await send(outbound({ replyHandle: 'rt' })), { outcome: 'sent', externalId: 'push-1' })
  t.strictSame(
    seen.map(({ path }) => path.split('/').at(-1)),
    ['reply', 'push'],
  )
  t.equal(seen[1]?.headers['x-line-retry-key'], id)
})

t.test('another refusal of a reply is a refusal of the message', async (t) => {
  const said = { status: 400, body: { message: 'A message (messages[0]) in the request body is invalid' } }
  const { seen, send } = await provider(t, { reply: said })
  t.match(await send(outbound({ replyHandle: 'rt' })), { outcome: 'failed', code: 'http_400', class: 'permanent' })
  t.equal(seen.length, 1)
})

t.test('a reply whose fate nobody knows is never sent again; a push in doubt may be', async (t) => {
  for (const status of [500, 502, 503]) {
    const { seen, send } = await provider(t, { reply: { status }, push: { status } })
    t.strictSame(await send(outbound({ replyHandle: 'rt' })), { outcome: 'unknown', reason: `http_${status}` })
    t.equal(seen.length, 1, 'no push behind it')
    t.strictSame(await send(), { outcome: 'retry', reason: `http_${status}` })
  }
  const lost = {
    request: () => Promise.reject(new HttpClientError('timeout_after_send', true, 'no answer')),
    download: () => Promise.reject(new Error('unused')),
    connect: () => Promise.reject(new Error('unused')),
  }
  t.strictSame(await line.send(outbound({ replyHandle: 'rt' }), settings, lost), {
    outcome: 'unknown',
    reason: 'timeout_after_send',
  })
  t.strictSame(await line.send(outbound(), settings, lost), { outcome: 'retry', reason: 'timeout_after_send' })
  const unsent = { ...lost, request: () => Promise.reject(new HttpClientError('network', false, 'no connection')) }
  t.strictSame(await line.send(outbound({ replyHandle: 'rt' }), settings, unsent), {
    outcome: 'retry',
    reason: 'network',
  })
  t.equal(line.isIdempotent, true)
})

t.test('a push that was accepted before is sent', async (t) => {
  const accepted = { message: 'The retry key is already accepted', sentMessages: [{ id: '9', quoteToken: 'q' }] }
  const known = await provider(t, { push: { status: 409, body: accepted } })
  t.strictSame(await known.send(), { outcome: 'sent', externalId: '9', recipientIds: [] })
  const headers = { 'x-line-accepted-request-id': 'request-1', 'x-line-request-id': 'request-2' }
  const unnamed = await provider(t, {
    push: { status: 409, body: { message: 'The retry key is already accepted' }, headers },
  })
  t.strictSame(await unnamed.send(), { outcome: 'sent', externalId: 'request-1', recipientIds: [] })
})

t.test('errors have their classes', async (t) => {
  const outcome = async (said: Said) => (await provider(t, { push: said })).send()
  t.match(await outcome({ status: 401 }), { outcome: 'failed', class: 'reauthorise' })
  t.match(await outcome({ status: 403 }), { outcome: 'failed', class: 'reauthorise' })
  t.match(await outcome({ status: 400, body: { message: "The property, 'to', in the request body is invalid" } }), {
    outcome: 'failed',
    class: 'permanent',
  })
  t.strictSame(await outcome({ status: 429, headers: { 'retry-after': '3' } }), {
    outcome: 'retry',
    reason: 'http_429',
    retryAfterMs: 3000,
    pauses: 'account',
  })
  t.match(await outcome({ status: 429, body: { message: 'You have reached your monthly limit.' } }), {
    outcome: 'failed',
    class: 'limit',
  })
  t.strictSame(await outcome({ status: 200, body: 'garbage' }), { outcome: 'unknown', reason: 'no_message_id' })
})

t.test('pictures go as pictures, everything else as a link that its reader opens', async (t) => {
  const { seen, send } = await provider(t, {})
  const readers: unknown[] = []
  const link = async (reader?: string) => {
    readers.push(reader)
    return 'https://hub.example/files/1'
  }
  const files = [
    file({ link }),
    file({ link, kind: 'video', mediaType: 'video/mp4', fileName: 'tea.mp4' }),
    file({ link, sizeBytes: 11 * 1024 * 1024, fileName: null }),
  ]
  await send(outbound({ files }))
  t.strictSame(bodyOf(seen[0]).messages, [
    {
      type: 'image',
      originalContentUrl: 'https://hub.example/files/1',
      previewImageUrl: 'https://hub.example/files/1',
    },
    { type: 'text', text: 'tea.mp4\nhttps://hub.example/files/1' },
    { type: 'text', text: 'https://hub.example/files/1' },
    { type: 'text', text: 'ありがとう 🌷' },
  ])
  t.strictSame(readers, ['person', 'person', 'person'])
  await send(
    outbound({ files: [file({ link: async () => 'http://hub.example/1' })], content: { type: 'text', text: '' } }),
  )
  t.strictSame(bodyOf(seen[1]).messages, [{ type: 'text', text: 'tea.png\nhttp://hub.example/1' }], 'LINE wants https')
})

t.test('a text quotes what it answers; where that cannot be quoted any more, it goes without', async (t) => {
  const { seen, send } = await provider(t, {})
  const answer = outbound({ replyTo: '42', replyToContent: { text: 'Is there?', quoteToken: 'q42' } })
  await send(answer)
  t.strictSame(bodyOf(seen[0]).messages, [{ type: 'text', text: 'ありがとう 🌷', quoteToken: 'q42' }])
  const details = [{ message: 'Invalid quote token', property: 'messages[0].quoteToken' }]
  const refusing = await provider(t, (_kind, body) =>
    body.messages[0]?.quoteToken === undefined
      ? undefined
      : { status: 400, body: { message: 'The request body has 1 error(s)', details } },
  )
  t.match(await refusing.send({ ...answer, replyHandle: 'rt' }), { outcome: 'sent', externalId: 'reply-1' })
  t.equal(refusing.seen.length, 2)
  t.match(await refusing.send(answer), { outcome: 'sent', externalId: 'push-1' })
})

t.test('what LINE would refuse is not sent', async (t) => {
  const { seen, send } = await provider(t, {})
  t.match(await send(outbound({ recipient: { identities: [{ kind: 'phone', value: '+4917', verified: true }] } })), {
    code: 'no_address',
  })
  t.match(await send(outbound({ content: { type: 'text', text: '  ' } })), { code: 'text_empty' })
  t.match(
    await send(outbound({ content: { type: 'text', text: '🌷'.repeat(2501) } })),
    { code: 'text_too_long' },
    'UTF-16 units count',
  )
  t.match(await send(outbound({ files: Array.from({ length: 5 }, () => file()) })), { code: 'too_many_files' })
  t.equal(seen.length, 0)
  t.match(await send(outbound({ content: { type: 'text', text: '🌷'.repeat(2500) } })), { outcome: 'sent' })
})
