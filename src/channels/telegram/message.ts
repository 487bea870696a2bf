import type { Body } from '../body.ts'
import {
  at,
  booleanAt,
  camelCased,
  compact,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  textAt,
} from '../json.ts'
import type { MediaKind, MediaRef, MessageBody } from '../neutral.ts'
import { fileRef, largestOf, paidMedia } from './file.ts'
import { contactBody, type Extra, interactiveBody, locationBody } from './shared-things.ts'
import { systemOf } from './system.ts'

/**
 * The body of a Telegram message (also of an edited one) as content by type, its plain text and its file. A message
 * has no type of its own: the member that is there tells. Total: what nobody knows is "unsupported" with everything it
 * said. Source: Telegram, Bot API "Message".
 */
export function bodyOf(message: JsonObject): Body {
  const body = utteranceOf(message) ?? systemBody(message) ?? unsupported(message)
  return { ...body, message: { ...body.message, content: { ...body.message.content, ...aroundOf(message) } } }
}

function utteranceOf(message: JsonObject): Body | undefined {
  const text = at(message, 'text')
  if (typeof text === 'string')
    return said(
      'text',
      { text, entities: camel(message, 'entities'), linkPreviewOptions: camel(message, 'link_preview_options') },
      text,
    )
  for (const [member, kind] of FILES) if (at(message, member) !== undefined) return fileBody(member, kind, message)
  if (at(message, 'paid_media') !== undefined) {
    const media = paidMedia(message)
    const kind = media.some((one) => one.kind === 'video') ? 'video' : 'image'
    return captioned(kind, { paidMedia: camel(message, 'paid_media') }, '[paid media]', message, media)
  }
  const extra: Extra | undefined = contactBody(message) ?? locationBody(message) ?? interactiveBody(message)
  return extra === undefined ? undefined : said(extra.type, extra.content, extra.text, extra.media)
}

/** In this order, since an animation comes as a document too. */
const FILES: readonly (readonly [string, MediaKind])[] = [
  ['photo', 'image'],
  ['live_photo', 'image'],
  ['animation', 'video'],
  ['video', 'video'],
  ['video_note', 'video'],
  ['voice', 'audio'],
  ['audio', 'audio'],
  ['document', 'document'],
  ['sticker', 'sticker'],
]

/** Offsets of entities count UTF-16 units, as JavaScript's strings do. */
function fileBody(member: string, kind: MediaKind, message: JsonObject): Body {
  const file = member === 'photo' ? largestOf(listAt(message, 'photo')) : at(message, member)
  const filename = textAt(file, 'file_name')
  const content = {
    filename,
    mediaType: textAt(file, 'mime_type'),
    durationSeconds: numberAt(file, 'duration'),
    title: textAt(file, 'title'),
    performer: textAt(file, 'performer'),
    ...(FLAGS[member] === undefined ? {} : { [FLAGS[member]]: true }),
    ...(member === 'sticker'
      ? { emoji: textAt(file, 'emoji'), setName: textAt(file, 'set_name'), animated: booleanAt(file, 'is_animated') }
      : {}),
  }
  const label = member === 'voice' ? 'voice message' : member === 'animation' ? 'animation' : kind
  const named = kind === 'document' ? filename : kind === 'sticker' ? textAt(file, 'emoji') : textAt(file, 'title')
  const text = named === undefined ? `[${label}]` : `[${label}] ${named}`
  return captioned(kind, content, text, message, fileRef(kind, file))
}

const FLAGS: Record<string, string> = {
  voice: 'voice',
  animation: 'animation',
  video_note: 'videoNote',
  live_photo: 'livePhoto',
}

function captioned(
  type: MediaKind,
  content: Record<string, JsonValue | undefined>,
  label: string,
  message: JsonObject,
  media: MediaRef[],
): Body {
  const caption = textAt(message, 'caption')
  const whole = {
    ...content,
    caption,
    captionEntities: camel(message, 'caption_entities'),
    hasSpoiler: booleanAt(message, 'has_media_spoiler'),
  }
  return said(type, whole, caption === undefined ? label : `${label} ${caption}`, media)
}

function said(
  type: MessageBody['type'],
  content: Record<string, JsonValue | undefined>,
  text: string,
  media: MediaRef[] = [],
): Body {
  return { message: { type, content: compact(content), text }, media }
}

function systemBody(message: JsonObject): Body | undefined {
  const system = systemOf(message)
  return system === undefined ? undefined : { message: system, media: [] }
}

/** What every message may have around its content, whatever that is. */
function aroundOf(message: JsonObject): JsonObject {
  const origin = at(message, 'forward_origin')
  return compact({
    mediaGroupId: textAt(message, 'media_group_id'),
    quote: camel(message, 'quote'),
    externalReply: camel(message, 'external_reply'),
    replyToStory: camel(message, 'reply_to_story'),
    viaBot: textAt(message, 'via_bot', 'username'),
    authorSignature: textAt(message, 'author_signature'),
    senderTag: textAt(message, 'sender_tag'),
    starCount: numberAt(message, 'paid_star_count'),
    forwardOrigin: origin === undefined ? undefined : originOf(origin),
  })
}

/** Where a forwarded message was first said, as far as a front end shows it; third parties by name alone. */
function originOf(origin: JsonValue): JsonObject {
  const user = at(origin, 'sender_user')
  const chat = at(origin, 'sender_chat') ?? at(origin, 'chat')
  const names = [textAt(user, 'first_name'), textAt(user, 'last_name')].filter((part) => part !== undefined)
  return compact({
    type: textAt(origin, 'type'),
    date: at(origin, 'date'),
    name: textAt(origin, 'sender_user_name') ?? (names.length > 0 ? names.join(' ') : textAt(chat, 'title')),
    signature: textAt(origin, 'author_signature'),
    messageId: textAt(origin, 'message_id'),
  })
}

const ENVELOPE = new Set([
  'message_id',
  'message_thread_id',
  'direct_messages_topic',
  'from',
  'sender_chat',
  'sender_boost_count',
  'sender_business_bot',
  'sender_tag',
  'date',
  'edit_date',
  'business_connection_id',
  'chat',
  'forward_origin',
  'is_topic_message',
  'is_automatic_forward',
  'is_from_offline',
  'reply_to_message',
  'external_reply',
  'quote',
  'reply_to_story',
  'via_bot',
  'has_protected_content',
  'media_group_id',
  'author_signature',
  'reply_markup',
])

function unsupported(message: JsonObject): Body {
  const data = Object.fromEntries(Object.entries(message).filter(([key]) => !ENVELOPE.has(key)))
  const [providerType = 'unknown'] = Object.keys(data)
  const content = { providerType, data: Object.keys(data).length > 0 ? camelCased(data) : undefined }
  return said('unsupported', content, '[unsupported message]')
}

function camel(value: JsonValue, member: string): JsonValue | undefined {
  const found = at(value, member)
  return found === undefined ? undefined : camelCased(found)
}
