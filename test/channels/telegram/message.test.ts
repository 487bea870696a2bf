import t from 'tap'
import { contentOf, group, message, mina, parsed, parsedMessage, update } from './fixtures.ts'

t.test('files of all kinds are named by their file_id, photos by the largest', async (t) => {
  const photo = [
    { file_id: 'm', width: 320, height: 320, file_size: 30 },
    { file_id: 'l', width: 800, height: 600, file_size: 90 },
    { file_id: 's', width: 90, height: 90, file_size: 1 },
  ]
  t.match(
    await parsedMessage({
      photo,
      caption: 'Look',
      caption_entities: [{ type: 'bold', offset: 0, length: 4 }],
      media_group_id: '13',
    }),
    {
      message: {
        type: 'image',
        text: '[image] Look',
        content: { caption: 'Look', captionEntities: [{ type: 'bold' }], mediaGroupId: '13' },
      },
      media: [{ kind: 'image', externalId: 'l', sizeBytes: 90 }],
    },
  )
  const file = { file_id: 'f', file_unique_id: 'u', mime_type: 'x/y', file_size: 5, duration: 3 }
  const both = await parsedMessage({ animation: file, document: { ...file, file_id: 'd' } })
  t.match(both, {
    message: { type: 'video', text: '[animation]', content: { animation: true } },
    media: [{ externalId: 'f' }],
  })
  t.equal(both.media.length, 1)
  t.match(await parsedMessage({ video: { ...file, file_name: 'a.mp4' } }), {
    message: { type: 'video', content: { filename: 'a.mp4', durationSeconds: 3 } },
  })
  t.match(await parsedMessage({ video_note: file }), {
    message: { type: 'video', content: { videoNote: true } },
    media: [{ kind: 'video' }],
  })
  t.match(await parsedMessage({ voice: file }), {
    message: { type: 'audio', text: '[voice message]', content: { voice: true, mediaType: 'x/y' } },
  })
  t.match(await parsedMessage({ audio: { ...file, title: 'Song', performer: 'Band' } }), {
    message: { type: 'audio', text: '[audio] Song', content: { performer: 'Band' } },
  })
  t.match(await parsedMessage({ document: { ...file, file_name: 'a.pdf' }, caption: 'c' }), {
    message: { type: 'document', text: '[document] a.pdf c' },
    media: [{ kind: 'document', externalId: 'f', filename: 'a.pdf', mediaType: 'x/y', sizeBytes: 5 }],
  })
  t.match(await parsedMessage({ sticker: { ...file, emoji: '😀', set_name: 'S', is_animated: false } }), {
    message: { type: 'sticker', text: '[sticker] 😀', content: { emoji: '😀', setName: 'S', animated: false } },
    media: [{ kind: 'sticker' }],
  })
  const paid = {
    star_count: 3,
    paid_media: [
      { type: 'preview', width: 1 },
      { type: 'photo', photo },
      { type: 'video', video: file },
    ],
  }
  t.match(await parsedMessage({ paid_media: paid }), {
    message: { type: 'video', text: '[paid media]' },
    media: [{ externalId: 'l' }, { externalId: 'f' }],
  })
})

t.test('places, fixed and moving', async (t) => {
  const location = { latitude: '99.99', longitude: 111.1 }
  t.match(await parsedMessage({ location }), {
    message: { type: 'location', text: '[location] 99.99, 111.1', content: { latitude: 99.99, longitude: 111.1 } },
  })
  t.match(await contentOf({ location: { ...location, live_period: 900, heading: 12 } }), {
    live: true,
    livePeriodSeconds: 900,
    headingDegrees: 12,
  })
  const venue = { location, title: 'Shop', address: 'Main St 1', google_place_id: 'g' }
  t.match(await parsedMessage({ venue, location }), {
    message: {
      type: 'location',
      text: '[location] Shop, Main St 1',
      content: { name: 'Shop', address: 'Main St 1', venue: { googlePlaceId: 'g' } },
    },
  })
})

t.test('a card of one’s own proves the number, one of somebody else does not', async (t) => {
  const contact = { phone_number: '4917612345678', first_name: 'Mina', user_id: 55 }
  const own = await parsedMessage({ contact })
  t.strictSame(own.from.identities, [
    { kind: 'telegram', value: '55', verified: true },
    { kind: 'phone', value: '+4917612345678', verified: true },
  ])
  t.equal(own.from.phone, '+4917612345678')
  t.match(own.message, {
    type: 'contacts',
    text: '[contacts] Mina',
    content: { contacts: [{ name: { formattedName: 'Mina' }, phones: [{ phone: '4917612345678' }] }] },
  })
  for (const other of [
    { ...contact, user_id: 66 },
    { ...contact, user_id: undefined },
    { ...contact, phone_number: 'no' },
  ])
    t.equal((await parsedMessage({ contact: other })).from.identities.length, 1)
})

t.test('polls, dice, games, stories, web apps and purchases keep all they say', async (t) => {
  t.match(await parsedMessage({ poll: { id: '1', question: 'When?', options: [{ text: 'Now', voter_count: 0 }] } }), {
    message: {
      type: 'interactive',
      text: '[poll] When?',
      content: { kind: 'poll', poll: { options: [{ text: 'Now', voterCount: 0 }] } },
    },
  })
  t.match(await parsedMessage({ dice: { emoji: '🎲', value: 4 } }), {
    message: { type: 'interactive', text: '[dice] 🎲', content: { dice: { value: 4 } } },
  })
  t.match(await parsedMessage({ game: { title: 'Race', photo: [{ file_id: 'p', width: 1, height: 1 }] } }), {
    message: { text: '[game] Race' },
    media: [{ externalId: 'p' }],
  })
  t.match(await parsedMessage({ story: { chat: { id: 55 }, id: 3 } }), {
    message: { type: 'unsupported', text: '[story]', content: { providerType: 'story', story: { id: 3 } } },
  })
  t.match(await parsedMessage({ checklist: { title: 'List', tasks: [] } }), { message: { text: '[checklist] List' } })
  t.match(await parsedMessage({ web_app_data: { data: '{"a":1}', button_text: 'Order' } }), {
    message: { type: 'form', text: '[form] Order', content: { data: '{"a":1}', title: 'Order' } },
  })
  t.match(await parsedMessage({ successful_payment: { currency: 'EUR', total_amount: 990 } }), {
    message: { type: 'order', text: '[payment] 990 EUR' },
  })
  t.match(await parsedMessage({ users_shared: { request_id: 1, users: [{ user_id: 3 }] } }), {
    message: { type: 'button', content: { shared: { users: [{ userId: 3 }] } } },
  })
  t.match(await parsedMessage({ hologram: { depth: 3 } }), {
    message: { type: 'unsupported', content: { providerType: 'hologram', data: { hologram: { depth: 3 } } } },
  })
})

t.test('service messages are for the history', async (t) => {
  const system = async (more: Record<string, unknown>) => (await parsedMessage({ chat: group, ...more })).message
  t.strictSame(await system({ new_chat_members: [mina, { id: 66, first_name: 'Zoe' }] }), {
    type: 'system',
    content: {
      event: 'member_joined',
      members: [
        { id: '55', displayName: 'Mina Adler' },
        { id: '66', displayName: 'Zoe' },
      ],
    },
    text: 'Mina Adler, Zoe joined the group',
  })
  t.match(await system({ left_chat_member: mina }), {
    content: { event: 'member_left' },
    text: 'Mina Adler left the group',
  })
  t.match(await system({ new_chat_title: 'New' }), { content: { event: 'new_chat_title', title: 'New' } })
  t.match(await system({ group_chat_created: true }), { content: { event: 'group_chat_created' } })
  t.match(await system({ pinned_message: { message_id: 5, chat: group, text: 'secret', from: { id: 66 } } }), {
    content: { event: 'pinned_message', messageId: '5' },
  })
  t.match(await system({ write_access_allowed: { web_app_name: 'shop' } }), {
    content: { event: 'write_access_allowed', detail: { webAppName: 'shop' } },
  })
  t.match(await system({ forum_topic_created: { name: 'T', icon_color: 1 } }), {
    content: { detail: { name: 'T', iconColor: 1 } },
  })
  t.match(await system({ passport_data: { data: 'x' } }), { content: { event: 'passport_data' } })
})

t.test('an album is one message per picture, which say that they belong together', async (t) => {
  const photo = [{ file_id: 'a', width: 1, height: 1 }]
  const events = await Promise.all(
    [1, 2, 3].map((id) =>
      parsed(update('message', message({ message_id: id, photo, media_group_id: '13' }), 9000 + id)),
    ),
  )
  t.match(
    events.flat(),
    [1, 2, 3].map((id) => ({ externalId: `55:${id}`, message: { content: { mediaGroupId: '13' } } })),
  )
})
