import t from 'tap'
import { line } from '../../../src/channels/line/index.ts'
import { customer, event, message, parsed, parsedMessage, split, timestamp } from './fixtures.ts'

const from = { identities: [{ kind: 'line', value: customer, verified: true }] }
const inGroup = { source: { type: 'group', groupId: 'C1', userId: customer } }

t.test('a text is a message of a verified person, answerable for a minute', async (t) => {
  const emojis = [{ index: 6, length: 6, productId: '5ac1', emojiId: '001' }]
  t.strictSame(
    await parsed(message({ type: 'text', text: 'Hello (love)', emojis, quoteToken: 'q1', quotedMessageId: '42' })),
    [
      {
        type: 'message',
        externalId: '4711',
        direction: 'inbound',
        from,
        occurredAt: new Date(timestamp),
        historical: false,
        message: { type: 'text', content: { text: 'Hello (love)', emojis, quoteToken: 'q1' }, text: 'Hello (love)' },
        media: [],
        replyHandle: { token: 'reply-token-1', expiresAt: new Date(timestamp + 50_000) },
        replyTo: '42',
      },
    ],
  )
  t.match(
    await parsedMessage(
      message({ type: 'text', text: '@All', mention: { mentionees: [{ index: 0, length: 4, type: 'all' }] } }, inGroup),
    ),
    {
      from,
      thread: { id: 'C1', kind: 'group' },
      message: { content: { mention: { mentionees: [{ type: 'all' }] } } },
    },
  )
})

t.test('every kind of message keeps what a front end shows', async (t) => {
  t.match(
    await parsedMessage(
      message({ type: 'image', imageSet: { id: 'E0', index: 1, total: 2 }, contentProvider: { type: 'line' } }),
    ),
    {
      message: { type: 'image', text: '[image]', content: { imageSet: { id: 'E0', index: 1, total: 2 } } },
      media: [{ kind: 'image', externalId: '4711' }],
    },
  )
  const external = {
    type: 'external',
    originalContentUrl: 'https://a.example/v.mp4',
    previewImageUrl: 'https://a.example/v.jpg',
  }
  const video = await parsedMessage(message({ type: 'video', duration: 60_000, contentProvider: external }))
  t.match(video, { message: { type: 'video', content: { durationMs: 60_000, previewUrl: 'https://a.example/v.jpg' } } })
  t.strictSame(
    video.media,
    [{ kind: 'video', url: 'https://a.example/v.mp4' }],
    'never asked of LINE, so never with the token',
  )
  t.match(await parsedMessage(message({ type: 'audio', duration: 1 })), {
    message: { type: 'audio' },
    media: [{ externalId: '4711' }],
  })
  t.match(await parsedMessage(message({ type: 'file', fileName: 'a.pdf', fileSize: 2138 })), {
    message: { type: 'document', text: '[document] a.pdf', content: { filename: 'a.pdf', sizeBytes: 2138 } },
    media: [{ kind: 'document', externalId: '4711', filename: 'a.pdf', sizeBytes: 2138 }],
  })
  t.match(
    await parsedMessage(message({ type: 'sticker', packageId: '1', stickerId: '2', keywords: ['wave'], text: 'Hi' })),
    {
      message: {
        type: 'sticker',
        text: '[sticker] Hi',
        content: { packageId: '1', stickerId: '2', keywords: ['wave'] },
      },
      media: [],
    },
  )
  t.match(
    await parsedMessage(
      message({ type: 'location', title: 'Shop', address: '東京都', latitude: 35.6, longitude: 139.7 }),
    ),
    {
      message: { type: 'location', text: '[location] Shop, 東京都', content: { latitude: 35.6, longitude: 139.7 } },
    },
  )
  t.match(await parsedMessage(message({ type: 'hologram', depth: 3 })), {
    message: { type: 'unsupported', content: { providerType: 'hologram', data: { depth: 3 } } },
  })
})

t.test('an edit changes its message, an unsend takes it back', async (t) => {
  t.match(await parsed(event('messageEdited', { message: { id: '4711', type: 'text', text: 'B' } })), [
    { type: 'edit', externalId: '4711', message: { text: 'B' }, from },
  ])
  t.match(await parsed(event('unsend', { unsend: { messageId: '4711' }, ...inGroup })), [
    { type: 'delete', externalId: '4711', thread: { id: 'C1' } },
  ])
})

t.test('following and unfollowing are wishes, and stand in the history', async (t) => {
  t.match(await parsed(event('follow', { follow: { isUnblocked: true } })), [
    {
      type: 'preference',
      category: 'all',
      state: 'resume',
      from,
      detail: { type: 'follow', follow: { isUnblocked: true } },
    },
    {
      type: 'message',
      message: { type: 'system', content: { event: 'follow', isUnblocked: true } },
      replyHandle: { token: 'reply-token-1' },
    },
  ])
  t.match(await parsed(event('unfollow', { replyToken: undefined })), [
    { type: 'preference', category: 'all', state: 'stop', from },
    { type: 'message', message: { type: 'system', content: { event: 'unfollow' }, text: 'Blocked the account' } },
  ])
})

t.test('a postback is a pressed button, with what was picked', async (t) => {
  t.match(
    await parsedMessage(
      event('postback', { postback: { data: 'storeId=1', params: { datetime: '2026-12-25T01:00' } } }),
    ),
    {
      message: {
        type: 'button',
        text: '2026-12-25T01:00',
        content: { payload: 'storeId=1', params: { datetime: '2026-12-25T01:00' } },
      },
    },
  )
  const menu = { data: 'menu-b', params: { newRichMenuAliasId: 'b', status: 'SUCCESS' } }
  t.match(await parsedMessage(event('postback', { postback: menu })), { message: { text: 'menu-b' } })
})

t.test('what happens without words is a system message', async (t) => {
  const system = async (one: unknown) => (await parsedMessage(one)).message
  const userless = { source: { type: 'group', groupId: 'C1' } }
  t.match(await system(event('join', userless)), { type: 'system', content: { event: 'join' } })
  t.match(await system(event('leave', userless)), { type: 'system', content: { event: 'leave' } })
  const members = [
    { type: 'user', userId: 'U1' },
    { type: 'user', userId: 'U2' },
  ]
  t.strictSame(await system(event('memberJoined', { ...userless, joined: { members } })), {
    type: 'system',
    content: { event: 'member_joined', memberIds: ['U1', 'U2'] },
    text: '2 people joined the group',
  })
  t.match(await system(event('memberLeft', { ...userless, left: { members: members.slice(1) } })), {
    content: { event: 'member_left', memberIds: ['U2'] },
    text: 'Somebody left the group',
  })
  t.match(await system(event('videoPlayComplete', { videoPlayComplete: { trackingId: 't1' } })), {
    content: { event: 'video_play_complete', trackingId: 't1' },
  })
  t.match(await system(event('beacon', { beacon: { hwid: 'd41d', type: 'enter', dm: 'ff' } })), {
    content: { event: 'beacon', beacon: { hwid: 'd41d', type: 'enter', dm: 'ff' } },
    text: 'Came near a beacon',
  })
  t.match(await system(event('accountLink', { link: { result: 'failed', nonce: 'n1' } })), {
    content: { event: 'account_link', result: 'failed', nonce: 'n1' },
    text: 'Linking an account failed',
  })
  t.match(await system(event('membership', { membership: { type: 'renewed', membershipId: 3189 } })), {
    content: { event: 'membership', membership: { membershipId: 3189 } },
    text: 'Renewed a membership',
  })
})

t.test('a group whose members LINE does not name has no customer', async (t) => {
  for (const userId of [undefined, null]) {
    const source = { type: 'group', groupId: 'C1', userId }
    t.match(await parsedMessage(message({ type: 'text', text: 'A' }, { source })), {
      from: { identities: [] },
      thread: { id: 'C1' },
    })
  }
  t.match(await parsedMessage(message({ type: 'text', text: 'A' }, { source: null })), { from: { identities: [] } })
})

t.test('in standby a message belongs into the history and asks nothing of anybody', async (t) => {
  const one = await parsedMessage(message({ type: 'text', text: 'A' }, { mode: 'standby' }))
  t.match(one, { historical: true, message: { content: { text: 'A', standby: true } } })
  t.equal(one.replyHandle, undefined)
})

t.test('what concerns the account is a notice', async (t) => {
  t.match(await parsed(event('botSuspended', { source: undefined })), [
    { type: 'notice', kind: 'bot_suspended', severity: 'error' },
  ])
  t.match(await parsed(event('botResumed', { source: undefined })), [{ type: 'notice', severity: 'info' }])
  t.match(await parsed(event('activated', { chatControl: { expireAt: 1 } })), [
    { type: 'notice', kind: 'activated', detail: { expireAt: 1 } },
  ])
  t.match(await parsed(event('deactivated')), [{ type: 'notice', kind: 'deactivated' }])
  t.match(await parsed(event('module', { module: { type: 'detached', reason: 'bot_deleted' } })), [
    { type: 'notice', kind: 'module_detached', severity: 'error', detail: { reason: 'bot_deleted' } },
  ])
})

t.test('what is not for us is ignored by its name, what is broken or not known fails', async (t) => {
  const outcome = async (one: unknown) => line.parse(split(one)[0] ?? { kind: '', payload: null })
  t.strictSame(await outcome(event('delivery', { delivery: { data: 'x' } })), {
    outcome: 'ignored',
    reason: 'delivery_of_notification_message',
  })
  t.strictSame(await outcome(event('things')), { outcome: 'ignored', reason: 'things' })
  t.strictSame(await outcome({}), { outcome: 'ignored', reason: 'empty' })
  t.strictSame(await outcome(event('brandNew2027')), { outcome: 'failed', reason: 'unknown_type' })
  t.strictSame(await outcome(event('message', { message: { type: 'text' } })), {
    outcome: 'failed',
    reason: 'no_message_id',
  })
  t.strictSame(await outcome(event('unsend')), { outcome: 'failed', reason: 'no_target' })
  t.strictSame(await line.parse({ kind: 'unknown', payload: { hello: 1 } }), {
    outcome: 'failed',
    reason: 'unknown_shape',
  })
})
