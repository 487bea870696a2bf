import type { Body } from '../body.ts'
import {
  at,
  camelCased,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  numberAt,
  objectAt,
  textAt,
} from '../json.ts'
import type { MediaKind, MediaRef, MessageBody } from '../neutral.ts'

/**
 * The body of a LINE message (also of an edited one) as content by type, its plain text and its file.
 * Total: an unknown type is "unsupported" with everything it said. Source: LINE, Messaging API "Message event".
 */
export function bodyOf(message: JsonValue): Body {
  const type = textAt(message, 'type') ?? 'unknown'
  switch (type) {
    case 'text': {
      const text = typeof at(message, 'text') === 'string' ? (textAt(message, 'text') ?? '') : ''
      return body('text', message, { text, emojis: kept(message, 'emojis'), mention: kept(message, 'mention') }, text)
    }
    case 'image':
      return fileBody('image', message, { imageSet: kept(message, 'imageSet') })
    case 'video':
    case 'audio':
      return fileBody(type, message, { durationMs: numberAt(message, 'duration') })
    case 'file':
      return fileBody('document', message, {
        filename: textAt(message, 'fileName'),
        sizeBytes: numberAt(message, 'fileSize'),
      })
    case 'sticker':
      return stickerBody(message)
    case 'location':
      return locationBody(message)
    default: {
      const { id: _id, type: _type, quoteToken: _token, ...data } = objectAt(message)
      const content = { providerType: type, data: Object.keys(data).length > 0 ? camelCased(data) : undefined }
      return body('unsupported', message, content, '[unsupported message]')
    }
  }
}

/** `quoteToken` is what an answer would quote this message by. */
function body(
  type: MessageBody['type'],
  message: JsonValue,
  content: Record<string, JsonValue | undefined>,
  text: string,
  media: MediaRef[] = [],
): Body {
  const quoteToken = textAt(message, 'quoteToken')
  return { message: { type, content: compact({ ...content, quoteToken }), text }, media }
}

/**
 * LINE keeps the file under the message's id, but for what a LIFF app sent: that is at an address of the app's own
 * (`contentProvider: {type: "external"}`).
 */
function fileBody(kind: MediaKind, message: JsonValue, content: Record<string, JsonValue | undefined>): Body {
  const isExternal = textAt(message, 'contentProvider', 'type') === 'external'
  const url = isExternal ? textAt(message, 'contentProvider', 'originalContentUrl') : undefined
  const previewUrl = isExternal ? textAt(message, 'contentProvider', 'previewImageUrl') : undefined
  const externalId = isExternal ? undefined : textAt(message, 'id')
  const filename = textAt(message, 'fileName')
  const sizeBytes = numberAt(message, 'fileSize')
  const ref: MediaRef = { kind }
  if (externalId !== undefined) ref.externalId = externalId
  if (url !== undefined) ref.url = url
  if (filename !== undefined) ref.filename = filename
  if (sizeBytes !== undefined) ref.sizeBytes = sizeBytes
  const media = externalId === undefined && url === undefined ? [] : [ref]
  const text = filename === undefined ? `[${kind}]` : `[${kind}] ${filename}`
  return body(kind, message, { ...content, previewUrl }, text, media)
}

/** A sticker is named by its ids; its picture belongs to LINE and is not fetched. */
function stickerBody(message: JsonValue): Body {
  const text = textAt(message, 'text')
  const content = {
    packageId: textAt(message, 'packageId'),
    stickerId: textAt(message, 'stickerId'),
    stickerResourceType: textAt(message, 'stickerResourceType'),
    keywords: kept(message, 'keywords'),
    text,
  }
  return body('sticker', message, content, text === undefined ? '[sticker]' : `[sticker] ${text}`)
}

function locationBody(message: JsonValue): Body {
  const name = textAt(message, 'title')
  const address = textAt(message, 'address')
  const latitude = numberAt(message, 'latitude')
  const longitude = numberAt(message, 'longitude')
  const place = [name, address].filter((part) => part !== undefined)
  const coordinates = [latitude, longitude].filter((part) => part !== undefined)
  const text = `[location] ${(place.length > 0 ? place : coordinates).join(', ')}`.trim()
  return body('location', message, { name, address, latitude: latitude ?? null, longitude: longitude ?? null }, text)
}

function kept(message: JsonValue, member: string): JsonObject | JsonValue[] | undefined {
  const value = camelCased(at(message, member) ?? null)
  return isObject(value) || Array.isArray(value) ? value : undefined
}
