import { randomUUIDv7 } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Action } from '../access/actions.ts'
import type { Meta } from '../db/audit-event.ts'
import type { Caller, Database } from '../db/database.ts'
import { purposeForm } from '../db/purpose.ts'
import { quotaAlert } from '../db/quota-alert.ts'
import { type ErrorCode, Problem } from '../errors.ts'
import { problemOf, sendProblem } from './problem.ts'
import type { RateLimit } from './rate-limit.ts'
import type { RouteTable } from './route-table.ts'
import { credentialOf } from './tokens.ts'

/** What a route does. A route without it, or without `public`, does not start. */
export interface RouteAccess {
  action: Action
  resource: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess
    public?: boolean
    /** Routes on which addresses are not counted: a provider posts for many people from one address. */
    unlimited?: boolean
    /** The noun's own code decides whether the principal may (its own record, for instance). */
    selfGuarded?: boolean
  }
  interface FastifyRequest {
    caller: Caller | null
    /** Why it was refused. */
    refusal: ErrorCode | null
  }
}

/**
 * Stands before every route: who asks, how often, whether the kind of thing may be done at all. Which rows and fields is
 * decided where they are named. Refusals are audited before they are answered.
 */
export function useGuard(app: FastifyInstance, db: Database, limit: RateLimit, table: RouteTable): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('refusal', null)

  app.addHook('onRoute', (route) => {
    const { access, public: open } = route.config ?? {}
    const name = `${String(route.method)} ${route.url}`
    if (!access && open !== true) throw new Error(`${name} declares neither its access nor that it is public`)
    if (!route.schema?.response) throw new Error(`${name} has no response schema`)
  })

  app.addHook('onRequest', async (request, reply) => {
    const { access, unlimited } = request.routeOptions.config
    if (request.is404) {
      limit.count(`ip/${request.ip}`, reply)
      // Here, before a body is read: what the body is does not matter where there is nothing.
      return unmatched(request, reply)
    }
    if (!access) {
      if (!unlimited) limit.count(`ip/${request.ip}`, reply)
      return
    }
    const credential = credentialOf(app, bearer(request))
    if (!credential) {
      limit.count(`ip/${request.ip}`, reply)
      throw new Problem('unauthenticated')
    }
    const principal = await db.principal(credential)
    if (!principal) {
      limit.count(`ip/${request.ip}`, reply)
      throw new Problem('unauthenticated')
    }
    const meta = metaOf(request)
    const { selfGuarded } = request.routeOptions.config
    request.caller = { principal, meta, ...(selfGuarded ? {} : { needs: access }) }
    meta.purpose = purposeOf(request)
    meta.ticket = ticketOf(request)
    meta.keys = () => db.keys(principal.tenantId).now()
    refuseUndecodable(request)
    limit.count(`principal/${principal.tenantId}/${principal.id}/${principal.onBehalfOf ?? ''}`, reply)
    if (selfGuarded || principal.ability.may(access.action, access.resource)) return
    // A right given a moment ago counts: before a refusal, memory is asked for nothing.
    const renewed = await db.renewed(principal)
    if (!renewed) throw new Problem('unauthenticated')
    request.caller.principal = renewed
    if (!renewed.ability.may(access.action, access.resource)) throw new Problem('forbidden')
  })

  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('request-id', request.id)
    const foreign = foreignId(request)
    if (foreign !== null) reply.header('x-request-id', foreign)
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'private, no-cache')
    reply.header('x-content-type-options', 'nosniff')
    return payload
  })

  app.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error)
    const refused = await audited(db, request, problem)
    request.refusal = refused.code
    if (refused.code === 'quota_exceeded') await alertOfQuota(db, request)
    return sendProblem(refused, request, reply)
  })

  // For OPTIONS, which the routes of CORS take first.
  app.setNotFoundHandler(unmatched)

  function unmatched(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const methods = table.methods(request.url.replace(/\?.*/s, ''))
    if (!methods) return sendProblem(new Problem('route_not_found'), request, reply)
    const allow = methods.join(', ')
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send()
    return sendProblem(new Problem('method_not_allowed', { headers: { allow } }), request, reply)
  }
}

/** A refusal of somebody known is on record before it is answered; when it cannot be, nothing but 503 is. */
async function audited(db: Database, request: FastifyRequest, problem: Problem): Promise<Problem> {
  const { access } = request.routeOptions.config
  const { caller } = request
  if (!caller || !access || problem.status >= 500 || problem.status === 401 || problem.options.audited) return problem
  const params = request.params as Readonly<Record<string, unknown>> | null
  // A refusal may come before the parameters are brought into their one form.
  const named = Object.values(params ?? {}).flatMap((value) =>
    typeof value === 'string' && /^[0-9a-f-]{36}$/i.test(value) ? [value.toLowerCase()] : [],
  )
  try {
    await db.denied(caller, access, problem.code, problem.options.recordIds ?? named, problem.options.refused)
    return problem
  } catch (cause) {
    if (cause instanceof Problem && cause.code === 'unauthenticated') return cause
    return new Problem('unavailable', { cause, headers: { 'retry-after': '1' } })
  }
}

/** Whoever asks for more clear values than its day has is looked at by somebody: told once a day, in the audit and the log. */
async function alertOfQuota(db: Database, request: FastifyRequest): Promise<void> {
  const { caller } = request
  if (!caller) return
  const { tenantId, kind: principalKind, id: principalId, onBehalfOf } = caller.principal
  try {
    if (await quotaAlert(db, caller))
      request.log.warn({ tenantId, principalKind, principalId, onBehalfOf }, 'a quota for clear values is used up')
  } catch (err) {
    // The refusal itself is on record.
    request.log.error({ err }, 'an alert could not be recorded')
  }
}

/** Where a request came from, for its audit event. A proxy may have put anything where the address belongs. */
export function metaOf(request: FastifyRequest): Meta & { requestId: string } {
  // The database's addresses know no zones ("fe80::1%eth0").
  const ip = request.ip.replace(/%.*$/s, '')
  return { requestId: request.id, ip: isIP(ip) === 0 ? null : ip, purpose: null }
}

/** The request's caller on a route that declared its access. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Problem('unauthenticated')
  return request.caller
}

/** The token of the one Authorization header; two of them are none. */
function bearer(request: FastifyRequest): string {
  const { rawHeaders } = request.raw
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === 'authorization') seen++
  const match = /^Bearer ([\w.~+/=-]{1,4096})$/i.exec(request.headers.authorization ?? '')
  if (seen > 1 || !match?.[1]) return ''
  return match[1]
}

/** The parser of queries takes what does not decode as it stands, and would search for something that nobody meant. */
function refuseUndecodable(request: FastifyRequest): void {
  const query = request.raw.url?.split('?').slice(1).join('?') ?? ''
  if (!query.includes('%')) return
  try {
    decodeURIComponent(query)
  } catch (cause) {
    throw new Problem('invalid_request', { detail: 'The query does not decode.', cause })
  }
}

/** The headers' own names, and how they are known elsewhere. */
const noted = {
  purpose: {
    names: ['custodia-purpose', 'x-purpose'],
    form: purposeForm,
    said: 'A purpose is one word of small letters, digits, _ . and -, of up to 64 signs.',
  },
  ticket: {
    names: ['custodia-ticket', 'x-ticket'],
    form: /^[\x21-\x7e](?:[\x20-\x7e]{0,98}[\x21-\x7e])?$/,
    said: 'A ticket is a reference of up to 100 characters (ASCII).',
  },
} as const

const purposeOf = (request: FastifyRequest): string | null => notedIn(request, 'purpose')
const ticketOf = (request: FastifyRequest): string | null => notedIn(request, 'ticket')

/** What a request says of itself for the audit. Said twice, it must be the same. */
function notedIn({ headers }: FastifyRequest, what: keyof typeof noted): string | null {
  const { names, form, said } = noted[what]
  let found: string | null = null
  for (const name of names) {
    const value = headers[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || !form.test(value) || (found !== null && found !== value))
      throw new Problem('invalid_request', { errors: [{ path: name, code: 'invalid_format', message: said }] })
    found = value
  }
  return found
}

interface Headed {
  headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The id that a caller has given to its request; null: none, or none that may be repeated. */
function givenId({ headers }: Headed): string | null {
  const given = headers['request-id'] ?? headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{8,64}$/.test(given) ? given : null
}

/**
 * Request ids: the caller's own when it is a UUID, else a new one. Goes to the log, the answer and the audit, where
 * nobody's free words may stay: another id of the caller's comes back in the answer's X-Request-Id, and stands nowhere.
 */
export function requestId(request: Headed): string {
  const given = givenId(request)
  return given !== null && uuid.test(given) ? given.toLowerCase() : randomUUIDv7()
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The id by which the caller knows the request and we do not. */
export function foreignId(request: Headed): string | null {
  const given = givenId(request)
  return given === null || uuid.test(given) ? null : given
}
