import type { Parsed } from '../channel.ts'
import { at, cleanJson, compact, isObject, type JsonObject, type JsonValue, textAt } from '../json.ts'
import type { MediaRef, MessageBody, MessageEvent, NeutralEvent, Thread } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { bodyOf } from './message.ts'
import { noticeOf } from './notice.ts'
import { customerOfEvent, threadOfEvent } from './source.ts'
import { kindOfEvent } from './split.ts'
import { systemOf } from './system.ts'

/** One stored LINE event as neutral events. Total over any JSON. */
export function parseLine({ payload: stored }: { payload: JsonValue }): Parsed {
  const payload = cleanJson(stored)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  const event = at(payload, 'event')
  // What was posted in no shape that LINE has: kept whole.
  if (event === undefined) return { outcome: 'failed', reason: 'unknown_shape' }
  if (!isObject(event)) return { outcome: 'failed', reason: 'not_an_object' }
  switch (textAt(event, 'type')) {
    case 'message':
      return parseMessage(event)
    case 'messageEdited':
      return parseEdit(event)
    case 'unsend':
      return parseUnsend(event)
    case 'postback':
      return parsePostback(event)
    case 'follow':
    case 'unfollow':
      return parseFollow(event)
    // It tells that a notification message reached a phone number that was written to elsewhere, not through this hub.
    case 'delivery':
      return { outcome: 'ignored', reason: 'delivery_of_notification_message' }
    // Devices nearby, which LINE has given up.
    case 'things':
      return { outcome: 'ignored', reason: 'things' }
    default: {
      const notice = noticeOf(event)
      if (notice !== undefined) return events(notice)
      const system = systemOf(event)
      if (system !== undefined) return events(messageEvent(event, eventId(event), { message: system, media: [] }))
      return Object.keys(event).length === 0
        ? { outcome: 'ignored', reason: 'empty' }
        : { outcome: 'failed', reason: 'unknown_type' }
    }
  }
}

function parseMessage(event: JsonObject): Parsed {
  const externalId = textAt(event, 'message', 'id')
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_message_id' }
  const replyTo = textAt(event, 'message', 'quotedMessageId')
  return events({
    ...messageEvent(event, externalId, bodyOf(at(event, 'message') ?? null)),
    ...(replyTo === undefined ? {} : { replyTo }),
  })
}

function parseEdit(event: JsonObject): Parsed {
  const externalId = textAt(event, 'message', 'id')
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
  return events({ type: 'edit', externalId, ...commonOf(event), ...bodyOf(at(event, 'message') ?? null) })
}

function parseUnsend(event: JsonObject): Parsed {
  const externalId = textAt(event, 'unsend', 'messageId')
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
  return events({ type: 'delete', externalId, ...commonOf(event) })
}

/** A button that the person pressed, or a date that they picked (`params`); `data` is what the bot gave it. */
function parsePostback(event: JsonObject): Parsed {
  const payload = textAt(event, 'postback', 'data')
  const params = at(event, 'postback', 'params')
  const chosen = ['datetime', 'date', 'time'].map((name) => textAt(params, name)).find((one) => one !== undefined)
  const message: MessageBody = {
    type: 'button',
    content: compact({ payload, params }),
    text: chosen ?? payload ?? '[button]',
  }
  return events(messageEvent(event, eventId(event), { message, media: [] }))
}

/**
 * Who follows may be written to; who unfollows has blocked the account (LINE knows no other way). `isUnblocked` tells a
 * new friend from one who is back: both may be written to.
 */
function parseFollow(event: JsonObject): Parsed {
  const isFollow = textAt(event, 'type') === 'follow'
  const from = customerOfEvent(event)
  const isUnblocked = at(event, 'follow', 'isUnblocked')
  const message: MessageBody = {
    type: 'system',
    content: compact({
      event: isFollow ? 'follow' : 'unfollow',
      isUnblocked: typeof isUnblocked === 'boolean' ? isUnblocked : undefined,
    }),
    text: isFollow
      ? isUnblocked === true
        ? 'Unblocked the account'
        : 'Added the account as a friend'
      : 'Blocked the account',
  }
  return events(
    {
      type: 'preference',
      category: 'all',
      state: isFollow ? 'resume' : 'stop',
      detail: compact({ type: textAt(event, 'type'), follow: at(event, 'follow') }),
      from,
      occurredAt: timeOf(at(event, 'timestamp')),
    },
    messageEvent(event, eventId(event), { message, media: [] }),
  )
}

/** The id under which an event that is no message of LINE's stands in the history; older ones have none of their own. */
function eventId(event: JsonObject): string {
  const id = textAt(event, 'webhookEventId')
  if (id !== undefined) return `event:${id}`
  const place = threadOfEvent(event)?.id ?? textAt(event, 'source', 'userId') ?? ''
  return `event:${kindOfEvent(event)}:${textAt(event, 'timestamp') ?? ''}:${place}`
}

function messageEvent(
  event: JsonObject,
  externalId: string,
  { message, media }: { message: MessageBody; media: MediaRef[] },
): MessageEvent {
  const isStandby = textAt(event, 'mode') === 'standby'
  return {
    type: 'message',
    externalId,
    ...commonOf(event),
    // In standby somebody else (LINE's own chat, another module) answers this person: it belongs into the history, but
    // nobody here shall wait, be counted on or be routed to because of it.
    historical: isStandby,
    message: isStandby ? { ...message, content: { ...message.content, standby: true } } : message,
    media,
    ...replyHandleOf(event),
  }
}

function commonOf(event: JsonObject): {
  direction: 'inbound'
  from: MessageEvent['from']
  occurredAt: Date | null
  thread?: Thread
} {
  const thread = threadOfEvent(event)
  return {
    direction: 'inbound',
    from: customerOfEvent(event),
    occurredAt: timeOf(at(event, 'timestamp')),
    ...(thread === undefined ? {} : { thread }),
  }
}

/** A reply token must be used within a minute of its event; the rest is for the way there. */
const REPLY_MS = 50_000

function replyHandleOf(event: JsonObject): Pick<MessageEvent, 'replyHandle'> {
  const token = textAt(event, 'replyToken')
  const at_ = timeOf(at(event, 'timestamp'))
  if (token === undefined || at_ === null || textAt(event, 'mode') === 'standby') return {}
  return { replyHandle: { token, expiresAt: new Date(at_.getTime() + REPLY_MS) } }
}

function events(...list: NeutralEvent[]): Parsed {
  return { outcome: 'events', events: list }
}
