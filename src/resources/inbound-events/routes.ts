import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Finish, type JsonRow, Finish as Last, type Tx } from '../../db/database.ts'
import { finishRow, lockRow, updateRow } from '../../db/row-changes.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import { sendRecord } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce, type Made } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import { subjectOf } from '../../http/record-changes.ts'
import { type Deps, fetchRecord } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { payloadFetch } from './payload.ts'
import { enqueueLanes, replayTarget } from './queries.ts'
import { inboundEvents } from './schema.ts'

const payload = z
  .unknown()
  .meta({ description: 'The event in the provider’s own shape.', example: { type: 'message', id: 'evt-1' } })

/** What came in, as it came in. Nobody makes or changes events by hand; they are replayed or set aside. */
export function inboundEventRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, { resource: inboundEvents, create: false, change: false })

  app.get('/v1/inbound-events/:id/payload', {
    config: { access: { action: 'read', resource: 'inbound-events' } },
    schema: operation('inbound-events.payload', 'See an event as the provider sent it', {
      params: idParams,
      response: { 200: payload },
      description: 'For those who may read the field `payload`. 410 when it has expired or its contact was erased.',
      errors: ['gone'],
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const found = await payloadFetch(deps.db, callerOf(request), id)
      // Written here: a payload that is a text would else be sent as plain text.
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(found))
    },
  })

  const again = (path: string, verb: string, summary: string, description: string, work: Work): void => {
    app.post(`/v1/inbound-events/:id/${path}`, {
      config: { access: { action: 'administer', resource: 'inbound-events' } },
      schema: operation(`inbound-events.${verb}`, summary, {
        params: idParams,
        response: { 202: inboundEvents.answer },
        description,
        errors: ['conflict', 'gone', 'unprocessable'],
        idempotent: true,
        etag: true,
      }),
      handler: (request, reply) => step(deps, request, reply, work),
    })
  }
  again(
    'replay',
    'replay',
    'Process an event again',
    'Puts the event back in its lane and has it processed, whatever became of it before. What it led to already is not doubled.',
    replay,
  )
  again(
    'set-aside',
    'setAside',
    'Let the events behind a failing one go on',
    'An event that fails holds back those that follow it in its conversation while it is tried again. Set aside, it counts as failed now; it can still be replayed.',
    setAside,
  )
}

type Work = (tx: Tx, id: string, before: JsonRow) => Promise<{ columns: JsonRow; changed: string[] }>

async function step(deps: Deps, request: FastifyRequest, reply: FastifyReply, work: Work): Promise<FastifyReply> {
  const { id } = idParams.parse(request.params)
  const caller = callerOf(request)
  const entry = { action: 'administer', resource: 'inbound-events' } as const
  const made = await changeOnce(
    deps.db,
    caller,
    request,
    reply,
    entry,
    async (tx): Promise<Finish<Made>> => {
      const { clear } = await lockRow(tx, inboundEvents, id, 'administer')
      const { columns, changed } = await work(tx, id, clear)
      const after = { ...clear, status: columns.status }
      const finish = finishRow(tx, inboundEvents, updateRow(tx, inboundEvents, id, columns), {
        id,
        after,
        changed,
        version: Number(clear.version) + 1,
        subjectId: subjectOf(inboundEvents, clear),
      })
      return new Last(finish.statement, finish.touched, (rows) => ({ id, record: finish.done(rows) }))
    },
    () => fetchRecord(deps, caller, inboundEvents, id),
  )
  return sendRecord(request, reply.code(202), made.record)
}

/** Normalising recognises what an event has led to, by the provider's own ids: once more does no harm. */
const replay: Work = async (tx, id) => {
  const target = await replayTarget(tx, id)
  if (!target.hasPayload) throw new Problem('gone', { recordIds: [id] })
  if (!target.channelId || !target.businessUnitId)
    throw new Problem('unprocessable', {
      detail: 'No active channel serves the account that this event is for.',
      recordIds: [id],
    })
  await enqueueLanes(tx, target.channelId, [target.lane])
  return {
    columns: {
      status: 'stored',
      reason: null,
      attempts: 0,
      retry_at: null,
      processed_at: null,
      channel_id: target.channelId,
      business_unit_id: target.businessUnitId,
    },
    changed: ['status', 'reason', 'attempts', 'channelId', 'businessUnitId'],
  }
}

const setAside: Work = async (tx, id, before) => {
  if (before.status !== 'stored' || before.attempts === 0)
    throw new Problem('conflict', { detail: 'Only an event that is tried again is set aside.', recordIds: [id] })
  const target = await replayTarget(tx, id)
  if (target.channelId) await enqueueLanes(tx, target.channelId, [target.lane])
  return {
    columns: { status: 'failed', reason: 'set_aside', processed_at: sql`now()`, retry_at: null },
    changed: ['status', 'reason'],
  }
}
