import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Agent, Dispatcher } from 'undici'
import { HttpClientError } from './http-error.ts'

export interface Exchange {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: URL
  headers: Record<string, string>
  body?: string | Buffer | Readable
  timeoutMs: number
  maxBytes: number
  /** true: `timeoutMs` covers the body too. false: it covers the headers, then every silence */
  wholeTimeout: boolean
}

export interface Answer {
  head: { status: number; headers: Record<string, string> }
  stream: Readable
}

/**
 * One request and its answer. Written on undici's dispatch level because only there it is known
 * whether the request had left when something went wrong: `onRequestStart` runs right before the
 * first byte is written, and a request aborted there is not written at all.
 */
export function exchange(agent: Agent, request: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler(request, resolve, reject)
    agent.dispatch(
      {
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
      },
      handler,
    )
  })
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #request: Exchange
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: Error) => void
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | undefined
  #stream: Readable | undefined
  #received = 0
  #failure: HttpClientError | undefined

  constructor(request: Exchange, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = setTimeout(() => this.#timedOut(), request.timeoutMs)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Already given up: refuse to let it leave, or a "not sent" message would be sent after all.
    if (this.#failure !== undefined) controller.abort(this.#failure)
    else this.#controller = controller
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    if (!this.#request.wholeTimeout) this.#timer.refresh()
    if (Number(headers['content-length'] ?? 0) > this.#request.maxBytes) {
      this.#fail('too_large', 'the answer is too large')
      return
    }
    const stream = new Readable({
      read: () => controller.resume(),
      destroy: (error, callback) => {
        // Nobody reads on: free the connection instead of draining a file into nowhere.
        clearTimeout(this.#timer)
        if (this.#stream !== undefined) controller.abort(error ?? new Error('no longer wanted'))
        callback(error)
      },
    })
    this.#stream = stream
    this.#resolve({ head: { status, headers: flat(headers) }, stream })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#received > this.#request.maxBytes) {
      this.#fail('too_large', 'the answer is too large')
      return
    }
    if (!this.#request.wholeTimeout) this.#timer.refresh()
    // Paused by the reader, not by the provider: a slow reader must not look like a silent provider.
    if (this.#stream?.push(chunk) === false) controller.pause()
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer)
    const stream = this.#stream
    this.#stream = undefined
    stream?.push(null)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(this.#failure ?? this.#asFailure(error))
  }

  #timedOut(): void {
    if (this.#stream !== undefined && !this.#request.wholeTimeout && this.#controller?.paused === true) {
      this.#timer.refresh()
      return
    }
    this.#fail(this.#controller === undefined ? 'timeout_before_send' : 'timeout_after_send', 'no answer in time')
  }

  #fail(code: HttpClientError['code'], message: string): void {
    this.#settle(new HttpClientError(code, this.#controller !== undefined, message))
  }

  #settle(failure: HttpClientError): void {
    clearTimeout(this.#timer)
    const { body } = this.#request
    // A request that never left has not touched its body: whoever feeds it must not wait for ever.
    if (body instanceof Readable) body.on('error', () => {}).destroy()
    this.#failure ??= failure
    const stream = this.#stream
    this.#stream = undefined
    stream?.destroy(this.#failure)
    this.#controller?.abort(this.#failure)
    this.#reject(this.#failure)
  }

  /** undici's own messages may name hosts and ports; the code says enough. */
  #asFailure(error: Error): HttpClientError {
    if (error instanceof HttpClientError) return error
    const sent = this.#controller !== undefined
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
    if (code === 'UND_ERR_CONNECT_TIMEOUT')
      return new HttpClientError('timeout_before_send', sent, 'no connection in time')
    return new HttpClientError('network', sent, `network failure (${code})`)
  }
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return result
}
