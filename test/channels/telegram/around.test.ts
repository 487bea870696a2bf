import t from 'tap'
import { date, group, message, mina, minaChat, parsed, parsedMessage, update } from './fixtures.ts'

const at = new Date(date * 1000)
const from = {
  identities: [{ kind: 'telegram', value: '55', verified: true }],
  displayName: 'Mina Adler',
  username: 'mina',
  fields: { language: 'pt-BR' },
}

t.test('a reaction is set, changed and taken back', async (t) => {
  const reaction = async (new_reaction: unknown[], more = {}) =>
    (
      await parsed(
        update('message_reaction', {
          chat: minaChat,
          message_id: 7,
          user: mina,
          date,
          old_reaction: [],
          new_reaction,
          ...more,
        }),
      )
    )[0]
  t.match(await reaction([{ type: 'emoji', emoji: '👍' }]), {
    type: 'reaction',
    externalId: '55:7',
    emoji: '👍',
    from,
    direction: 'inbound',
  })
  t.match(
    await reaction([
      { type: 'emoji', emoji: '👍' },
      { type: 'emoji', emoji: '❤' },
    ]),
    { emoji: '👍❤' },
  )
  t.match(await reaction([{ type: 'custom_emoji', custom_emoji_id: '5368' }]), { emoji: ':5368:' })
  t.match(await reaction([]), { emoji: null })
  t.match(await reaction([{ type: 'paid' }], { user: undefined, actor_chat: group }), {
    emoji: '⭐',
    from: { displayName: 'Riders' },
  })
})

t.test('blocking the bot is a stop, starting it again a resume', async (t) => {
  const changed = (status: string, before: string, chat: unknown = minaChat) =>
    update('my_chat_member', {
      chat,
      from: mina,
      date,
      old_chat_member: { status: before },
      new_chat_member: { status, until_date: 0 },
    })
  t.match(await parsed(changed('kicked', 'member')), [
    {
      type: 'preference',
      category: 'all',
      state: 'stop',
      from: { identities: from.identities },
      detail: { type: 'my_chat_member', status: 'kicked' },
    },
    { type: 'message', externalId: 'update:9001', message: { type: 'system', content: { event: 'bot_blocked' } } },
  ])
  t.match(await parsed(changed('member', 'kicked')), [
    { state: 'resume' },
    { message: { content: { event: 'bot_unblocked' } } },
  ])
  t.match(await parsed(changed('administrator', 'left', group)), [
    {
      type: 'message',
      message: { type: 'system', content: { event: 'bot_added' } },
      from: { identities: [] },
      thread: { id: '-1001305240521' },
    },
  ])
  t.match(await parsed(changed('kicked', 'member', group)), [{ message: { content: { event: 'bot_removed' } } }])
  t.match(await parsed(changed('administrator', 'member', group)), [
    { message: { content: { event: 'bot_rights_changed' } } },
  ])
})

t.test('members of a group come and go', async (t) => {
  const member = (status: string, more = {}) => ({ user: { id: 66, first_name: 'Zoe' }, status, ...more })
  const changed = (old_chat_member: unknown, new_chat_member: unknown) =>
    parsed(update('chat_member', { chat: group, from: mina, date, old_chat_member, new_chat_member }))
  t.match(await changed(member('left'), member('member')), [
    {
      message: {
        content: { event: 'member_joined', members: [{ id: '66', displayName: 'Zoe' }] },
        text: 'Zoe joined the group',
      },
    },
  ])
  t.match(await changed(member('member'), member('restricted', { is_member: false })), [
    { message: { content: { event: 'member_left' } } },
  ])
  t.match(await changed(member('member'), member('restricted', { is_member: true })), [
    { message: { content: { event: 'member_changed' } } },
  ])
  t.match(
    await parsed(
      update('chat_join_request', {
        chat: group,
        from: mina,
        user_chat_id: 55,
        date,
        bio: 'I ride',
        invite_link: { name: 'ad' },
      }),
    ),
    [
      {
        type: 'message',
        from,
        thread: { id: '-1001305240521' },
        message: { content: { event: 'chat_join_request', bio: 'I ride', inviteLink: 'ad' } },
      },
    ],
  )
})

t.test('a group that becomes a supergroup goes on under its new id, whichever group says so', async (t) => {
  const change = {
    type: 'threadChange',
    old: { id: '-552', kind: 'group' },
    current: { id: '-100130', kind: 'group' },
    occurredAt: at,
  }
  t.strictSame(
    await parsed(update('message', message({ chat: { id: -552, type: 'group' }, migrate_to_chat_id: -100130 }))),
    [change],
  )
  t.strictSame(
    await parsed(update('message', message({ chat: { id: -100130, type: 'supergroup' }, migrate_from_chat_id: -552 }))),
    [change],
  )
})

t.test('in the business’s own chats both sides are heard, and our own answers are known again', async (t) => {
  const owner = { id: 12, is_bot: false, first_name: 'Owner' }
  const own = { business_connection_id: 'bc1', text: 'x' }
  const thread = { id: '55@bc1', kind: 'direct' }
  t.match(await parsedMessage(own, 'business_message'), { externalId: '55@bc1:7', direction: 'inbound', from, thread })
  t.match(await parsedMessage({ ...own, from: owner }, 'business_message'), {
    direction: 'outbound',
    from: { displayName: 'Owner' },
    to: { displayName: 'Mina Adler' },
    thread,
  })
  t.match(await parsedMessage({ ...own, from: owner, is_from_offline: true }, 'business_message'), {
    direction: 'outbound',
    automated: 'auto_reply',
  })
  const bot = { id: 700001, is_bot: true, first_name: 'Bot' }
  const echo = await parsedMessage({ ...own, from: owner, sender_business_bot: bot }, 'business_message')
  t.match(echo, { externalId: '55@bc1:7', direction: 'outbound', to: { identities: from.identities } })
  t.match(await parsed(update('edited_business_message', message({ ...own, text: 'y', edit_date: date + 1 }))), [
    { type: 'edit', externalId: '55@bc1:7' },
  ])
  t.match(
    await parsed(
      update('deleted_business_messages', { business_connection_id: 'bc1', chat: minaChat, message_ids: [7] }),
    ),
    [{ type: 'delete', externalId: '55@bc1:7', thread }],
  )
  const connection = { id: 'bc1', user: owner, user_chat_id: 12, date, is_enabled: true, rights: { can_reply: true } }
  t.match(await parsed(update('business_connection', connection)), [
    { type: 'notice', kind: 'business_connection', severity: 'info' },
  ])
  t.match(await parsed(update('business_connection', { ...connection, rights: { can_reply: false } })), [
    { severity: 'warning' },
  ])
  t.match(await parsed(update('business_connection', { ...connection, is_enabled: false })), [
    { kind: 'business_connection_disabled', severity: 'warning' },
  ])
})
