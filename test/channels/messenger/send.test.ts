import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import type { HttpErrorCode } from '../../../src/channels/http-client.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import type { Seen } from '../local-server.ts'
import { failing, file, formOf, graphDouble, id } from '../meta/provider.ts'
import { PSID, settings } from './fixtures.ts'

const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'messenger', value: PSID, verified: true }] },
  content: { type: 'text', text: 'Danke 🌷' },
  files: [],
  ...more,
})
const sent = { recipient_id: PSID, message_id: 'm_out' }
const accepting = (seen: Seen) =>
  seen.path.endsWith('/message_attachments')
    ? { status: 200, body: { attachment_id: '77' } }
    : { status: 200, body: sent }
const bodyOf = (seen: Seen | undefined) => JSON.parse(seen?.body ?? 'null')

t.test('a text is an answer within the window, with the token in its header alone', async (t) => {
  const { server, send } = await graphDouble(t, messenger, settings, accepting)
  t.strictSame(await send(outbound({ replyTo: 'm_in' })), {
    outcome: 'sent',
    externalId: 'm_out',
    recipientIds: [{ kind: 'messenger', value: PSID, verified: true }],
  })
  t.equal(server.seen.length, 1)
  t.match(server.seen[0], {
    method: 'POST',
    path: '/v24.0/me/messages',
    headers: { authorization: 'Bearer a-page-token', 'content-type': 'application/json' },
  })
  t.strictSame(bodyOf(server.seen[0]), {
    recipient: { id: PSID },
    messaging_type: 'RESPONSE',
    message: { text: 'Danke 🌷', metadata: id },
    reply_to: { mid: 'm_in' },
  })
})

t.test('after the window only a person may write, under the tag that says so', async (t) => {
  const { server, send } = await graphDouble(t, messenger, settings, (seen) =>
    bodyOf(seen).tag === 'HUMAN_AGENT'
      ? { status: 200, body: sent }
      : { status: 400, body: { error: { code: 10, error_subcode: 2018278, message: 'outside of allowed window' } } },
  )
  t.match(await send(outbound()), { outcome: 'failed', code: '10', class: 'window_closed' })
  t.match(await send(outbound({ isHumanAgent: true })), { outcome: 'sent' })
  t.match(bodyOf(server.seen[1]), { messaging_type: 'MESSAGE_TAG', tag: 'HUMAN_AGENT' })
  t.match(messenger.window, { replyHours: 24, humanAgentHours: 168 })
})

t.test('a file is uploaded, then named by its id', async (t) => {
  for (const [kind, type] of [
    ['image', 'image'],
    ['video', 'video'],
    ['audio', 'audio'],
    ['document', 'file'],
    ['sticker', 'image'],
  ] as const) {
    const { server, send } = await graphDouble(t, messenger, settings, accepting)
    const result = await send(outbound({ content: { type: 'text', text: '' }, files: [file(kind, 'image/png')] }))
    t.match(result, { outcome: 'sent', externalId: 'm_out' })
    t.strictSame(
      server.seen.map(({ path }) => path),
      ['/v24.0/me/message_attachments', '/v24.0/me/messages'],
    )
    const form = await formOf(server.seen[0])
    t.strictSame(JSON.parse(String(form.get('message'))), { attachment: { type, payload: { is_reusable: true } } })
    const part = form.get('filedata')
    if (!(part instanceof File)) throw new Error('no file')
    t.strictSame([part.name, part.type, await part.text()], ['angebot.pdf', 'image/png', 'the bytes'])
    t.equal(server.seen[0]?.headers.authorization, 'Bearer a-page-token')
    t.strictSame(bodyOf(server.seen[1]).message, {
      attachment: { type, payload: { attachment_id: '77' } },
      metadata: id,
    })
  }
})

t.test('an upload in doubt is tried again, since nobody has got anything; a refused one has failed', async (t) => {
  const outcomes = [
    [503, {}, { outcome: 'retry', reason: 'http_503' }],
    [504, {}, { outcome: 'retry', reason: 'upload_http_504' }],
    [200, {}, { outcome: 'retry', reason: 'upload_without_id' }],
    [400, { error: { code: 100, error_subcode: 2018047, message: 'no' } }, { outcome: 'failed', class: 'permanent' }],
    [401, { error: { code: 190, message: 'expired' } }, { outcome: 'failed', class: 'reauthorise' }],
  ] as const
  const pdf = outbound({ content: { type: 'text', text: ' ' }, files: [file('document', 'application/pdf')] })
  for (const [status, body, expected] of outcomes) {
    const { server, send } = await graphDouble(t, messenger, settings, () => ({ status, body }))
    t.match(await send(pdf), expected, String(status))
    t.equal(server.seen.length, 1, 'no message was posted')
  }
  t.match(await messenger.send(pdf, settings, failing('timeout_after_send', true)), {
    outcome: 'retry',
    reason: 'upload_timeout_after_send',
  })
  const { server, send } = await graphDouble(t, messenger, settings, accepting)
  const unreadable = file('document', 'application/pdf', { open: () => Promise.reject(new Error('gone')) })
  t.match(await send({ ...pdf, files: [unreadable] }), { outcome: 'retry' })
  t.equal(server.seen.length, 0)
})

t.test('somebody known by a ticked box is addressed by it', async (t) => {
  const { server, send } = await graphDouble(t, messenger, settings, () => ({ status: 200, body: { message_id: 'm' } }))
  const recipient = { identities: [{ kind: 'messenger' as const, value: 'user_ref:box-7', verified: false }] }
  t.strictSame(await send(outbound({ recipient })), { outcome: 'sent', externalId: 'm', recipientIds: [] })
  t.strictSame(bodyOf(server.seen[0]).recipient, { user_ref: 'box-7' })
})

t.test('what cannot be sent is refused before anything leaves', async (t) => {
  const { server, send } = await graphDouble(t, messenger, settings, accepting)
  const large = file('video', 'video/mp4', { sizeBytes: 25 * 1024 * 1024 + 1 })
  const empty = { type: 'text', text: '' } as const
  const template: OutboundMessage['content'] = {
    type: 'template',
    name: 'a',
    language: 'de',
    components: [],
    text: 'x',
  }
  const cases: [Partial<OutboundMessage>, string][] = [
    [{ recipient: { identities: [{ kind: 'instagram', value: '1', verified: true }] } }, 'no_address'],
    [{ content: { type: 'text', text: ' \n' } }, 'text_empty'],
    [{ content: { type: 'text', text: 'x'.repeat(2001) } }, 'text_too_long'],
    [{ content: template }, 'template_not_supported'],
    [{ files: [file('image', 'image/png')] }, 'caption_not_supported'],
    [{ content: empty, files: [file('image', 'image/png'), file('image', 'image/png')] }, 'too_many_files'],
    [{ content: empty, files: [large] }, 'file_too_large'],
  ]
  for (const [more, code] of cases)
    t.match(await send(outbound(more)), { outcome: 'failed', code, class: 'permanent' }, code)
  t.equal(server.seen.length, 0)
  t.match(await send(outbound({ content: { type: 'text', text: '😀'.repeat(2000) } })), { outcome: 'sent' })
})

t.test('error codes have their consequence', async (t) => {
  const cases: [Record<string, unknown>, number, Record<string, unknown>][] = [
    [{ code: 10, error_subcode: 2018278 }, 400, { outcome: 'failed', class: 'window_closed' }],
    [{ code: 10, error_subcode: 2534022 }, 400, { outcome: 'failed', class: 'window_closed' }],
    [{ code: 10, error_subcode: 2018108 }, 400, { outcome: 'failed', class: 'opted_out' }],
    [{ code: 10 }, 403, { outcome: 'failed', class: 'reauthorise' }],
    [{ code: 190, error_subcode: 463 }, 401, { outcome: 'failed', class: 'reauthorise' }],
    [{ code: 230 }, 403, { outcome: 'failed', class: 'reauthorise' }],
    [{ code: 200, error_subcode: 1545041 }, 400, { outcome: 'failed', class: 'permanent' }],
    [{ code: 551, error_subcode: 1545041 }, 400, { outcome: 'failed', class: 'permanent' }],
    [{ code: 100, error_subcode: 2018001 }, 400, { outcome: 'failed', class: 'permanent' }],
    [{ code: 613, error_subcode: 1893016 }, 400, { outcome: 'failed', class: 'limit' }],
    [{ code: 613 }, 400, { outcome: 'retry', retryAfterMs: 60_000 }],
    [{ code: 80006 }, 400, { outcome: 'retry', retryAfterMs: 60_000 }],
    [{ code: 1200 }, 500, { outcome: 'retry' }],
    [{ code: 2, is_transient: true }, 500, { outcome: 'retry' }],
    [{ code: 424242 }, 400, { outcome: 'failed', class: 'permanent' }],
  ]
  for (const [error, status, expected] of cases) {
    const { send } = await graphDouble(t, messenger, settings, () => ({ status, body: { error } }))
    t.match(await send(outbound()), expected, JSON.stringify(error))
  }
  const { send } = await graphDouble(t, messenger, settings, () => ({
    status: 429,
    body: { error: { code: 4 } },
    headers: { 'retry-after': '17' },
  }))
  t.match(
    await send(outbound()),
    { outcome: 'retry', retryAfterMs: 17_000, pauses: 'account' },
    'the provider knows better',
  )
})

t.test('without words of the provider, or without an answer, nothing is claimed that is not known', async (t) => {
  for (const [status, expected] of [
    [429, { outcome: 'retry', pauses: 'account' }],
    [503, { outcome: 'retry', pauses: undefined }],
    [502, { outcome: 'unknown', reason: 'http_502' }],
    [401, { outcome: 'failed', class: 'reauthorise' }],
    [200, { outcome: 'unknown', reason: 'no_message_id' }],
  ] as const) {
    const { send } = await graphDouble(t, messenger, settings, () => ({ status, body: 'a gateway’s page' }))
    t.match(await send(outbound()), expected, String(status))
  }
  const send = (code: HttpErrorCode, wasSent: boolean) => messenger.send(outbound(), settings, failing(code, wasSent))
  t.strictSame(await send('timeout_after_send', true), { outcome: 'unknown', reason: 'timeout_after_send' })
  t.strictSame(await send('timeout_before_send', false), { outcome: 'retry', reason: 'timeout_before_send' })
  t.match(await send('blocked_address', false), { outcome: 'failed', code: 'blocked_address' })
})
