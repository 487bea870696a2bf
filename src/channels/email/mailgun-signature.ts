import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Verdict } from '../channel.ts'

/** Of Mailgun's clock and ours. */
const AGE_MS_MAX = 5 * 60_000
/** Old ones make place; beyond that a token is too old anyway. */
const TOKENS_MAX = 50_000

export interface MailgunSignature {
  timestamp: string | undefined
  token: string | undefined
  signature: string | undefined
}

/**
 * `signature = hex(HMAC-SHA256(signing key, timestamp + token))`: it does not cover the body. So whoever has seen one post
 * could put another body under its signature, and a token counts for the body that it came with first; the same body
 * again is a redelivery. Beyond one process and a restart, an event's dedupe key is its token.
 * Source: Mailgun, "Securing webhooks".
 */
export class MailgunTokens {
  /** token → SHA-256 of its body; in the order of arrival */
  readonly #used = new Map<string, { body: string; expiresMs: number }>()

  verify({ timestamp, token, signature }: MailgunSignature, rawBody: Buffer, secret: string, now: Date): Verdict {
    if (timestamp === undefined || token === undefined || signature === undefined)
      return { ok: false, reason: 'signature_missing' }
    if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: 'timestamp_invalid' }
    const expected = createHmac('sha256', secret)
      .update(timestamp + token)
      .digest()
    const given = /^[0-9a-f]{64}$/i.test(signature) ? Buffer.from(signature, 'hex') : Buffer.alloc(32)
    if (!timingSafeEqual(given, expected)) return { ok: false, reason: 'signature_invalid' }
    if (Math.abs(now.getTime() - Number(timestamp) * 1000) > AGE_MS_MAX)
      return { ok: false, reason: 'timestamp_out_of_range' }
    return this.#isFirstBody(token, rawBody, now.getTime()) ? { ok: true } : { ok: false, reason: 'signature_invalid' }
  }

  #isFirstBody(token: string, rawBody: Buffer, nowMs: number): boolean {
    for (const [old, { expiresMs }] of this.#used) {
      if (expiresMs > nowMs && this.#used.size < TOKENS_MAX) break
      this.#used.delete(old)
    }
    const body = createHash('sha256').update(rawBody).digest('base64')
    const known = this.#used.get(token)
    if (known) return known.body === body
    this.#used.set(token, { body, expiresMs: nowMs + 2 * AGE_MS_MAX })
    return true
  }
}
