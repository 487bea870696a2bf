import { z } from 'zod'

const PUBLIC_API = 'https://api.line.me'
/** LINE serves what users sent from a host of its own. */
const PUBLIC_DATA_API = 'https://api-data.line.me'

const secret = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(4096)
    .meta({ description: `${description} Goes in, never comes out.`, example })
const baseUrl = (description: string, example: string) =>
  z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description, example, pattern: '^https?://' })

export const lineSettings = z
  .strictObject({
    channelSecret: secret(
      'The secret of the Messaging API channel, by which posts are signed.',
      '8c570fa6dd201bb328f1c1eac23a96d8',
    ),
    channelAccessToken: secret('The long-lived channel access token to send with.', 'bNl4YEFPI/hjFWhTqexp4MuEw5Y…'),
    apiBaseUrl: baseUrl('The Messaging API, where it is not LINE’s own.', PUBLIC_API),
    dataApiBaseUrl: baseUrl('Where files are fetched, if not from LINE’s own address.', PUBLIC_DATA_API),
  })
  .meta({ id: 'LineSettings', description: 'The settings of a LINE channel.' })

export type LineSettings = z.infer<typeof lineSettings>

/** Where the Messaging API is for this channel, without a trailing slash. */
export function apiBaseUrl(settings: LineSettings): string {
  return (settings.apiBaseUrl ?? PUBLIC_API).replace(/\/+$/, '')
}

/** Where files are, without a trailing slash. */
export function dataApiBaseUrl(settings: LineSettings): string {
  return (settings.dataApiBaseUrl ?? PUBLIC_DATA_API).replace(/\/+$/, '')
}
