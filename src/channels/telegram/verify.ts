import type { Post, Verdict } from '../channel.ts'
import { sameSecret } from '../constant-time.ts'
import { headerOf } from '../headers.ts'

/**
 * Telegram signs nothing: it sends the secret that `setWebhook` gave it, with every post.
 * Source: Telegram, Bot API "setWebhook".
 */
export function verifyTelegram(post: Post, secretToken: string): Verdict {
  const header = headerOf(post.headers, 'x-telegram-bot-api-secret-token')
  if (header === undefined) return { ok: false, reason: 'signature_missing' }
  return sameSecret(header, secretToken) ? { ok: true } : { ok: false, reason: 'signature_invalid' }
}
