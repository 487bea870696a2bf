import { z } from 'zod'
import { defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { eventRows } from './rows.ts'

const touched = z
  .object({
    resource: z.string().meta({ description: 'The resource.', example: 'contacts' }),
    ids: z.array(z.string()).meta({ description: 'The records.', example: ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'] }),
    shown: z.array(z.string()).meta({ description: 'The fields that were shown in clear.', example: ['displayName'] }),
    masked: z.array(z.string()).meta({ description: 'The fields that were shown masked.', example: ['phone'] }),
    changed: z
      .array(z.string())
      .optional()
      .meta({ description: 'The fields that were set.', example: ['followUpStatus'] }),
    version: z.int().optional().meta({ description: 'The version that the change led to.', example: 2 }),
  })
  .meta({ id: 'Touched', description: 'Which records and fields of a resource were touched.' })

export const auditEvents = defineResource({
  name: 'audit-events',
  title: 'AuditEvent',
  description: 'Who did what to which records and which fields, why, and whether it was allowed.',
  table: readableEvent,
  tenant: readableEvent.tenantId,
  id: readableEvent.eventId,
  rows: eventRows,
  sort: '-occurredAt',
  fields: {
    id: { column: readableEvent.eventId, schema: idOf('The event’s id.') },
    occurredAt: { column: readableEvent.occurredAt, schema: time('When, by the database’s clock.') },
    actor: {
      value: sql`json_build_object('kind', ${readableEvent.actorKind}, 'id', ${readableEvent.actorId})`,
      kind: 'json',
      nullable: false,
      filter: false,
      schema: z
        .object({
          kind: z
            .string()
            .meta({ description: 'member, apiKey, connector, system or anonymous; may grow.', example: 'member' }),
          id: z.uuid().nullable().meta({ description: 'Their id.' }),
        })
        .meta({ id: 'Actor', description: 'Who did it.' }),
    },
    actorId: { column: readableEvent.actorId, schema: idOf('The actor’s id, to filter by.') },
    onBehalfOf: { column: readableEvent.onBehalfOf, schema: idOf('The member for whom a key acted.') },
    action: {
      column: readableEvent.action,
      kind: 'choice',
      schema: z.string().meta({ description: 'What was done.', example: 'read' }),
      mask: 'hidden',
    },
    resource: {
      column: readableEvent.resource,
      kind: 'choice',
      schema: z.string().meta({ description: 'With what.', example: 'contacts' }),
      mask: 'hidden',
    },
    touched: {
      column: readableEvent.touched,
      schema: z.array(touched).meta({ description: 'What was touched.' }),
      nullable: false,
    },
    subjectIds: {
      column: readableEvent.subjectIds,
      within: sql`${readableEvent.ids}`,
      schema: z.array(z.uuid()).meta({ description: 'The contacts concerned.', example: [] }),
    },
    rowCount: {
      column: readableEvent.rowCount,
      schema: z.int().meta({ description: 'How many records.', example: 1 }),
    },
    outcome: {
      column: readableEvent.outcome,
      kind: 'choice',
      schema: z.string().meta({ description: 'allowed or denied; may grow.', example: 'allowed' }),
      mask: 'hidden',
    },
    code: {
      column: readableEvent.code,
      kind: 'choice',
      schema: z.string().meta({
        description:
          'Why it was refused; `quota_alert` of the one event a day that says whose quota for clear values was hit.',
        example: 'not_found',
      }),
      mask: 'hidden',
    },
    purpose: {
      column: readableEvent.purpose,
      schema: z.string().meta({ description: 'What for.', example: 'support' }),
    },
    query: {
      column: readableEvent.query,
      schema: z
        .record(z.string(), z.unknown())
        .meta({ description: 'What a list was asked: fields and operators, values as keyed hashes.' }),
    },
    causeId: { column: readableEvent.causeId, schema: idOf('What caused the system’s own work.') },
    requestId: {
      column: readableEvent.requestId,
      schema: z.string().meta({ description: 'The request.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
      kind: 'choice',
    },
    ip: {
      value: sql`host(${readableEvent.ip})`,
      kind: 'text',
      nullable: true,
      filter: false,
      schema: z.string().meta({ description: 'From where.', example: '203.0.113.7' }),
    },
  },
})
