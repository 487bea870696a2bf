import { Readable } from 'node:stream'
import { type KeptEvent, type MediaDownload, MediaError } from '../channel.ts'
import { listAt, numberAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'

/** The bytes of a file that came with the event itself: a span of its blob. @throws MediaError */
export async function formMediaPart({ payload, kept }: KeptEvent, ref: MediaRef): Promise<MediaDownload> {
  const index = /^files\/(\d{1,4})$/.exec(ref.part ?? '')?.[1]
  const file = index === undefined ? undefined : listAt(payload, 'files')[Number(index)]
  const start = numberAt(file, 'start')
  const sizeBytes = numberAt(file, 'sizeBytes')
  if (kept === undefined || start === undefined || sizeBytes === undefined || start + sizeBytes > kept.sizeBytes)
    throw new MediaError('not_a_reference', false)
  const stream = Readable.from(kept.read(start, start + sizeBytes), { objectMode: false })
  return { stream, mediaType: ref.mediaType ?? null, sizeBytes, sha256: null }
}
