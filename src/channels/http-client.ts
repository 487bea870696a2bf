import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { Agent } from 'undici'
import { guardedConnector, guardedSocket } from './http-connect.ts'
import { HttpClientError } from './http-error.ts'
import { exchange } from './http-exchange.ts'

/**
 * The way out: what channels use to reach providers and integrators. Its addresses come from tenants'
 * settings and from messages, so it is written against the ones who would make it reach our own network:
 * the address is checked where the connection is made (a name that resolves differently the second
 * time gains nothing), plain http and private addresses need `allowPrivate`, redirects are not
 * followed but for downloads, and time and size are limited.
 */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: string
  headers: Record<string, string>
  /** a stream is sent as it comes and destroyed at the end; give its `content-length` among the headers */
  body?: string | Buffer | Readable
  /** from the call until the whole answer is here */
  timeoutMs: number
  /** of the answer's body */
  maxBytes: number
}

export interface HttpResponse {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export interface DownloadRequest {
  url: string
  headers: Record<string, string>
  /** from the call until the answer's headers are here, per hop; and the longest silence afterwards */
  timeoutMs: number
  maxBytes: number
}

/** `stream` fails with an `HttpClientError` when it grows beyond `maxBytes` or falls silent. */
export interface HttpDownload {
  status: number
  headers: Record<string, string>
  stream: Readable
}

export interface HttpClient {
  /** Follows no redirect. @throws HttpClientError; every status is an answer, not an error */
  request(request: HttpRequest): Promise<HttpResponse>
  /** GET as a stream; follows up to 3 redirects, never taking credentials to another origin. @throws HttpClientError */
  download(request: DownloadRequest): Promise<HttpDownload>
  /** A bare connection to a public address, for what is not HTTP; the caller ends it. @throws HttpClientError */
  connect(target: { host: string; port: number; timeoutMs: number }): Promise<Socket>
}

const REDIRECTS_MAX = 3
const CREDENTIALS = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * The real client over undici, with kept-alive connections per origin.
 * @param options.allowPrivate loopback and private addresses and plain http (development, tests)
 * @returns `close` waits for what is in flight; calling it again is the same
 */
export function createHttpClient(options: { allowPrivate: boolean }): HttpClient & { close(): Promise<void> } {
  const agent = new Agent({
    connect: guardedConnector(options.allowPrivate),
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
  })
  let closing: Promise<void> | undefined
  const checked = (url: string): URL => checkedUrl(url, options.allowPrivate)

  return {
    async request(request) {
      const { head, stream } = await exchange(agent, { ...request, url: checked(request.url), wholeTimeout: true })
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk)
      return { ...head, body: Buffer.concat(chunks) }
    },

    async download(request) {
      let url = checked(request.url)
      let headers = request.headers
      for (let hop = 0; ; hop += 1) {
        const { head, stream } = await exchange(agent, { ...request, method: 'GET', url, headers, wholeTimeout: false })
        const location = head.headers.location
        if (location === undefined || ![301, 302, 303, 307, 308].includes(head.status)) return { ...head, stream }
        stream.on('error', () => {}).destroy()
        if (hop === REDIRECTS_MAX || !URL.canParse(location, url))
          throw new HttpClientError('network', true, 'too many or bad redirects')
        const next = checked(new URL(location, url).href)
        if (next.origin !== url.origin) headers = withoutCredentials(headers)
        url = next
      }
    },

    connect: (target) => guardedSocket(target, options.allowPrivate),

    close() {
      closing ??= agent.close()
      return closing
    },
  }
}

/** Userinfo in a URL would travel in logs and redirects; credentials belong in headers. */
function checkedUrl(text: string, allowPrivate: boolean): URL {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '')
    throw new HttpClientError('blocked_address', false, 'not an acceptable URL')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && allowPrivate)) return url
  throw new HttpClientError('blocked_address', false, 'only https is allowed')
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())))
}

export { HttpClientError, type HttpErrorCode } from './http-error.ts'
