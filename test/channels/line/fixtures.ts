import { createHmac } from 'node:crypto'
import type { Post, RawEvent } from '../../../src/channels/channel.ts'
import { line } from '../../../src/channels/line/index.ts'
import type { LineSettings } from '../../../src/channels/line/settings.ts'
import type { MessageEvent, NeutralEvent } from '../../../src/channels/neutral.ts'
import { postOf } from '../post.ts'

/** Our own tea shop on LINE, and its customer. */
export const settings: LineSettings = {
  channelSecret: 'a-channel-secret',
  channelAccessToken: 'a-channel-access-token',
}
export const customer = 'U11112222333344445555666677778888'

/** 2026-11-22T10:00:00Z */
export const timestamp = 1795341600000

/** What LINE posts, as LINE signs it. */
export function signed(body: unknown, secret = settings.channelSecret): Post {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return postOf(bytes, { 'X-Line-Signature': createHmac('sha256', secret).update(bytes).digest('base64') })
}

export function event(type: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type,
    mode: 'active',
    timestamp,
    source: { type: 'user', userId: customer },
    webhookEventId: '01JDXAMPLE0000000000000001',
    deliveryContext: { isRedelivery: false },
    replyToken: 'reply-token-1',
    ...more,
  }
}

export const message = (message: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  event('message', { message: { id: '4711', ...message }, ...more })

export function split(...events: unknown[]): RawEvent[] {
  const split = line.split(signed({ destination: 'Ubot', events }), settings)
  if ('malformed' in split) throw new Error(split.malformed)
  return split.events
}

/** What one event becomes, by the whole way. */
export async function parsed(one: unknown): Promise<NeutralEvent[]> {
  const [raw, ...others] = split(one)
  if (raw === undefined || others.length > 0) throw new Error('not one event')
  const result = await line.parse(raw)
  if (result.outcome !== 'events') throw new Error(`${result.outcome}: ${result.reason}`)
  return result.events
}

export async function parsedMessage(one: unknown): Promise<MessageEvent> {
  const found = (await parsed(one)).find((event) => event.type === 'message')
  if (found === undefined) throw new Error('no message')
  return found
}
