import type { FastifyInstance } from 'fastify'
import type { JsonRow } from '../../db/database.ts'
import { pageOf } from '../../http/collection-operations.ts'
import { sendRecord } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import { listParameters, searchBody } from '../../http/list-parameters.ts'
import { operation } from '../../http/operation.ts'
import type { Question } from '../../http/query.ts'
import { type Deps, fetchRecord, readPage } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { eventParameters, eventQuestion } from './question.ts'
import { auditEvents } from './schema.ts'

const parameters = listParameters(auditEvents, [], false, eventParameters)

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
      const { question, scope } = eventQuestion(request.query as JsonRow)
      return readPage(deps, callerOf(request), auditEvents, [], question, scope)
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
