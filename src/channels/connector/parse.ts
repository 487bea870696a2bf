import type { Parsed } from '../channel.ts'
import { at, cleanJson, compact, isObject, type JsonValue, listAt, textAt } from '../json.ts'
import type { Direction, MediaKind, MediaRef, MessageBody, NeutralEvent, StatusEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { messageOf, partyOf, reactionEmoji, statusOf, targetOf } from './event.ts'

/** One stored connector event as a neutral event. Total over any JSON, also what `split` would have refused. */
export function parseConnector(event: { kind: string; payload: JsonValue }): Parsed {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  if (!isObject(payload)) return { outcome: 'failed', reason: 'not_an_object' }
  const common = { ...parties(payload), occurredAt: timeOf(at(payload, 'occurredAt')) }
  const id = textAt(payload, 'message', 'externalId') ?? textAt(payload, 'id')
  const target = targetOf(payload)
  switch (textAt(payload, 'type')) {
    case 'message':
      if (id === undefined) return { outcome: 'failed', reason: 'no_message_id' }
      if (partyOf(at(payload, 'from')).identities.length === 0) return { outcome: 'failed', reason: 'no_sender' }
      return one({
        type: 'message',
        externalId: id,
        historical: at(payload, 'historical') === true,
        ...common,
        ...bodyOf(messageOf(payload)),
        ...replyOf(payload),
      })
    case 'edit':
      return target === undefined
        ? noTarget()
        : one({ type: 'edit', externalId: target, ...common, ...bodyOf(messageOf(payload)) })
    case 'delete':
      return target === undefined ? noTarget() : one({ type: 'delete', externalId: target, ...common })
    case 'reaction':
      return target === undefined
        ? noTarget()
        : one({ type: 'reaction', externalId: target, ...common, emoji: reactionEmoji(payload) ?? null })
    case 'status':
      return target === undefined ? noTarget() : status(payload, target)
    default:
      return { outcome: 'failed', reason: 'type_unknown' }
  }
}

/** Outbound without `to`: the contract has one person, and that is the customer. */
function parties(event: JsonValue) {
  const direction: Direction = textAt(event, 'direction') === 'outbound' ? 'outbound' : 'inbound'
  const from = partyOf(at(event, 'from'))
  const to = isObject(at(event, 'to')) ? partyOf(at(event, 'to')) : undefined
  const thread = textAt(event, 'thread')
  const people =
    direction === 'inbound'
      ? { from, ...(to === undefined ? {} : { to }) }
      : to === undefined
        ? { from: { identities: [] }, to: from }
        : { from, to }
  return { direction, ...people, ...(thread === undefined ? {} : { thread: { id: thread, kind: 'direct' as const } }) }
}

function replyOf(event: JsonValue): { replyTo?: string } {
  const replyTo = textAt(event, 'replyTo') ?? textAt(event, 'message', 'replyTo')
  return replyTo === undefined ? {} : { replyTo }
}

const STATUS: ReadonlyMap<string, StatusEvent['status']> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['failed', 'failed'],
  ['deleted', 'deleted'],
])

function status(event: JsonValue, externalId: string): Parsed {
  const providerStatus = statusOf(event)
  const known = STATUS.get(providerStatus?.toLowerCase() ?? '')
  if (providerStatus === undefined || known === undefined) return { outcome: 'failed', reason: 'status_unknown' }
  const failure: StatusEvent['error'] = {
    code: textAt(event, 'error', 'code') ?? 'unknown',
    message: textAt(event, 'error', 'message') ?? 'the connector gave no reason',
    class: 'permanent',
  }
  return one({
    type: 'status',
    externalId,
    status: known,
    providerStatus,
    recipient: partyOf(at(event, 'from')),
    ...(known === 'failed' ? { error: failure } : {}),
    occurredAt: timeOf(at(event, 'occurredAt')),
  })
}

/** Text and files, and what was pressed of the buttons that were sent. A type that the protocol does not have is shown as unsupported, with its text. */
function bodyOf(message: JsonValue): { message: MessageBody; media: MediaRef[] } {
  const text = textAt(message, 'text')
  const media = listAt(message, 'attachments').flatMap(mediaRef)
  const declared = textAt(message, 'type') ?? 'text'
  const payload = textAt(message, 'payload')
  if (declared === 'button' && payload !== undefined) {
    const title = textAt(message, 'title')
    const content = compact({ payload, title })
    return { message: { type: 'button', content, text: text ?? title ?? payload }, media }
  }
  if (declared !== 'text') {
    const { text: _text, attachments: _attachments, type: _type, ...data } = isObject(message) ? message : {}
    return {
      message: {
        type: 'unsupported',
        content: compact({ providerType: declared, text, data }),
        text: text ?? '[unsupported message]',
      },
      media,
    }
  }
  const [only] = media
  if (text === undefined && only !== undefined && media.length === 1) {
    const content = compact({ filename: only.filename, mediaType: only.mediaType })
    return { message: { type: only.kind, content, text: `[${only.kind}] ${only.filename ?? ''}`.trim() }, media }
  }
  return {
    message: {
      type: 'text',
      content: { text: text ?? '' },
      text: text ?? media.map(({ kind, filename }) => `[${kind}] ${filename ?? ''}`.trim()).join('\n'),
    },
    media,
  }
}

function mediaRef(attachment: JsonValue): MediaRef[] {
  const url = textAt(attachment, 'url')
  if (url === undefined) return []
  const filename = textAt(attachment, 'name')
  const mediaType = textAt(attachment, 'mediaType')
  return [
    {
      kind: mediaKind(mediaType),
      url,
      ...(filename === undefined ? {} : { filename }),
      ...(mediaType === undefined ? {} : { mediaType }),
    },
  ]
}

function mediaKind(mediaType: string | undefined): MediaKind {
  const family = mediaType?.toLowerCase().split('/')[0]
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}

function noTarget(): Parsed {
  return { outcome: 'failed', reason: 'no_target' }
}

function one(event: NeutralEvent): Parsed {
  return { outcome: 'events', events: [event] }
}
