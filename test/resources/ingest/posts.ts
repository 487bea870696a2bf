import { createHmac, randomUUID } from 'node:crypto'
import { signWebhook } from '../../../src/channels/standard-webhooks.ts'
import type { Answer, TestService } from '../../harness/service.ts'

/** The number of the posts' account, unless said otherwise. */
export const phoneNumberId = '700000000000001'
export const wabaId = '800000000000001'

export interface WhatsAppMessage {
  id: string
  text: string
  from?: string
}

/** The body of a WhatsApp post with text messages to one number. */
export function whatsappPost(messages: readonly WhatsAppMessage[], to = phoneNumberId): string {
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: wabaId, time: 1_790_000_000, changes: [{ field: 'messages', value: messagesValue(messages, to) }] }],
  })
}

function messagesValue(messages: readonly WhatsAppMessage[], to: string) {
  const people = [...new Set(messages.map((one) => one.from ?? '4915112345678'))]
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '+49 30 5557 0000', phone_number_id: to },
    contacts: people.map((wa_id) => ({ wa_id, profile: { name: 'Mina' } })),
    messages: messages.map(({ id, text, from = '4915112345678' }) => ({
      from,
      id,
      timestamp: '1790000001',
      type: 'text',
      text: { body: text },
    })),
  }
}

/** Meta's signature of a body. */
export const signed = (body: string | Buffer, appSecret: string): Record<string, string> => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`,
})

export const appSecret = 'the-app-secret-of-tests'
export const verifyToken = 'the-verify-token-of-tests'
export const accessToken = 'the-access-token-of-tests'

/** The body of a new WhatsApp channel. */
export const whatsappChannel = (settings: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  type: 'whatsapp',
  name: 'WhatsApp',
  settings: { phoneNumberId, appSecret, verifyToken, accessToken, ...settings },
  ...more,
})

/** Posts as Meta does. */
export async function post(
  service: Pick<TestService, 'request'>,
  channelId: string,
  body: string | Buffer,
  secret = appSecret,
): Promise<Answer> {
  return service.request('POST', `/v1/ingest/${channelId}`, { token: null, body, headers: signed(body, secret) })
}

/** The headers of Standard Webhooks over a body. */
export function webhookHeaders(
  body: string,
  secret: string,
  at = new Date(),
  id = randomUUID(),
): Record<string, string> {
  return signWebhook(id, at, body, secret)
}
