import { randomBytes } from 'node:crypto'
import { z } from 'zod'

const PUBLIC_API = 'https://api.telegram.org'

export const telegramSettings = z
  .strictObject({
    // It becomes part of addresses, where only these characters mean themselves.
    botToken: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[A-Za-z0-9_:-]+$/)
      .meta({
        description: 'The token that BotFather gave the bot. Goes in, never comes out.',
        example: '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11',
      }),
    /** made by `withSecretToken` when left out */
    secretToken: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[A-Za-z0-9_-]+$/)
      .optional()
      .meta({
        description:
          'A secret that Telegram sends with every post: letters, digits, _ and -; made when left out. Never comes out again.',
        example: 'k7Jp2_vQx9Lm4-Rt',
      }),
    apiBaseUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'The Bot API, where it is not Telegram’s own.',
        example: PUBLIC_API,
        pattern: '^https?://',
      }),
  })
  .meta({ id: 'TelegramSettings', description: 'The settings of a Telegram channel.' })

export type TelegramSettings = z.infer<typeof telegramSettings>

export function withSecretToken(settings: TelegramSettings): TelegramSettings {
  return settings.secretToken === undefined
    ? { ...settings, secretToken: randomBytes(32).toString('base64url') }
    : settings
}

/**
 * Where a method of the Bot API is. The address contains the token: it must never get into an error, a log or a row.
 */
export function methodUrl(settings: TelegramSettings, method: string): string {
  return `${apiBaseUrl(settings)}/bot${settings.botToken}/${method}`
}

/** Where a file is that `getFile` named. Contains the token as well. */
export function fileUrl(settings: TelegramSettings, path: string): string {
  return `${apiBaseUrl(settings)}/file/bot${settings.botToken}/${path.split('/').map(encodeURIComponent).join('/')}`
}

function apiBaseUrl(settings: TelegramSettings): string {
  return (settings.apiBaseUrl ?? PUBLIC_API).replace(/\/+$/, '')
}

/** A token begins with the bot's own id: the account. A bot has one webhook, so one channel at most can serve it. */
export function botIdOf(settings: TelegramSettings): string | null {
  return /^(\d{1,20}):/.exec(settings.botToken)?.[1] ?? null
}
