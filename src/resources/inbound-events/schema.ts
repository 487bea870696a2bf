import { z } from 'zod'
import { defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { inboundEvent } from '../../db/tables/conversation.ts'

export const inboundEvents = defineResource({
  name: 'inbound-events',
  title: 'InboundEvent',
  description: 'One event as the provider sent it, stored raw before it was answered.',
  table: inboundEvent,
  tenant: inboundEvent.tenantId,
  id: inboundEvent.id,
  unit: inboundEvent.businessUnitId,
  subject: sql`${inboundEvent.contactId}`,
  fields: {
    id: { column: inboundEvent.id, schema: idOf('The event’s id.') },
    version: {
      column: inboundEvent.version,
      schema: z.int().meta({ description: 'Counts the changes of its state.', example: 1 }),
    },
    channelId: { column: inboundEvent.channelId, schema: idOf('The channel it was routed to; null while unrouted.') },
    receivedChannelId: {
      column: inboundEvent.receivedChannelId,
      schema: idOf('The channel at whose address it was posted.'),
    },
    businessUnitId: { column: inboundEvent.businessUnitId, schema: idOf('The business unit; null while unrouted.') },
    type: {
      column: inboundEvent.type,
      kind: 'choice',
      schema: z.string().meta({ description: 'The channel’s type.', example: 'whatsapp' }),
      mask: 'hidden',
    },
    kind: {
      column: inboundEvent.kind,
      schema: z.string().meta({ description: 'The provider’s name of the event.', example: 'messages.text' }),
      mask: 'hidden',
    },
    status: {
      column: inboundEvent.status,
      kind: 'choice',
      schema: z
        .enum(['stored', 'processed', 'duplicate', 'ignored', 'unrouted', 'suppressed', 'failed'])
        .meta({ description: 'What became of it.', example: 'processed' }),
      mask: 'hidden',
    },
    reason: {
      column: inboundEvent.reason,
      kind: 'choice',
      schema: z.string().meta({ description: 'Why it was ignored or failed, as a code.', example: 'unknown_type' }),
      mask: 'hidden',
    },
    attempts: {
      column: inboundEvent.attempts,
      schema: z.int().meta({ description: 'How often it was tried.', example: 1 }),
    },
    payload: {
      value: sql`CASE WHEN ${inboundEvent.sealedPayload} IS NOT NULL THEN json_build_object('href', '/v1/inbound-events/' || ${inboundEvent.id}::text || '/payload') END`,
      kind: 'json',
      schema: z
        .object({
          href: z.string().meta({
            description: 'The path of the payload.',
            example: '/v1/inbound-events/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11/payload',
          }),
        })
        .meta({ description: 'Where the event can be seen as the provider sent it; null when it is no longer kept.' }),
    },
    occurredAt: { column: inboundEvent.occurredAt, schema: time('When it happened, by the provider.') },
    receivedAt: { column: inboundEvent.receivedAt, schema: time('When it arrived.') },
    processedAt: { column: inboundEvent.processedAt, schema: time('When it was dealt with.') },
    contactId: { column: inboundEvent.contactId, schema: idOf('The contact it led to.') },
    conversationId: { column: inboundEvent.conversationId, schema: idOf('The conversation it led to.') },
    messageId: { column: inboundEvent.messageId, schema: idOf('The message it led to.') },
  },
})
