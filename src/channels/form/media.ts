import { Readable } from 'node:stream'
import { type MediaDownload, MediaError } from '../channel.ts'
import { at, type JsonValue, listAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'

/** The bytes of a file that was posted with an HTML form. @throws MediaError */
export async function formMediaPart(
  { payload }: { kind: string; payload: JsonValue },
  ref: MediaRef,
): Promise<MediaDownload> {
  const index = /^files\/(\d{1,4})$/.exec(ref.part ?? '')?.[1]
  const data = index === undefined ? undefined : at(listAt(payload, 'files')[Number(index)], 'data')
  if (typeof data !== 'string') throw new MediaError('not_a_reference', false)
  const bytes = Buffer.from(data, 'base64')
  return { stream: Readable.from([bytes]), mediaType: ref.mediaType ?? null, sizeBytes: bytes.length, sha256: null }
}
