import { z } from 'zod'
import { defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { consentEvent } from '../../db/tables/privacy.ts'
import { contacts } from '../contacts/schema.ts'
import { lines } from '../values.ts'

const id = sql`${consentEvent.id}::text`

export const consentEvents = defineResource({
  name: 'consent-events',
  title: 'ConsentEvent',
  description:
    'What a contact said about being contacted, with what proves it. Nobody changes it or takes it away: a change of mind is another event, and of those about the same thing the latest holds.',
  table: consentEvent,
  tenant: consentEvent.tenantId,
  id: consentEvent.id,
  unit: consentEvent.businessUnitId,
  subject: sql`${consentEvent.contactId}`,
  within: { model: contacts, id: consentEvent.contactId },
  sort: '-occurredAt',
  fields: {
    id: { column: consentEvent.id, schema: idOf('The record’s id (UUIDv7).') },
    contactId: { column: consentEvent.contactId, schema: idOf('Who said it.') },
    businessUnitId: { column: consentEvent.businessUnitId, schema: idOf('The business unit to which it was said.') },
    category: {
      column: consentEvent.category,
      kind: 'choice',
      schema: z.enum(['marketing', 'all']).meta({
        description: 'About what: marketing, or any message at all (a block).',
        example: 'marketing',
      }),
      write: 'create',
      required: true,
      mask: 'hidden',
    },
    state: {
      column: consentEvent.state,
      kind: 'choice',
      schema: z.enum(['stop', 'resume']).meta({
        description: '`stop`: not, or not any more. `resume`: yes, also for the first time.',
        example: 'stop',
      }),
      write: 'create',
      required: true,
      mask: 'hidden',
    },
    channelId: {
      column: consentEvent.channelId,
      schema: idOf('The channel for which it holds; null: for all.'),
      write: 'create',
    },
    identityId: {
      column: consentEvent.identityId,
      schema: idOf('The address at which it was said, where it is known.'),
    },
    source: {
      column: consentEvent.source,
      kind: 'choice',
      schema: z.string().meta({
        description:
          'How it came: keyword (they wrote such a word), form (a check-box), preference (by the provider’s own means: a preference, a block, a mail to unsubscribe), link (of a message), manual (somebody here was told); may grow.',
        example: 'keyword',
      }),
      mask: 'hidden',
    },
    inboundEventId: {
      column: consentEvent.evidenceEventId,
      schema: idOf('The inbound event that proves it; it may be gone by now.'),
    },
    messageId: {
      column: consentEvent.evidenceMessageId,
      schema: idOf('The message that it came with, or that it answers; it may be gone by now.'),
    },
    evidence: {
      value: sql`CASE WHEN ${consentEvent.sealedEvidence} IS NOT NULL THEN json_build_object('href', '/v1/consent-events/' || ${id} || '/evidence') END`,
      kind: 'json',
      schema: z
        .object({
          href: z.string().meta({
            description: 'The path of the evidence.',
            example: '/v1/consent-events/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11/evidence',
          }),
        })
        .meta({ description: 'Where the words in which it was said can be seen; null where none are kept.' }),
      write: 'create',
      required: true,
      derived: true,
    },
    occurredAt: { column: consentEvent.occurredAt, schema: time('When it was said.'), write: 'create' },
    createdAt: { column: consentEvent.createdAt, schema: time('When it was put down.') },
  },
})
consentEvents.createBody = consentEvents.createBody
  .extend({
    evidence: lines(
      5_000,
      'How it was said, and how that can be shown. Kept sealed; it goes with the contact when they are erased.',
      'By phone on 12 May: she wants no more newsletters. Call no. 4711.',
    ),
    channelId: idOf('The channel for which it holds; left out: for all.').nullish(),
    occurredAt: time('When it was said; left out: now.').optional(),
  })
  .strict()
  .meta({ id: 'ConsentEventCreate', description: 'What a contact said in a way that no channel has brought in.' })

/** What is said of a new one, for the audit. */
export const consentFieldNames = [
  'contactId',
  'channelId',
  'identityId',
  'category',
  'state',
  'source',
  'inboundEventId',
  'messageId',
  'evidence',
  'occurredAt',
]

/** The words of a consent event, as they are kept and shown. */
export const evidenceShape = z
  .object({
    text: z.string().optional().meta({ description: 'What was written, by them or about it.', example: 'STOP' }),
    detail: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'What the provider or the form told.', example: { question: 'News?', answer: 'yes' } }),
  })
  .meta({ id: 'ConsentEvidence', description: 'The words in which something was said about being contacted.' })
