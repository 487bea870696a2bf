import type { FastifyReply } from 'fastify'
import { Problem } from '../errors.ts'
import { FixedWindows } from './fixed-windows.ts'

/**
 * A fixed window per principal, kept in this process; says what is left in the RateLimit headers
 * (draft-ietf-httpapi-ratelimit-headers).
 */
export class RateLimit {
  readonly #perMinute: number
  readonly #windows = new FixedWindows(60_000)

  /** @param perMinute 0 = no limit */
  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  count(name: string, reply: FastifyReply, now = Date.now()): void {
    if (this.#perMinute === 0) return
    const window = this.#windows.of(name, now)
    window.used++
    const left = Math.max(0, this.#perMinute - window.used)
    const seconds = Math.ceil((window.until - now) / 1000)
    reply.header('ratelimit-policy', `"default";q=${this.#perMinute};w=60`)
    reply.header('ratelimit', `"default";r=${left};t=${seconds}`)
    if (window.used > this.#perMinute)
      throw new Problem('rate_limited', { headers: { 'retry-after': String(seconds) } })
  }
}
