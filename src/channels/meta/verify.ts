import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Post, Verdict } from '../channel.ts'
import { sameSecret } from '../constant-time.ts'
import { headerOf } from '../headers.ts'

/**
 * `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 with the app's secret over the bytes on the wire: Meta
 * signs its own escaping (lower-case \uXXXX), which parsing and writing again would lose.
 * Source: Meta, Webhooks "Validate payloads". WhatsApp, Messenger and Instagram sign alike.
 */
export function verifyHubSignature(post: Post, appSecret: string): Verdict {
  const header = headerOf(post.headers, 'x-hub-signature-256')
  if (header === undefined) return { ok: false, reason: 'signature_missing' }
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(header)?.[1]
  if (hex === undefined) return { ok: false, reason: 'signature_invalid' }
  const expected = createHmac('sha256', appSecret).update(post.rawBody).digest()
  return timingSafeEqual(Buffer.from(hex, 'hex'), expected) ? { ok: true } : { ok: false, reason: 'signature_invalid' }
}

const CHALLENGE_LENGTH_MAX = 1024

/** The GET by which Meta asks whether the address is ours: the challenge back, as text. */
export function hubHandshake(
  query: Post['query'],
  verifyToken: string,
): { status: number; contentType: string; body: string } {
  const contentType = 'text/plain; charset=utf-8'
  const token = query['hub.verify_token']
  if (query['hub.mode'] !== 'subscribe' || token === undefined || !sameSecret(token, verifyToken)) {
    return { status: 403, contentType, body: 'forbidden' }
  }
  const challenge = query['hub.challenge']
  if (challenge === undefined || challenge === '' || challenge.length > CHALLENGE_LENGTH_MAX) {
    return { status: 400, contentType, body: 'hub.challenge missing' }
  }
  return { status: 200, contentType, body: challenge }
}
