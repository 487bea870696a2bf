import type { OutboundFile } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { type Failure, failed, type GraphApi, uploadFile } from '../meta/graph.ts'
import type { MediaKind } from '../neutral.ts'
import { MEDIA_BYTES_MAX } from './media.ts'

export const CAPTION_LENGTH_MAX = 1024

const MEGABYTE = 1024 * 1024

/** What WhatsApp shows as such. Source: Meta, Cloud API "Supported media types". */
const SHOWN: Readonly<Record<Exclude<MediaKind, 'document'>, { types: readonly string[]; bytesMax: number }>> = {
  image: { types: ['image/jpeg', 'image/png'], bytesMax: 5 * MEGABYTE },
  video: { types: ['video/mp4', 'video/3gpp'], bytesMax: 16 * MEGABYTE },
  audio: { types: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'], bytesMax: 16 * MEGABYTE },
  sticker: { types: ['image/webp'], bytesMax: 500 * 1024 },
}

/** The members of a message that say what it is: `type` and the one of that name. */
export interface Content {
  content: Record<string, unknown>
}

/**
 * A file as the content of a message: uploaded first, then named by its id. What WhatsApp would not show as what it is
 * (a photo of 9 MB) goes out as a document, which takes everything.
 */
export async function fileContent(
  file: OutboundFile,
  caption: string,
  phoneNumberId: string,
  api: GraphApi,
  http: HttpClient,
): Promise<Content | Failure> {
  const kind = shownAs(file)
  if (file.sizeBytes > MEDIA_BYTES_MAX) return failed('file_too_large', 'a file has at most 100 MB')
  if (caption !== '' && (kind === 'audio' || kind === 'sticker'))
    return failed('caption_not_supported', `a WhatsApp ${kind} has no text beside it: send them one after the other`)
  if ([...caption].length > CAPTION_LENGTH_MAX)
    return failed('caption_too_long', `the text beside a file has at most ${CAPTION_LENGTH_MAX} characters`)
  const form = {
    fields: { messaging_product: 'whatsapp', type: file.mediaType },
    fileField: 'file',
    file,
  }
  const uploaded = await uploadFile(api, `${encodeURIComponent(phoneNumberId)}/media`, form, 'id', http)
  if ('outcome' in uploaded) return uploaded
  const media = {
    id: uploaded.id,
    ...(caption === '' ? {} : { caption }),
    ...(kind === 'document' && file.fileName !== null ? { filename: file.fileName } : {}),
  }
  return { content: { type: kind, [kind]: media } }
}

function shownAs({ kind, mediaType, sizeBytes }: OutboundFile): MediaKind {
  if (kind === 'document') return kind
  const [type = ''] = mediaType.toLowerCase().split(';')
  const { types, bytesMax } = SHOWN[kind]
  return types.includes(type.trim()) && sizeBytes <= bytesMax ? kind : 'document'
}
