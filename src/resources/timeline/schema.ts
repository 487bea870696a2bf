import { z } from 'zod'
import type { Resource } from '../../access/define.ts'
import { idOf, time } from '../../access/define.ts'
import { consentEvents } from '../consent-events/schema.ts'
import { conversations } from '../conversations/schema.ts'
import { identities } from '../identities/schema.ts'
import { messages } from '../messages/schema.ts'
import { notes } from '../notes/schema.ts'

/** What a timeline is made of: each kind is a noun's own records, at the moment that one of its fields tells. */
export const timelineKinds = {
  message: { resource: messages, at: 'occurredAt', says: 'A message, in or out.' },
  note: { resource: notes, at: 'createdAt', says: 'An internal note.' },
  conversation: { resource: conversations, at: 'createdAt', says: 'A conversation was opened.' },
  identity: { resource: identities, at: 'createdAt', says: 'An address became known.' },
  consent: { resource: consentEvents, at: 'occurredAt', says: 'The contact said whether they want to be contacted.' },
} as const satisfies Record<string, { resource: Resource; at: string; says: string }>

export type TimelineKind = keyof typeof timelineKinds

export const timelineKindNames = Object.keys(timelineKinds) as [TimelineKind, ...TimelineKind[]]

const entryOf = (kind: TimelineKind) => {
  const { resource, says } = timelineKinds[kind]
  return z
    .object({
      kind: z.literal(kind).meta({ description: 'What happened.', example: kind }),
      id: idOf('The record’s id.'),
      occurredAt: time('When it happened.'),
      record: resource.answer,
    })
    .meta({ id: `Timeline${resource.title}`, description: says })
}

const entry = z
  .discriminatedUnion('kind', [
    entryOf('message'),
    entryOf('note'),
    entryOf('conversation'),
    entryOf('identity'),
    entryOf('consent'),
  ])
  .meta({ id: 'TimelineEntry', description: 'One thing that happened with a contact. Kinds may grow.' })

export const timelinePage = z
  .object({
    data: z.array(entry).meta({ description: 'The entries of this page, newest first.' }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Where the next page begins; null on the last.', example: null }),
  })
  .meta({ id: 'TimelinePage', description: 'A page of what happened with a contact.' })

export const timelineParameters = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(25)
    .meta({ description: 'How many entries a page holds.', example: 25 }),
  cursor: z.string().min(1).max(4000).optional().meta({ description: 'The nextCursor of the page before.' }),
  kind: z
    .string()
    .regex(new RegExp(`^(${timelineKindNames.join('|')})(,(${timelineKindNames.join('|')}))*$`))
    .optional()
    .meta({
      description: `Only these kinds, separated by commas: ${timelineKindNames.join(', ')}.`,
      example: 'message,note',
    }),
})
