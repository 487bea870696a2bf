import {
  at,
  camelCased,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  textAt,
} from '../../json.ts'
import type { MediaKind, MediaRef, MessageType } from '../../neutral.ts'

/** One attachment as content by type, its plain text, and the file that it refers to. */
export interface Piece {
  type: MessageType
  content: JsonObject
  text: string
  media?: MediaRef
}

const FILE_KINDS: ReadonlyMap<string, MediaKind> = new Map([
  ['image', 'image'],
  ['animated_image', 'image'],
  ['video', 'video'],
  ['audio', 'audio'],
  ['file', 'document'],
  ['sticker', 'sticker'],
])

/** Posts and reels of other people: their address is passed on, their files are not taken. */
const SHARES: ReadonlyMap<string, string> = new Map([
  ['share', 'post'],
  ['post', 'post'],
  ['ig_post', 'post'],
  ['reel', 'reel'],
  ['ig_reel', 'reel'],
  ['ig_story', 'story'],
])

/** @param message the message around it, which names a sticker beside its attachment */
export function pieceOf(attachment: JsonValue, message: JsonValue): Piece {
  const type = textAt(attachment, 'type')?.toLowerCase() ?? 'unknown'
  const payload = at(attachment, 'payload') ?? null
  const sticker = textAt(payload, 'sticker_id') ?? (type === 'image' ? textAt(message, 'sticker_id') : undefined)
  const kind = sticker === undefined ? FILE_KINDS.get(type) : 'sticker'
  if (kind !== undefined) return filePiece(kind, payload, sticker)
  const shared = SHARES.get(type)
  if (shared !== undefined) return sharePiece(shared, attachment, payload)
  switch (type) {
    case 'location':
      return locationPiece(attachment, payload)
    case 'fallback':
      return linkPiece(attachment, payload)
    case 'template':
      return templatePiece(attachment, payload)
    // A story is never stored, not even its picture: its address lives as long as the story does.
    case 'story_mention':
      return {
        type: 'text',
        content: { story: compact({ kind: 'mention', url: textAt(payload, 'url'), id: textAt(payload, 'id') }) },
        text: '[story mention]',
      }
    case 'like_heart':
      return { type: 'sticker', content: { name: 'like_heart' }, text: '❤️' }
    case 'ephemeral':
      return { type: 'unsupported', content: { providerType: type }, text: '[disappearing photo or video]' }
    default:
      return {
        type: 'unsupported',
        content: compact({ providerType: type, data: isObject(payload) ? camelCased(payload) : undefined }),
        text: `[${type === 'unknown' || type === 'unsupported_type' ? 'unsupported message' : type.replaceAll('_', ' ')}]`,
      }
  }
}

/** The thumb in its three sizes. */
const THUMBS = new Set(['369239263222822', '369239343222814', '369239383222810'])

function filePiece(kind: MediaKind, payload: JsonValue, sticker: string | undefined): Piece {
  const url = textAt(payload, 'url')
  const filename = kind === 'document' ? fileNameIn(url) : undefined
  const label = sticker !== undefined && THUMBS.has(sticker) ? '👍' : `[${kind}]`
  return {
    type: kind,
    content: compact({ filename, stickerId: sticker, title: textAt(payload, 'title') }),
    text: [label, filename].filter((part) => part !== undefined).join(' '),
    ...(url === undefined ? {} : { media: { kind, url, ...(filename === undefined ? {} : { filename }) } }),
  }
}

/** Meta keeps a document's own name as the last step of its address. */
function fileNameIn(url: string | undefined): string | undefined {
  const step = url === undefined ? undefined : URL.parse(url)?.pathname.split('/').at(-1)
  if (step === undefined || step === '') return undefined
  try {
    return decodeURIComponent(step).toWellFormed().replaceAll('\0', '')
  } catch {
    return step
  }
}

function sharePiece(kind: string, attachment: JsonValue, payload: JsonValue): Piece {
  const url = textAt(payload, 'url') ?? textAt(attachment, 'url')
  const title = textAt(payload, 'title') ?? textAt(attachment, 'title')
  const id = textAt(payload, 'reel_video_id') ?? textAt(payload, 'ig_post_media_id') ?? textAt(payload, 'id')
  return {
    type: 'text',
    content: { share: compact({ kind, url, title, id }) },
    text: said(`[shared ${kind}]`, title, url),
  }
}

function locationPiece(attachment: JsonValue, payload: JsonValue): Piece {
  const latitude = numberAt(payload, 'coordinates', 'lat')
  const longitude = numberAt(payload, 'coordinates', 'long')
  const name = textAt(attachment, 'title')
  const url = textAt(attachment, 'url')
  const place = name ?? (latitude === undefined ? undefined : `${latitude}, ${longitude ?? ''}`)
  return { type: 'location', content: compact({ latitude, longitude, name, url }), text: said('[location]', place) }
}

/** A link, or something that Meta cannot show: then nothing but a title may be there. */
function linkPiece(attachment: JsonValue, payload: JsonValue): Piece {
  const url = textAt(payload, 'url') ?? textAt(attachment, 'url') ?? textAt(attachment, 'URL')
  const title = textAt(payload, 'title') ?? textAt(attachment, 'title')
  if (url === undefined && title === undefined)
    return { type: 'unsupported', content: { providerType: 'fallback' }, text: '[unsupported message]' }
  return { type: 'text', content: { link: compact({ title, url }) }, text: said(title, url) }
}

function templatePiece(attachment: JsonValue, payload: JsonValue): Piece {
  const elements = [...listAt(payload, 'elements'), ...listAt(payload, 'product', 'elements')]
  const titles = elements.flatMap((element) => textAt(element, 'title') ?? [])
  const text = textAt(payload, 'text') ?? (titles.length > 0 ? titles.join(', ') : textAt(attachment, 'title'))
  return {
    type: 'interactive',
    content: { kind: 'template', template: camelCased(payload) },
    text: text ?? '[template]',
  }
}

function said(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}
