import { z } from 'zod'
import { commonFields, defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { conversation } from '../../db/tables/conversation.ts'
import { detectedSaid, tags, text, word } from '../values.ts'
import { maybeUnread, unreadCountOf } from './unread.ts'

export const conversations = defineResource({
  name: 'conversations',
  title: 'Conversation',
  description: 'A thread with a contact on a channel.',
  table: conversation,
  tenant: conversation.tenantId,
  id: conversation.id,
  unit: conversation.businessUnitId,
  subject: sql`${conversation.contactId}`,
  state: conversation.state,
  fields: {
    ...commonFields(conversation),
    contactId: { column: conversation.contactId, schema: idOf('With whom.'), write: 'create', required: true },
    identityId: {
      column: conversation.identityId,
      schema: idOf('At which address of theirs.'),
      write: 'create',
      required: true,
    },
    channelId: { column: conversation.channelId, schema: idOf('On which channel.'), write: 'create', required: true },
    channel: {
      column: conversation.channel,
      kind: 'choice',
      schema: z.string().meta({ description: 'The channel’s type.', example: 'whatsapp' }),
      mask: 'hidden',
    },
    isGroup: {
      derived: true,
      column: conversation.isGroup,
      schema: z.boolean().meta({
        description:
          'Whether it is a group of the channel’s, in which several contacts speak: each message names its author, and answers go to all of them. `contactId` is whoever spoke first, or who has it since that one was erased.',
        example: false,
      }),
    },
    businessUnitId: { column: conversation.businessUnitId, schema: idOf('The business unit it belongs to.') },
    status: {
      column: conversation.status,
      kind: 'choice',
      schema: z
        .enum(['open', 'pending', 'snoozed', 'closed'])
        .meta({ description: 'Where it stands.', example: 'open' }),
      write: 'always',
      mask: 'hidden',
    },
    snoozedUntil: { column: conversation.snoozedUntil, schema: time('Until when it sleeps.'), write: 'always' },
    subject: {
      column: conversation.subject,
      schema: text(300, `What it is about. ${detectedSaid}`, 'Delivery of order 1042'),
      write: 'always',
      search: 'text',
      veiledIn: conversation.veiled,
    },
    priority: {
      column: conversation.priority,
      kind: 'choice',
      schema: z.enum(['low', 'normal', 'high', 'urgent']).meta({ description: 'How urgent it is.', example: 'normal' }),
      write: 'always',
      mask: 'hidden',
    },
    assigneeId: { column: conversation.assigneeId, schema: idOf('The member who answers.'), write: 'always' },
    teamId: { column: conversation.teamId, schema: idOf('The team that answers.'), write: 'always' },
    purpose: {
      column: conversation.purpose,
      schema: word('What the conversation is for; set once.', 'support'),
      write: 'create',
    },
    tags: { column: conversation.tags, schema: tags('The tags that it carries.'), write: 'always' },
    unreadCount: {
      value: sql`${conversation.unreadCount}`,
      own: unreadCountOf,
      kind: 'number',
      nullable: false,
      schema: z.int().meta({
        description:
          'How many messages of the contact you have not read. Until you have said how far you have read, and for API keys: those that nobody has answered yet.',
        example: 2,
      }),
      write: 'always',
      derived: true,
      volatile: true,
    },
    unread: {
      value: sql`(${conversation.unreadCount} > 0)`,
      own: (principal) => sql`(${unreadCountOf(principal)} > 0)`,
      within: maybeUnread,
      kind: 'boolean',
      nullable: false,
      schema: z.boolean().meta({ description: 'Whether there is anything that you have not read.', example: true }),
      derived: true,
      volatile: true,
    },
    lastMessageId: { column: conversation.lastMessageId, schema: idOf('The last message.'), derived: true },
    lastMessageAt: {
      column: conversation.lastMessageAt,
      schema: time('When the last message was.'),
      derived: true,
    },
    lastInboundAt: {
      derived: true,
      column: conversation.lastInboundAt,
      schema: time('When the contact last wrote; the provider’s reply window counts from it.'),
    },
    waitingSince: {
      derived: true,
      column: conversation.waitingSince,
      schema: time('Since when the contact waits for an answer; null when nobody waits.'),
    },
  },
})
// A conversation starts open and unread by nobody.
conversations.createBody = conversations.createBody
  .omit({ status: true, snoozedUntil: true, unreadCount: true })
  .strict()
  .meta({ id: 'ConversationCreate', description: 'What a new conversation is made of.' })
// Marking as read (the same as PUT …/read) sets one's own count to nothing; nobody sets it to anything else.
conversations.patchBody = conversations.patchBody
  .extend({
    unreadCount: z
      .literal(0)
      .optional()
      .meta({ description: '0 marks the conversation as read, for you.', example: 0 }),
  })
  .strict()
  .meta({
    id: 'ConversationPatch',
    description: 'A JSON merge patch (RFC 7396) of a conversation: null removes a value.',
  })
