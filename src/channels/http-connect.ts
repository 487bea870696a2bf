import { lookup as dnsLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { isPublicAddress } from './address.ts'
import { HttpClientError } from './http-error.ts'

const CONNECT_TIMEOUT_MS = 10_000

/**
 * Makes connections to public addresses only. The check sits in the resolver that the socket itself
 * uses, so the address that is checked is the address that is connected to (DNS rebinding).
 */
export function guardedConnector(allowPrivate: boolean): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, ...(allowPrivate ? {} : { lookup: publicLookup }) })
  return (options, callback) => {
    // A literal address is never looked up, so it has to be checked here.
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) callback(blocked(), null)
    else connect(options, callback)
  }
}

/** One non-public answer refuses the whole name: an honest provider has none. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    const first = addresses?.[0]
    if (error !== null) callback(error, '')
    else if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) callback(blocked(), '')
    else if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}

function blocked(): HttpClientError {
  return new HttpClientError('blocked_address', false, 'the address is not public')
}
