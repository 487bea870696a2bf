import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import { fromMina, only, parsed, reason, said, settings, toMina } from './fixtures.ts'

const mina = { identities: [{ kind: 'messenger', value: '6000000000000001', verified: true }] }
const page = { identities: [{ kind: 'messenger', value: settings.pageId, verified: true }] }

t.test('a text says who, to whom, when and what', async (t) => {
  t.strictSame(said('page', { text: 'Hallo 🌷' }), {
    type: 'message',
    externalId: 'm_1',
    direction: 'inbound',
    historical: false,
    from: mina,
    to: page,
    occurredAt: new Date(1_790_000_001_000),
    message: { type: 'text', content: { text: 'Hallo 🌷' }, text: 'Hallo 🌷' },
    media: [],
  })
})

t.test('every attachment has its type, content, plain text and file', async (t) => {
  const url = 'https://cdn.fbsbx.com/v/t59/angebot%20ros%C3%A9.pdf?oh=1'
  const one = (attachment: JsonObject, message: JsonObject = {}) =>
    said('page', { ...message, attachments: [attachment] })
  const cases: [JsonObject, string, string, JsonObject, JsonObject[]][] = [
    [{ type: 'image', payload: { url } }, 'image', '[image]', {}, [{ kind: 'image', url }]],
    [{ type: 'video', payload: { url } }, 'video', '[video]', {}, [{ kind: 'video', url }]],
    [{ type: 'audio', payload: { url } }, 'audio', '[audio]', {}, [{ kind: 'audio', url }]],
    [
      { type: 'file', payload: { url } },
      'document',
      '[document] angebot rosé.pdf',
      { filename: 'angebot rosé.pdf' },
      [{ kind: 'document', url, filename: 'angebot rosé.pdf' }],
    ],
    [
      { type: 'file', payload: { url: 'https://a.example/%E0%A4%A' } },
      'document',
      '[document] %E0%A4%A',
      { filename: '%E0%A4%A' },
      [{}],
    ],
    [
      { type: 'image', payload: { url, sticker_id: 369239263222822 } },
      'sticker',
      '👍',
      { stickerId: '369239263222822' },
      [{ kind: 'sticker', url }],
    ],
    [
      { type: 'sticker', payload: { url, sticker_id: 7 } },
      'sticker',
      '[sticker]',
      { stickerId: '7' },
      [{ kind: 'sticker' }],
    ],
    [
      { type: 'location', title: 'Shop', payload: { coordinates: { lat: 52.5, long: 13.4 } } },
      'location',
      '[location] Shop',
      { latitude: 52.5, longitude: 13.4, name: 'Shop' },
      [],
    ],
    [
      { type: 'location', payload: { coordinates: { lat: 0, long: 0 } } },
      'location',
      '[location] 0, 0',
      { latitude: 0, longitude: 0 },
      [],
    ],
    [
      { type: 'fallback', title: 'Roses', URL: 'https://a.example', payload: null },
      'text',
      'Roses https://a.example',
      { text: 'Roses https://a.example', link: { title: 'Roses', url: 'https://a.example' } },
      [],
    ],
    [{ type: 'fallback' }, 'unsupported', '[unsupported message]', { providerType: 'fallback' }, []],
    [
      { type: 'template', payload: { template_type: 'generic', elements: [{ title: 'Roses', image_url: 'u' }] } },
      'interactive',
      'Roses',
      { kind: 'template', template: { templateType: 'generic', elements: [{ title: 'Roses', imageUrl: 'u' }] } },
      [],
    ],
    [
      { type: 'template', payload: { product: { elements: [{ id: 1, title: 'Tulips' }] } } },
      'interactive',
      'Tulips',
      { kind: 'template', template: { product: { elements: [{ id: 1, title: 'Tulips' }] } } },
      [],
    ],
    [
      { type: 'ig_reel', payload: { url, title: 'How to', reel_video_id: 9 } },
      'text',
      `[shared reel] How to ${url}`,
      { text: `[shared reel] How to ${url}`, share: { kind: 'reel', url, title: 'How to', id: '9' } },
      [],
    ],
    [
      { type: 'appointment_booking', payload: { starts_at: 1 } },
      'unsupported',
      '[appointment booking]',
      { providerType: 'appointment_booking', data: { startsAt: 1 } },
      [],
    ],
    [{}, 'unsupported', '[unsupported message]', { providerType: 'unknown' }, []],
  ]
  for (const [attachment, type, text, content, media] of cases) {
    const event = one(attachment)
    t.strictSame(event.message, { type, content, text }, JSON.stringify(attachment))
    t.match(event.media, media)
    t.equal(event.media.length, media.length)
  }
  t.match(one({ type: 'image', payload: { url } }, { text: 'look' }).message, {
    type: 'image',
    text: '[image] look',
    content: { caption: 'look' },
  })
  t.match(
    one({ type: 'fallback', payload: { url: 'https://a.example', title: 'A' } }, { text: 'see https://a.example' })
      .message,
    { type: 'text', text: 'see https://a.example', content: { link: { title: 'A' } } },
    'a link is not said twice',
  )
})

t.test('several pictures are one message with all of them', async (t) => {
  const image = (name: string) => ({ type: 'image', payload: { url: `https://a.example/${name}` } })
  const { message, media } = said('page', { text: 'both', attachments: [image('a'), image('b')] })
  t.match(message, { type: 'image', text: '[image] [image] both', content: { caption: 'both' } })
  t.match(message.content.attachments, [{ type: 'image' }, { type: 'image' }])
  t.match(media, [{ url: 'https://a.example/a' }, { url: 'https://a.example/b' }])
  const sticker = (type: string) => ({ type, payload: { url: 'https://a.example/s', sticker_id: 5 } })
  const stickers = said('page', { attachments: [sticker('image'), sticker('sticker')] })
  t.equal(stickers.media.length, 1, 'a sticker that is there as image and as sticker is one')
  t.equal(stickers.message.text, '[sticker]')
})

t.test('a quick reply and a postback are buttons with what they carry', async (t) => {
  t.match(said('page', { text: 'Red', quick_reply: { payload: 'PICK_RED' } }).message, {
    type: 'button',
    text: 'Red',
    content: { payload: 'PICK_RED', title: 'Red' },
  })
  const postback = (body: JsonObject) => only(parsed('page', fromMina('page', { postback: body })))
  t.match(postback({ mid: 'm_p', title: 'Get started', payload: 'START' }), {
    type: 'message',
    externalId: 'm_p',
    direction: 'inbound',
    message: { type: 'button', text: 'Get started', content: { payload: 'START', title: 'Get started' } },
  })
  const referral = { ref: 'spring', source: 'SHORTLINK', type: 'OPEN_THREAD' }
  t.match(postback({ payload: 'START', referral }), {
    externalId: /^postback:#[0-9a-f]{64}$/,
    message: { text: 'START' },
    referral,
  })
  t.match(said('page', { text: 'x', referral: { ad_id: '1', ads_context_data: { ad_title: 'A' } } }).referral, {
    adId: '1',
    adsContextData: { adTitle: 'A' },
  })
})

t.test('a reply names what it answers; what Meta cannot show is unsupported', async (t) => {
  t.equal(said('page', { text: 'yes', reply_to: { mid: 'm_0' } }).replyTo, 'm_0')
  t.match(said('page', { is_unsupported: true }).message, { type: 'unsupported', text: '[unsupported message]' })
  t.match(said('page', {}).message, { type: 'unsupported', text: '[empty message]' })
  t.match(said('page', { text: 'x', tags: [{ source: 'customer_chat_plugin' }] }).message.content, {
    tags: [{ source: 'customer_chat_plugin' }],
  })
})

t.test('an echo is outbound to the customer, and says who wrote it: an app, or us', async (t) => {
  const echo = (message: JsonObject) =>
    only(parsed('page', toMina('page', { message: { mid: 'm_e', is_echo: true, text: 'On its way', ...message } })))
  t.match(echo({ app_id: 205552219930699 }), {
    type: 'message',
    direction: 'outbound',
    externalId: 'm_e',
    from: page,
    to: mina,
    messageId: undefined,
    message: { content: { text: 'On its way', appId: '205552219930699' } },
  })
  const id = '018f0000-0000-7000-8000-000000000001'
  t.match(echo({ metadata: id }), { messageId: id })
  t.match(echo({ metadata: 'order 7' }), { messageId: undefined }, 'another app’s')
  const inbound = only(parsed('page', fromMina('page', { message: { mid: 'm', text: 'x', metadata: id } })))
  t.match(inbound, { direction: 'inbound', messageId: undefined }, 'nobody outside can claim to be an echo')
})

t.test('unsent, edited and reacted to: each names its message', async (t) => {
  t.match(only(parsed('page', fromMina('page', { message: { mid: 'm_0', is_deleted: true } }))), {
    type: 'delete',
    externalId: 'm_0',
    direction: 'inbound',
  })
  const edit = { mid: 'm_0', text: 'new', num_edit: '2' }
  t.match(only(parsed('page', fromMina('page', { message_edit: edit }))), {
    type: 'edit',
    externalId: 'm_0',
    message: { type: 'text', text: 'new' },
  })
  t.equal(reason('page', fromMina('page', { message_edit: { ...edit, num_edit: 0 } })), 'ignored not_edited')
  const reaction = (body: JsonObject) => only(parsed('page', fromMina('page', { reaction: { mid: 'm_0', ...body } })))
  t.match(reaction({ action: 'react', emoji: '🌹', reaction: 'other' }), { type: 'reaction', emoji: '🌹' })
  t.match(reaction({ action: 'react', reaction: 'love' }), { emoji: '❤️' })
  t.match(reaction({ action: 'unreact', reaction: 'love' }), { emoji: null })
  t.match(only(parsed('page', toMina('page', { reaction: { mid: 'm_0', action: 'react', emoji: '👍' } }))), {
    direction: 'outbound',
    to: mina,
  })
  t.equal(reason('page', fromMina('page', { reaction: { action: 'react', emoji: '👍' } })), 'ignored no_target')
})

t.test('what lacks its id or its sender is failed, not guessed', async (t) => {
  t.equal(reason('page', fromMina('page', { message: { text: 'x' } })), 'failed no_message_id')
  t.equal(reason('page', { recipient: { id: settings.pageId }, message: { mid: 'm', text: 'x' } }), 'failed no_sender')
  t.equal(
    reason('page', { sender: { id: settings.pageId }, message: { mid: 'm', is_echo: true } }),
    'failed no_recipient',
  )
  t.equal(reason('page', fromMina('page', { message: 'x' })), 'failed not_an_object')
})
