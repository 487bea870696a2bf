import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { idOf } from '../../access/define.ts'
import type { Answer, Post, RefusalReason } from '../../channels/channel.ts'
import { createHttpClient } from '../../channels/http-client.ts'
import type { Caller } from '../../db/database.ts'
import { Problem } from '../../errors.ts'
import { answerPreflight, originOf, shareWith } from '../../http/cross-origin.ts'
import { metaOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import { fault, invalid } from '../../http/problem.ts'
import type { Deps } from '../../http/records.ts'
import { noContent } from '../../http/schema.ts'
import { countInbound } from '../../telemetry.ts'
import { attachmentStore } from '../attachments/keep-file.ts'
import { type KnownChannel, knownChannels } from './known-channels.ts'
import { postBytesMax, postBytesMaxOfAll, readPost } from './post-body.ts'
import { receive } from './receive.ts'
import { Refusals } from './refusals.ts'

const attemptsMax = 4

const params = z.object({ channelId: idOf('The channel.') })

const accepted = z
  .object({
    accepted: z.int().meta({ description: 'How many events are new and stored.', example: 2 }),
    duplicates: z.int().meta({ description: 'How many were here already.', example: 0 }),
    rejected: z
      .array(
        z.object({
          id: z.string().nullable().meta({ description: 'The event’s own id.', example: 'evt-1' }),
          code: z.string().meta({ description: 'What makes it unusable.', example: 'text_missing' }),
        }),
      )
      .meta({ description: 'Events that cannot be used; the others of the post were taken.', example: [] }),
  })
  .meta({ id: 'IngestAnswer', description: 'What became of the events of a post.' })

/** Where providers post. Public: what is posted proves itself by the channel's own signature. */
export function ingestRoutes(app: FastifyInstance, { db, config }: Deps): void {
  const known = knownChannels(db)
  const store = attachmentStore(config)
  // For what a signature is checked with (a certificate): the only call that a post waits for.
  const http = createHttpClient({ allowPrivate: config.outboundAllowPrivate })
  const refusals = new Refusals((channelId, unrecorded) =>
    app.log.warn({ channelId, unrecorded }, 'more posts to a channel were refused than are on record'),
  )
  app.addHook('onClose', async () => {
    refusals.close()
    await http.close()
  })

  app.register(async (scope) => {
    // Signatures are over the bytes on the wire: nothing may parse and write them again.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', async (request: FastifyRequest, body: Readable) => {
      const { data } = params.safeParse(request.params)
      const channel = data ? await known.get(data.channelId) : null
      return readPost(body, request.headers['content-length'], postBytesMax(channel?.type))
    })

    // Pages of other sites post forms here: the channel says which of them may read the answer.
    scope.addHook('onRequest', async (request, reply) => {
      const { data } = params.safeParse(request.params)
      if (originOf(request) === undefined || !data) return
      const channel = await known.get(data.channelId)
      shareWith(request, reply, channel?.type.origins?.(channel.settings) ?? null)
    })
    scope.options('/v1/ingest/:channelId', {
      config: { public: true, unlimited: true, cors: false, hidden: true },
      schema: { response: { 204: noContent } },
      handler: async (_request, reply) => answerPreflight(reply.header('allow', 'GET, HEAD, OPTIONS, POST'), 'POST'),
    })

    scope.get('/v1/ingest/:channelId', {
      config: { public: true, unlimited: true, cors: false },
      schema: operation('ingest.handshake', 'Prove the address to the provider', {
        params,
        response: {
          200: z
            .string()
            .meta({ description: 'The provider’s challenge.', example: '1158201444', 'x-media-type': 'text/plain' }),
        },
        description:
          'The request by which a provider checks, with the channel’s verify token, that the address is ours.',
        errors: ['forbidden', 'not_found', 'method_not_allowed'],
        produces: ['text/plain'],
      }),
      handler: async (request, reply) => {
        // As it is now: asked for once in a channel's life, and right after a token was changed.
        const { channelId } = params.parse(request.params)
        const before = await known.get(channelId)
        const channel = before && refusals.mayReload(channelId) ? await known.reload(channelId) : before
        if (!channel) throw new Problem('not_found')
        const { handshake } = channel.type
        if (!handshake) throw new Problem('method_not_allowed', { headers: { allow: 'OPTIONS, POST' } })
        const { status, contentType, body } = handshake(queryOf(request), channel.settings)
        if (status === 200) return reply.code(200).type(contentType).send(body)
        throw status === 403
          ? await refused(request, channel, 'forbidden')
          : await refused(request, channel, 'invalid_request')
      },
    })

    scope.post('/v1/ingest/:channelId', {
      config: { public: true, unlimited: true, cors: false },
      bodyLimit: postBytesMaxOfAll,
      schema: operation('ingest.receive', 'Post events as the provider does', {
        params,
        body: z
          .unknown()
          .meta({ description: 'What the provider posts, signed as the provider signs.', example: { events: [] } }),
        response: {
          200: z
            .union([accepted, z.string(), z.null()])
            .meta({ description: 'Stored. Providers get no body, scripts the counts, browsers a page.' }),
          202: accepted,
          303: z.null().meta({ description: 'Stored; a browser goes back to the form’s site.' }),
        },
        location: [303],
        produces: ['application/json', 'text/html'],
        description:
          'Verified over the raw bytes by the channel’s own secret. Everything is stored before the answer, repetitions are recognised, and processing follows.',
        errors: ['invalid_signature', 'not_found', 'malformed_json', 'body_too_large'],
      }),
      handler: async (request, reply) => {
        const bytes: unknown = request.body
        const post: Post = {
          headers: headersOf(request),
          query: queryOf(request),
          rawBody: Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0),
          receivedAt: new Date(),
        }
        return take(request, reply, post)
      },
    })
  })

  async function found(request: FastifyRequest): Promise<KnownChannel> {
    const channel = await known.get(params.parse(request.params).channelId)
    if (!channel) throw new Problem('not_found')
    return channel
  }

  /** Verify, split, store, answer; once more with the channel as it is now where it has changed since it was read. */
  async function take(request: FastifyRequest, reply: FastifyReply, post: Post): Promise<FastifyReply> {
    let channel = await found(request)
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      await channel.type.prepare?.(post, channel.settings, http)
      const verdict = channel.type.verify(post, channel.settings)
      if (!verdict.ok) {
        const now = refusals.mayReload(channel.id) ? await known.reload(channel.id) : channel
        if (!now) throw new Problem('not_found')
        if (now.standing.join() === channel.standing.join())
          throw await refused(request, now, 'invalid_signature', verdict.reason)
        channel = now
        continue
      }
      const split = channel.type.split(post, channel.settings)
      if ('malformed' in split) throw await refused(request, channel, 'malformed', split.malformed)
      const stored = await receive(db, callerFor(request, channel), channel, split.events, store)
      if (stored) {
        const counts = { ...stored, duplicates: split.events.length - stored.accepted, rejected: split.rejected }
        countInbound('stored', counts.accepted)
        countInbound('duplicate', counts.duplicates)
        countInbound('rejected', counts.rejected.length)
        return answered(reply, channel.type.answer?.(counts, post, channel.settings) ?? { status: 200, body: null })
      }
      const now = await known.reload(channel.id)
      if (!now) throw new Problem('not_found')
      channel = now
    }
    throw new Problem('unavailable', {
      detail: 'The channel is changing too quickly.',
      headers: { 'retry-after': '1' },
    })
  }

  /** The problem to answer; the first of its kind on record first, since the tenant is known. */
  async function refused(
    request: FastifyRequest,
    channel: KnownChannel,
    kind: 'forbidden' | 'invalid_request' | 'invalid_signature' | 'malformed',
    reason: RefusalReason | (string & {}) = kind,
  ): Promise<Problem> {
    const code = kind === 'malformed' ? (reason === 'invalid_json' ? 'malformed_json' : 'invalid_request') : kind
    // What is malformed was signed by the channel's own provider: all of it is worth knowing.
    if (kind === 'malformed' || refusals.add(channel.id, kind, request.ip)) {
      request.log.warn({ channelId: channel.id, reason }, 'a post to a channel was refused')
      await db.denied(callerFor(request, channel), { action: 'import', resource: 'channels' }, code, [channel.id])
    }
    return kind === 'malformed' && code === 'invalid_request'
      ? invalid(fault('', reason, 'The body is not what this channel’s provider posts.'))
      : new Problem(code)
  }

  function callerFor(request: FastifyRequest, channel: KnownChannel): Caller {
    return {
      principal: channel.principal,
      meta: metaOf(request),
    }
  }
}

function answered(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {})
  if ('text' in answer) return reply.send(answer.text)
  return answer.body === null ? reply.send() : reply.send(answer.body)
}

/** Repeated headers and parameters are joined or left out: no provider repeats one that matters. */
function headersOf(request: FastifyRequest): Post['headers'] {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
}

function queryOf(request: FastifyRequest): Post['query'] {
  const query = typeof request.query === 'object' && request.query !== null ? request.query : {}
  return Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? value : undefined,
    ]),
  )
}
