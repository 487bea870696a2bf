import { z } from 'zod'

/** Meta keeps a Graph API version for about two years. */
export const GRAPH_API = 'https://graph.facebook.com/v24.0'

const secret = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(4096)
    .meta({ description: `${description} Goes in, never comes out.`, example })

/** An id that Meta gave: a phone number's, an account's, a page's. */
export const providerId = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Za-z0-9._-]+$/)
    .meta({ description, example })

/** What the settings of all channels behind a Meta app have. */
export const metaSettings = {
  appSecret: secret('The secret of the Meta app, by which posts are signed.', '6dc41da2c6c04ec7a1c9b5d6ea4e5a3c'),
  verifyToken: secret('A word of your own, which Meta hands back when it checks the address.', 'my-verify-token'),
  accessToken: secret('The token to send with.', 'EAAG…'),
  /** with the version, without any id: "https://graph.facebook.com/v24.0" */
  apiBaseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'The Graph API with its version, where it is not Meta’s own.',
      example: GRAPH_API,
      pattern: '^https?://',
    }),
}

export const META_SECRETS = ['appSecret', 'verifyToken', 'accessToken'] as const

/** Where the Graph API is for a channel, without a trailing slash. */
export function apiBaseUrl(settings: { apiBaseUrl?: string | undefined }, publicApi: string = GRAPH_API): string {
  return (settings.apiBaseUrl ?? publicApi).replace(/\/+$/, '')
}
