import { z } from 'zod'
import { metaSettings, providerId } from '../meta/settings.ts'

export const messengerSettings = z
  .strictObject({
    pageId: providerId('The id of the Facebook page.', '404217156637689'),
    ...metaSettings,
  })
  .meta({ id: 'MessengerSettings', description: 'The settings of a Messenger channel.' })

export type MessengerSettings = z.infer<typeof messengerSettings>
