import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import { createHttpClient, HttpClientError, type HttpErrorCode } from '../../../src/channels/http-client.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { json, localServer } from '../local-server.ts'
import { settings } from './fixtures.ts'

const id = '018f0000-0000-7000-8000-000000000001'
const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'whatsapp', value: '4915112345678', verified: true }] },
  content: { type: 'text', text: 'Danke 🌷' },
  files: [],
  ...more,
})
const sentBody = {
  messaging_product: 'whatsapp',
  contacts: [{ input: 'x', wa_id: '4915112345678', user_id: 'DE.4711' }],
  messages: [{ id: 'wamid.out' }],
}

/** A provider that answers what it is told, and a sender to it. */
async function provider(
  t: Pick<typeof import('tap').t, 'teardown'>,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const server = await localServer((_seen, response) => json(response, status, body, headers))
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  return {
    server,
    send: (message = outbound()) => whatsapp.send(message, { ...settings, apiBaseUrl: `${server.url}/v24.0/` }, http),
  }
}

t.test('a text is posted as the provider wants it, with the token in its header alone', async (t) => {
  const { server, send } = await provider(t, 200, sentBody)
  t.strictSame(
    await send(
      outbound({ replyTo: 'wamid.in', content: { type: 'text', text: 'See https://a.example 🌷', previewUrl: true } }),
    ),
    {
      outcome: 'sent',
      externalId: 'wamid.out',
      recipientIds: [
        { kind: 'whatsapp', value: '4915112345678', verified: true },
        { kind: 'whatsapp_bsuid', value: 'DE.4711', verified: true },
        { kind: 'phone', value: '+4915112345678', verified: true },
      ],
    },
  )
  t.equal(server.seen.length, 1)
  t.match(server.seen[0], {
    method: 'POST',
    path: '/v24.0/700000000000001/messages',
    headers: { authorization: 'Bearer an-access-token', 'content-type': 'application/json' },
  })
  t.strictSame(JSON.parse(server.seen[0]?.body ?? ''), {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '4915112345678',
    type: 'text',
    text: { body: 'See https://a.example 🌷', preview_url: true },
    context: { message_id: 'wamid.in' },
    biz_opaque_callback_data: id,
  })
})

t.test('phones go in `to` as digits, BSUIDs in `recipient`, groups by their id', async (t) => {
  const { server, send } = await provider(t, 200, sentBody)
  const to = async (recipient: OutboundMessage['recipient']) => {
    t.match(await send(outbound({ recipient })), { outcome: 'sent' })
    const { to, recipient: bsuid, recipient_type: type } = JSON.parse(server.seen.at(-1)?.body ?? '')
    return { to, recipient: bsuid, type }
  }
  const none = undefined
  t.strictSame(await to({ identities: [{ kind: 'phone', value: '+4915112345678', verified: true }] }), {
    to: '4915112345678',
    recipient: none,
    type: 'individual',
  })
  t.strictSame(await to({ identities: [{ kind: 'whatsapp_bsuid', value: 'DE.4711', verified: true }] }), {
    to: none,
    recipient: 'DE.4711',
    type: 'individual',
  })
  t.strictSame(
    await to({ identities: [{ kind: 'whatsapp', value: 'DE.4711', verified: true }] }),
    { to: none, recipient: 'DE.4711', type: 'individual' },
    'a BSUID under a wrong kind',
  )
  t.strictSame(
    await to({
      identities: [
        { kind: 'email', value: 'a@b.example', verified: true },
        { kind: 'phone', value: '+4915112345678', verified: true },
      ],
    }),
    { to: '4915112345678', recipient: none, type: 'individual' },
  )
  t.strictSame(await to({ identities: [], thread: { id: 'G1', kind: 'group' } }), {
    to: 'G1',
    recipient: none,
    type: 'group',
  })
})

t.test('what cannot be sent is refused before anything leaves', async (t) => {
  const { server, send } = await provider(t, 200, sentBody)
  t.match(
    await send(outbound({ recipient: { identities: [{ kind: 'email', value: 'a@b.example', verified: true }] } })),
    { outcome: 'failed', code: 'no_address', class: 'permanent' },
  )
  t.match(await send(outbound({ content: { type: 'text', text: ' \n' } })), { outcome: 'failed', code: 'text_empty' })
  t.match(await send(outbound({ content: { type: 'text', text: 'x'.repeat(4097) } })), {
    outcome: 'failed',
    code: 'text_too_long',
  })
  t.equal(server.seen.length, 0)
  t.match(
    await send(outbound({ content: { type: 'text', text: '😀'.repeat(4096) } })),
    { outcome: 'sent' },
    'characters, not UTF-16 units',
  )
})

t.test('error codes have their consequence', async (t) => {
  const cases: [number, number, Record<string, unknown>][] = [
    [131047, 400, { outcome: 'failed', class: 'window_closed' }],
    [131050, 400, { outcome: 'failed', class: 'opted_out' }],
    [131049, 400, { outcome: 'failed', class: 'limit' }],
    [131048, 400, { outcome: 'failed', class: 'limit' }],
    [131026, 400, { outcome: 'failed', class: 'permanent' }],
    [131051, 400, { outcome: 'failed', class: 'permanent' }],
    [132001, 404, { outcome: 'failed', class: 'permanent' }],
    [190, 401, { outcome: 'failed', class: 'reauthorise' }],
    [0, 401, { outcome: 'failed', class: 'reauthorise' }],
    [200, 403, { outcome: 'failed', class: 'reauthorise' }],
    [131031, 403, { outcome: 'failed', class: 'reauthorise' }],
    [130429, 429, { outcome: 'retry', retryAfterMs: 1000, pauses: 'account' }],
    [131056, 429, { outcome: 'retry', retryAfterMs: 6000, pauses: undefined }],
    [80007, 400, { outcome: 'retry', retryAfterMs: 60_000, pauses: 'account' }],
    [4, 400, { outcome: 'retry', retryAfterMs: 60_000, pauses: 'account' }],
    [131000, 500, { outcome: 'retry', pauses: undefined }],
    [424242, 400, { outcome: 'failed', class: 'permanent' }],
  ]
  for (const [code, status, expected] of cases) {
    const { send } = await provider(t, status, { error: { code, message: 'M', error_data: { details: 'D' } } })
    const result = await send()
    t.match(result, expected, String(code))
    if (result.outcome === 'failed') t.match(result, { code: String(code), message: 'D' })
  }
  const { send } = await provider(t, 429, { error: { code: 130429 } }, { 'retry-after': '17' })
  t.match(await send(), { outcome: 'retry', retryAfterMs: 17_000 }, 'the provider knows better')
  const transient = await provider(t, 400, { error: { code: 424242, is_transient: true } })
  t.match(await transient.send(), { outcome: 'retry' })
})

t.test('an answer without words of the provider is judged by its status', async (t) => {
  for (const [status, expected] of [
    [503, { outcome: 'retry', reason: 'http_503' }],
    [500, { outcome: 'unknown' }],
    [502, { outcome: 'unknown' }],
    [504, { outcome: 'unknown' }],
    [401, { outcome: 'failed', class: 'reauthorise' }],
    [404, { outcome: 'failed', class: 'permanent' }],
    [302, { outcome: 'failed' }],
    [200, { outcome: 'unknown', reason: 'no_message_id' }],
  ] as const) {
    const { send } = await provider(t, status, 'gateway page')
    t.match(await send(), expected, String(status))
  }
})

t.test('once the request may have arrived, silence is unknown and never a retry', async (t) => {
  const failing = (code: HttpErrorCode, requestSent: boolean) => ({
    request: () => Promise.reject(new HttpClientError(code, requestSent, 'x')),
    download: () => Promise.reject(new Error('not used')),
    connect: () => Promise.reject(new Error('not used')),
  })
  const send = (code: HttpErrorCode, sent: boolean) => whatsapp.send(outbound(), settings, failing(code, sent))
  t.strictSame(await send('timeout_after_send', true), { outcome: 'unknown', reason: 'timeout_after_send' })
  t.strictSame(await send('network', true), { outcome: 'unknown', reason: 'network' })
  t.strictSame(await send('too_large', true), { outcome: 'unknown', reason: 'too_large' })
  t.strictSame(await send('timeout_before_send', false), { outcome: 'retry', reason: 'timeout_before_send' })
  t.strictSame(await send('network', false), { outcome: 'retry', reason: 'network' })
  t.match(await send('blocked_address', false), { outcome: 'failed', code: 'blocked_address' })
})

t.test('without apiBaseUrl it is the public Graph API with a version', async (t) => {
  const urls: string[] = []
  await whatsapp.send(outbound(), settings, {
    request: (request) => {
      urls.push(request.url)
      return Promise.resolve({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(sentBody)) })
    },
    download: () => Promise.reject(new Error('not used')),
    connect: () => Promise.reject(new Error('not used')),
  })
  t.equal(urls.length, 1)
  t.match(urls[0], /^https:\/\/graph\.facebook\.com\/v\d+\.\d+\/700000000000001\/messages$/)
})
