import type { FastifyReply, FastifyRequest } from 'fastify'

/** What scripts of other origins may read beside the body. */
const exposed = 'request-id, x-request-id, retry-after, ratelimit, ratelimit-policy'
const maxAgeSeconds = 600

/** The origin of the page that a browser sends this request for; undefined where none is said. */
export function originOf(request: FastifyRequest): string | undefined {
  const { origin } = request.headers
  return typeof origin === 'string' ? origin : undefined
}

/**
 * CORS by a channel's own origins (https://fetch.spec.whatwg.org/#http-cors-protocol), for routes that declare
 * `config.cors: false`, by which the service's own origins are left out.
 * @returns whether the page may read the answer; true where no page asks
 */
export function shareWith(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[] | null): boolean {
  reply.header('vary', 'Origin')
  const origin = originOf(request)
  if (origin === undefined) return true
  if (!allowed?.includes(origin)) return false
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposed)
  return true
}

/** Answers the question that a browser asks before the request. */
export function answerPreflight(reply: FastifyReply, methods: string): FastifyReply {
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'authorization, content-type, last-event-id, accept, cache-control',
      'access-control-max-age': String(maxAgeSeconds),
      'cache-control': 'no-store',
    })
    .send()
}
