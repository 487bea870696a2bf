import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Post, Verdict } from '../channel.ts'
import { headerOf } from '../headers.ts'

/**
 * `X-Line-Signature: <base64>`, HMAC-SHA256 with the channel's secret over the bytes on the wire.
 * Source: LINE, Messaging API "Verify webhook signature".
 */
export function verifyLine(post: Post, channelSecret: string): Verdict {
  const header = headerOf(post.headers, 'x-line-signature')
  if (header === undefined) return { ok: false, reason: 'signature_missing' }
  // 32 bytes are 43 characters and their padding; Buffer.from would skip what is not base64.
  if (!/^[A-Za-z0-9+/]{43}=$/.test(header)) return { ok: false, reason: 'signature_invalid' }
  const expected = createHmac('sha256', channelSecret).update(post.rawBody).digest()
  return timingSafeEqual(Buffer.from(header, 'base64'), expected)
    ? { ok: true }
    : { ok: false, reason: 'signature_invalid' }
}
