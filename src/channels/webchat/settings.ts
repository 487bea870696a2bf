import { z } from 'zod'
import { originList } from '../origins.ts'

export const webchatSettings = z
  .strictObject({
    /** proves who a user of the site is, and lets all visitors go when it changes */
    signingSecret: z.string().min(16).max(500).meta({
      description:
        'The site’s server proves with it who a user is: userHash is the hexadecimal HMAC-SHA256 of the userId. A new one ends all sessions of visitors. Never comes out again.',
      example: 'a-long-random-secret',
    }),
    allowedOrigins: originList.meta({
      description: 'The pages that the chat stands on.',
      example: ['https://www.example.com'],
    }),
    showAuthors: z
      .boolean()
      .optional()
      .meta({ description: 'Whether visitors see the names of those who answer.', example: true }),
  })
  .meta({ id: 'WebchatSettings', description: 'The settings of a webchat.' })

export type WebchatSettings = z.infer<typeof webchatSettings>
