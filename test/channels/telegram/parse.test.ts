import t from 'tap'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { date, group, message, mina, minaChat, parsed, parsedMessage, split, update } from './fixtures.ts'

const at = new Date(date * 1000)
const from = {
  identities: [{ kind: 'telegram', value: '55', verified: true }],
  displayName: 'Mina Adler',
  username: 'mina',
  fields: { language: 'pt-BR' },
}

t.test('a text in private is a message of a verified person, in no thread of its own', async (t) => {
  t.strictSame(
    await parsed(
      update('message', message({ text: 'Hi 🌷 bold', entities: [{ type: 'bold', offset: 6, length: 4 }] })),
    ),
    [
      {
        type: 'message',
        externalId: '55:7',
        historical: false,
        direction: 'inbound',
        from,
        occurredAt: at,
        message: {
          type: 'text',
          content: { text: 'Hi 🌷 bold', entities: [{ type: 'bold', offset: 6, length: 4 }] },
          text: 'Hi 🌷 bold',
        },
        media: [],
      },
    ],
  )
  t.equal('Hi 🌷 bold'.slice(6, 10), 'bold', 'offsets count UTF-16 units, as they came')
})

t.test('groups, topics and direct messages are threads that can be answered', async (t) => {
  const thread = async (more: Record<string, unknown>) => (await parsedMessage({ text: 'x', ...more })).thread
  t.strictSame(await thread({ chat: group }), { id: '-1001305240521', kind: 'group' })
  t.strictSame(await thread({ chat: { ...group, is_forum: true }, message_thread_id: 3, is_topic_message: true }), {
    id: '-1001305240521/3',
    kind: 'group',
  })
  t.strictSame(
    await thread({ chat: group, message_thread_id: 3 }),
    { id: '-1001305240521', kind: 'group' },
    'a thread of answers is no topic',
  )
  t.strictSame(
    await thread({ chat: { ...group, is_direct_messages: true }, direct_messages_topic: { topic_id: 4, user: mina } }),
    {
      id: '-1001305240521/direct/4',
      kind: 'direct',
    },
  )
  t.equal(await thread({ chat: { id: 55, first_name: 'Mina' } }), undefined, 'a chat without a type')
})

t.test('an answer names what it answers, a quote what it quotes', async (t) => {
  const reply_to_message = { message_id: 6, chat: minaChat, date, text: 'Which?' }
  const one = await parsedMessage({
    text: 'This',
    reply_to_message,
    quote: { text: 'Whi', position: 0, is_manual: true },
  })
  t.match(one, { replyTo: '55:6', message: { content: { quote: { text: 'Whi', isManual: true } } } })
  const elsewhere = await parsedMessage({ text: 'This', reply_to_message: { ...reply_to_message, chat: { id: 1 } } })
  t.equal(elsewhere.replyTo, undefined)
  t.match(await parsedMessage({ text: 'x', external_reply: { message_id: 3, chat: { id: -1 } } }), {
    message: { content: { externalReply: { messageId: 3 } } },
  })
  const user = { type: 'user', date, sender_user: { id: 99, first_name: 'Zoe' } }
  const forwarded = await parsedMessage({ text: 'x', forward_origin: user })
  t.match(forwarded, { forwarded: 'once', message: { content: { forwardOrigin: { type: 'user', name: 'Zoe' } } } })
  t.notMatch(JSON.stringify(forwarded), '99')
})

t.test('a deep link says what led here', async (t) => {
  t.match(await parsedMessage({ text: '/start spring_ad-7' }), {
    referral: { source: 'deep_link', payload: 'spring_ad-7' },
  })
  t.equal((await parsedMessage({ text: '/start' })).referral, undefined)
  t.equal((await parsedMessage({ text: 'see /start x' })).referral, undefined)
})

t.test('those who hide speak as the chat, other bots are machines', async (t) => {
  const anonymous = { id: 1087968824, is_bot: true, first_name: 'Group' }
  t.match(
    await parsedMessage({ text: 'x', chat: group, from: anonymous, sender_chat: group, author_signature: 'Chief' }),
    {
      from: { identities: [{ value: '-1001305240521' }], displayName: 'Chief' },
      automated: undefined,
    },
  )
  t.match(await parsedMessage({ text: 'x', chat: group, from: { id: 5, is_bot: true, first_name: 'Bot' } }), {
    automated: 'auto_reply',
  })
  t.strictSame(await outcomeOf(update('message', message({ chat: group, is_automatic_forward: true, text: 'x' }))), {
    outcome: 'ignored',
    reason: 'automatic_forward',
  })
})

t.test('an edit changes its message, with its time', async (t) => {
  t.match(await parsed(update('edited_message', message({ text: 'B', edit_date: date + 9 }))), [
    { type: 'edit', externalId: '55:7', message: { text: 'B' }, occurredAt: new Date((date + 9) * 1000), from },
  ])
})

t.test('a pressed button is a message and an errand', async (t) => {
  const reply_markup = {
    inline_keyboard: [[{ text: 'No', callback_data: 'n' }], [{ text: 'Yes, please', callback_data: 'y' }]],
  }
  const query = {
    id: '4382',
    from: mina,
    data: 'y',
    message: message({ from: { id: 700001, is_bot: true }, reply_markup }),
  }
  t.match(await parsed(update('callback_query', query)), [
    {
      type: 'message',
      externalId: 'callback:4382',
      from,
      replyTo: '55:7',
      message: { type: 'button', content: { payload: 'y', title: 'Yes, please' }, text: 'Yes, please' },
    },
    { type: 'errand', kind: 'answer_callback_query' },
  ])
  t.match(await parsed(update('callback_query', { ...query, message: { ...query.message, chat: group } })), [
    { thread: { id: '-1001305240521' } },
    {},
  ])
  t.match(
    await parsed(update('callback_query', { id: '1', from: mina, inline_message_id: 'x', game_short_name: 'g' })),
    [{ message: { content: { payload: 'g' } }, thread: undefined }, {}],
  )
})

const outcomeOf = async (body: unknown) => telegram.parse(split(body)[0] ?? { kind: '', payload: null })

t.test('what is not for us is ignored by its name, what is broken or not known fails', async (t) => {
  for (const kind of [
    'channel_post',
    'edited_channel_post',
    'inline_query',
    'chosen_inline_result',
    'shipping_query',
    'pre_checkout_query',
    'purchased_paid_media',
    'poll',
    'poll_answer',
    'chat_boost',
    'removed_chat_boost',
    'message_reaction_count',
    'managed_bot',
  ])
    t.strictSame(await outcomeOf(update(kind, message({ text: 'x' }))), { outcome: 'ignored', reason: kind })
  t.strictSame(await outcomeOf({ ok: true }), { outcome: 'failed', reason: 'unknown_shape' })
  for (const kind of ['Odd Kind', 'brand_new_2027'])
    t.strictSame(await outcomeOf(update(kind, {})), { outcome: 'failed', reason: 'unknown_kind' })
  t.strictSame(await outcomeOf(update('message', { chat: minaChat, text: 'x' })), {
    outcome: 'failed',
    reason: 'no_message_id',
  })
  t.strictSame(await outcomeOf(update('message', { chat: group, message_id: 1 })), {
    outcome: 'failed',
    reason: 'no_sender',
  })
  t.strictSame(await outcomeOf(update('edited_message', {})), { outcome: 'failed', reason: 'no_target' })
  t.strictSame(await outcomeOf(update('my_chat_member', {})), { outcome: 'failed', reason: 'no_status' })
})
