import { randomUUIDv7 } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { databaseFault } from '../db/fault.ts'
import { catalogue, type ErrorCode, type Fault, Problem } from '../errors.ts'

const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_REQ_FILE_TOO_LARGE: 'body_too_large',
  FST_FILES_LIMIT: 'invalid_request',
  FST_PARTS_LIMIT: 'invalid_request',
  FST_FIELDS_LIMIT: 'invalid_request',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_HANDLER_TIMEOUT: 'unavailable',
  FST_ERR_ROUTE_METHOD_NOT_SUPPORTED: 'method_not_allowed',
}

/** What a thrown thing means to the caller. The inside of it is for the log only. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  const ofDatabase = databaseFault(error)
  if (ofDatabase) return ofDatabase
  if (error instanceof Error) {
    const { code, statusCode } = error as Partial<FastifyError>
    const known = code ? fastifyCodes[code] : undefined
    if (known) return new Problem(known, { cause: error })
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
      return new Problem('invalid_request', { cause: error })
  }
  return new Problem('internal', { cause: error })
}

/** The body of an error answer (RFC 9457). `type` is the code as a URN: the same wherever the service lives. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const { detail, errors, extra } = problem.options
  return {
    type: `urn:custodia:problem:${problem.code}`,
    title: catalogue[problem.code][1],
    status: problem.status,
    ...(detail ? { detail } : {}),
    code: problem.code,
    requestId,
    ...(errors ? { errors } : {}),
    ...extra,
  }
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (problem.status >= 500)
    request.log.error({ err: problem.options.cause ?? problem, code: problem.code }, 'request failed')
  // Whoever is not let in stands in no audit: the log is where somebody sees that a door is tried.
  else request.log[problem.status === 401 ? 'info' : 'debug']({ code: problem.code }, 'request refused')
  for (const [name, value] of Object.entries(problem.options.headers ?? {})) reply.header(name, value)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="custodia"')
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.id))
}

/** What the router itself refuses (a path that does not decode, a part that is too long) reaches neither route nor hook. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(problemOf(error), request, reply.header('request-id', request.id))
}

/** What is no HTTP at all reaches no route; it is answered on the socket, which then closes. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) {
    socket.destroy(error)
    return
  }
  const id = randomUUIDv7()
  const problem = new Problem('invalid_request', { detail: 'This is not a valid HTTP request.' })
  const body = JSON.stringify(problemBody(problem, id))
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json; charset=utf-8\r\nRequest-Id: ${id}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

export const fault = (path: string, code: string, message: string): Fault => ({ path, code, message })
export const invalid = (...errors: Fault[]): Problem => new Problem('invalid_request', { errors })
