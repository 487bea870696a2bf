import { Readable } from 'node:stream'
import { type KeptEvent, type MediaDownload, MediaError } from '../channel.ts'
import type { MediaRef } from '../neutral.ts'
import { KINDS, mailPayload } from './event.ts'
import { fileBytes } from './parts.ts'

/** A mail is at most so large, and so are its files. */
export const MEDIA_BYTES_MAX = 40 * 1024 * 1024

/** The bytes of a file of a mail, streamed out of the mail as it is kept. @throws MediaError */
export async function emailPart(event: KeptEvent, ref: MediaRef): Promise<MediaDownload> {
  const payload = mailPayload(event.payload)
  if (payload === undefined || event.kept === undefined || ref.part === undefined)
    throw new MediaError('not_a_reference', false)
  const bytes = await fileBytes(event.kept, ref.part, payload.files, event.kind === KINDS.mime)
  if (bytes === undefined) throw new MediaError('not_a_reference', false)
  return {
    stream: Readable.from(bytes, { objectMode: false }),
    mediaType: ref.mediaType ?? null,
    sizeBytes: ref.sizeBytes ?? null,
    sha256: null,
  }
}
