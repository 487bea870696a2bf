import { randomUUIDv7 } from 'node:crypto'
import { z } from 'zod'
import type { Visitor } from '../../channels/webchat/visitor-post.ts'
import { type Keyring, open, seal } from '../../privacy/keyring.ts'

/** So long a visitor who stays away is known again. */
const lifetimeMs = 30 * 86_400_000
const prefix = 'wcv1.'
const lengthMax = 4_096

const content = z.object({
  id: z.uuid(),
  userId: z.string().optional(),
  name: z.string().optional(),
  email: z.string().optional(),
  /** which signing secret it was made under */
  secret: z.string(),
  expiresMs: z.number(),
})

/**
 * A visitor's token says who they are; nothing of it is stored, and a forged one is refused by a computation. It is sealed
 * for its channel, so that it opens at no other and tells nobody what the page said of its visitor.
 */
export function visitorToken(
  keyring: Keyring,
  channelId: string,
  signingSecret: string,
  visitor: Visitor,
  nowMs: number = Date.now(),
): { token: string; expiresAt: Date } {
  const expiresMs = nowMs + lifetimeMs
  const text = JSON.stringify({ ...visitor, secret: secretMark(keyring, signingSecret), expiresMs })
  const sealed = seal(keyring.derive('webchat-visitors'), text, contextOf(channelId))
  return { token: prefix + sealed.toString('base64url'), expiresAt: new Date(expiresMs) }
}

/** @returns null for what is no token of this channel, has expired, or was made under another signing secret */
export function visitorOfToken(
  keyring: Keyring,
  channelId: string,
  signingSecret: string,
  token: string,
  nowMs: number = Date.now(),
): Visitor | null {
  if (token.length > lengthMax || !token.startsWith(prefix)) return null
  const encoded = token.slice(prefix.length)
  const sealed = Buffer.from(encoded, 'base64url')
  // One token has one form: no other text decodes to it.
  if (sealed.toString('base64url') !== encoded) return null
  const { data } = content.safeParse(opened(keyring, channelId, sealed))
  if (!data || data.expiresMs <= nowMs || data.secret !== secretMark(keyring, signingSecret)) return null
  const { id, userId, name, email } = data
  return {
    id,
    ...(userId === undefined ? {} : { userId }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
  }
}

export const newVisitorId = (): string => randomUUIDv7()

const contextOf = (channelId: string): string => `webchat/${channelId}`

/** A new secret makes another mark, and the old tokens void. */
const secretMark = (keyring: Keyring, signingSecret: string): string =>
  keyring.hash('webchat-secret', signingSecret).subarray(0, 16).toString('base64url')

function opened(keyring: Keyring, channelId: string, sealed: Buffer): unknown {
  try {
    return JSON.parse(open(keyring.derive('webchat-visitors'), sealed, contextOf(channelId)).toString())
  } catch {
    return null
  }
}
