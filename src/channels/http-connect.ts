import { lookup as dnsLookup } from 'node:dns'
import { connect as connectSocket, isIP, type LookupFunction, type Socket } from 'node:net'
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
    if (isBlockedLiteral(options.hostname, allowPrivate)) callback(blocked(), null)
    else connect(options, callback)
  }
}

/** A bare connection under the same rule, for what is not HTTP (SMTP). @throws HttpClientError */
export function guardedSocket(
  { host, port, timeoutMs }: { host: string; port: number; timeoutMs: number },
  allowPrivate: boolean,
): Promise<Socket> {
  if (isBlockedLiteral(host, allowPrivate)) return Promise.reject(blocked())
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connectSocket({
    host: host.replace(/^\[|\]$/g, ''),
    port,
    ...(allowPrivate ? {} : { lookup: publicLookup }),
  })
  const timer = setTimeout(() => fail(timedOut()), timeoutMs)
  const fail = (error: Error): void => {
    clearTimeout(timer)
    socket.destroy()
    reject(error instanceof HttpClientError ? error : new HttpClientError('network', false, 'no connection'))
  }
  socket.once('error', fail)
  socket.once('connect', () => {
    clearTimeout(timer)
    socket.off('error', fail)
    // Whoever takes it listens in a later turn; an error that comes before is no uncaught one: the socket is destroyed.
    socket.on('error', () => undefined)
    resolve(socket)
  })
  return promise
}

/** A literal address is never looked up, so it has to be checked before. */
function isBlockedLiteral(hostname: string, allowPrivate: boolean): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  return !allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)
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

function timedOut(): HttpClientError {
  return new HttpClientError('timeout_before_send', false, 'no connection in time')
}

function blocked(): HttpClientError {
  return new HttpClientError('blocked_address', false, 'the address is not public')
}
