import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'
import { textLengthMax } from '../../channels/webchat/index.ts'
import { contactCards, interactive, location, reaction } from '../messages/rich-schema.ts'

export const channelParams = z.object({ channelId: idOf('The webchat channel.') })
export const fileParams = channelParams.extend({ fileId: idOf('The file.') })

const visitorToken = z
  .string()
  .max(4_096)
  .meta({ description: 'What names the visitor in the following requests, as a Bearer token.', example: 'wcv1.AR…' })

export const newSession = z
  .strictObject({
    visitorToken: visitorToken.optional().meta({ description: 'The one that the visitor has already.' }),
    userId: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^\p{Cc}]+$/u)
      .optional()
      .meta({ description: 'The site’s own id of a user who is logged in; goes with userHash.', example: 'user-4711' }),
    userHash: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/)
      .optional()
      .meta({
        description:
          'The hexadecimal HMAC-SHA256 of the userId under the channel’s signingSecret, made by the site’s server.',
        example: 'b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad',
      }),
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'As the page knows them; a claim.', example: 'Anna' }),
    email: z
      .email()
      .max(254)
      .optional()
      .meta({ description: 'As the page knows it; a claim.', example: 'anna@example.com' }),
  })
  .meta({ id: 'WebchatSessionCreate', description: 'Who opens a chat.' })

export const session = z
  .object({
    visitorToken,
    visitorId: z.uuid().meta({ description: 'The visitor.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
    expiresAt: time('Until when the token is good; a new session with it gives a new one.'),
    conversationId: z.uuid().optional().meta({
      description: 'The conversation that there is already.',
      example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
  })
  .meta({ id: 'WebchatSession', description: 'A visitor’s session.' })

const storable = (value: string): boolean => value.isWellFormed()

export const newVisitorMessage = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\w.:-]{1,100}$/)
      .meta({ description: 'The page’s own id of the message: the same one is taken once.', example: 'm-1' }),
    text: z
      .string()
      .max(textLengthMax)
      .refine((text) => text.trim() !== '', 'must say something')
      .optional()
      .meta({ description: 'What is said.', example: 'Do you ship to Malta?' }),
    attachments: z
      .array(z.uuid().toLowerCase())
      .max(5)
      .optional()
      .meta({ description: 'Ids of files that were uploaded before.', example: [] }),
    button: z
      .strictObject({
        id: z
          .string()
          .max(1_000)
          .regex(/^[^\p{Cc}]+$/u)
          .refine(storable)
          .meta({ description: 'The id with which it was sent.', example: 'size-m' }),
        title: z
          .string()
          .max(200)
          .regex(/^[^\p{Cc}]+$/u)
          .refine(storable)
          .optional()
          .meta({ description: 'The words on it.', example: 'Size M' }),
      })
      .optional()
      .meta({ description: 'The button, or the row of a list, that was chosen; then there is nothing else.' }),
  })
  .refine(
    ({ text, attachments = [], button }) => text !== undefined || attachments.length > 0 || button !== undefined,
    {
      error: 'A message has a text or a file.',
      path: ['text'],
    },
  )
  .refine(({ text, attachments = [], button }) => button === undefined || (text === undefined && !attachments.length), {
    error: 'Beside what was chosen there is nothing else.',
    path: ['button'],
  })
  .meta({
    id: 'WebchatMessageCreate',
    description: 'What a visitor says.',
    example: { id: 'm-1', text: 'Do you ship to Malta?' },
  })

export const acceptedMessage = z
  .object({
    id: z.string().meta({ description: 'The page’s own id.', example: 'm-1' }),
    duplicate: z.boolean().meta({ description: 'Whether it was here already.', example: false }),
  })
  .meta({ id: 'WebchatMessageAccepted', description: 'What became of a message.' })

export const visitorFile = z
  .object({
    id: z.uuid().meta({ description: 'The file’s id.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
    fileName: z.string().nullable().meta({ description: 'Its name.', example: 'plan.pdf' }),
    mediaType: z.string().nullable().meta({ description: 'What it is.', example: 'application/pdf' }),
    size: z.number().nullable().meta({ description: 'Its bytes.', example: 48213 }),
  })
  .meta({ id: 'WebchatFile', description: 'A file of a chat.' })

export const visitorMessage = z
  .object({
    id: z.uuid().meta({ description: 'The message’s id.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
    clientId: z
      .string()
      .optional()
      .meta({ description: 'The page’s own id of the visitor’s message.', example: 'm-1' }),
    direction: z
      .enum(['inbound', 'outbound'])
      .meta({ description: 'inbound: from the visitor; outbound: to them.', example: 'outbound' }),
    type: z.string().meta({
      description: 'text, interactive, location, contacts, button, image, video, audio, document, …; may grow.',
      example: 'text',
    }),
    text: z.string().meta({ description: 'What it says; empty once it was taken back.', example: 'Yes, we do.' }),
    attachments: z.array(visitorFile).meta({ description: 'Its files, at …/files/{fileId}.' }),
    interactive: interactive.optional(),
    location: location.optional(),
    contacts: contactCards.optional(),
    reaction: reaction.optional(),
    author: z
      .object({ displayName: z.string().meta({ description: 'The name of whoever answers.', example: 'Jo' }) })
      .optional()
      .meta({ description: 'Who answers, where the channel shows it.' }),
    replyToId: z.uuid().nullable().meta({ description: 'The message that it answers.', example: null }),
    occurredAt: time('When it was written.'),
    editedAt: time('When it was last changed.').nullable(),
    deletedAt: time('When it was taken back.').nullable(),
  })
  .meta({ id: 'WebchatMessage', description: 'A message as the visitor sees it.' })

export type VisitorMessage = z.infer<typeof visitorMessage>

export const visitorMessages = z
  .object({
    data: z.array(visitorMessage).meta({ description: 'New and changed messages, the oldest first.' }),
    nextCursor: z
      .string()
      .meta({ description: 'To ask for what comes after these, here or by the stream.', example: 'eyI…' }),
    hasMore: z.boolean().meta({ description: 'Whether there is more at once.', example: false }),
  })
  .meta({ id: 'WebchatMessages', description: 'What the visitor may see of their conversation.' })

export const messagesQuery = z.strictObject({
  after: z
    .string()
    .max(4_000)
    .optional()
    .meta({ description: 'The nextCursor of an earlier answer, or the id of an event.', example: 'eyI…' }),
  limit: z.coerce.number().int().min(1).max(200).default(100).meta({ description: 'How many at most.', example: 100 }),
})

export const eventsQuery = z.strictObject({
  after: z
    .string()
    .max(4_000)
    .optional()
    .meta({ description: 'Where to go on: a nextCursor. `Last-Event-ID` comes first.', example: 'eyI…' }),
  visitorToken: z
    .string()
    .max(4_096)
    .optional()
    .meta({ description: 'For a browser’s EventSource, which sends no headers.', example: 'wcv1.AR…' }),
})

export const readMark = z
  .strictObject({
    lastMessageId: z.uuid().toLowerCase().meta({
      description: 'The last message that the visitor has seen; all answers up to it count as read.',
      example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
  })
  .meta({ id: 'WebchatRead', description: 'How far a visitor has read.' })
