import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { JsonRow } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { pageOf } from '../../http/collection-operations.ts'
import { sendRecord } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import { listParameters, searchBody } from '../../http/list-parameters.ts'
import { operation } from '../../http/operation.ts'
import { type Question, questionOf } from '../../http/query.ts'
import { type Deps, fetchRecord, readPage } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { auditEvents } from './schema.ts'

const id = (description: string) =>
  z.uuid().toLowerCase().optional().meta({ description, example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' })
const time = (description: string) =>
  z.iso.datetime({ offset: true }).optional().meta({ description, example: '2026-11-01T00:00:00Z' })

const parameters = listParameters(auditEvents, [], false, {
  recordId: id('Events that touched this record.'),
  subjectId: id('Events that concern this contact.'),
  from: time('Not before.'),
  to: time('Before.'),
})

const page = pageOf(auditEvents, auditEvents.answer)

/** Reading the audit is audited like any other read. */
export function auditEventRoutes(app: FastifyInstance, deps: Deps): void {
  const access = { action: 'read', resource: 'audit-events' } as const

  app.get('/v1/audit-events', {
    config: { access },
    schema: operation('audit-events.list', 'List audit events', {
      querystring: parameters,
      response: { 200: page },
      errors: ['invalid_cursor'],
      description: 'The newest first. Who did what to which records and fields; reading them is recorded too.',
    }),
    handler: async (request) => {
      const { recordId, subjectId, from, to, ...query } = request.query as JsonRow
      const question = questionOf(query)
      const filters = {
        ...question.filters,
        ...(subjectId ? { subjectIds: subjectId } : {}),
        ...(from ? { 'occurredAt[gte]': from } : {}),
        ...(to ? { 'occurredAt[lt]': to } : {}),
      }
      // Which records: contained in the touched ids, as the index has them.
      const scope = recordId
        ? {
            key: 'record',
            sql: sql`${readableEvent.ids} @> ARRAY[${named('parentId')}::uuid] AND ${readableEvent.touched} @> jsonb_build_array(jsonb_build_object('ids', jsonb_build_array(${named('parentId')}::text)))`,
            id: String(recordId),
            through: { parameter: 'recordId', field: 'touched' },
          }
        : undefined
      return readPage(deps, callerOf(request), auditEvents, [], { ...question, filters }, scope)
    },
  })

  app.post('/v1/audit-events/search', {
    config: { access },
    schema: operation('audit-events.search', 'Search audit events by body', {
      body: searchBody(auditEvents, [], false),
      response: { 200: page },
      errors: ['invalid_cursor', 'unprocessable'],
      description: 'The same as the list, asked for by body.',
    }),
    handler: async (request) =>
      readPage(deps, callerOf(request), auditEvents, [], {
        filters: {},
        include: [],
        trashed: false,
        ...(request.body as Partial<Question> & { limit: number }),
      }),
  })

  app.get('/v1/audit-events/:id', {
    config: { access },
    schema: operation('audit-events.fetch', 'Fetch an audit event', {
      params: idParams,
      response: { 200: auditEvents.answer },
      etag: true,
      description: 'Who did what to which records and fields, why, and whether it was allowed.',
    }),
    handler: async (request, reply) =>
      sendRecord(
        request,
        reply,
        await fetchRecord(deps, callerOf(request), auditEvents, idParams.parse(request.params).id),
      ),
  })
}
