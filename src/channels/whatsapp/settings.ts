import { z } from 'zod'

/** Meta keeps a Graph API version for about two years. */
const PUBLIC_API = 'https://graph.facebook.com/v24.0'

const secret = z.string().min(1).max(4096)
const providerId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9._-]+$/)

export const whatsappSettings = z.strictObject({
  phoneNumberId: providerId,
  wabaId: providerId.optional(),
  appSecret: secret,
  verifyToken: secret,
  accessToken: secret,
  /** with the version, without the phone number's id: "https://graph.facebook.com/v24.0" */
  apiBaseUrl: z.url({ protocol: /^https?$/ }).optional(),
})

export type WhatsAppSettings = z.infer<typeof whatsappSettings>

/** Where the Graph API is for this channel, without a trailing slash. */
export function apiBaseUrl(settings: WhatsAppSettings): string {
  return (settings.apiBaseUrl ?? PUBLIC_API).replace(/\/+$/, '')
}
