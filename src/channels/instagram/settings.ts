import { z } from 'zod'
import { apiBaseUrl, GRAPH_API, metaSettings, providerId } from '../meta/settings.ts'

export const instagramSettings = z
  .strictObject({
    accountId: providerId(
      'The id of the professional account as webhooks name it (`user_id` of the API’s /me, not its `id`).',
      '17841405822304914',
    ),
    ...metaSettings,
  })
  .meta({ id: 'InstagramSettings', description: 'The settings of an Instagram channel.' })

export type InstagramSettings = z.infer<typeof instagramSettings>

const INSTAGRAM_API = GRAPH_API.replace('graph.facebook.com', 'graph.instagram.com')

/** Tokens of Instagram Login (they begin with "IG") work at Instagram's own address, those of a page at Facebook's. */
export function instagramBaseUrl(settings: InstagramSettings): string {
  return apiBaseUrl(settings, settings.accessToken.startsWith('IG') ? INSTAGRAM_API : GRAPH_API)
}
