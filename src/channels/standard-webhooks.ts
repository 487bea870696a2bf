import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Verdict } from './channel.ts'
import { type Headers, headerOf } from './headers.ts'

/**
 * Standard Webhooks (https://www.standardwebhooks.com, version 1): HMAC-SHA256 over `id.timestamp.body`,
 * the key being the base64 after `whsec_`. Written here rather than taken from the reference library
 * because that one reads the clock itself and throws; a test holds the two together.
 */
const TOLERANCE_MS = 5 * 60_000
const PREFIX = 'whsec_'
const KEY_BYTES_MIN = 24
const KEY_BYTES_MAX = 64

/** The bytes of a `whsec_` secret; undefined unless it is base64 of 24 to 64 bytes, as the standard asks. */
export function webhookKey(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return undefined
  const text = secret.slice(PREFIX.length)
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const key = Buffer.from(text, 'base64')
  const canonical = key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return canonical && key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX ? key : undefined
}

/** A secret from random bytes. */
export function webhookSecret(bytes: Buffer): string {
  return PREFIX + bytes.toString('base64')
}

/** Whether one of the signatures is right and the time is within ±5 minutes of `receivedAt`. */
export function verifyWebhook(headers: Headers, body: Buffer, receivedAt: Date, secret: string): Verdict {
  const key = webhookKey(secret)
  if (key === undefined) return { ok: false, reason: 'secret_missing' }
  const id = headerOf(headers, 'webhook-id')
  const timestamp = headerOf(headers, 'webhook-timestamp')
  const signatures = headerOf(headers, 'webhook-signature')
  if (id === undefined || timestamp === undefined || signatures === undefined)
    return { ok: false, reason: 'signature_missing' }
  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: 'timestamp_invalid' }
  const expected = mac(key, id, timestamp, body)
  // Every candidate is compared, so that the time does not tell which one matched.
  const matches = signatures.split(' ').filter((candidate) => signatureIs(candidate, expected))
  if (matches.length === 0) return { ok: false, reason: 'signature_invalid' }
  if (Math.abs(receivedAt.getTime() - Number(timestamp) * 1000) > TOLERANCE_MS)
    return { ok: false, reason: 'timestamp_out_of_range' }
  return { ok: true }
}

/** The three headers for a post of ours. @throws when the secret is not a `whsec_` secret */
export function signWebhook(id: string, at: Date, body: string, secret: string): Record<string, string> {
  const key = webhookKey(secret)
  if (key === undefined) throw new Error('not a Standard Webhooks secret')
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = mac(key, id, timestamp, Buffer.from(body)).toString('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

function mac(key: Buffer, id: string, timestamp: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
}

/** Versions other than v1 (v1a is asymmetric) may stand beside it and are passed over. */
function signatureIs(candidate: string, expected: Buffer): boolean {
  if (!candidate.startsWith('v1,')) return false
  const given = Buffer.from(candidate.slice(3), 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
