import { catalogue, type ErrorCode } from '../errors.ts'
import type { Operation } from './operation.ts'
import type { Route } from './route-table.ts'

const withBody = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Every error that a route can answer: what its method, its guard and its parts imply, and what it names itself. */
export function errorsOf({ method, config }: Omit<Route, 'schema'>, operation: Operation): ErrorCode[] {
  const { params, querystring, body, ifMatch, idempotent } = operation
  const guarded = config.access !== undefined
  const takesBody = withBody.has(method)
  const codes = new Set<ErrorCode>(['internal', 'unavailable'])
  const add = (condition: unknown, ...more: ErrorCode[]): void => {
    if (condition) for (const code of more) codes.add(code)
  }
  add(guarded || params || querystring || body, 'invalid_request')
  // Fastify reads a body wherever the method allows one, whether the operation wants it or not.
  add(takesBody, 'malformed_json', 'body_too_large', 'unsupported_media_type')
  add(guarded, 'unauthenticated', 'purpose_required')
  add(guarded && !config.selfGuarded, 'forbidden')
  add(guarded || !config.unlimited, 'rate_limited')
  add(guarded && params, 'not_found')
  add(ifMatch, 'version_mismatch')
  add(ifMatch === 'required', 'if_match_required')
  // A repetition is answered as the record is seen today, if it is.
  add(idempotent, 'idempotency_in_flight', 'idempotency_mismatch', 'not_found')
  add(true, ...(operation.errors ?? []))
  return [...codes].sort((a, b) => catalogue[a][0] - catalogue[b][0] || (a < b ? -1 : 1))
}
