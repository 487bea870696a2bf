import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { BucketStore } from '../../privacy/bucket-store.ts'
import { DiskFileStore, type FileStore, fileNameFor } from '../../privacy/file-store.ts'
import { sealFile } from '../../privacy/sealed-file.ts'
import { type Claim, judgeFile, sampleBytes } from './file-kind.ts'
import type { FileRefusal } from './file-rules.ts'

/** Where the service keeps attachments: one store for each configuration, as a bucket's connections are kept. */
export function attachmentStore(config: StoreConfig): FileStore {
  const store = stores.get(config) ?? newStore(config)
  stores.set(config, store)
  return store
}

const stores = new WeakMap<StoreConfig, FileStore>()

type StoreConfig = Pick<Config, 'dataDir' | 'attachmentBucket'>

const newStore = ({ dataDir, attachmentBucket }: StoreConfig): FileStore =>
  attachmentBucket
    ? new BucketStore(attachmentBucket, join(dataDir, 'spool'))
    : new DiskFileStore(join(dataDir, 'attachments'))

/** A file that lies in the store, encrypted under a key of its own; it counts once a row names it. */
export interface KeptFile {
  storedAs: string
  /** 32 bytes; to be wrapped under the contact's or the tenant's key. */
  key: Buffer
  size: number
  /** Hex, of the clear content. */
  sha256: string
  mediaType: string
}

/** The file may not be kept. */
export class FileRefused extends Error {
  readonly code: FileRefusal
  constructor(code: FileRefusal) {
    super(`the file is refused: ${code}`)
    this.name = 'FileRefused'
    this.code = code
  }
}

/** What a stored file belongs to: it opens nowhere else. */
export const fileContext = (tenantId: string, attachmentId: string): string => `file/${tenantId}/${attachmentId}`

/**
 * Streams a file into the store: looks at its beginning, counts, hashes and encrypts it on the way.
 * @throws FileRefused, and whatever the source throws; then nothing is left in the store
 */
export async function keepFile(
  store: FileStore,
  owner: { tenantId: string; attachmentId: string },
  source: AsyncIterable<Uint8Array>,
  claim: Claim & { maxBytes: number },
): Promise<KeptFile> {
  const storedAs = fileNameFor(owner.attachmentId)
  const key = randomBytes(32)
  const hash = createHash('sha256')
  let size = 0
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      size += piece.length
      if (size > claim.maxBytes) throw new FileRefused('too_large')
      hash.update(piece)
      yield piece
    }
  }
  const { sample, rest } = await split(counted())
  try {
    const { mediaType, refusal } = await judgeFile(sample, claim)
    if (refusal !== null) throw new FileRefused(refusal)
    const context = fileContext(owner.tenantId, owner.attachmentId)
    await store.write(owner.tenantId, storedAs, sealFile(rejoined(sample, rest), key, context))
    return { storedAs, key, size, sha256: hash.digest('hex'), mediaType }
  } finally {
    // Ends the source when it was not read to its end.
    await rest.return(undefined)
  }
}

async function split(
  source: AsyncGenerator<Uint8Array>,
): Promise<{ sample: Buffer; rest: AsyncGenerator<Uint8Array> }> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  while (bytes < sampleBytes) {
    const { value, done } = await source.next()
    if (done) break
    pieces.push(value)
    bytes += value.length
  }
  return { sample: Buffer.concat(pieces), rest: source }
}

async function* rejoined(sample: Buffer, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield sample
  yield* rest
}
