import { createHmac } from 'node:crypto'
import type { RawEvent } from '../../../src/channels/channel.ts'
import type { JsonObject, JsonValue } from '../../../src/channels/json.ts'
import type { NeutralEvent } from '../../../src/channels/neutral.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import type { WhatsAppSettings } from '../../../src/channels/whatsapp/settings.ts'
import { postOf } from '../post.ts'

/** Our own shop, "Blumen Vogel", and its customer Mina. */
export const settings: WhatsAppSettings = {
  phoneNumberId: '700000000000001',
  wabaId: '800000000000001',
  appSecret: 'an-app-secret',
  verifyToken: 'a-verify-token',
  accessToken: 'an-access-token',
}
export const mina = {
  profile: { name: 'Mina' },
  wa_id: '4915112345678',
  user_id: 'DE.4711',
  parent_user_id: 'DE.ENT.99',
}

export function webhook(...changes: JsonObject[]): JsonObject {
  return { object: 'whatsapp_business_account', entry: [{ id: '800000000000001', time: 1790000000, changes }] }
}

export function change(field: string, value: JsonObject, phoneNumberId = '700000000000001'): JsonObject {
  const metadata = { display_phone_number: '+49 30 5557 0000', phone_number_id: phoneNumberId }
  return { field, value: { messaging_product: 'whatsapp', metadata, ...value } }
}

/** One message from Mina. */
export function message(body: JsonObject, id = 'wamid.1'): JsonObject {
  return { from: mina.wa_id, id, timestamp: '1790000001', ...body }
}

export function messages(...list: JsonObject[]): JsonObject {
  return webhook(change('messages', { contacts: [mina], messages: list }))
}

export function split(body: JsonValue): RawEvent[] {
  const result = whatsapp.split(postOf(JSON.stringify(body)), settings)
  if ('malformed' in result) throw new Error(`malformed: ${result.malformed}`)
  return result.events
}

/** The neutral events of a whole body; throws where one is not understood, so that a test cannot pass on nothing. */
export function parsed(body: JsonValue): NeutralEvent[] {
  const events = split(body).flatMap((event) => {
    const result = whatsapp.parse(event)
    if (result.outcome !== 'events') throw new Error(`${event.kind}: ${result.outcome} ${result.reason}`)
    return result.events
  })
  if (events.length === 0) throw new Error('nothing was parsed')
  return events
}

export function only<T>(list: T[]): T {
  const [first] = list
  if (first === undefined || list.length !== 1) throw new Error(`expected one, got ${list.length}`)
  return first
}

export function signature(bytes: Buffer, secret = settings.appSecret): string {
  return `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`
}
