import type { Post, RawEvent } from '../../../src/channels/channel.ts'
import type { JsonObject } from '../../../src/channels/json.ts'
import type { MessageEvent, NeutralEvent } from '../../../src/channels/neutral.ts'
import { telegram } from '../../../src/channels/telegram/index.ts'
import type { TelegramSettings } from '../../../src/channels/telegram/settings.ts'
import { postOf } from '../post.ts'

/** Our own bike shop's bot, and its customer. */
export const settings: TelegramSettings = { botToken: '700001:a-bot-token', secretToken: 'a-secret-token' }
export const mina = {
  id: 55,
  is_bot: false,
  first_name: 'Mina',
  last_name: 'Adler',
  username: 'mina',
  language_code: 'pt-br',
}
export const minaChat = { id: 55, first_name: 'Mina', last_name: 'Adler', username: 'mina', type: 'private' }
export const group = { id: -1001305240521, title: 'Riders', type: 'supergroup' }

/** 2026-11-22T10:00:00Z */
export const date = 1795341600

export const posted = (body: unknown, secret = settings.secretToken): Post =>
  postOf(typeof body === 'string' ? body : JSON.stringify(body), { 'x-telegram-bot-api-secret-token': secret })

export const update = (kind: string, item: unknown, id: unknown = 9001): Record<string, unknown> => ({
  update_id: id,
  [kind]: item,
})

/** A message in Mina's chat with the bot. */
export const message = (more: Record<string, unknown>): Record<string, unknown> => ({
  message_id: 7,
  from: mina,
  chat: minaChat,
  date,
  ...more,
})

export function split(body: unknown): RawEvent[] {
  const split = telegram.split(posted(body), settings)
  if ('malformed' in split) throw new Error(split.malformed)
  return split.events
}

/** What one update becomes, by the whole way. */
export async function parsed(body: unknown): Promise<NeutralEvent[]> {
  const [raw, ...others] = split(body)
  if (raw === undefined || others.length > 0) throw new Error('not one event')
  const result = await telegram.parse(raw)
  if (result.outcome !== 'events') throw new Error(`${result.outcome}: ${result.reason}`)
  return result.events
}

export async function parsedMessage(more: Record<string, unknown>, kind = 'message'): Promise<MessageEvent> {
  const found = (await parsed(update(kind, message(more)))).find((event) => event.type === 'message')
  if (found === undefined) throw new Error('no message')
  return found
}

export async function contentOf(more: Record<string, unknown>): Promise<JsonObject> {
  return (await parsedMessage(more)).message.content
}
