import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { webhookKey, webhookSecret } from '../standard-webhooks.ts'

// "whsec_" and the base64 of 24 to 64 bytes, for the document; `webhookKey` decides.
const group = '[A-Za-z0-9+/]'
const writtenSecret = `^whsec_((${group}{4}){8,21}|(${group}{4}){8,20}${group}{2}[AEIMQUYcgkosw048]=|(${group}{4}){8,21}${group}[AQgw]==)$`

export const connectorSettings = z
  .strictObject({
    /** made by `generate` when left out */
    secret: z
      .string()
      .refine((secret) => webhookKey(secret) !== undefined, 'must be "whsec_" and the base64 of 24 to 64 bytes')
      .optional()
      .meta({
        description:
          'What both directions are signed with (Standard Webhooks): "whsec_" and the base64 of 24 to 64 bytes; made when left out. Never comes out again.',
        example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
        pattern: writtenSecret,
      }),
    /** where our answers are posted; without it the connector only brings messages in */
    outboundUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'Where answers are posted; without it the connector only brings messages in.',
        example: 'https://connector.example.com/outbound',
        pattern: '^https?://',
      }),
  })
  .meta({ id: 'ConnectorSettings', description: 'The settings of a connector.' })

export type ConnectorSettings = z.infer<typeof connectorSettings>

const SECRET_BYTES = 32

export function withSecret(settings: ConnectorSettings): ConnectorSettings {
  return settings.secret === undefined ? { ...settings, secret: webhookSecret(randomBytes(SECRET_BYTES)) } : settings
}
