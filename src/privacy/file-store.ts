import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

/** A file as it lies in the store. */
export interface Listed {
  name: string
  ageMs: number
  /** false: what a write that died has left behind. */
  whole: boolean
}

/**
 * Where files lie, encrypted by whoever writes them. What is written under a name never changes, so a name is a
 * version: the row in the database that names it decides whether it counts. Names are a record's UUID, a dot and eight
 * hex digits. A store that cannot be reached throws `FileStoreAway`.
 */
export interface FileStore {
  /** Writes a file whole or not at all. */
  write(tenantId: string, name: string, bytes: AsyncIterable<Uint8Array>): Promise<void>
  /** The bytes from `start` to `end` (inclusive), and the size of the whole file; null when there is none. */
  read(tenantId: string, name: string, start: number, end: number): Promise<{ size: number; bytes: Readable } | null>
  /** Removes a file for good; one that is not there is fine. */
  remove(tenantId: string, name: string): Promise<void>
  list(tenantId: string): AsyncIterable<Listed>
}

const fileMode = 0o600
const folderMode = 0o700
const whole = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{8}$/
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A new name for a version of a record's file. */
export const fileNameFor = (recordId: string): string => `${recordId}.${randomBytes(4).toString('hex')}`

/** The record that a name belongs to. */
export const recordOf = (name: string): string => name.slice(0, 36)

/** Where a file stands in a store. The two digits are the id's last ones, as its first ones are the time. */
export const storedPath = (tenantId: string, name: string): string =>
  `${checked(tenantId, uuid)}/${checked(name, whole).slice(34, 36)}/${name}`

/** The name of the file that stands there; null: it is none of the tenant's. */
export function storedNameOf(tenantId: string, path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return whole.test(name) && storedPath(tenantId, name) === path ? name : null
}

/** Files under `folder/<tenant>/<2 hex>/<name>`. */
export class DiskFileStore implements FileStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async write(tenantId: string, name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path(tenantId, name)
    const folder = dirname(path)
    const made = await mkdir(folder, { recursive: true, mode: folderMode })
    if (made !== undefined) for (let at = folder; at !== dirname(made); at = dirname(at)) await syncFolder(dirname(at))
    const draft = join(folder, `.${name}.draft`)
    const file = await open(draft, 'wx', fileMode)
    try {
      for await (const piece of bytes) await file.writeFile(piece)
      await file.sync()
      await file.close()
      await rename(draft, path)
    } catch (error) {
      await file.close().catch(() => {})
      await rm(draft, { force: true })
      throw error
    }
    // Only now does the new name survive a power cut.
    await syncFolder(folder)
  }

  async read(
    tenantId: string,
    name: string,
    start: number,
    end: number,
  ): Promise<{ size: number; bytes: Readable } | null> {
    try {
      const file = await open(this.#path(tenantId, name), 'r')
      const { size } = await file.stat()
      return { size, bytes: file.createReadStream({ start, end, highWaterMark: 65_536 }) }
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  async remove(tenantId: string, name: string): Promise<void> {
    await rm(this.#path(tenantId, name), { force: true })
    await rm(join(dirname(this.#path(tenantId, name)), `.${name}.draft`), { force: true })
  }

  async *list(tenantId: string): AsyncGenerator<Listed> {
    const now = Date.now()
    for (const folder of await namesIn(join(this.#folder, checked(tenantId, uuid)))) {
      for (const entry of await namesIn(join(this.#folder, tenantId, folder))) {
        const draft = /^\.(.*)\.draft$/.exec(entry)?.[1]
        const name = draft ?? entry
        if (!whole.test(name)) continue
        const found = await stat(join(this.#folder, tenantId, folder, entry)).catch(() => null)
        if (found) yield { name, ageMs: now - found.mtimeMs, whole: draft === undefined }
      }
    }
  }

  #path(tenantId: string, name: string): string {
    return join(this.#folder, storedPath(tenantId, name))
  }
}

/** Nothing but ids goes into a path. */
function checked(text: string, form: RegExp): string {
  if (!form.test(text)) throw new Error('not the name of a stored file')
  return text
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
