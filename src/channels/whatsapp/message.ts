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
  objectAt,
  textAt,
} from '../json.ts'
import type { MediaKind, MediaRef, MessageBody } from '../neutral.ts'
import { interactiveBody } from './interactive.ts'

/**
 * The body of a message (also of an edit, an echo, a past message) as content by type, its plain text
 * and the files that it refers to. Total: an unknown type is "unsupported" with everything it said.
 * @param item the provider's message, `{type, [type]: {…}}`
 * @param errors beside it in the webhook
 */
export function bodyOf(item: JsonValue, errors: JsonValue[] = []): Body {
  const type = textAt(item, 'type') ?? 'unknown'
  const body = objectAt(item, type)
  switch (type) {
    case 'text':
      return written(textAt(body, 'body') ?? textAt(item, 'text') ?? '', item)
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return mediaBody(type, body, item)
    case 'location':
      return locationBody(body, item)
    case 'contacts':
      return contactsBody(item)
    case 'button': {
      const text = textAt(body, 'text') ?? textAt(body, 'payload') ?? '[button]'
      return plain('button', compact({ text: textAt(body, 'text'), payload: textAt(body, 'payload') }), text, item)
    }
    case 'interactive': {
      const interactive = interactiveBody(body)
      return interactive === undefined
        ? unsupported(type, item, errors)
        : plain('interactive', interactive.content, interactive.text, item)
    }
    case 'order':
      return orderBody(body, item)
    case 'system':
      return plain(
        'system',
        { event: textAt(body, 'type') ?? 'system', ...objectAt(camelCased({ ...body, ...identity(item) })) },
        textAt(body, 'body') ?? '[system]',
        item,
      )
    // Somebody opened the chat for the first time and has not said anything yet.
    case 'request_welcome':
      return plain('system', { event: type }, '[opened the chat]', item)
    default:
      return unsupported(type, item, errors)
  }
}

const written = (text: string, item: JsonValue): Body => plain('text', { text }, text, item)

function plain(
  type: MessageBody['type'],
  content: JsonObject,
  text: string,
  item: JsonValue,
  media: MediaRef[] = [],
): Body {
  // A reply to a catalogue product says so in `context`, whatever the type of the message.
  const product = at(item, 'context', 'referred_product')
  return {
    message: {
      type,
      content: product === undefined ? content : { ...content, referredProduct: camelCased(product) },
      text,
    },
    media,
  }
}

function mediaBody(kind: MediaKind, body: JsonObject, item: JsonValue): Body {
  const caption = textAt(body, 'caption')
  const filename = textAt(body, 'filename')
  const content = compact({
    caption,
    filename,
    mediaType: textAt(body, 'mime_type'),
    voice: booleanAt(body, 'voice'),
    animated: booleanAt(body, 'animated'),
  })
  const label = booleanAt(body, 'voice') === true ? 'voice message' : kind
  const text = [`[${label}]`, kind === 'document' ? filename : undefined, caption]
    .filter((part) => part !== undefined)
    .join(' ')
  const media = mediaRef(kind, body)
  return plain(kind, content, text, item, media === undefined ? [] : [media])
}

function mediaRef(kind: MediaKind, body: JsonObject): MediaRef | undefined {
  const externalId = textAt(body, 'id')
  const url = textAt(body, 'url') ?? textAt(body, 'link')
  if (externalId === undefined && url === undefined) return undefined
  const ref: MediaRef = { kind }
  const mediaType = textAt(body, 'mime_type')
  const filename = textAt(body, 'filename')
  const sha256 = hexDigest(textAt(body, 'sha256'))
  if (externalId !== undefined) ref.externalId = externalId
  if (url !== undefined) ref.url = url
  if (mediaType !== undefined) ref.mediaType = mediaType
  if (filename !== undefined) ref.filename = filename
  if (sha256 !== undefined) ref.sha256 = sha256
  return ref
}

/** Webhooks give the digest in base64, the media API in hex. */
export function hexDigest(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}

function locationBody(body: JsonObject, item: JsonValue): Body {
  const content = { ...objectAt(camelCased(body)) }
  for (const axis of ['latitude', 'longitude']) content[axis] = numberAt(body, axis) ?? content[axis] ?? null
  const place = [textAt(body, 'name'), textAt(body, 'address')].filter((part) => part !== undefined)
  const coordinates = [textAt(body, 'latitude'), textAt(body, 'longitude')].filter((part) => part !== undefined)
  return plain(
    'location',
    content,
    ['[location]', (place.length > 0 ? place : coordinates).join(', ')].join(' ').trim(),
    item,
  )
}

function contactsBody(item: JsonValue): Body {
  const contacts = listAt(item, 'contacts')
  const names = contacts.map(
    (contact) =>
      textAt(contact, 'name', 'formatted_name') ??
      textAt(contact, 'name', 'first_name') ??
      textAt(listAt(contact, 'phones')[0], 'phone') ??
      'unnamed',
  )
  return plain('contacts', { contacts: camelCased(contacts) }, `[contacts] ${names.join(', ')}`.trim(), item)
}

function orderBody(body: JsonObject, item: JsonValue): Body {
  const items = listAt(body, 'product_items')
  const lines = items.map(
    (product) => `${textAt(product, 'quantity') ?? '1'} × ${textAt(product, 'product_retailer_id') ?? 'item'}`,
  )
  const note = textAt(body, 'text')
  return plain(
    'order',
    objectAt(camelCased(body)),
    [`[order] ${lines.join(', ')}`.trim(), note].filter((part) => part !== undefined).join('\n'),
    item,
  )
}

const ENVELOPE = new Set([
  'id',
  'from',
  'from_user_id',
  'from_parent_user_id',
  'to',
  'to_user_id',
  'to_parent_user_id',
  'timestamp',
  'type',
  'context',
  'group_id',
  'errors',
  'history_context',
])

function unsupported(type: string, item: JsonValue, errors: JsonValue[]): Body {
  const data = Object.fromEntries(Object.entries(objectAt(item)).filter(([key]) => !ENVELOPE.has(key)))
  const all = [...listAt(item, 'errors'), ...errors]
  // "unsupported" names the real type one level down.
  const providerType = textAt(item, 'unsupported', 'type') ?? type
  const reason = textAt(all[0], 'error_data', 'details') ?? textAt(all[0], 'details') ?? textAt(all[0], 'title')
  const content = compact({
    providerType,
    errors: all.length > 0 ? camelCased(all) : undefined,
    data: Object.keys(data).length > 0 ? camelCased(data) : undefined,
  })
  return plain(
    'unsupported',
    content,
    ['[unsupported message]', reason].filter((part) => part !== undefined).join(' '),
    item,
  )
}

/** The security code's hash stands beside `system`, not in it. */
function identity(item: JsonValue): JsonObject {
  const value = at(item, 'identity')
  return value === undefined ? {} : { identity: value }
}
