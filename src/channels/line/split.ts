import type { Post, RawEvent, Split } from '../channel.ts'
import { at, canonicalHash, isObject, type JsonObject, type JsonValue, manyAt, parseJson, textAt } from '../json.ts'
import { timeOf } from '../time.ts'
import { laneOfEvent } from './source.ts'

/**
 * A LINE webhook `{destination, events: []}` as one raw event each; what has another shape is kept whole under
 * "unknown". `destination` (the bot's user id) is kept with each event and names no account: a channel's settings
 * hold none to compare it with, and each has a secret of its own, so that a post can only be for the channel whose
 * secret signed it. Source: LINE, Messaging API "Webhooks".
 */
export function splitLine({ rawBody }: Post): Split {
  const body = parseJson(rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  if (!isObject(body)) return { malformed: 'not_an_object' }
  const events = manyAt(body, 'events')
  if (events.length === 0 && !Array.isArray(body.events)) return { events: [rawEvent(body, body)], rejected: [] }
  const destination = textAt(body, 'destination')
  const own: JsonObject = destination === undefined ? {} : { destination }
  return {
    events: events.filter((event) => !isConnectionCheck(event)).map((event) => rawEvent(event, { ...own, event })),
    rejected: [],
  }
}

/** What the console's "Verify" button posts besides an empty list: nobody wrote anything. */
function isConnectionCheck(event: JsonValue): boolean {
  const token = textAt(event, 'replyToken') ?? ''
  return /^(0{32}|f{32})$/.test(token) || /^U(deadbeef){4}$/.test(textAt(event, 'source', 'userId') ?? '')
}

function rawEvent(event: JsonValue, payload: JsonObject): RawEvent {
  return {
    account: null,
    dedupeKey: dedupeKey(event),
    lane: laneOfEvent(event),
    kind: kindOfEvent(event),
    occurredAt: timeOf(at(event, 'timestamp')),
    payload,
  }
}

/**
 * `webhookEventId` is the same for every redelivery, as are type and message, which keep apart events that a proxy or
 * an older SDK gave one id. Events from before there were ids are known by their contents without what a redelivery
 * changes.
 */
function dedupeKey(event: JsonValue): string {
  const id = textAt(event, 'webhookEventId')
  if (id !== undefined) return `${id}:${kindOfEvent(event)}:${textAt(event, 'message', 'id') ?? ''}`
  if (!isObject(event)) return `#${canonicalHash(event)}`
  const { deliveryContext: _redelivery, ...rest } = event
  return `#${canonicalHash(rest)}`
}

/** "message.text", "follow", "beacon"; the types that camelCase are written in snake_case: "message_edited.text". */
export function kindOfEvent(event: JsonValue): string {
  const type = nameOf(textAt(event, 'type'))
  return type === 'message' || type === 'message_edited' ? `${type}.${nameOf(textAt(event, 'message', 'type'))}` : type
}

function nameOf(word: string | undefined): string {
  const name = (word ?? 'unknown').replaceAll(/(?<=[a-z0-9])([A-Z])/g, '_$1').toLowerCase()
  return /^[a-z0-9_]{1,64}$/.test(name) ? name : 'unknown'
}
