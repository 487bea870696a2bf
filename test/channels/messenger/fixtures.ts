import { createHmac } from 'node:crypto'
import type { Parsed, RawEvent } from '../../../src/channels/channel.ts'
import { instagram } from '../../../src/channels/instagram/index.ts'
import type { InstagramSettings } from '../../../src/channels/instagram/settings.ts'
import type { JsonObject, JsonValue } from '../../../src/channels/json.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import type { MessengerSettings } from '../../../src/channels/messenger/settings.ts'
import type { MessageEvent, NeutralEvent } from '../../../src/channels/neutral.ts'
import { postOf } from '../post.ts'

/** Our own shop, "Blumen Vogel", and its customer Mina, as the page knows her. */
export const settings: MessengerSettings = {
  pageId: '300000000000001',
  appSecret: 'an-app-secret',
  verifyToken: 'a-verify-token',
  accessToken: 'a-page-token',
}
export const instagramSettings: InstagramSettings = {
  accountId: '17840000000000001',
  appSecret: 'an-app-secret',
  verifyToken: 'a-verify-token',
  accessToken: 'a-page-token',
}
export const PSID = '6000000000000001'
const at = 1_790_000_001_000

/** The account of a platform: the page, or the Instagram account. */
export const accountOf = { page: settings.pageId, instagram: instagramSettings.accountId }
export type MetaObject = keyof typeof accountOf

export function webhook(object: MetaObject, ...items: JsonValue[]): JsonObject {
  return { object, entry: [{ id: accountOf[object], time: at + 500, messaging: items }] }
}

/** An item from Mina. */
export function fromMina(object: MetaObject, body: JsonObject): JsonObject {
  return { sender: { id: PSID }, recipient: { id: accountOf[object] }, timestamp: at, ...body }
}

/** An item from the page itself. */
export function toMina(object: MetaObject, body: JsonObject): JsonObject {
  return { sender: { id: accountOf[object] }, recipient: { id: PSID }, timestamp: at, ...body }
}

export function split(object: MetaObject, body: JsonValue): RawEvent[] {
  const post = postOf(JSON.stringify(body))
  const result = object === 'page' ? messenger.split(post, settings) : instagram.split(post, instagramSettings)
  if ('malformed' in result) throw new Error(`malformed: ${result.malformed}`)
  return result.events
}

export function parse(object: MetaObject, event: RawEvent): Parsed {
  return object === 'page' ? messenger.parse(event) : instagram.parse(event)
}

/** The neutral events of one item; throws where it is not understood, so that a test cannot pass on nothing. */
export function parsed(object: MetaObject, item: JsonObject): NeutralEvent[] {
  return split(object, webhook(object, item)).flatMap((event) => {
    const result = parse(object, event)
    if (result.outcome !== 'events') throw new Error(`${event.kind}: ${result.outcome} ${result.reason}`)
    return result.events
  })
}

export function only<T>(list: T[]): T {
  const [first] = list
  if (first === undefined || list.length !== 1) throw new Error(`expected one, got ${list.length}`)
  return first
}

/** The message that Mina's `message` becomes. */
export function said(object: MetaObject, message: JsonObject): MessageEvent {
  const event = only(parsed(object, fromMina(object, { message: { mid: 'm_1', ...message } })))
  if (event.type !== 'message') throw new Error(event.type)
  return event
}

/** How a single item is put aside. */
export function reason(object: MetaObject, item: JsonObject): string {
  const result = parse(object, only(split(object, webhook(object, item))))
  return result.outcome === 'events' ? 'events' : `${result.outcome} ${result.reason}`
}

export function signature(bytes: Buffer, secret = settings.appSecret): string {
  return `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`
}
