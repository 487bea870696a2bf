import { z } from 'zod'
import { commonFields, defineResource, idOf, time } from '../../access/define.ts'
import { declareChildren } from '../../db/children.ts'
import { sql } from '../../db/sql.ts'
import { message } from '../../db/tables/conversation.ts'
import { attachments } from '../attachments/schema.ts'
import { conversations } from '../conversations/schema.ts'
import { detectedSaid, idList, lines, text, word } from '../values.ts'
import { contactCards, interactive, location, reaction } from './rich-schema.ts'

const anything = z.record(z.string(), z.unknown())

export const messages = defineResource({
  name: 'messages',
  title: 'Message',
  description: 'One utterance in a conversation, in or out.',
  table: message,
  tenant: message.tenantId,
  id: message.id,
  unit: message.businessUnitId,
  subject: sql`${message.contactId}`,
  state: message.state,
  within: { model: conversations, id: message.conversationId },
  sort: '-occurredAt',
  fields: {
    ...commonFields(message),
    conversationId: { column: message.conversationId, schema: idOf('The conversation.') },
    contactId: { column: message.contactId, schema: idOf('The contact.') },
    identityId: { column: message.identityId, schema: idOf('The address it came from or goes to.') },
    channelId: { column: message.channelId, schema: idOf('The channel.') },
    businessUnitId: { column: message.businessUnitId, schema: idOf('The business unit.') },
    direction: {
      column: message.direction,
      kind: 'choice',
      schema: z
        .enum(['inbound', 'outbound'])
        .meta({ description: 'From the contact, or to them.', example: 'inbound' }),
      mask: 'hidden',
    },
    type: {
      column: message.type,
      kind: 'choice',
      schema: z.string().meta({
        description:
          'text, template, image, video, audio, document, sticker, location, contacts, interactive, reaction (one of ours), button, order, form, call, system, unsupported; may grow.',
        example: 'text',
      }),
      mask: 'hidden',
    },
    content: {
      column: message.content,
      schema: anything.meta({ description: 'What it holds, by type.', example: { text: 'Hello' } }),
      nullable: false,
      veiledIn: message.veiled,
    },
    text: {
      column: message.text,
      schema: z.string().meta({
        description: `The plain rendering, whatever the type. ${detectedSaid}`,
        example: 'Hello',
      }),
      search: 'text',
      veiledIn: message.veiled,
    },
    reactions: {
      column: message.reactions,
      schema: z
        .array(
          z.object({
            by: z.string().meta({ description: 'contact or member; may grow.', example: 'contact' }),
            emoji: z.string().meta({ description: 'With what.', example: '👍' }),
            at: time('When.'),
          }),
        )
        .meta({ description: 'Who reacted how; one per side, the latest counts.' }),
      nullable: false,
    },
    attachmentIds: {
      column: message.attachmentIds,
      schema: z.array(z.uuid()).meta({ description: 'The attachments.', example: [] }),
    },
    status: {
      derived: true,
      column: message.status,
      kind: 'choice',
      schema: z
        .enum(['received', 'queued', 'sent', 'delivered', 'read', 'failed', 'unknown'])
        .meta({ description: 'How far it has come; never goes back.', example: 'received' }),
      mask: 'hidden',
    },
    error: {
      derived: true,
      column: message.error,
      schema: z
        .object({
          code: z.string().meta({ description: 'The reason code.', example: 'window_closed' }),
          class: z.string().optional().meta({
            description:
              'What follows from it: permanent, transient, window_closed, opted_out, reauthorise, limit, unknown; may grow.',
            example: 'window_closed',
          }),
        })
        .meta({ id: 'MessageError', description: 'Why it was not delivered.' }),
    },
    author: {
      value: sql`json_build_object('kind', ${message.authorKind}, 'id', ${message.authorId}, 'apiKeyId', ${message.authorKeyId})`,
      kind: 'json',
      nullable: false,
      filter: false,
      schema: z
        .object({
          kind: z
            .string()
            .meta({ description: 'contact, member, apiKey, system or provider; may grow.', example: 'contact' }),
          id: z.uuid().nullable().meta({
            description: 'Their id; null for a member of a group whom the provider does not name, and for programs.',
          }),
          apiKeyId: z
            .uuid()
            .nullable()
            .meta({ description: 'The API key through which the member wrote.', example: null }),
        })
        .meta({ id: 'MessageAuthor', description: 'Who wrote it.' }),
    },
    replyToId: { column: message.replyToId, schema: idOf('The message that it answers.') },
    externalId: {
      derived: true,
      column: message.externalId,
      schema: z.string().meta({ description: 'The provider’s id of it.', example: 'wamid.HBg…' }),
      kind: 'text',
      mask: 'hidden',
    },
    historical: {
      column: message.historical,
      schema: z.boolean().meta({ description: 'Brought in later: no routing, no unread.', example: false }),
    },
    purpose: { column: message.purpose, schema: word('What it is for.', 'support') },
    occurredAt: { column: message.occurredAt, schema: time('When it was written.') },
    editedAt: { column: message.editedAt, schema: time('When it was last edited.') },
    deletedAt: {
      column: message.deletedAt,
      schema: time('When its author took it back; the content is gone, the fact stays.'),
    },
  },
})

declareChildren(messages, {
  name: 'attachments',
  model: attachments,
  link: 'messageId',
  fields: ['id', 'fileName', 'mediaType', 'size', 'status'],
})
messages.answer = messages.answer
  .extend({
    attachments: z
      .array(
        attachments.answer
          .pick({ id: true, fileName: true, mediaType: true, size: true, status: true, maskedFields: true })
          .meta({ id: 'MessageAttachment', description: 'An attachment of a message, in brief.' }),
      )
      .optional()
      .meta({
        description:
          'The attachments that you may see, in brief, wherever messages are read; their content is at /v1/attachments/{id}/content.',
      }),
  })
  .meta({ id: messages.title, description: messages.description })

const template = z
  .strictObject({
    name: word('Its name at the provider.', 'order_update').max(512),
    language: z
      .string()
      .regex(/^[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3}$/)
      .meta({ description: 'In which of its languages, as the provider writes it.', example: 'de' }),
    components: z
      .array(z.record(z.string(), z.unknown()))
      .max(50)
      .default([])
      .meta({ description: 'What fills its places, in the provider’s own shape.', example: [] }),
  })
  .meta({ id: 'MessageTemplate', description: 'A text that the provider has approved beforehand.' })

/** What an answer is made of. */
export const newMessage = z
  .strictObject({
    type: z
      .enum([
        'text',
        'template',
        'interactive',
        'location',
        'contacts',
        'reaction',
        'image',
        'video',
        'audio',
        'document',
        'sticker',
      ])
      .default('text')
      .meta({
        description:
          'What it is; of a message with files it may be left out. The types template, interactive, location, contacts and reaction each go with the member of their name; a reaction is to the message that `replyToId` names, and once it has been sent it stands among the `reactions` of that. A channel that cannot be sent it refuses, with the reason.',
        example: 'text',
      }),
    text: lines(
      65_536,
      'What it says, or says beside its files or above its choices; how much of it a channel takes differs. Of a template: how it reads. A place or cards have none.',
      'It left our warehouse this morning.',
    ).optional(),
    template: template.optional(),
    interactive: interactive.optional(),
    location: location.optional(),
    contacts: contactCards.optional(),
    reaction: reaction.optional(),
    subject: text(300, 'What it is about, where the channel’s messages have a subject.', 'Your order 1042').optional(),
    previewUrl: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the first link in it is shown with a preview.', example: false }),
    replyToId: idOf('The message of the conversation that it answers.').optional(),
    attachmentIds: idList('Uploaded files that go with it.').default([]),
    purpose: word('What it is for; left out: what the conversation is for.', 'support').optional(),
    expectedLastMessageId: z.uuid().toLowerCase().nullable().optional().meta({
      description:
        'The conversation’s last message as you know it, null for none: when another has come meanwhile, nothing is sent (409).',
      example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
  })
  .meta({
    id: 'MessageSend',
    description: 'A message to the contact of a conversation.',
    example: { type: 'text', text: 'It left our warehouse this morning.', purpose: 'support' },
  })

export type MessageSend = z.infer<typeof newMessage>
