import type { FastifyInstance } from 'fastify'
import { allRoutes, type Route } from '../../harness/routes.ts'
import type { TestService } from '../../harness/service.ts'
import type { Ask } from './http.ts'

/** A route that asks for a right, and which: as the refusal of somebody without any is on record. */
export interface GuardedRoute extends Route {
  action: string
  resource: string
  /** The noun whose record the path names; null where it names none. */
  noun: string | null
}

export const nounOf = (url: string): string | null => (url.includes(':') ? (url.split('/')[2] ?? null) : null)

/** Learns every route's right by asking as somebody who has none. */
export async function guardedRoutes(
  { sql, member }: TestService,
  app: FastifyInstance,
  ask: Ask,
  missing: string,
): Promise<GuardedRoute[]> {
  const nobody = await member([])
  const found: GuardedRoute[] = []
  for (const route of allRoutes(app)) {
    // Whoever asks ends their own session there, whatever their roles.
    if (route.url === '/v1/sessions/current') continue
    if (route.method === 'OPTIONS' || route.method === 'HEAD' || !route.url.startsWith('/v1/')) continue
    const body = ['POST', 'PUT', 'PATCH'].includes(route.method) ? {} : undefined
    const answer = await ask(nobody.token, route.method, route.url.replaceAll(/:\w+/g, missing), body)
    if (answer.status !== 403 && answer.status !== 404) continue
    const [event] = await sql<{ action: string; resource: string }>(
      'SELECT action, resource FROM audit.readable_event WHERE request_id = $1',
      [answer.headers['request-id']],
    )
    if (event) found.push({ ...route, ...event, noun: nounOf(route.url) })
  }
  return found
}

/** Where a resource is listed, with the id of its parent where it has one; null where it is not. */
export function listPath(routes: readonly Route[], resource: string): ((parentId: string) => string) | null {
  const url = routes.find((route) => route.method === 'GET' && route.url.endsWith(`/${resource}`))?.url
  return url ? (parentId) => url.replace(':id', parentId) : null
}

/** The noun below which a resource is listed. */
export const parentOf = (routes: readonly Route[], resource: string): string | null => {
  const url = routes.find((route) => route.method === 'GET' && route.url.endsWith(`/${resource}`))?.url
  return url?.includes(':id') ? nounOf(url) : null
}
