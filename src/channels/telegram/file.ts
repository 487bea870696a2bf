import { at, isObject, type JsonValue, listAt, numberAt, textAt } from '../json.ts'
import type { MediaKind, MediaRef } from '../neutral.ts'

/** A file `{file_id, file_name?, mime_type?, file_size?}` as a reference: `file_id` is what `getFile` takes. */
export function fileRef(kind: MediaKind, file: JsonValue | undefined): MediaRef[] {
  const externalId = textAt(file, 'file_id')
  if (externalId === undefined) return []
  const ref: MediaRef = { kind, externalId }
  const mediaType = textAt(file, 'mime_type')
  const filename = textAt(file, 'file_name')
  const sizeBytes = numberAt(file, 'file_size')
  if (mediaType !== undefined) ref.mediaType = mediaType
  if (filename !== undefined) ref.filename = filename
  if (sizeBytes !== undefined) ref.sizeBytes = sizeBytes
  return [ref]
}

/** A photo comes in several sizes, in no order to rely on: the largest is the photo. */
export function largestOf(sizes: JsonValue[]): JsonValue | undefined {
  const area = (size: JsonValue) => (numberAt(size, 'width') ?? 0) * (numberAt(size, 'height') ?? 0)
  return sizes.filter(isObject).toSorted((a, b) => area(b) - area(a))[0]
}

/** What a message with paid media shows to those who bought it; a preview has no file. */
export function paidMedia(message: JsonValue): MediaRef[] {
  return listAt(message, 'paid_media', 'paid_media').flatMap((one) => {
    if (textAt(one, 'type') === 'photo') return fileRef('image', largestOf(listAt(one, 'photo')))
    return fileRef('video', at(one, 'video'))
  })
}
