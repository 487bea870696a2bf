import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import { message, messages, only, parsed } from './fixtures.ts'

const one = (body: JsonObject) => only(parsed(messages(message(body))))
const identities = [
  { kind: 'whatsapp', value: '4915112345678', verified: true },
  { kind: 'whatsapp_bsuid', value: 'DE.4711', verified: true },
  { kind: 'whatsapp_parent_bsuid', value: 'DE.ENT.99', verified: true },
  { kind: 'phone', value: '+4915112345678', verified: true },
]

t.test('a text says who, to whom, when and what', async (t) => {
  t.strictSame(one({ type: 'text', text: { body: 'Hallo 🌷' } }), {
    type: 'message',
    externalId: 'wamid.1',
    direction: 'inbound',
    historical: false,
    from: { identities, displayName: 'Mina', phone: '+4915112345678' },
    to: { identities: [{ kind: 'phone', value: '+493055570000', verified: true }], phone: '+493055570000' },
    occurredAt: new Date(1790000001_000),
    message: { type: 'text', content: { text: 'Hallo 🌷' }, text: 'Hallo 🌷' },
    media: [],
  })
})

t.test('every type has a plain rendering and a content', async (t) => {
  const cases: [JsonObject, string, string, JsonObject][] = [
    [{ type: 'text', text: { body: '' } }, 'text', '', { text: '' }],
    [
      { type: 'image', image: { id: 'M1', caption: 'roses', mime_type: 'image/jpeg' } },
      'image',
      '[image] roses',
      { caption: 'roses', mediaType: 'image/jpeg' },
    ],
    [{ type: 'video', video: { id: 'M1' } }, 'video', '[video]', {}],
    [{ type: 'audio', audio: { id: 'M1', voice: true } }, 'audio', '[voice message]', { voice: true }],
    [{ type: 'audio', audio: { id: 'M1', voice: false } }, 'audio', '[audio]', { voice: false }],
    [
      { type: 'document', document: { id: 'M1', filename: 'a.pdf', caption: 'c' } },
      'document',
      '[document] a.pdf c',
      { filename: 'a.pdf', caption: 'c' },
    ],
    [{ type: 'sticker', sticker: { id: 'M1', animated: true } }, 'sticker', '[sticker]', { animated: true }],
    [
      { type: 'location', location: { latitude: '52.5', longitude: 13.4, name: 'Shop' } },
      'location',
      '[location] Shop',
      { latitude: 52.5, longitude: 13.4, name: 'Shop' },
    ],
    [
      { type: 'location', location: { latitude: 52.5, longitude: 13.4 } },
      'location',
      '[location] 52.5, 13.4',
      { latitude: 52.5, longitude: 13.4 },
    ],
    [
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Ada' }, phones: [{ phone: '+1', wa_id: '1' }] }, {}] },
      'contacts',
      '[contacts] Ada, unnamed',
      { contacts: [{ name: { formattedName: 'Ada' }, phones: [{ phone: '+1', waId: '1' }] }, {}] },
    ],
    [{ type: 'button', button: { text: 'Yes', payload: 'Y' } }, 'button', 'Yes', { text: 'Yes', payload: 'Y' }],
    [
      { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'b', title: 'Buy' } } },
      'interactive',
      'Buy',
      { kind: 'button_reply', id: 'b', title: 'Buy' },
    ],
    [
      {
        type: 'interactive',
        interactive: { type: 'list_reply', list_reply: { id: 'l', title: 'Red', description: 'deep' } },
      },
      'interactive',
      'Red',
      { kind: 'list_reply', id: 'l', title: 'Red', description: 'deep' },
    ],
    [
      {
        type: 'interactive',
        interactive: {
          type: 'nfm_reply',
          nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"first_name":"A"}' },
        },
      },
      'interactive',
      '[form flow] Sent',
      { kind: 'nfm_reply', name: 'flow', body: 'Sent', response: { first_name: 'A' } },
    ],
    [
      { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { response_json: '[1]' } } },
      'interactive',
      '[form]',
      { kind: 'nfm_reply', response: [1] },
    ],
    [
      { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { response_json: 'plain' } } },
      'interactive',
      '[form]',
      { kind: 'nfm_reply', response: 'plain' },
    ],
    [
      {
        type: 'interactive',
        interactive: {
          type: 'call_permission_reply',
          call_permission_reply: { response: 'accept', expiration_timestamp: 1 },
        },
      },
      'interactive',
      '[call permission] accept',
      { kind: 'call_permission_reply', response: 'accept', expirationTimestamp: 1 },
    ],
    [
      { type: 'interactive', interactive: { type: 'new_reply', new_reply: { title: 'T', some_id: 1 } } },
      'interactive',
      'T',
      { kind: 'new_reply', data: { newReply: { title: 'T', someId: 1 } } },
    ],
    [
      {
        type: 'order',
        order: {
          catalog_id: 'C',
          text: 'asap',
          product_items: [{ product_retailer_id: 'ROSE', quantity: 3, item_price: 2 }],
        },
      },
      'order',
      '[order] 3 × ROSE\nasap',
      { catalogId: 'C', text: 'asap', productItems: [{ productRetailerId: 'ROSE', quantity: 3, itemPrice: 2 }] },
    ],
    [
      { type: 'unsupported', errors: [{ code: 131051, title: 'Unknown' }], unsupported: { type: 'poll' } },
      'unsupported',
      '[unsupported message] Unknown',
      { providerType: 'poll', errors: [{ code: 131051, title: 'Unknown' }], data: { unsupported: { type: 'poll' } } },
    ],
    [
      { type: 'hologram', hologram: { beam_id: 1 } },
      'unsupported',
      '[unsupported message]',
      { providerType: 'hologram', data: { hologram: { beamId: 1 } } },
    ],
    [{ type: 'constructor' }, 'unsupported', '[unsupported message]', { providerType: 'constructor' }],
    [{ type: 'interactive' }, 'unsupported', '[unsupported message]', { providerType: 'interactive' }],
    [
      { type: 'system', identity: { hash: 'h' }, system: { type: 'customer_identity_changed', body: 'Code changed' } },
      'system',
      'Code changed',
      {
        event: 'customer_identity_changed',
        type: 'customer_identity_changed',
        body: 'Code changed',
        identity: { hash: 'h' },
      },
    ],
    [{ type: 'request_welcome' }, 'system', '[opened the chat]', { event: 'request_welcome' }],
  ]
  for (const [body, type, text, content] of cases) {
    const event = one(body)
    t.equal(event.type, 'message')
    if (event.type === 'message') t.strictSame(event.message, { type, text, content }, JSON.stringify(body))
  }
})

t.test('a file is a reference, its digest in hex', async (t) => {
  const digest = Buffer.alloc(32, 0xab)
  t.match(
    one({
      type: 'image',
      image: { id: 123, mime_type: 'image/png', sha256: digest.toString('base64'), url: 'https://m.example/x' },
    }),
    {
      media: [
        {
          kind: 'image',
          externalId: '123',
          mediaType: 'image/png',
          sha256: digest.toString('hex'),
          url: 'https://m.example/x',
        },
      ],
    },
  )
  t.match(one({ type: 'image', image: { caption: 'nothing else' } }), { media: [] })
})

t.test('reply, forwarding, product and referral are kept', async (t) => {
  t.match(
    one({
      type: 'text',
      text: { body: 'x' },
      context: { from: '1', id: 'wamid.0', referred_product: { catalog_id: 'C' } },
    }),
    { replyTo: 'wamid.0', message: { content: { referredProduct: { catalogId: 'C' } } } },
  )
  t.match(one({ type: 'text', text: { body: 'x' }, context: { forwarded: true } }), {
    forwarded: 'once',
    replyTo: undefined,
  })
  t.match(one({ type: 'text', text: { body: 'x' }, context: { forwarded: true, frequently_forwarded: true } }), {
    forwarded: 'often',
  })
  t.match(one({ type: 'text', text: { body: 'x' }, referral: { source_url: 'u', ctwa_clid: 'c' } }), {
    referral: { sourceUrl: 'u', ctwaClid: 'c' },
  })
})

t.test('reaction, its removal, edit and revoke name the message that they are about', async (t) => {
  t.match(one({ type: 'reaction', reaction: { message_id: 'wamid.0', emoji: '🌹' } }), {
    type: 'reaction',
    externalId: 'wamid.0',
    emoji: '🌹',
    direction: 'inbound',
  })
  const removals: JsonObject[] = [{ message_id: 'wamid.0', emoji: '' }, { message_id: 'wamid.0' }]
  for (const reaction of removals) t.match(one({ type: 'reaction', reaction }), { type: 'reaction', emoji: null })
  t.match(
    one({
      type: 'edit',
      edit: { original_message_id: 'wamid.0', message: { type: 'image', image: { id: 'M2', caption: 'new' } } },
    }),
    {
      type: 'edit',
      externalId: 'wamid.0',
      message: { type: 'image', text: '[image] new' },
      media: [{ externalId: 'M2' }],
    },
  )
  t.match(one({ type: 'revoke', revoke: { original_message_id: 'wamid.0' } }), {
    type: 'delete',
    externalId: 'wamid.0',
  })
})
