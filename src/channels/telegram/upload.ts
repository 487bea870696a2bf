import type { OutboundFile } from '../channel.ts'
import type { JsonObject } from '../json.ts'
import { multipartForm } from '../multipart.ts'
import type { Form } from './api.ts'

/** 50 MB at 17 Mbit/s. Twice in a row (a group that moved) is below the time after which a message counts as abandoned. */
const TIMEOUT_MS = 24_000
const PHOTO_BYTES_MAX = 10 * 1024 * 1024
const STICKER_BYTES_MAX = 512 * 1024

/**
 * By which method a file goes, and in which field. What a kind's own method would not take goes as a document, which
 * takes everything. Source: Telegram, Bot API "Sending files" and the methods' own limits.
 */
export function uploadOf({ kind, mediaType, sizeBytes }: OutboundFile): { method: string; field: string } {
  const type = mediaType.toLowerCase()
  if (kind === 'image' && /^image\/(jpeg|png|webp)$/.test(type) && sizeBytes <= PHOTO_BYTES_MAX)
    return { method: 'sendPhoto', field: 'photo' }
  if (kind === 'image' && type === 'image/gif') return { method: 'sendAnimation', field: 'animation' }
  if (kind === 'video' && type === 'video/mp4') return { method: 'sendVideo', field: 'video' }
  if (kind === 'audio' && /^audio\/(ogg|opus)/.test(type)) return { method: 'sendVoice', field: 'voice' }
  if (kind === 'audio' && /^audio\/(mpeg|mp3|mp4|x-m4a|m4a|aac)$/.test(type))
    return { method: 'sendAudio', field: 'audio' }
  if (kind === 'sticker' && type === 'image/webp' && sizeBytes <= STICKER_BYTES_MAX)
    return { method: 'sendSticker', field: 'sticker' }
  return { method: 'sendDocument', field: 'document' }
}

/** Fields that are objects travel as JSON in a form. */
export function formOf(fields: JsonObject, field: string, file: OutboundFile): Form {
  const texts = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
  const { headers, body } = multipartForm(texts, [
    {
      name: field,
      fileName: file.fileName ?? field,
      mediaType: file.mediaType,
      sizeBytes: file.sizeBytes,
      open: () => file.open(),
    },
  ])
  return { headers, body, timeoutMs: TIMEOUT_MS }
}
