import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { operation } from '../../http/operation.ts'
import { type ChatScope, chatConfig, chatErrors, chatPath, preflight } from './chat-scope.ts'
import { readCursor, type VisitorCursor } from './cursor.ts'
import { channelParams, eventsQuery } from './schema.ts'
import { VisitorStreams } from './streams.ts'
import { bearer } from './visitors.ts'

/** Longer than any stream lives. */
const streamTimeoutMs = 2 * 3_600_000

/** The stream of what happens in a visitor's conversation. */
export function eventRoute(scope: FastifyInstance, { db, asVisitor }: ChatScope): void {
  const streams = new VisitorStreams(db, scope.log)
  // A stop waits for answers that are under way; these would never end by themselves.
  scope.addHook('preClose', async () => streams.close())
  preflight(scope, `${chatPath}/events`, 'GET')
  scope.get(`${chatPath}/events`, {
    config: chatConfig,
    handlerTimeout: streamTimeoutMs,
    exposeHeadRoute: false,
    schema: operation('webchat.events', 'Listen to the conversation', {
      params: channelParams,
      querystring: eventsQuery,
      headers: z.object({
        'last-event-id': z
          .string()
          .optional()
          .meta({ description: 'The id of the last event that arrived; browsers send it.', example: 'eyI…' }),
      }),
      response: {
        200: z.string().meta({
          description: 'Server-sent events: message, edited, deleted; their data is a message as the list has it.',
          example: 'id: eyI…\nevent: message\ndata: {"id":"…","direction":"outbound","text":"Yes."}\n\n',
        }),
      },
      produces: ['text/event-stream'],
      errors: [...chatErrors, 'invalid_cursor', 'rate_limited'],
      description:
        'Everything since `Last-Event-ID` or `after` (without either: from the beginning), then what comes. Each batch is audited before it leaves. The stream ends now and then; whoever comes again with `Last-Event-ID` misses nothing and sees nothing twice.',
    }),
    handler: async (request, reply) => {
      const { after, visitorToken } = eventsQuery.parse(request.query)
      const cursor = cursorOf(request, after)
      const token = bearer(request) || visitorToken
      const stream = await asVisitor(request, (one) => streams.open(one, cursor, request.ip), token)
      // The browser has left: nothing is to be looked after any more.
      if (request.raw.socket.destroyed) stream.destroy()
      request.raw.once('close', () => stream.destroy())
      return reply
        .headers({
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        })
        .send(stream)
    },
  })
}

function cursorOf(request: FastifyRequest, after: string | undefined): VisitorCursor {
  const last = request.headers['last-event-id']
  const text = typeof last === 'string' && last !== '' ? last : after
  return text === undefined ? {} : readCursor(text)
}
