import { z } from 'zod'
import { type Keyring, open, seal } from '../../privacy/keyring.ts'

const named = z.strictObject({ t: z.uuid(), r: z.string(), m: z.uuid() })

/** Which message a link to say stop came with. */
export interface UnsubscribeLink {
  tenantId: string
  region: string
  messageId: string
}

const label = 'unsubscribe-links'

/** The address of one click (RFC 8058). It is good for ever: mail is read late, and saying stop is never too late. */
export function unsubscribeUrl(
  keyring: Keyring,
  publicUrl: string,
  { tenantId, region, messageId }: UnsubscribeLink,
): string {
  const text = JSON.stringify({ t: tenantId, r: region, m: messageId })
  return `${publicUrl}/v1/unsubscribe/${seal(keyring.derive(label), text, label).toString('base64url')}`
}

/** null: not one of ours */
export function unsubscribeLinkOf(keyring: Keyring, token: string): UnsubscribeLink | null {
  try {
    const { t, r, m } = named.parse(
      JSON.parse(open(keyring.derive(label), Buffer.from(token, 'base64url'), label).toString()),
    )
    return { tenantId: t, region: r, messageId: m }
  } catch {
    return null
  }
}
