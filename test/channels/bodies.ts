import fc from 'fast-check'
import type { JsonValue } from '../../src/channels/json.ts'
import { lineBody } from './line/generator.ts'
import { messagingBody } from './meta/generator.ts'
import { telegramBody } from './telegram/generator.ts'

/** Any JSON. */
export const json = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<JsonValue>
/** Words that the parsers know, and any others. */
export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    'text',
    'image',
    'interactive',
    'order',
    'system',
    'edit',
    'revoke',
    'reaction',
    'contacts',
    'location',
    'failed',
    'terminate',
    'user_changed_user_id',
    'message',
    'status',
    'delete',
    'constructor',
    '__proto__',
  ),
)

/** Objects with the names that the parsers look at and anything in them: this reaches further than arbitrary JSON. */
const names = [
  'id',
  'type',
  'from',
  'to',
  'timestamp',
  'text',
  'body',
  'image',
  'interactive',
  'context',
  'edit',
  'message',
  'reaction',
  'message_id',
  'system',
  'user_id',
  'wa_id',
  'errors',
  'status',
  'recipient_id',
  'value',
  'category',
  'referral',
  'contacts',
  'profile',
  'name',
  'attachments',
  'url',
  'historical',
  'occurredAt',
  'direction',
  'thread',
  'messageId',
  'emoji',
  'event',
  'original_message_id',
]
export const shaped = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.integer(),
    fc.constant(null),
    json,
    tie('object'),
    fc.array(tie('object'), { maxLength: 3 }),
  ),
  object: fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 8 }),
})).object as fc.Arbitrary<JsonValue>

const families = [
  'messages',
  'statuses',
  'message_echoes',
  'calls',
  'user_preferences',
  'user_id_update',
  'state_sync',
  'groups',
  'contacts',
  'errors',
  'history',
]
const change = fc.record({
  field: fc.oneof(text, fc.constantFrom('messages', 'history', 'calls', 'account_update')),
  value: fc.dictionary(fc.constantFrom(...families, 'metadata'), fc.oneof(fc.array(shaped, { maxLength: 4 }), shaped), {
    maxKeys: 4,
  }),
})
const word = fc.constantFrom('a', 'b\0', '7', 'delivered', '\ud800x')
const connectorEvent = fc.record({
  id: word,
  type: fc.constantFrom('message', 'status', 'edit', 'delete', 'reaction'),
  from: fc.record({ value: word, phone: text }),
  messageId: word,
  emoji: word,
  status: word,
  message: fc.oneof(
    fc.record({ text: word }),
    fc.record({ type: fc.constant('button'), payload: word, title: word }),
    shaped,
  ),
}) as fc.Arbitrary<JsonValue>
const formBody = fc.oneof(
  fc.dictionary(
    fc.oneof(fc.constantFrom('name', 'your-email', '_t', '_nonce', '_gotcha', 'phone', 'country'), word, text),
    text,
    {
      maxKeys: 6,
    },
  ),
  fc.record({
    event_id: word,
    form_response: fc.record({
      token: word,
      hidden: fc.dictionary(word, text, { maxKeys: 2 }),
      answers: fc.constant([{ type: 'email', email: 'a@example.com', field: { id: 'x', type: 'email' } }]),
    }),
  }),
  fc.record({
    eventId: word,
    data: fc.record({
      submissionId: word,
      fields: fc.oneof(
        fc.constant([{ key: 'a', label: 'Phone', type: 'INPUT_PHONE_NUMBER', value: '0170 1234567' }]),
        fc.array(shaped, { maxLength: 3 }),
      ),
    }),
  }),
  shaped,
) as fc.Arbitrary<JsonValue>
/** A post's body by channel type: what its parser looks at, and anything in it. */
export const bodies: Record<string, fc.Arbitrary<JsonValue>> = {
  whatsapp: fc.record({
    object: fc.constant('whatsapp_business_account'),
    entry: fc.array(
      fc.record({
        id: text,
        time: fc.integer(),
        changes: fc.array(change as fc.Arbitrary<JsonValue>, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }) as fc.Arbitrary<JsonValue>,
  form: formBody,
  webchat: fc.oneof(
    { weight: 1, arbitrary: shaped },
    {
      weight: 4,
      arbitrary: fc.record({
        visitor: fc.record({ id: word, userId: fc.oneof(word, fc.constant(null)), name: text, email: word }),
        id: word,
        text,
        files: fc.oneof(
          fc.array(fc.record({ fileName: text, mediaType: text, sizeBytes: fc.integer() }), { maxLength: 1 }),
          shaped,
        ),
      }),
    },
  ) as fc.Arbitrary<JsonValue>,
  connector: fc.record({
    events: fc.array(
      fc.oneof(
        { weight: 1, arbitrary: shaped },
        { weight: 1, arbitrary: json },
        { weight: 4, arbitrary: connectorEvent },
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }) as fc.Arbitrary<JsonValue>,
  messenger: messagingBody('page', shaped, text),
  instagram: messagingBody('instagram', shaped, text),
  line: lineBody(shaped, text),
  telegram: telegramBody(shaped, text),
}
