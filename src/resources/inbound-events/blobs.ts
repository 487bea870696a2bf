import { randomBytes } from 'node:crypto'
import type { KeptBlob } from '../../channels/channel.ts'
import { keptBuffer } from '../../channels/kept-blob.ts'
import { type FileStore, fileNameFor } from '../../privacy/file-store.ts'
import { FileDamaged, openFile, sealedSpan, sealFile } from '../../privacy/sealed-file.ts'
import type { Frame, KeptEventFile } from './frame.ts'

const pieceBytes = 64 * 1024
const contextOf = (tenantId: string, eventId: string): string => `event-file/${tenantId}/${eventId}`

/** Writes the bytes of an event into the store, encrypted under a new key; they count once a row names them. */
export async function keepBlob(
  store: FileStore,
  tenantId: string,
  eventId: string,
  bytes: Buffer,
): Promise<KeptEventFile> {
  const file = { storedAs: fileNameFor(eventId), key: randomBytes(32), size: bytes.length }
  await store.write(tenantId, file.storedAs, sealFile(pieces(bytes), file.key, contextOf(tenantId, eventId)))
  return file
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

/** The bytes of a stored event, for reading them piece by piece; undefined where it has none. */
export function keptBlob(
  store: FileStore,
  tenantId: string,
  eventId: string,
  { inline, file }: Frame,
): KeptBlob | undefined {
  if (inline !== undefined) return keptBuffer(inline)
  if (file === undefined) return undefined
  const { storedAs, key, size } = file
  return {
    sizeBytes: size,
    async *read(from, to) {
      const [start, end] = [from, Math.min(to, size) - 1]
      if (end < start) return
      const span = sealedSpan(size, start, end)
      const stored = await store.read(tenantId, storedAs, span.start, span.end)
      if (stored === null) throw new FileDamaged('missing')
      yield* openFile(stored.bytes, key, contextOf(tenantId, eventId), { size, start, end })
    },
  }
}
