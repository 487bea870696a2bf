import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

/**
 * An entity tag over what *this* principal sees, so that it tells nothing about the rest.
 * @param volatile fields that change by themselves, such as when something was last heard of; a form that somebody
 *   fills in would never be accepted if the tag changed with them
 */
export function etagOf(record: unknown, volatile: readonly string[] = []): string {
  const text =
    volatile.length === 0
      ? JSON.stringify(record)
      : JSON.stringify(record, (name, value: unknown) => (volatile.includes(name) ? undefined : value))
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
}

/** Answers a record with its ETag, or 304 when the client has it (RFC 9110 §13.1.2). */
export function sendRecord(
  request: FastifyRequest,
  reply: FastifyReply,
  record: unknown,
  volatile: readonly string[] = [],
): FastifyReply {
  const etag = etagOf(record, volatile)
  reply.header('etag', etag)
  const known = request.headers['if-none-match']
  if ((request.method === 'GET' || request.method === 'HEAD') && known !== undefined && matches(known, etag))
    return reply.code(304).send()
  return reply.send(record)
}

/** Holds If-Match against the record as the caller sees it now (RFC 9110 §13.1.1). */
export function checkIfMatch(
  ifMatch: string | undefined,
  current: unknown,
  required: boolean,
  volatile: readonly string[] = [],
): void {
  if (ifMatch === undefined) {
    if (required) throw new Problem('if_match_required')
    return
  }
  if (!matches(ifMatch, etagOf(current, volatile))) throw new Problem('version_mismatch')
}

/** Whether a list of entity tags (If-Match, If-None-Match) holds this one. */
export function matches(header: string, etag: string): boolean {
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}
