import { createCipheriv, createDecipheriv } from 'node:crypto'

/**
 * The form in which a file is kept: a format byte, then chunks of 64 KiB, each encrypted by itself with AES-256-GCM and
 * followed by its 16 bytes of tag. A file of any size passes through in little memory, and a part of it can be read
 * without the rest. A chunk's number, and whether it is the last, are authenticated with it, so that chunks cannot be
 * cut off, swapped or repeated (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015).
 *
 * A key encrypts one file, once: that is why a chunk's number may be its nonce.
 */
const format = Buffer.from([1])
const chunkBytes = 65_536
const tagBytes = 16

/** A stored file is not what was written. Says nothing of what is in it. */
export class FileDamaged extends Error {
  /** For the log. */
  readonly code: string
  constructor(what: 'format' | 'size' | 'chunk' | 'key' | 'missing') {
    super(`a stored file is damaged: ${what}`)
    this.name = 'FileDamaged'
    this.code = `file_${what}`
  }
}

/** Bytes of a sealed file that holds `size` bytes. */
export function sealedSize(size: number): number {
  return format.length + size + chunksOf(size) * tagBytes
}

/**
 * Encrypts a file.
 * @param key 32 bytes, new for this file
 * @param context what the file belongs to; it opens nowhere else
 */
export async function* sealFile(
  source: AsyncIterable<Uint8Array>,
  key: Buffer,
  context: string,
): AsyncGenerator<Buffer> {
  yield format
  let index = 0
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of source) {
    held.push(piece)
    heldBytes += piece.length
    if (heldBytes <= chunkBytes) continue
    // The last chunk is told from the others, so a full one waits until there is more.
    const all = Buffer.concat(held)
    let at = 0
    for (; all.length - at > chunkBytes; at += chunkBytes)
      yield sealChunk(key, context, index++, false, all.subarray(at, at + chunkBytes))
    held = [all.subarray(at)]
    heldBytes = all.length - at
  }
  yield sealChunk(key, context, index, true, Buffer.concat(held))
}

/** Where in a sealed file of `size` bytes the bytes from `start` to `end` (inclusive) stand, whole chunks and the format byte included. */
export function sealedSpan(size: number, start: number, end: number): { start: number; end: number } {
  const sealedChunk = chunkBytes + tagBytes
  const first = Math.floor(start / chunkBytes)
  const last = Math.floor(end / chunkBytes)
  return {
    start: first === 0 ? 0 : format.length + first * sealedChunk,
    end: Math.min(format.length + (last + 1) * sealedChunk, sealedSize(size)) - 1,
  }
}

/**
 * Decrypts the bytes from `start` to `end` (inclusive) of a file of `size` bytes; no byte is given before its chunk has
 * been found genuine.
 * @param sealed the bytes of `sealedSpan(size, start, end)`
 * @throws FileDamaged
 */
export async function* openFile(
  sealed: AsyncIterable<Uint8Array>,
  key: Buffer,
  context: string,
  { size, start, end }: { size: number; start: number; end: number },
): AsyncGenerator<Buffer> {
  let index = Math.floor(start / chunkBytes)
  let formatRead = index > 0
  const lastOfFile = chunksOf(size) - 1
  const last = Math.floor(end / chunkBytes)
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of sealed) {
    held.push(piece)
    heldBytes += piece.length
    if (heldBytes < chunkBytes + tagBytes && !(index >= lastOfFile)) continue
    let all = Buffer.concat(held)
    if (!formatRead && all.length > 0) {
      if (all[0] !== format[0]) throw new FileDamaged('format')
      formatRead = true
      all = all.subarray(format.length)
    }
    for (;;) {
      const length = (index === lastOfFile ? size - index * chunkBytes : chunkBytes) + tagBytes
      if (index > last || all.length < length) break
      const chunk = openChunk(key, context, index, index === lastOfFile, all.subarray(0, length))
      const offset = index * chunkBytes
      yield chunk.subarray(Math.max(0, start - offset), end + 1 - offset)
      all = all.subarray(length)
      index++
    }
    held = [all]
    heldBytes = all.length
  }
  if (index !== last + 1 || heldBytes > 0) throw new FileDamaged('size')
}

const chunksOf = (size: number): number => Math.max(1, Math.ceil(size / chunkBytes))

function sealChunk(key: Buffer, context: string, index: number, isLast: boolean, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index)).setAAD(aadOf(context, index, isLast))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function openChunk(key: Buffer, context: string, index: number, isLast: boolean, sealed: Buffer): Buffer {
  const body = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index)).setAAD(aadOf(context, index, isLast))
  decipher.setAuthTag(sealed.subarray(body))
  const plain = decipher.update(sealed.subarray(0, body))
  try {
    decipher.final()
  } catch {
    throw new FileDamaged('chunk')
  }
  return plain
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 8)
  return nonce
}

const aadOf = (context: string, index: number, isLast: boolean): Buffer =>
  Buffer.from(`${context}\0${index}\0${isLast ? 'last' : 'more'}`)
