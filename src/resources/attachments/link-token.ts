import { z } from 'zod'
import type { Credential } from '../../access/principal.ts'
import { type Keyring, open, seal } from '../../privacy/keyring.ts'

const credential = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('member'), tenantId: z.uuid(), memberId: z.uuid(), sessionId: z.uuid() }),
  z.strictObject({
    ...{ kind: z.literal('exchange'), tenantId: z.uuid(), memberId: z.uuid(), sessionId: z.uuid() },
    apiKeyId: z.uuid(),
  }),
  z.strictObject({
    ...{ kind: z.literal('apiKey'), tenantId: z.uuid(), apiKeyId: z.uuid() },
    secretHash: z.base64().transform((text): Buffer => Buffer.from(text, 'base64')),
  }),
])

const linked = z.strictObject({
  attachmentId: z.uuid(),
  expiresMs: z.int(),
  /** for whom it was made; left out: for whoever sends the message */
  credential: credential.optional(),
  message: z.strictObject({ tenantId: z.uuid(), region: z.string(), messageId: z.uuid() }).optional(),
})

/** What a link to a file opens, and for whom: a principal, by its credential and no other, or the message that it goes out with. */
export type FileLink = z.output<typeof linked>

const label = 'file-links'

/** A link that a front end puts into a page. */
export const pageLinkMs = 5 * 60_000

/** A link that goes out with a message: fetched by the provider at once, or by the customer when they read it. */
export const messageLinkMs = { provider: 15 * 60_000, person: 14 * 86_400_000 } as const

/**
 * The address of a file for a while, sealed: it says nothing to whoever reads it, and can be made for nothing else.
 * @returns `expiresAt` RFC 3339
 */
export function fileLink(
  keyring: Keyring,
  publicUrl: string,
  target: { attachmentId: string } & (Credential | { tenantId: string; region: string; messageId: string }),
  lifeMs: number,
): { url: string; expiresAt: string } {
  const { attachmentId, ...who } = target
  const expiresMs = Date.now() + lifeMs
  const named = {
    ...{ attachmentId, expiresMs },
    ...('messageId' in who
      ? { message: who }
      : { credential: who.kind === 'apiKey' ? { ...who, secretHash: who.secretHash.toString('base64') } : who }),
  }
  const token = seal(keyring.derive(label), JSON.stringify(named), label).toString('base64url')
  return { url: `${publicUrl}/v1/files/${token}`, expiresAt: new Date(expiresMs).toISOString() }
}

/** null: none of ours, or over */
export function fileLinkOf(keyring: Keyring, token: string): FileLink | null {
  try {
    const text = open(keyring.derive(label), Buffer.from(token, 'base64url'), label).toString()
    const link = linked.parse(JSON.parse(text))
    return link.expiresMs > Date.now() ? link : null
  } catch {
    return null
  }
}
