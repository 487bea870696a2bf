import type { Post, RawEvent, Rejected, Split } from '../channel.ts'
import { at, isObject, type JsonObject, type JsonValue, parseJson, textAt } from '../json.ts'
import { timeOf } from '../time.ts'
import { EVENT_TYPES, reactionEmoji, statusOf, targetOf } from './event.ts'

const ID_LENGTH_MAX = 255

/**
 * The body `{events: […]}` of our own connector protocol. What makes an event unusable is told to the sender,
 * event by event, while the others of the same post are taken; what we do not know is kept.
 *
 * Codes of rejection: not_an_object, id_missing, id_too_long, type_missing, type_unknown, from_missing,
 * direction_unknown, occurred_at_missing (only of past messages), occurred_at_invalid, message_missing,
 * text_missing, attachment_invalid, message_id_missing, status_missing, emoji_missing.
 */
export function splitConnector({ rawBody }: Post): Split {
  const body = parseJson(rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  const entries = at(body, 'events')
  if (!Array.isArray(entries)) return { malformed: 'events_missing' }
  const events: RawEvent[] = []
  const rejected: Rejected[] = []
  for (const entry of entries) {
    const code = faultOf(entry)
    if (code === undefined) events.push(rawEvent(entry))
    else rejected.push({ id: textAt(entry, 'id')?.slice(0, ID_LENGTH_MAX) ?? null, code })
  }
  return { events, rejected }
}

function rawEvent(event: JsonValue): RawEvent {
  return {
    account: null,
    dedupeKey: `event:${textAt(event, 'id') ?? ''}`,
    lane: laneOf(event),
    kind: textAt(event, 'type') ?? 'unknown',
    occurredAt: timeOf(at(event, 'occurredAt')),
    payload: event,
  }
}

/** The customer before the thread: a person's messages stay in order even where the connector invents threads. */
function laneOf(event: JsonValue): string | null {
  const outbound = textAt(event, 'direction') === 'outbound'
  const value = (outbound ? textAt(event, 'to', 'value') : undefined) ?? textAt(event, 'from', 'value')
  if (value !== undefined) return `from:${value}`
  const thread = textAt(event, 'thread')
  return thread === undefined ? null : `thread:${thread}`
}

function faultOf(event: JsonValue): string | undefined {
  if (!isObject(event)) return 'not_an_object'
  const id = textAt(event, 'id')
  const type = textAt(event, 'type')
  if (id === undefined || id.trim() === '') return 'id_missing'
  if (id.length > ID_LENGTH_MAX) return 'id_too_long'
  if (type === undefined) return 'type_missing'
  if (!EVENT_TYPES.has(type)) return 'type_unknown'
  const direction = at(event, 'direction') ?? null
  if (direction !== null && direction !== 'inbound' && direction !== 'outbound') return 'direction_unknown'
  return timeFault(event) ?? partyFault(event, type) ?? contentFault(event, type)
}

function timeFault(event: JsonObject): string | undefined {
  const given = at(event, 'occurredAt') ?? null
  if (given !== null) return timeOf(given) === null ? 'occurred_at_invalid' : undefined
  // Now is a fair guess for what just happened, never for what happened long ago.
  return at(event, 'historical') === true ? 'occurred_at_missing' : undefined
}

/** Changes of a message that we hold need not repeat who wrote it. */
function partyFault(event: JsonObject, type: string): string | undefined {
  const needed = type === 'message' || type === 'reaction'
  return needed && textAt(event, 'from', 'value') === undefined ? 'from_missing' : undefined
}

function contentFault(event: JsonObject, type: string): string | undefined {
  if (type !== 'message' && targetOf(event) === undefined) return 'message_id_missing'
  switch (type) {
    case 'message':
    case 'edit':
      return messageFault(at(event, 'message'))
    case 'status':
      return statusOf(event) === undefined ? 'status_missing' : undefined
    case 'reaction':
      return reactionEmoji(event) === undefined ? 'emoji_missing' : undefined
    default:
      return undefined
  }
}

function messageFault(message: JsonValue | undefined): string | undefined {
  if (!isObject(message)) return 'message_missing'
  const attachments = at(message, 'attachments') ?? []
  if (!Array.isArray(attachments) || !attachments.every(hasWebUrl)) return 'attachment_invalid'
  const type = textAt(message, 'type') ?? 'text'
  return type === 'text' && textAt(message, 'text') === undefined && attachments.length === 0
    ? 'text_missing'
    : undefined
}

function hasWebUrl(attachment: JsonValue): boolean {
  const url = textAt(attachment, 'url')
  return url !== undefined && /^https?:\/\//i.test(url) && URL.canParse(url)
}
