import type { IncomingHttpHeaders } from 'node:http'

/**
 * Gives Fastify the addresses of a Forwarded header (RFC 7239) in the older form that it reads. Whether they are believed
 * is decided there, by TRUSTED_PROXIES. A request that has both is taken by the older one, as most proxies add only that.
 */
export function readForwarded(headers: IncomingHttpHeaders): void {
  const { forwarded } = headers
  if (forwarded === undefined || headers['x-forwarded-for'] !== undefined) return
  const hops = forwarded
    .split(',')
    .map((hop) => /(?:^|;)\s*for="?(\[[0-9a-f:.]+\]|[\w.]+)(?::\d+)?"?\s*(?:;|$)/i.exec(hop)?.[1])
  // An unknown or hidden hop ends what can be known of the way.
  const known = hops.slice(hops.findLastIndex((hop) => hop === undefined || !/^[[\d]/.test(hop)) + 1)
  if (known.length > 0) headers['x-forwarded-for'] = known.map((hop) => String(hop).replaceAll(/[[\]]/g, '')).join(', ')
}
