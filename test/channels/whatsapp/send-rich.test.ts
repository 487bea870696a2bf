import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import type { RichContent } from '../../../src/channels/rich/content.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { file, graphDouble, id } from '../meta/provider.ts'
import { card, cards, choices, link, list, located, reacting, replies, shop } from '../rich/fixtures.ts'
import { settings } from './fixtures.ts'

const outbound = (content: RichContent, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: { identities: [{ kind: 'whatsapp', value: '4915112345678', verified: true }] },
  content,
  files: [],
  ...more,
})
const { server, send } = await graphDouble(t, whatsapp, settings, () => ({
  status: 200,
  body: { messages: [{ id: 'wamid.out' }] },
}))
async function bodyOf(content: RichContent): Promise<unknown> {
  t.match(await send(outbound(content)), { outcome: 'sent', externalId: 'wamid.out' })
  const { messaging_product, recipient_type, to, biz_opaque_callback_data, ...body } = JSON.parse(
    server.seen.at(-1)?.body ?? '',
  )
  t.strictSame(
    [messaging_product, recipient_type, to, biz_opaque_callback_data],
    ['whatsapp', 'individual', '4915112345678', id],
  )
  return body
}

t.test('buttons go as reply buttons, each with its id', async (t) => {
  t.strictSame(await bodyOf(replies), {
    type: 'interactive',
    interactive: {
      type: 'button',
      body: { text: 'Which size?' },
      action: {
        buttons: [
          { type: 'reply', reply: { id: 'size-m', title: 'Size M' } },
          { type: 'reply', reply: { id: 'size-l', title: 'Size L' } },
        ],
      },
    },
  })
  const around = choices([{ id: 'a', title: 'A' }], { header: 'Head', footer: 'Foot' })
  t.match(await bodyOf(around), {
    interactive: { header: { type: 'text', text: 'Head' }, footer: { text: 'Foot' } },
  })
})

t.test('an address goes as a call to action', async (t) => {
  t.strictSame(await bodyOf(link), {
    type: 'interactive',
    interactive: {
      type: 'cta_url',
      body: { text: 'Which size?' },
      action: { name: 'cta_url', parameters: { display_text: 'Shop', url: 'https://shop.example.com/42' } },
    },
  })
})

t.test('a list keeps its sections and rows', async (t) => {
  t.strictSame(await bodyOf(list), {
    type: 'interactive',
    interactive: {
      type: 'list',
      header: { type: 'text', text: 'Shirts' },
      body: { text: 'Which size?' },
      footer: { text: 'All in cotton' },
      action: {
        button: 'Sizes',
        sections: [{ title: 'Shirts', rows: [{ id: 'm', title: 'M', description: 'to 180 cm' }] }],
      },
    },
  })
})

t.test('a place and contact cards', async (t) => {
  t.strictSame(await bodyOf(located()), { type: 'location', location: { latitude: 52.5, longitude: 13.4 } })
  t.strictSame(await bodyOf(located(shop)), {
    type: 'location',
    location: { latitude: 52.5, longitude: 13.4, ...shop },
  })
  t.strictSame(await bodyOf(cards(card, { name: 'Al', phones: [], emails: [] })), {
    type: 'contacts',
    contacts: [
      {
        name: { formatted_name: 'Jo Berg', first_name: 'Jo Berg' },
        phones: [{ phone: '+4917012345678' }],
        emails: [{ email: 'jo@example.com' }],
        org: { company: 'Outdoor; GmbH' },
      },
      { name: { formatted_name: 'Al', first_name: 'Al' } },
    ],
  })
})

t.test('a reaction names its message, and an empty one takes it back', async (t) => {
  const to = { replyTo: 'wamid.in' }
  t.match(await send(outbound(reacting('👍'), to)), { outcome: 'sent', externalId: 'wamid.out' })
  const last = () => JSON.parse(server.seen.at(-1)?.body ?? '')
  t.strictSame(last(), {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '4915112345678',
    type: 'reaction',
    reaction: { message_id: 'wamid.in', emoji: '👍' },
    biz_opaque_callback_data: id,
  })
  await send(outbound(reacting(null), to))
  t.strictSame(last().reaction, { message_id: 'wamid.in', emoji: '' })
})

t.test('it quotes what it answers, and has no file beside it', async (t) => {
  await send(outbound(replies, { replyTo: 'wamid.in' }))
  t.match(JSON.parse(server.seen.at(-1)?.body ?? ''), { type: 'interactive', context: { message_id: 'wamid.in' } })
  const asked = server.seen.length
  const both = outbound(replies, { files: [file('image', 'image/png')] })
  t.match(await send(both), { outcome: 'failed', code: 'file_not_supported' })
  t.equal(server.seen.length, asked)
})
