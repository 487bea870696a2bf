import fc from 'fast-check'
import type { JsonValue } from '../../../src/channels/json.ts'

/** Webhooks with the members that the LINE parser looks at, and anything in them. */
export function lineBody(shaped: fc.Arbitrary<JsonValue>, text: fc.Arbitrary<string>): fc.Arbitrary<JsonValue> {
  const any = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: shaped })
  const source = fc.record(
    {
      type: fc.constantFrom('user', 'group', 'room'),
      userId: fc.oneof(text, fc.constant(null)),
      groupId: text,
      roomId: text,
    },
    { requiredKeys: [] },
  )
  const message = fc.record(
    {
      id: fc.oneof(text, fc.integer()),
      type: fc.constantFrom('text', 'image', 'video', 'audio', 'file', 'location', 'sticker', 'hoge'),
      text: any,
      emojis: shaped,
      mention: shaped,
      fileName: any,
      fileSize: any,
      title: any,
      latitude: any,
      quotedMessageId: any,
      contentProvider: fc.oneof(shaped, fc.record({ type: fc.constant('external'), originalContentUrl: any })),
    },
    { requiredKeys: ['type'] },
  )
  const event = fc.record(
    {
      type: fc.constantFrom(
        'message',
        'messageEdited',
        'unsend',
        'follow',
        'unfollow',
        'join',
        'memberJoined',
        'postback',
        'beacon',
        'accountLink',
        'membership',
        'module',
        'botSuspended',
        'delivery',
        '__proto__',
      ),
      mode: fc.constantFrom('active', 'standby'),
      timestamp: fc.oneof(fc.integer(), any),
      source: fc.oneof({ weight: 4, arbitrary: source }, { weight: 1, arbitrary: shaped }),
      webhookEventId: text,
      replyToken: any,
      message: fc.oneof({ weight: 4, arbitrary: message }, { weight: 1, arbitrary: shaped }),
      unsend: fc.oneof(fc.record({ messageId: any }), shaped),
      postback: fc.oneof(fc.record({ data: any, params: shaped }), shaped),
      joined: fc.record({ members: fc.array(source, { maxLength: 3 }) }),
      follow: shaped,
      deliveryContext: shaped,
    },
    { requiredKeys: ['type'] },
  )
  return fc.record({
    destination: text,
    events: fc.array(fc.oneof({ weight: 6, arbitrary: event }, { weight: 1, arbitrary: shaped }), { maxLength: 4 }),
  }) as fc.Arbitrary<JsonValue>
}
