import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import {
  fromMina,
  instagramSettings,
  only,
  PSID,
  parse,
  parsed,
  reason,
  said,
  split,
  toMina,
  webhook,
} from '../messenger/fixtures.ts'

const mina = { identities: [{ kind: 'instagram', value: PSID, verified: true }] }
const url = 'https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1'
const one = (attachment: JsonObject, message: JsonObject = {}) =>
  said('instagram', { ...message, attachments: [attachment] })

t.test('a message is from somebody known to this account alone', async (t) => {
  t.match(said('instagram', { text: 'Hallo' }), {
    from: mina,
    to: { identities: [{ kind: 'instagram', value: instagramSettings.accountId }] },
    message: { type: 'text', text: 'Hallo' },
  })
})

t.test('a story is an address and never a file: mentioned or answered', async (t) => {
  const mention = one({ type: 'story_mention', payload: { url } })
  t.strictSame(mention.message, {
    type: 'text',
    text: '[story mention]',
    content: { text: '[story mention]', story: { kind: 'mention', url } },
  })
  t.strictSame(mention.media, [])
  const reply = said('instagram', { text: 'So schön!', reply_to: { story: { url, id: '17' } } })
  t.strictSame(reply.message, {
    type: 'text',
    text: 'So schön!',
    content: { text: 'So schön!', story: { kind: 'reply', url, id: '17' } },
  })
  t.strictSame([reply.media, reply.replyTo], [[], undefined])
})

t.test('posts and reels of others are an address; pictures of the customer are files', async (t) => {
  for (const [type, kind] of [
    ['share', 'post'],
    ['ig_post', 'post'],
    ['ig_reel', 'reel'],
    ['reel', 'reel'],
  ] as const) {
    const { message, media } = one({ type, payload: { url, title: 'T' } })
    t.match(message, { type: 'text', text: `[shared ${kind}] T ${url}`, content: { share: { kind, url, title: 'T' } } })
    t.strictSame(media, [])
  }
  t.strictSame(one({ type: 'image', payload: { url } }).media, [{ kind: 'image', url }])
})

t.test('hearts, disappearing pictures and what has no name are told as what they are', async (t) => {
  t.match(one({ type: 'like_heart' }), {
    message: { type: 'sticker', text: '❤️', content: { name: 'like_heart' } },
    media: [],
  })
  t.match(one({ type: 'ephemeral' }), {
    message: { type: 'unsupported', text: '[disappearing photo or video]', content: { providerType: 'ephemeral' } },
    media: [],
  })
  t.match(one({ type: 'unsupported_type' }).message, { type: 'unsupported', text: '[unsupported message]' })
  t.match(said('instagram', { is_unsupported: true }).message, { type: 'unsupported' })
})

t.test('the advertisement that led here is kept; a mid was read; an unsending removes', async (t) => {
  t.match(said('instagram', { text: 'x', referral: { ref: 'r', ad_id: '1', source: 'ADS', type: 'OPEN_THREAD' } }), {
    referral: { ref: 'r', adId: '1', source: 'ADS' },
  })
  t.match(only(parsed('instagram', fromMina('instagram', { read: { mid: 'm_out' } }))), {
    type: 'status',
    status: 'read',
    externalId: 'm_out',
    recipient: mina,
  })
  t.match(only(parsed('instagram', fromMina('instagram', { message: { mid: 'm_1', is_deleted: true } }))), {
    type: 'delete',
    externalId: 'm_1',
  })
})

t.test('an echo is outbound, notes to oneself are nobody’s', async (t) => {
  const echo = { mid: 'm_e', is_echo: true, text: 'Danke' }
  t.match(only(parsed('instagram', toMina('instagram', { message: echo }))), { direction: 'outbound', to: mina })
  t.equal(reason('instagram', toMina('instagram', { message: { ...echo, is_self: true } })), 'ignored to_itself')
})

t.test('what is said in public by nobody who is named is listed with its reason, and kept raw', async (t) => {
  const change = (field: string) =>
    only(
      split('instagram', {
        object: 'instagram',
        entry: [{ id: instagramSettings.accountId, time: 1, changes: [{ field, value: { id: '1', text: 'nice' } }] }],
      }),
    )
  for (const field of ['comments', 'live_comments', 'mentions'])
    t.strictSame(parse('instagram', change(field)), { outcome: 'failed', reason: 'no_sender' }, field)
  t.strictSame(parse('instagram', change('story_insights')), { outcome: 'ignored', reason: 'insights' })
  t.strictSame(parse('instagram', change('brand_new')), { outcome: 'failed', reason: 'field_unknown' })
  const bare = { id: instagramSettings.accountId, time: 1, field: 'comments', value: { id: '1', text: 'nice' } }
  const event = only(split('instagram', { object: 'instagram', entry: [bare] }))
  t.match(event, { kind: 'changes.comments', account: instagramSettings.accountId })
  t.strictSame(parse('instagram', event), { outcome: 'failed', reason: 'no_sender' })
})

t.test('a button on standby has a title only; a page’s events are the page’s', async (t) => {
  const item = fromMina('instagram', { postback: { mid: 'm_p', title: 'Yes' } })
  const body = { object: 'instagram', entry: [{ id: instagramSettings.accountId, time: 1, standby: [item] }] }
  t.match(parse('instagram', only(split('instagram', body))), {
    events: [{ type: 'message', externalId: 'm_p', message: { type: 'button', text: 'Yes' } }],
  })
  t.match(split('instagram', webhook('page', fromMina('page', { message: { mid: 'm', text: 'x' } }))), [
    { kind: 'message.text', type: 'messenger' },
  ])
})
