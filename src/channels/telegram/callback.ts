import type { Parsed } from '../channel.ts'
import { at, compact, type JsonObject, type JsonValue, listAt, textAt } from '../json.ts'
import { timeOf } from '../time.ts'
import { partyOf } from './party.ts'
import { externalIdOf, threadOf } from './thread.ts'

/**
 * Somebody pressed a button under one of our messages. Their app shows that it waits until the bot has answered the
 * query, so that is an errand. Source: Telegram, Bot API "CallbackQuery".
 */
export function parseCallback(query: JsonObject): Parsed {
  const id = textAt(query, 'id')
  const from = partyOf(at(query, 'from'))
  if (id === undefined) return { outcome: 'failed', reason: 'no_query_id' }
  if (from.identities.length === 0) return { outcome: 'failed', reason: 'no_sender' }
  const message = at(query, 'message') ?? null
  const payload = textAt(query, 'data') ?? textAt(query, 'game_short_name')
  const title = titleOf(message, payload)
  const thread = threadOf(message)
  const replyTo = externalIdOf(message)
  // The query names no time; that of the message would be the past.
  const occurredAt = timeOf(at(query, 'date'))
  return {
    outcome: 'events',
    events: [
      {
        type: 'message',
        externalId: `callback:${id}`,
        direction: 'inbound',
        historical: false,
        from,
        ...(thread === undefined ? {} : { thread }),
        occurredAt,
        message: { type: 'button', content: compact({ payload, title }), text: title ?? payload ?? '[button]' },
        media: [],
        ...(replyTo === undefined ? {} : { replyTo }),
      },
      { type: 'errand', kind: 'answer_callback_query', occurredAt },
    ],
  }
}

/** The words on the button that bears this payload. */
function titleOf(message: JsonValue, payload: string | undefined): string | undefined {
  if (payload === undefined) return undefined
  const buttons = listAt(message, 'reply_markup', 'inline_keyboard').flatMap((row) => (Array.isArray(row) ? row : []))
  return textAt(
    buttons.find((button) => textAt(button, 'callback_data') === payload),
    'text',
  )
}
