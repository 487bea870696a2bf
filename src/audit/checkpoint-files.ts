import { mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What is kept of a tenant outside the database: its checkpoints, and the endorsements of the keys that signed them. */
export type Kept = 'checkpoints' | 'keys'

/**
 * Where signed notes lie outside the database, so that whoever owns the database cannot take them back. Notes are only
 * ever added. Small enough that a bucket with object lock can stand behind it.
 */
export interface CheckpointStore {
  /** Adds notes after the others; durable when it resolves. */
  append(tenantId: string, kept: Kept, notes: readonly string[]): Promise<void>
  /** The last notes, oldest first: enough to hold the newest one, though two processes may have swapped neighbours. */
  last(tenantId: string, kept: Kept): Promise<string[]>
  /** All notes, oldest first. */
  all(tenantId: string, kept: Kept): AsyncIterable<string>
  /** The tenants that anything is kept of. */
  tenants(): Promise<string[]>
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const tailBytes = 16_384

/**
 * Files `<folder>/<tenant>.checkpoints` and `.keys`: notes one after the other, each followed by an empty line. A note
 * goes to the file in one write at its end, so that processes do not mix theirs; what a crash has left of a note is
 * passed over by readers.
 */
export class CheckpointFiles implements CheckpointStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async append(tenantId: string, kept: Kept, notes: readonly string[]): Promise<void> {
    if (notes.length === 0) return
    const made = await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const file = await open(this.#path(tenantId, kept), 'a+', 0o600)
    let isNew = false
    try {
      const { size } = await file.stat()
      isNew = size === 0
      const end = await file.read(Buffer.alloc(2), 0, 2, Math.max(0, size - 2))
      const torn = size > 0 && end.buffer.toString() !== '\n\n'
      await file.write(`${torn ? '\n\n' : ''}${notes.map((note) => `${note}\n`).join('')}`)
      await file.sync()
    } finally {
      await file.close()
    }
    // Only now do the names survive a power cut.
    if (isNew) await syncFolder(this.#folder)
    if (made !== undefined) await syncFolder(dirname(made))
  }

  async last(tenantId: string, kept: Kept): Promise<string[]> {
    const file = await this.#open(tenantId, kept)
    if (!file) return []
    try {
      const { size } = await file.stat()
      const bytes = Buffer.alloc(Math.min(size, tailBytes))
      await file.read(bytes, 0, bytes.length, size - bytes.length)
      // Cut somewhere: the first block may be a part of a note, or only its signatures.
      const notes = new NoteReader(bytes.length < size)
      return [...notes.take(bytes.toString())]
    } finally {
      await file.close()
    }
  }

  async *all(tenantId: string, kept: Kept): AsyncGenerator<string> {
    const file = await this.#open(tenantId, kept)
    if (!file) return
    const notes = new NoteReader(false)
    for await (const piece of file.createReadStream({ encoding: 'utf8' })) yield* notes.take(String(piece))
  }

  async tenants(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(missing([]))
    return [...new Set(names.map((name) => name.replace(/\.(checkpoints|keys)$/, '')))].filter((id) => uuid.test(id))
  }

  #open(tenantId: string, kept: Kept) {
    return open(this.#path(tenantId, kept), 'r').catch(missing(null))
  }

  #path(tenantId: string, kept: Kept): string {
    if (!uuid.test(tenantId)) throw new Error('not the id of a tenant')
    return join(this.#folder, `${tenantId}.${kept}`)
  }
}

/** Takes notes out of text as it comes in: a text block and the block of its signatures, with an empty line after each. */
class NoteReader {
  #rest = ''
  #text: string | null = null
  #isCut: boolean

  constructor(isCut: boolean) {
    this.#isCut = isCut
  }

  *take(piece: string): Generator<string> {
    this.#rest += piece
    const blocks = this.#rest.split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const each of blocks) {
      // A third line's end, where a torn note was ended before the next one.
      const block = each.replace(/^\n+/, '')
      const isCut = this.#isCut
      this.#isCut = false
      if (isCut || block === '') continue
      const isSignature = block.startsWith('— ')
      if (isSignature && this.#text !== null) yield `${this.#text}\n\n${block}\n`
      this.#text = isSignature ? null : block
    }
  }
}

const missing =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead
    throw error
  }

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
