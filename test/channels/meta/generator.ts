import fc from 'fast-check'
import type { JsonValue } from '../../../src/channels/json.ts'

/** Webhooks with the members that the parser of Messenger and Instagram looks at, and anything in them. */
export function messagingBody(
  object: 'page' | 'instagram',
  shaped: fc.Arbitrary<JsonValue>,
  text: fc.Arbitrary<string>,
): fc.Arbitrary<JsonValue> {
  const any = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: shaped })
  const mid = fc.oneof(text, fc.integer(), fc.constant(null))
  const side = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record(
        { id: fc.oneof(fc.constantFrom('P', '7', 7), text), user_ref: any },
        { requiredKeys: ['id'] },
      ),
    },
    { weight: 1, arbitrary: shaped },
  )
  const attachment = fc.record(
    {
      type: fc.oneof(
        fc.constantFrom('image', 'video', 'audio', 'file', 'sticker', 'location', 'fallback', 'template', 'share'),
        fc.constantFrom('reel', 'ig_reel', 'ig_post', 'story_mention', 'like_heart', 'ephemeral', 'unsupported_type'),
        text,
      ),
      payload: fc.oneof(
        fc.record(
          {
            url: fc.oneof(fc.constantFrom('https://a.example/x%zz/%E0%A4%A', 'https://a.example/', '::'), any),
            title: any,
            sticker_id: any,
            coordinates: fc.record({ lat: any, long: any }),
            elements: fc.array(shaped, { maxLength: 2 }),
          },
          { requiredKeys: [] },
        ),
        shaped,
        fc.constant(null),
      ),
      title: any,
      URL: any,
    },
    { requiredKeys: ['type'] },
  )
  const message = fc.record(
    {
      mid,
      text: any,
      attachments: fc.oneof(fc.array(attachment, { maxLength: 3 }), shaped),
      sticker_id: any,
      quick_reply: fc.oneof(fc.record({ payload: any }), shaped),
      reply_to: fc.oneof(fc.record({ mid: any, story: shaped }), shaped),
      is_echo: fc.boolean(),
      is_deleted: fc.boolean(),
      is_unsupported: fc.boolean(),
      is_self: fc.boolean(),
      app_id: any,
      metadata: any,
      referral: shaped,
    },
    { requiredKeys: ['mid'] },
  )
  const detail = fc.oneof(
    fc.record(
      { mid, text: any, num_edit: any, action: any, emoji: any, payload: any, title: any },
      { requiredKeys: [] },
    ),
    fc.record({ watermark: fc.oneof(fc.integer(), any), mids: fc.array(any, { maxLength: 3 }) }, { requiredKeys: [] }),
    fc.record({ type: fc.constant('notification_messages'), notification_messages_status: any, user_ref: any }),
    shaped,
  )
  const event = fc
    .record({
      name: fc.constantFrom(
        ...['message_edit', 'reaction', 'delivery', 'read', 'postback', 'optin', 'referral', 'app_roles', 'game_play'],
        ...['pass_thread_control', 'account_linking', 'policy_enforcement', 'policy-enforcement', 'message_request'],
        '__proto__',
      ),
      detail,
      message: fc.option(message, { nil: undefined, freq: 2 }),
      sender: side,
      recipient: side,
      timestamp: fc.oneof(fc.integer(), any),
    })
    .map(({ name, detail, message, ...rest }) =>
      Object.fromEntries(Object.entries({ ...rest, ...(message === undefined ? { [name]: detail } : { message }) })),
    )
  const items = fc.array(fc.oneof({ weight: 6, arbitrary: event }, { weight: 1, arbitrary: shaped }), { maxLength: 3 })
  const comment = fc.record(
    {
      id: mid,
      comment_id: mid,
      post_id: mid,
      parent_id: mid,
      media: fc.record({ id: any }),
      item: fc.oneof(fc.constantFrom('comment', 'status', 'photo', 'reaction'), text),
      verb: fc.oneof(fc.constantFrom('add', 'edited', 'remove', 'hide'), text),
      from: side,
      text: any,
      message: any,
      photo: fc.oneof(fc.constant('https://example.com/a.png'), any),
      created_time: fc.oneof(fc.integer(), any),
    },
    { requiredKeys: [] },
  )
  const change = fc.record({
    field: fc.oneof(fc.constantFrom('messages', 'comments', 'live_comments', 'mentions', 'feed', 'mention'), text),
    value: fc.oneof(event, comment, shaped),
  })
  return fc.record({
    object: fc.constant(object),
    entry: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ id: fc.constantFrom('P', 'Q', 7), time: fc.integer(), messaging: items }) },
        { weight: 2, arbitrary: fc.record({ id: fc.constant('P'), time: fc.integer(), standby: items }) },
        { weight: 1, arbitrary: fc.record({ id: fc.constant('P'), changes: fc.array(change, { maxLength: 2 }) }) },
        { weight: 1, arbitrary: shaped },
      ),
      { maxLength: 3 },
    ),
  }) as fc.Arbitrary<JsonValue>
}
