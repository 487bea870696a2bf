import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import {
  type BucketBody,
  BucketClient,
  BucketFault,
  type BucketPatience,
  type BucketSettings,
  faultOf,
} from './bucket-client.ts'
import { type FileStore, type Listed, storedNameOf, storedPath } from './file-store.ts'
import { FileStoreAway } from './file-store-away.ts'

/** Of one page of a list; a thousand keys are a quarter of it. */
const listBytesMax = 2 ** 21
const pieceBytes = 65_536

/**
 * Files in a bucket, under `<tenant>/<2 hex>/<name>`: laid out as on the disk, so that they can be copied from there to
 * here. Everything it is given is encrypted already, so the bucket's owner learns sizes and times, and nothing else.
 *
 * Whatever the bucket refuses, for whichever reason, is `FileStoreAway`: what a wrong key or a missing bucket keeps from
 * us is there again once the operator has put it right. Only a key that the bucket says is not there is not there.
 */
export class BucketStore implements FileStore {
  readonly #client: BucketClient
  readonly #spoolFolder: string

  /** @param spoolFolder on a disk, for what is on its way to the bucket */
  constructor(settings: BucketSettings, spoolFolder: string, patience?: BucketPatience) {
    this.#client = new BucketClient(settings, patience)
    this.#spoolFolder = spoolFolder
  }

  /** Asks the bucket something harmless. @throws BucketFault that says what is wrong */
  async check(): Promise<void> {
    await this.#page({ 'max-keys': '1' })
  }

  /**
   * Through a nameless file on the disk: a bucket wants to know the length and the hash before the first byte, and an
   * attempt that failed is made again from the beginning. What becomes of a PUT without an answer nobody knows; then no
   * row names the object, and the upkeep sweeps it.
   */
  async write(tenantId: string, name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const key = storedPath(tenantId, name)
    const file = await this.#nameless()
    try {
      const body = await spool(file, bytes)
      await this.#done({ method: 'PUT', key, body })
    } finally {
      await file.close()
    }
  }

  async read(
    tenantId: string,
    name: string,
    start: number,
    end: number,
  ): Promise<{ size: number; bytes: Readable } | null> {
    const key = storedPath(tenantId, name)
    try {
      const { headers, body } = await this.#client.ask({
        method: 'GET',
        key,
        headers: { range: `bytes=${start}-${end}` },
      })
      // RFC 9110 §14.4. A service that takes no ranges would give the wrong bytes.
      const size = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range']))
      if (Number(size?.[1]) === start) return { size: Number(size?.[2]), bytes: streamed(body) }
      body.on('error', () => {}).destroy()
      throw new BucketFault('no_range', false)
    } catch (error) {
      if (codeOf(error) === 'NoSuchKey') return null
      // The file ends before `start`.
      if (codeOf(error) === 'InvalidRange') return { size: 0, bytes: Readable.from([]) }
      throw new FileStoreAway(error)
    }
  }

  async remove(tenantId: string, name: string): Promise<void> {
    try {
      await this.#done({ method: 'DELETE', key: storedPath(tenantId, name) })
    } catch (error) {
      if (!(error instanceof FileStoreAway && codeOf(error.options.cause) === 'NoSuchKey')) throw error
    }
  }

  async *list(tenantId: string): AsyncGenerator<Listed> {
    let next: string | undefined
    do {
      const page = await this.#page({
        prefix: `${tenantId}/`,
        ...(next === undefined ? {} : { 'continuation-token': next }),
      }).catch((error: unknown) => {
        throw new FileStoreAway(error)
      })
      for (const [, entry = ''] of page.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const name = storedNameOf(tenantId, element(entry, 'Key') ?? '')
        const ageMs = Date.now() - Date.parse(element(entry, 'LastModified') ?? '')
        // Of what nobody knows the age, nothing is swept.
        if (name !== null && Number.isFinite(ageMs)) yield { name, ageMs, whole: true }
      }
      const last = next
      next = element(page, 'IsTruncated') === 'true' ? element(page, 'NextContinuationToken') : undefined
      if (next !== undefined && next === last) throw new FileStoreAway(new BucketFault('list_stands_still', false))
    } while (next !== undefined)
  }

  /** ListObjectsV2. @throws BucketFault */
  async #page(query: Readonly<Record<string, string>>): Promise<string> {
    const page = await this.#client.text(
      { method: 'GET', key: '', query: { 'list-type': '2', ...query } },
      listBytesMax,
    )
    // A proxy's greeting is no list.
    if (!page.includes('<ListBucketResult')) throw new BucketFault('no_list', false)
    return page
  }

  /** @throws FileStoreAway */
  async #done(call: { method: 'PUT' | 'DELETE'; key: string; body?: BucketBody }): Promise<void> {
    try {
      await this.#client.text(call, listBytesMax)
    } catch (error) {
      throw new FileStoreAway(error)
    }
  }

  /** A file that is gone when it is closed, or when the process dies. */
  async #nameless(): Promise<FileHandle> {
    await mkdir(this.#spoolFolder, { recursive: true, mode: 0o700 })
    const path = join(this.#spoolFolder, randomUUID())
    const file = await open(path, 'wx+', 0o600)
    await rm(path)
    return file
  }
}

async function spool(file: FileHandle, bytes: AsyncIterable<Uint8Array>): Promise<BucketBody> {
  const hash = createHash('sha256')
  let size = 0
  for await (const piece of bytes) {
    hash.update(piece)
    size += piece.length
    await file.writeFile(piece)
  }
  return { open: () => Readable.from(piecesOf(file, size), { objectMode: false }), size, sha256: hash.digest('hex') }
}

/** Not a stream of the file's own, which would close it with itself. */
async function* piecesOf(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, at)
    if (bytesRead === 0) throw new Error('a spooled file is shorter than it was')
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** The same bytes, whose end before their time is the store's fault; nobody needs to have begun to read to let go of them. */
function streamed(body: Readable): Readable {
  const bytes = new PassThrough()
  body.on('error', (error) => bytes.destroy(new FileStoreAway(faultOf(error))))
  bytes.on('close', () => body.destroy())
  return body.pipe(bytes)
}

/** The text of an XML element without children. */
const element = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replaceAll(/&(amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);/gi, entity)

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function entity(whole: string, name: string): string {
  if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? whole
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole
}

const codeOf = (error: unknown): string | null => (error instanceof BucketFault ? error.code : null)
