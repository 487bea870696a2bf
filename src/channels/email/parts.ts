import type { KeptBlob } from '../channel.ts'
import type { MediaKind, MediaRef } from '../neutral.ts'
import type { MailFile } from './event.ts'
import type { Mail, MailPart } from './mail.ts'
import { partBytes } from './mime.ts'
import { tnefFiles } from './tnef.ts'
import { collected, decodedCut } from './transfer-encoding.ts'

/** Beyond them the mail itself has the rest. */
const PARTS_MAX = 200
const TNEF_BYTES_MAX = 40 * 1024 * 1024
/** Names the mail as it came. */
export const WHOLE = 'raw'

/** The files of a mail: what Outlook has wrapped is unwrapped, and where anything was left out the mail itself goes along. */
export async function filesOf(mail: Mail, kept: KeptBlob | undefined): Promise<MediaRef[]> {
  const parts: MailPart[] = []
  for (const part of mail.parts)
    parts.push(...(kept !== undefined && isTnef(part) ? await unwrapped(part, kept) : [part]))
  const refs = parts.slice(0, PARTS_MAX).map(refOf)
  if (!mail.isCut && parts.length <= PARTS_MAX) return refs
  if (kept === undefined) return refs
  return [
    ...refs,
    { kind: 'document', part: WHOLE, mediaType: 'message/rfc822', filename: 'message.eml', sizeBytes: kept.sizeBytes },
  ]
}

const isTnef = ({ mediaType, filename }: MailPart): boolean =>
  mediaType === 'application/ms-tnef' ||
  mediaType === 'application/vnd.ms-tnef' ||
  filename?.toLowerCase() === 'winmail.dat'

async function unwrapped(part: MailPart, kept: KeptBlob): Promise<MailPart[]> {
  const bytes = part.content ?? (await wholePart(kept, Number(part.name)))
  const files = bytes === undefined ? [] : tnefFiles(bytes)
  if (files.length === 0) return [part]
  return files.map(({ filename, mediaType, contentId, start, end }, index) => ({
    name: `${part.name}/${index}`,
    filename,
    mediaType: mediaType ?? 'application/octet-stream',
    ...(contentId === undefined ? {} : { contentId }),
    isInline: contentId !== undefined,
    sizeBytes: end - start,
  }))
}

async function wholePart(kept: KeptBlob, index: number): Promise<Buffer | undefined> {
  const bytes = await partBytes(kept, index)
  return bytes === undefined ? undefined : collected(bytes, TNEF_BYTES_MAX)
}

function refOf({ name, filename, mediaType, contentId, sizeBytes }: MailPart): MediaRef {
  return {
    kind: mediaKind(mediaType),
    part: name,
    mediaType,
    ...(filename === undefined ? {} : { filename }),
    ...(contentId === undefined ? {} : { contentId }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }
}

function mediaKind(mediaType: string): MediaKind {
  const family = mediaType.toLowerCase().split('/')[0]
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}

/** The bytes of a file, by the name that `filesOf` gave it; undefined where there is none. */
export async function fileBytes(
  kept: KeptBlob,
  name: string,
  files: readonly MailFile[],
  isMime: boolean,
): Promise<AsyncIterable<Buffer> | undefined> {
  if (name === WHOLE) return kept.read(0, kept.sizeBytes)
  const [, index = '', inner] = /^(\d{1,4})(?:\/(\d{1,4}))?$/.exec(name) ?? []
  if (index === '') return undefined
  const file = files[Number(index)]
  const bytes = isMime ? await partBytes(kept, Number(index)) : file === undefined ? undefined : decodedCut(kept, file)
  if (bytes === undefined || inner === undefined) return bytes
  const wrapped = await collected(bytes, TNEF_BYTES_MAX)
  const found = wrapped === undefined ? undefined : tnefFiles(wrapped)[Number(inner)]
  if (wrapped === undefined || found === undefined) return undefined
  return (async function* () {
    yield wrapped.subarray(found.start, found.end)
  })()
}
