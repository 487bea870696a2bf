import { Readable } from 'node:stream'
import t from 'tap'
import type { OutboundFile, OutboundMessage } from '../../../src/channels/channel.ts'
import { HttpClientError } from '../../../src/channels/http-client.ts'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { json } from '../local-server.ts'
import { botApi, ok, refuse, type Said } from './bot-api.ts'
import { settings } from './fixtures.ts'

const person = { kind: 'telegram' as const, value: '55', verified: true }
const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id: '018f0000-0000-7000-8000-000000000001',
  recipient: { identities: [person] },
  content: { type: 'text', text: 'Danke 🌷' },
  files: [],
  ...more,
})
const inThread = (id: string, more: Partial<OutboundMessage> = {}) =>
  outbound({ recipient: { identities: [person], thread: { id, kind: 'group' } }, ...more })
const file = (more: Partial<OutboundFile> = {}): OutboundFile => ({
  kind: 'image',
  fileName: 'räder "neu".png',
  mediaType: 'image/png',
  sizeBytes: 5,
  open: async () => Readable.from([Buffer.from('by'), Buffer.from('tes')]),
  link: async () => 'unused',
  ...more,
})

/** Takes every message into the chat that it names. */
const accept: Said = ({ body }, response) =>
  ok(response, { message_id: 8, chat: { id: Number(body.chat_id) }, date: 1 })

async function sender(t: Pick<typeof import('tap').t, 'teardown'>, said: Said = accept) {
  const api = await botApi(t, said)
  return { ...api, send: (message = outbound()) => telegram.send(message, api.own, api.http) }
}

t.test('a text goes to the person’s own chat', async (t) => {
  const { calls, send } = await sender(t)
  t.strictSame(await send(), { outcome: 'sent', externalId: '55:8', recipientIds: [] })
  t.strictSame(calls, [{ method: 'sendMessage', body: { chat_id: 55, text: 'Danke 🌷' } }])
  await send(outbound({ content: { type: 'text', text: 'x', previewUrl: false }, replyTo: '55:6' }))
  t.strictSame(calls[1]?.body, {
    chat_id: 55,
    text: 'x',
    reply_parameters: { message_id: 6, allow_sending_without_reply: true },
    link_preview_options: { is_disabled: true },
  })
})

t.test('a thread names all that is needed to answer there', async (t) => {
  const { calls, send } = await sender(t)
  const body = async (message: OutboundMessage) => {
    await send(message)
    const { text: _text, ...address } = calls.at(-1)?.body ?? {}
    return address
  }
  t.strictSame(await body(inThread('-1001305240521')), { chat_id: -1001305240521 })
  t.strictSame(await body(inThread('-1001305240521/3')), { chat_id: -1001305240521, message_thread_id: 3 })
  t.strictSame(await body(inThread('-1001305240521/direct/4')), {
    chat_id: -1001305240521,
    direct_messages_topic_id: 4,
  })
  t.strictSame(await body(inThread('55@bc_1', { replyTo: '55@bc_1:6' })), {
    chat_id: 55,
    business_connection_id: 'bc_1',
    reply_parameters: { message_id: 6, allow_sending_without_reply: true },
  })
  t.strictSame(
    await body(inThread('-9007199254740993')),
    { chat_id: '-9007199254740993' },
    'digits that no number holds',
  )
  for (const replyTo of ['-552:6', '55:6', 'callback:6', 'update:6', 'x'])
    t.strictSame(await body(inThread('-100', { replyTo })), { chat_id: -100 }, `${replyTo} is not of this chat`)
  t.match(await send(inThread('55@bc_1')), { externalId: '55@bc_1:8' }, 'as its echo will be named')
})

t.test('a file is uploaded by its kind’s own method, the text is its caption', async (t) => {
  const { calls, send } = await sender(t)
  t.match(await send(outbound({ files: [file()], replyTo: '55:6' })), { outcome: 'sent', externalId: '55:8' })
  t.strictSame(calls[0], {
    method: 'sendPhoto',
    body: {
      chat_id: '55',
      caption: 'Danke 🌷',
      reply_parameters: { message_id: 6, allow_sending_without_reply: true },
      photo: { fileName: 'räder "neu".png', type: 'image/png', size: 5 },
    },
  })
  const method = async (more: Partial<OutboundFile>) => {
    t.match(await send(outbound({ files: [file(more)], content: { type: 'text', text: '' } })), { outcome: 'sent' })
    const { method, body } = calls.at(-1) ?? { method: '', body: {} }
    return `${method} ${Object.keys(body).join()}`
  }
  t.equal(await method({ kind: 'image', mediaType: 'image/tiff' }), 'sendDocument chat_id,document')
  t.equal(await method({ kind: 'image', mediaType: 'image/gif' }), 'sendAnimation chat_id,animation')
  t.equal(await method({ kind: 'video', mediaType: 'video/mp4' }), 'sendVideo chat_id,video')
  t.equal(await method({ kind: 'video', mediaType: 'video/webm' }), 'sendDocument chat_id,document')
  t.equal(await method({ kind: 'audio', mediaType: 'audio/ogg' }), 'sendVoice chat_id,voice')
  t.equal(await method({ kind: 'audio', mediaType: 'audio/mpeg' }), 'sendAudio chat_id,audio')
  t.equal(await method({ kind: 'sticker', mediaType: 'image/webp' }), 'sendSticker chat_id,sticker')
  t.equal(await method({ kind: 'document', mediaType: 'application/pdf' }), 'sendDocument chat_id,document')
})

t.test('a photo beyond 10 MB goes as a document, whole', async (t) => {
  const { calls, send } = await sender(t)
  const sizeBytes = 11 * 1024 * 1024
  const open = async () => Readable.from(Array.from({ length: 11 }, () => Buffer.alloc(1024 * 1024, 'x')))
  t.match(await send(outbound({ files: [file({ sizeBytes, open })] })), { outcome: 'sent' })
  t.match(calls, [{ method: 'sendDocument', body: { document: { size: sizeBytes } } }])
})

t.test('a group that became a supergroup gets the message under its new id', async (t) => {
  const { calls, send } = await sender(t, (call, response, count) => {
    if (count % 2 === 1)
      refuse(response, 400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: -1001308316775,
      })
    else accept(call, response, count)
  })
  t.strictSame(await send(inThread('-552', { replyTo: '-552:6' })), {
    outcome: 'sent',
    externalId: '-1001308316775:8',
    recipientIds: [],
  })
  t.strictSame(
    calls.map(({ body }) => [body.chat_id, body.reply_parameters !== undefined]),
    [
      [-552, true],
      [-1001308316775, false],
    ],
  )
  t.match(await send(inThread('-552', { files: [file()] })), { outcome: 'sent' }, 'a file is opened again')
  const forever = await sender(t, (_call, response) =>
    refuse(response, 400, 'Bad Request: group chat was upgraded', { migrate_to_chat_id: -1 }),
  )
  t.match(await forever.send(inThread('-552')), { outcome: 'failed', class: 'permanent' })
  t.equal(forever.calls.length, 2)
})

t.test('errors have their classes', async (t) => {
  const outcome = async (code: number, description: string, parameters?: Record<string, unknown>) =>
    (await sender(t, (_call, response) => refuse(response, code, description, parameters))).send()
  const failed = async (code: number, description: string) => {
    const result = await outcome(code, description)
    return result.outcome === 'failed' ? `${result.code} ${result.class}` : result.outcome
  }
  t.equal(await failed(403, 'Forbidden: bot was blocked by the user'), 'blocked_by_user opted_out')
  t.equal(await failed(403, 'Forbidden: user is deactivated'), 'user_deactivated permanent')
  t.equal(await failed(403, "Forbidden: bot can't initiate conversation with a user"), 'cannot_initiate permanent')
  t.equal(await failed(403, 'Forbidden: bot was kicked from the supergroup chat'), 'not_a_member permanent')
  t.equal(await failed(400, 'Bad Request: chat not found'), 'chat_not_found permanent')
  t.equal(await failed(400, 'Bad Request: BUSINESS_PEER_USAGE_MISSING'), 'business_chat_inactive window_closed')
  t.equal(await failed(400, 'Bad Request: message is too long'), 'too_large permanent')
  t.equal(await failed(400, 'Bad Request: something new'), 'http_400 permanent')
  t.equal(await failed(401, 'Unauthorized'), 'unauthorised reauthorise')
  t.equal(await failed(404, 'Not Found'), 'unauthorised reauthorise')
  t.strictSame(await outcome(429, 'Too Many Requests: retry after 7', { retry_after: 7 }), {
    outcome: 'retry',
    reason: 'too_many_requests',
    retryAfterMs: 7000,
    pauses: 'account',
  })
  t.strictSame(await outcome(503, 'Service Unavailable'), { outcome: 'retry', reason: 'http_503' })
  const group = await sender(t, (_call, response) => refuse(response, 429, 'Too Many Requests', { retry_after: 30 }))
  t.strictSame(
    await group.send(inThread('-552')),
    { outcome: 'retry', reason: 'too_many_requests', retryAfterMs: 30_000 },
    'a group’s limit is its own',
  )
})

t.test('what may have arrived is never sent again', async (t) => {
  for (const code of [500, 502, 504]) {
    const { send } = await sender(t, (_call, response) => refuse(response, code, 'Internal Server Error'))
    t.strictSame(await send(), { outcome: 'unknown', reason: `http_${code}` })
  }
  const cut = await sender(t, (_call, response) => response.destroy())
  t.match(await cut.send(), { outcome: 'unknown' })
  const garbage = await sender(t, (_call, response) => response.writeHead(200).end('<html>'))
  t.match(await garbage.send(), { outcome: 'unknown' })
  const odd = await sender(t, (_call, response) => json(response, 200, { ok: true, result: true }))
  t.strictSame(await odd.send(), { outcome: 'unknown', reason: 'no_message_id' })
  const failing = (requestSent: boolean) => ({
    request: () =>
      Promise.reject(new HttpClientError(requestSent ? 'timeout_after_send' : 'network', requestSent, 'x')),
    download: () => Promise.reject(new Error('unused')),
    connect: () => Promise.reject(new Error('unused')),
  })
  t.strictSame(await telegram.send(outbound(), settings, failing(true)), {
    outcome: 'unknown',
    reason: 'timeout_after_send',
  })
  t.strictSame(await telegram.send(outbound(), settings, failing(false)), { outcome: 'retry', reason: 'network' })
  t.equal(telegram.isIdempotent, false)
})

t.test('what Telegram would refuse is not sent', async (t) => {
  const { calls, send } = await sender(t)
  const code = async (more: Partial<OutboundMessage>) => {
    const result = await send(outbound(more))
    return result.outcome === 'failed' ? result.code : result.outcome
  }
  const text = (text: string) => ({ content: { type: 'text' as const, text } })
  t.equal(await code({ recipient: { identities: [{ ...person, kind: 'phone' }] } }), 'no_address')
  t.equal(await code({ recipient: { identities: [{ ...person, value: '55/../x' }] } }), 'no_address')
  t.equal(await code(text(' ')), 'text_empty')
  t.equal(await code(text('🌷'.repeat(4097))), 'text_too_long')
  t.equal(await code({ ...text('x'.repeat(1025)), files: [file()] }), 'caption_too_long')
  t.equal(await code({ files: [file(), file()] }), 'too_many_files')
  t.equal(await code({ files: [file({ sizeBytes: 50 * 1024 * 1024 + 1 })] }), 'file_too_large')
  t.equal(calls.length, 0)
  t.equal(await code(text('🌷'.repeat(4096))), 'sent')
})
