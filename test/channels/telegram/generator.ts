import fc from 'fast-check'
import type { JsonValue } from '../../../src/channels/json.ts'

/** Updates with the members that the Telegram parser looks at, and anything in them. */
export function telegramBody(shaped: fc.Arbitrary<JsonValue>, text: fc.Arbitrary<string>): fc.Arbitrary<JsonValue> {
  const any = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: shaped })
  const id = fc.oneof(fc.integer(), text)
  const user = fc.record({ id, is_bot: fc.boolean(), first_name: any, language_code: any }, { requiredKeys: [] })
  const chat = fc.record(
    { id, type: fc.constantFrom('private', 'group', 'supergroup', 'channel'), title: any },
    { requiredKeys: ['id'] },
  )
  const file = fc.oneof(fc.record({ file_id: text, file_size: any, file_name: any, duration: any }), shaped)
  const contents = [
    'text',
    'caption',
    'photo',
    'video_note',
    'voice',
    'animation',
    'document',
    'sticker',
    'location',
    'venue',
    'contact',
    'poll',
    'dice',
    'story',
    'web_app_data',
    'game',
    'paid_media',
    'checklist',
    'users_shared',
    'successful_payment',
    'new_chat_members',
    'left_chat_member',
    'pinned_message',
    'migrate_to_chat_id',
    'migrate_from_chat_id',
    'entities',
    'quote',
    'external_reply',
    'forward_origin',
    'media_group_id',
    'message_thread_id',
    'business_connection_id',
    'sender_chat',
    'constructor',
  ]
  const content = fc.dictionary(fc.constantFrom(...contents), fc.oneof(any, file, fc.array(file, { maxLength: 3 })), {
    maxKeys: 4,
  })
  const message = fc
    .tuple(
      fc.record(
        { message_id: id, from: user, chat, date: fc.oneof(fc.integer(), any), is_topic_message: fc.boolean() },
        { requiredKeys: ['chat'] },
      ),
      content,
    )
    .map(([envelope, body]) => ({ ...body, ...envelope }))
  const member = fc.record({ user, status: fc.constantFrom('member', 'kicked', 'left', 'restricted', 'odd') })
  const update = fc.record(
    {
      update_id: fc.oneof(fc.integer(), text),
      message,
      edited_message: message,
      channel_post: message,
      business_message: message,
      deleted_business_messages: fc.record({
        business_connection_id: text,
        chat,
        message_ids: fc.array(id, { maxLength: 3 }),
      }),
      callback_query: fc.record({ id, from: user, message, data: any }),
      message_reaction: fc.record({ chat, message_id: id, user, new_reaction: fc.array(shaped, { maxLength: 3 }) }),
      my_chat_member: fc.record({
        chat,
        from: user,
        date: fc.integer(),
        old_chat_member: member,
        new_chat_member: member,
      }),
      chat_member: fc.record({ chat, from: user, old_chat_member: member, new_chat_member: member }),
      business_connection: shaped,
      poll: shaped,
      __proto: shaped,
    },
    { requiredKeys: [] },
  )
  return update as fc.Arbitrary<JsonValue>
}
