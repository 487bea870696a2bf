import { Readable } from 'node:stream'
import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import type { Seen } from '../local-server.ts'
import { failing, file, formOf, graphDouble, id } from '../meta/provider.ts'
import { settings } from './fixtures.ts'

const outbound = (more: Partial<OutboundMessage>): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'whatsapp', value: '4915112345678', verified: true }] },
  content: { type: 'text', text: '' },
  files: [],
  ...more,
})
const accepting = (seen: Seen) =>
  seen.path.endsWith('/media')
    ? { status: 200, body: { id: 'MEDIA' } }
    : { status: 200, body: { messages: [{ id: 'wamid.out' }] } }
const messageOf = (seen: Seen | undefined) => JSON.parse(seen?.body ?? 'null')
const caption = (text: string) => ({ type: 'text', text }) as const
const megabytes = (n: number) => ({ sizeBytes: n * 1024 * 1024 })

t.test('a file is uploaded to the number, then sent by its id with its caption', async (t) => {
  const { server, send } = await graphDouble(t, whatsapp, settings, accepting)
  const pdf = file('document', 'application/pdf')
  t.match(await send(outbound({ content: caption('Unser Angebot'), files: [pdf], replyTo: 'wamid.in' })), {
    outcome: 'sent',
    externalId: 'wamid.out',
  })
  t.strictSame(
    server.seen.map(({ method, path, headers }) => [method, path, headers.authorization]),
    [
      ['POST', '/v24.0/700000000000001/media', 'Bearer an-access-token'],
      ['POST', '/v24.0/700000000000001/messages', 'Bearer an-access-token'],
    ],
  )
  const form = await formOf(server.seen[0])
  t.strictSame([form.get('messaging_product'), form.get('type')], ['whatsapp', 'application/pdf'])
  const part = form.get('file')
  if (!(part instanceof File)) throw new Error('no file')
  t.strictSame([part.name, part.type, await part.text()], ['angebot.pdf', 'application/pdf', 'the bytes'])
  t.strictSame(messageOf(server.seen[1]), {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '4915112345678',
    type: 'document',
    document: { id: 'MEDIA', caption: 'Unser Angebot', filename: 'angebot.pdf' },
    context: { message_id: 'wamid.in' },
    biz_opaque_callback_data: id,
  })
})

t.test('each kind goes out as what it is, and as a document where WhatsApp would not show it', async (t) => {
  const large = Buffer.alloc(5 * 1024 * 1024 + 1)
  const photo = { sizeBytes: large.length, open: async () => Readable.from([large]) }
  const cases = [
    [file('image', 'image/jpeg', photo), 'document'],
    [file('image', 'image/jpeg'), 'image'],
    [file('video', 'video/mp4'), 'video'],
    [file('audio', 'audio/ogg; codecs=opus'), 'audio'],
    [file('sticker', 'image/webp'), 'sticker'],
    [file('image', 'image/heic'), 'document'],
    [file('video', 'video/quicktime'), 'document'],
  ] as const
  for (const [one, type] of cases) {
    const { server, send } = await graphDouble(t, whatsapp, settings, accepting)
    t.match(await send(outbound({ files: [one] })), { outcome: 'sent' })
    const sent = messageOf(server.seen[1])
    t.equal(sent.type, type)
    t.match(sent[type], { id: 'MEDIA' })
    t.strictSame(Object.keys(sent[type]), type === 'document' ? ['id', 'filename'] : ['id'])
  }
})

t.test('what WhatsApp would refuse is refused before anything leaves', async (t) => {
  const { server, send } = await graphDouble(t, whatsapp, settings, accepting)
  const cases: [Partial<OutboundMessage>, string][] = [
    [{ files: [file('document', 'application/zip', megabytes(101))] }, 'file_too_large'],
    [{ content: caption('x'), files: [file('audio', 'audio/ogg')] }, 'caption_not_supported'],
    [{ content: caption('x'), files: [file('sticker', 'image/webp')] }, 'caption_not_supported'],
    [{ content: caption('x'.repeat(1025)), files: [file('image', 'image/png')] }, 'caption_too_long'],
    [{ files: [file('image', 'image/png'), file('image', 'image/png')] }, 'too_many_files'],
  ]
  for (const [more, code] of cases)
    t.match(await send(outbound(more)), { outcome: 'failed', code, class: 'permanent' }, code)
  t.equal(server.seen.length, 0)
})

t.test('an upload in doubt is tried again, and no message follows it', async (t) => {
  const files = [file('image', 'image/png')]
  for (const [status, body, expected] of [
    [500, {}, { outcome: 'retry' }],
    [504, {}, { outcome: 'retry', reason: 'upload_http_504' }],
    [400, { error: { code: 131053, message: 'unsupported' } }, { outcome: 'failed', class: 'permanent' }],
    [429, { error: { code: 130429 } }, { outcome: 'retry', retryAfterMs: 1_000 }],
  ] as const) {
    const { server, send } = await graphDouble(t, whatsapp, settings, () => ({ status, body }))
    t.match(await send(outbound({ files })), expected, String(status))
    t.equal(server.seen.length, 1)
  }
  t.match(await whatsapp.send(outbound({ files }), settings, failing('network', true)), {
    outcome: 'retry',
    reason: 'upload_network',
  })
})

t.test('a template goes out by its name, with components as they were given', async (t) => {
  const { server, send } = await graphDouble(t, whatsapp, settings, accepting)
  const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Mina' }] }]
  const template = { type: 'template', name: 'order_ready', language: 'de_DE', text: 'Hallo Mina' } as const
  t.match(await send(outbound({ content: { ...template, components } })), { outcome: 'sent' })
  t.match(await send(outbound({ content: { ...template, components: [] } })), { outcome: 'sent' })
  t.match(messageOf(server.seen[0]), {
    type: 'template',
    template: { name: 'order_ready', language: { code: 'de_DE' }, components },
    biz_opaque_callback_data: id,
  })
  t.equal(messageOf(server.seen[0]).text, undefined)
  t.strictSame(messageOf(server.seen[1]).template, { name: 'order_ready', language: { code: 'de_DE' } })
  const refusal = { error: { code: 132001, message: 'Template name does not exist' } }
  const refusing = await graphDouble(t, whatsapp, settings, () => ({ status: 404, body: refusal }))
  t.match(await refusing.send(outbound({ content: { ...template, components } })), {
    outcome: 'failed',
    code: '132001',
    class: 'permanent',
  })
  t.match(await send(outbound({ content: { ...template, components }, files: [file('image', 'image/png')] })), {
    outcome: 'failed',
    code: 'file_not_supported',
  })
})
