import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import { instagram } from '../../../src/channels/instagram/index.ts'
import { PSID, instagramSettings as settings } from '../messenger/fixtures.ts'
import { file, graphDouble, id } from '../meta/provider.ts'

const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'instagram', value: PSID, verified: true }] },
  content: { type: 'text', text: 'Danke 🌷' },
  files: [],
  ...more,
})
const accepting = () => ({ status: 200, body: { recipient_id: PSID, message_id: 'm_out' } })
const empty = { type: 'text', text: '' } as const

t.test('a text goes out as Instagram wants it: without metadata', async (t) => {
  const { server, send } = await graphDouble(t, instagram, settings, accepting)
  t.strictSame(await send(outbound()), {
    outcome: 'sent',
    externalId: 'm_out',
    recipientIds: [{ kind: 'instagram', value: PSID, verified: true }],
  })
  t.equal(server.seen[0]?.path, '/v24.0/me/messages')
  t.strictSame(JSON.parse(server.seen[0]?.body ?? ''), {
    recipient: { id: PSID },
    messaging_type: 'RESPONSE',
    message: { text: 'Danke 🌷' },
  })
})

t.test('after the window it is a person’s, or refused', async (t) => {
  const { send } = await graphDouble(t, instagram, settings, (seen) =>
    JSON.parse(seen.body).tag === 'HUMAN_AGENT'
      ? accepting()
      : { status: 400, body: { error: { code: 10, error_subcode: 2534022, message: 'outside of allowed window' } } },
  )
  t.match(await send(outbound()), { outcome: 'failed', code: '10', class: 'window_closed' })
  t.match(await send(outbound({ isHumanAgent: true })), { outcome: 'sent' })
})

t.test('a file goes out as a link that Instagram fetches', async (t) => {
  const { server, send } = await graphDouble(t, instagram, settings, accepting)
  t.match(await send(outbound({ content: empty, files: [file('image', 'image/jpeg')] })), { outcome: 'sent' })
  t.strictSame(JSON.parse(server.seen[0]?.body ?? '').message, {
    attachment: { type: 'image', payload: { url: 'https://hub.example/f/signed' } },
  })
})

t.test('a text has at most 1,000 bytes, a picture 8 MB, a document is a PDF', async (t) => {
  const { server, send } = await graphDouble(t, instagram, settings, accepting)
  const megabytes = (n: number) => ({ sizeBytes: n * 1024 * 1024 })
  const cases: [Partial<OutboundMessage>, string][] = [
    [{ content: { type: 'text', text: 'x'.repeat(1001) } }, 'text_too_long'],
    [{ content: { type: 'text', text: 'ü'.repeat(501) } }, 'text_too_long'],
    [{ content: empty, files: [file('image', 'image/png', megabytes(9))] }, 'file_too_large'],
    [{ content: empty, files: [file('video', 'video/mp4', megabytes(26))] }, 'file_too_large'],
    [{ content: empty, files: [file('document', 'application/zip')] }, 'media_type_not_supported'],
  ]
  for (const [more, code] of cases) t.match(await send(outbound(more)), { outcome: 'failed', code }, code)
  t.equal(server.seen.length, 0)
  t.match(await send(outbound({ content: { type: 'text', text: 'ü'.repeat(500) } })), { outcome: 'sent' })
  t.match(await send(outbound({ content: empty, files: [file('document', 'application/pdf')] })), { outcome: 'sent' })
})

t.test('tokens of Instagram Login are used at Instagram’s own address, those of a page at Facebook’s', async (t) => {
  const asked = async (accessToken: string) => {
    let url = ''
    await instagram.send(
      outbound(),
      { ...settings, accessToken },
      {
        request: (request) => {
          url = request.url
          return Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{"message_id":"m"}') })
        },
        download: () => Promise.reject(new Error('not used')),
        connect: () => Promise.reject(new Error('not used')),
      },
    )
    return url
  }
  t.match(await asked('IGAAx'), /^https:\/\/graph\.instagram\.com\/v\d+\.\d+\/me\/messages$/)
  t.match(await asked('EAAGx'), /^https:\/\/graph\.facebook\.com\/v\d+\.\d+\/me\/messages$/)
})
