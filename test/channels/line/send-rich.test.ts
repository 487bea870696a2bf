import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { line } from '../../../src/channels/line/index.ts'
import type { RichContent } from '../../../src/channels/rich/content.ts'
import { json, localServer } from '../local-server.ts'
import { card, cards, list, located, mixed, reacting, replies, shop } from '../rich/fixtures.ts'
import { customer, settings } from './fixtures.ts'

const server = await localServer((_seen, response) => json(response, 200, { sentMessages: [{ id: '1' }] }))
const http = createHttpClient({ allowPrivate: true })
t.teardown(() => Promise.all([http.close(), server.close()]))

const send = (content: RichContent, more: Partial<OutboundMessage> = {}) =>
  line.send(
    {
      id: '018f0000-0000-7000-8000-000000000001',
      recipient: { identities: [{ kind: 'line', value: customer, verified: true }] },
      content,
      files: [],
      ...more,
    },
    { ...settings, apiBaseUrl: server.url },
    http,
  )
async function messagesOf(content: RichContent, more: Partial<OutboundMessage> = {}): Promise<unknown> {
  t.match(await send(content, more), { outcome: 'sent', externalId: '1' })
  return JSON.parse(server.seen.at(-1)?.body ?? '').messages
}

t.test('buttons go as quick replies, and quote what they answer', async (t) => {
  const quickReply = {
    items: [
      {
        type: 'action',
        action: { type: 'postback', label: 'Size M', data: 'size-m', displayText: 'Size M' },
      },
      {
        type: 'action',
        action: { type: 'postback', label: 'Size L', data: 'size-l', displayText: 'Size L' },
      },
    ],
  }
  t.strictSame(await messagesOf(replies), [{ type: 'text', text: 'Which size?', quickReply }])
  t.strictSame(await messagesOf(replies, { replyToContent: { quoteToken: 'q' }, replyHandle: 'rt' }), [
    { type: 'text', text: 'Which size?', quickReply, quoteToken: 'q' },
  ])
  t.equal(server.seen.at(-1)?.path, '/v2/bot/message/reply')
})

t.test('an address goes as a template, others beside it', async (t) => {
  t.strictSame(await messagesOf(mixed, { replyToContent: { quoteToken: 'q' } }), [
    {
      type: 'template',
      altText: 'Which size?',
      template: {
        type: 'buttons',
        text: 'Which size?',
        actions: [
          { type: 'uri', label: 'Shop', uri: 'https://shop.example.com/42' },
          { type: 'postback', label: 'Later', data: 'later', displayText: 'Later' },
        ],
      },
    },
  ])
})

t.test('a place has a title and an address, be it that of its coordinates', async (t) => {
  const where = { type: 'location', latitude: 52.5, longitude: 13.4 }
  t.strictSame(await messagesOf(located(shop)), [{ ...where, title: shop.name, address: shop.address }])
  t.strictSame(await messagesOf(located()), [{ ...where, title: '52.5, 13.4', address: '52.5, 13.4' }])
  t.strictSame(await messagesOf(located({ name: 'Here' })), [{ ...where, title: 'Here', address: '52.5, 13.4' }])
})

t.test('what LINE has no form for never leaves', async (t) => {
  const asked = server.seen.length
  for (const content of [list, cards(card), reacting('👍')])
    t.match(await send(content), { outcome: 'failed', code: 'type_not_supported' })
  t.equal(server.seen.length, asked)
})
