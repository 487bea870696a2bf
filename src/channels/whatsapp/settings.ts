import { z } from 'zod'
import { metaSettings, providerId } from '../meta/settings.ts'

export const whatsappSettings = z
  .strictObject({
    phoneNumberId: providerId('The id of the phone number, not the number.', '106540352242922'),
    wabaId: providerId('The id of the WhatsApp Business Account.', '102290129340398').optional(),
    ...metaSettings,
  })
  .meta({ id: 'WhatsAppSettings', description: 'The settings of a WhatsApp channel.' })

export type WhatsAppSettings = z.infer<typeof whatsappSettings>
