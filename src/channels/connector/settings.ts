import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { webhookKey, webhookSecret } from '../standard-webhooks.ts'

export const connectorSettings = z.strictObject({
  /** made by `generate` when left out */
  secret: z
    .string()
    .refine((secret) => webhookKey(secret) !== undefined, 'must be "whsec_" and the base64 of 24 to 64 bytes')
    .optional(),
  /** where our answers are posted; without it the connector only brings messages in */
  outboundUrl: z.url({ protocol: /^https?$/ }).optional(),
})

export type ConnectorSettings = z.infer<typeof connectorSettings>

const SECRET_BYTES = 32

export function withSecret(settings: ConnectorSettings): ConnectorSettings {
  return settings.secret === undefined ? { ...settings, secret: webhookSecret(randomBytes(SECRET_BYTES)) } : settings
}
