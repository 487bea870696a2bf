import { z } from 'zod'

/** Meta keeps a Graph API version for about two years. */
const PUBLIC_API = 'https://graph.facebook.com/v24.0'

const secret = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(4096)
    .meta({ description: `${description} Goes in, never comes out.`, example })
const providerId = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Za-z0-9._-]+$/)
    .meta({ description, example })

export const whatsappSettings = z
  .strictObject({
    phoneNumberId: providerId('The id of the phone number, not the number.', '106540352242922'),
    wabaId: providerId('The id of the WhatsApp Business Account.', '102290129340398').optional(),
    appSecret: secret('The secret of the Meta app, by which posts are signed.', '6dc41da2c6c04ec7a1c9b5d6ea4e5a3c'),
    verifyToken: secret('A word of your own, which Meta hands back when it checks the address.', 'my-verify-token'),
    accessToken: secret('The token to send with.', 'EAAG…'),
    /** with the version, without the phone number's id: "https://graph.facebook.com/v24.0" */
    apiBaseUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'The Graph API with its version, where it is not Meta’s own.',
        example: PUBLIC_API,
        pattern: '^https?://',
      }),
  })
  .meta({ id: 'WhatsAppSettings', description: 'The settings of a WhatsApp channel.' })

export type WhatsAppSettings = z.infer<typeof whatsappSettings>

/** Where the Graph API is for this channel, without a trailing slash. */
export function apiBaseUrl(settings: WhatsAppSettings): string {
  return (settings.apiBaseUrl ?? PUBLIC_API).replace(/\/+$/, '')
}
