import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** An answer that arrived whole. */
export interface Answered {
  requestId: string
  /** "GET /v1/contacts/:id" and so on, for the report of a fault. */
  what: string
  wanted: number
  status: number
  tookMs: number
  body: string
}

export interface Ask {
  what: string
  /** The status of the right answer. */
  wanted: number
  method: string
  path: string
  token?: string
  body?: string
  headers?: Record<string, string>
}

/**
 * What clients asked and were answered. While the service is known to be away they wait; what must not be lost they ask
 * again, as a provider or a careful client does.
 */
export class Ledger {
  readonly answers: Answered[] = []
  /** Asked, and no whole answer came. */
  lost = 0
  isStopping = false
  readonly #url: string
  #gate = Promise.withResolvers<void>()

  constructor(url: string) {
    this.#url = url
    this.#gate.resolve()
  }

  /** From now on clients wait, until `back`. */
  away(): void {
    this.#gate = Promise.withResolvers<void>()
  }

  back(): void {
    this.#gate.resolve()
  }

  /** Asks once. null: no whole answer. */
  async ask({ what, wanted, method, path, token, body, headers = {} }: Ask): Promise<Answered | null> {
    await this.#gate.promise
    const requestId = randomUUID()
    const begun = performance.now()
    try {
      const answer = await fetch(`${this.#url}${path}`, {
        method,
        headers: {
          'request-id': requestId,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined || 'content-type' in headers ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(20_000),
      })
      const text = await answer.text()
      const one = { requestId, what, wanted, status: answer.status, tookMs: performance.now() - begun, body: text }
      this.answers.push(one)
      return one
    } catch {
      this.lost++
      // Perhaps it is away.
      await sleep(50)
      return null
    }
  }

  /** Answers that are neither right nor "not now" (nor, of a repeated request, "the first is still at work"). */
  get wrong(): string[] {
    return this.answers
      .filter(({ status, wanted }) => status !== wanted && status !== 503 && status !== 409)
      .map(({ what, status, body }) => `${what}: ${status} ${body.slice(0, 300)}`)
  }

  /** Asks the same again until it is answered otherwise than by "not now", also beyond the end of the load. */
  async insist(ask: Ask): Promise<Answered> {
    for (let attempt = 0; attempt < 2_000; attempt++) {
      const answer = await this.ask(ask)
      // 409 of an Idempotency-Key: the first one, whose answer was lost, is still at work.
      if (answer && answer.status !== 503 && answer.status !== 409) return answer
      if (answer) await sleep(100)
    }
    throw new Error(`${ask.what} was never answered`)
  }
}
