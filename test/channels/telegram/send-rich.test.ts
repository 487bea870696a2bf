import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import type { RichContent } from '../../../src/channels/rich/content.ts'
import { vcardOf } from '../../../src/channels/rich/vcard.ts'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { card, cards, list, located, mixed, reacting, replies, shop } from '../rich/fixtures.ts'
import { botApi, ok } from './bot-api.ts'

const api = await botApi(t, ({ body }, response) =>
  ok(response, { message_id: 8, chat: { id: Number(body.chat_id) }, date: 1 }),
)
const send = (content: RichContent, more: Partial<OutboundMessage> = {}) =>
  telegram.send(
    {
      id: '018f0000-0000-7000-8000-000000000001',
      recipient: { identities: [{ kind: 'telegram', value: '55', verified: true }] },
      content,
      files: [],
      ...more,
    },
    api.own,
    api.http,
  )
async function callOf(content: RichContent, more: Partial<OutboundMessage> = {}) {
  t.match(await send(content, more), { outcome: 'sent', externalId: '55:8' })
  return api.calls.at(-1)
}

t.test('buttons stand below the text, one in a row', async (t) => {
  t.strictSame(await callOf(replies, { replyTo: '55:6' }), {
    method: 'sendMessage',
    body: {
      chat_id: 55,
      reply_parameters: { message_id: 6, allow_sending_without_reply: true },
      text: 'Which size?',
      reply_markup: {
        inline_keyboard: [[{ text: 'Size M', callback_data: 'size-m' }], [{ text: 'Size L', callback_data: 'size-l' }]],
      },
    },
  })
  t.match((await callOf(mixed))?.body.reply_markup, {
    inline_keyboard: [
      [{ text: 'Shop', url: 'https://shop.example.com/42' }],
      [{ text: 'Later', callback_data: 'later' }],
    ],
  })
})

t.test('a place is a location, with a name or an address a venue', async (t) => {
  const where = { chat_id: 55, latitude: 52.5, longitude: 13.4 }
  t.strictSame(await callOf(located()), { method: 'sendLocation', body: where })
  t.strictSame(await callOf(located(shop)), {
    method: 'sendVenue',
    body: { ...where, title: shop.name, address: shop.address },
  })
  t.strictSame((await callOf(located({ name: 'Here' })))?.body, { ...where, title: 'Here', address: '52.5, 13.4' })
  t.strictSame((await callOf(located({ address: 'Way 1' })))?.body, {
    ...where,
    title: 'Way 1',
    address: '52.5, 13.4',
  })
})

t.test('a card is a number and a name; what more it says is in its vCard', async (t) => {
  t.strictSame(await callOf(cards({ name: 'Jo', phones: ['+4917012345678'], emails: [] })), {
    method: 'sendContact',
    body: { chat_id: 55, phone_number: '+4917012345678', first_name: 'Jo' },
  })
  t.strictSame((await callOf(cards(card)))?.body, {
    chat_id: 55,
    phone_number: '+4917012345678',
    first_name: 'Jo Berg',
    vcard: vcardOf(card),
  })
})

t.test('a reaction is set on its message, and taken from it', async (t) => {
  const id = '018f0000-0000-7000-8000-000000000001'
  t.strictSame(await send(reacting('❤️'), { replyTo: '55:6' }), { outcome: 'sent', externalId: id, recipientIds: [] })
  t.strictSame(api.calls.at(-1), {
    method: 'setMessageReaction',
    body: { chat_id: 55, message_id: 6, reaction: [{ type: 'emoji', emoji: '❤' }] },
  })
  await send(reacting(null), { replyTo: '55:6' })
  t.strictSame(api.calls.at(-1)?.body.reaction, [])
  const asked = api.calls.length
  for (const replyTo of [undefined, '-100:6', 'callback:6'])
    t.match(await send(reacting('👍'), { replyTo }), { outcome: 'failed', code: 'type_not_supported' })
  t.equal(api.calls.length, asked)
})

t.test('what Telegram has no form for never leaves', async (t) => {
  const asked = api.calls.length
  for (const content of [list, cards({ ...card, phones: [] })])
    t.match(await send(content), { outcome: 'failed', code: 'type_not_supported' })
  t.equal(api.calls.length, asked)
})
