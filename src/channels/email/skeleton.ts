import { isUtf8 } from 'node:buffer'
import type { KeptBlob } from '../channel.ts'

/**
 * A mail without the bytes of its large parts. A MIME parser builds its parts in memory, several times over, and holds
 * a small object per line; a mail of 35 MB, or one of a million empty lines, would take the whole heap. So a mail is
 * read once in pieces, and what the parser gets is small whatever came in: of each large part, a marker stands in its
 * place, and the part's bytes are read from where they are kept when they are wanted.
 *
 * Only cuts are decided here; what the parts are is the parser's to say. A boundary that this does not recognise (RFC
 * 2231 continuations) makes one large part of several: they are then in the mail as it is kept, not among its files.
 */
export interface Skeleton {
  bytes: Buffer
  cuts: readonly Cut[]
  /** Parts, lines or headers beyond all reason were left out altogether. */
  isIncomplete: boolean
}

export interface Cut {
  start: number
  end: number
  encoding: 'base64' | 'quoted-printable' | 'identity'
  /** of a text: what stands before the marker is its beginning; else the marker stands for the whole part */
  isText: boolean
}

export const SKELETON_LIMITS = {
  /** of a file; larger ones are cut out */
  fileBytes: 64 * 1024,
  /** of a text */
  textBytes: 512 * 1024,
  lines: 40_000,
  parts: 400,
  headerBytes: 512 * 1024,
}

const MARKER_LENGTH = 64
const CHUNK_BYTES = 256 * 1024

/** 64 letters of base64's alphabet, so that it stays one whole under any transfer encoding. */
export function markerOf(index: number): string {
  return `CustodiaCut/${String(index).padStart(6, '0')}/`.padEnd(MARKER_LENGTH, 'x')
}

/** As it stands in a text, and as base64 decodes it, with the number of the cut. */
export const MARKER = /CustodiaCut\/(\d{6})\/x{45}/

export async function skeletonOf(kept: KeptBlob): Promise<Skeleton> {
  const scan = new Scan()
  let held: Buffer = Buffer.alloc(0)
  let heldAt = 0
  for await (const piece of kept.read(0, kept.sizeBytes)) {
    const chunk = held.length === 0 ? piece : Buffer.concat([held, piece])
    let at = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, at)) {
      scan.line(chunk.subarray(at, end + 1), heldAt + at)
      at = end + 1
    }
    held = chunk.subarray(at)
    heldAt += at
    // A line of any length: it is taken in pieces, none of which can be a boundary.
    if (held.length > CHUNK_BYTES) {
      scan.line(held, heldAt)
      heldAt += held.length
      held = Buffer.alloc(0)
    }
  }
  if (held.length > 0) scan.line(held, heldAt)
  return scan.end(kept.sizeBytes)
}

class Scan {
  readonly #out: Buffer[] = []
  readonly #cuts: Cut[] = []
  readonly #boundaries = new Set<string>()
  #isIncomplete = false
  #lines = 0
  #parts = 0
  #headerBytes = 0
  #inHeader = true
  #header: Buffer[] = []
  /** of the part whose body is read */
  #isText = true
  #encoding: Cut['encoding'] = 'identity'
  /** the lines of the body that may yet be cut out */
  #body: Buffer[] = []
  #bodyBytes = 0
  #bodyStart = 0
  /** where what is cut out begins; null: nothing is */
  #cutStart: number | null = null
  /** where the last line of the body ended, without and with its line break */
  #contentEnd = 0

  line(line: Buffer, at: number): void {
    const boundary = this.#boundaryIn(line)
    if (boundary !== null) {
      this.#endBody()
      this.#parts += 1
      if (this.#parts > SKELETON_LIMITS.parts) this.#isIncomplete = true
      else this.#out.push(Buffer.from(line))
      this.#inHeader = !boundary.isClosing
      this.#header = []
      this.#beginBody(at + line.length, true, 'identity')
    } else if (this.#inHeader) this.#headerLine(line, at)
    else this.#bodyLine(line, at)
  }

  end(size: number): Skeleton {
    this.#contentEnd = this.#cutStart === null ? this.#contentEnd : size
    this.#endBody()
    return { bytes: Buffer.concat(this.#out), cuts: this.#cuts, isIncomplete: this.#isIncomplete }
  }

  #boundaryIn(line: Buffer): { isClosing: boolean } | null {
    if (line[0] !== 0x2d || line[1] !== 0x2d || this.#boundaries.size === 0 || line.length > 1024) return null
    const text = line.toString('latin1', 2).trimEnd()
    if (this.#boundaries.has(text)) return { isClosing: false }
    return text.endsWith('--') && this.#boundaries.has(text.slice(0, -2)) ? { isClosing: true } : null
  }

  #headerLine(line: Buffer, at: number): void {
    const isBlank = line.length <= 2 && /^\r?\n?$/.test(line.toString('latin1'))
    if (this.#parts > SKELETON_LIMITS.parts) {
      this.#inHeader = !isBlank
      return
    }
    this.#headerBytes += line.length
    if (isBlank || this.#headerBytes <= SKELETON_LIMITS.headerBytes) {
      this.#emit(utf8Line(line))
      this.#header.push(Buffer.from(line))
    } else this.#isIncomplete = true
    if (isBlank) this.#endHeader(at + line.length)
  }

  #endHeader(at: number): void {
    const text = Buffer.concat(this.#header)
      .toString('latin1')
      .replaceAll(/\r?\n[ \t]+/g, ' ')
    const isEmpty = text.trim() === ''
    this.#header = []
    const type = (/^content-type:\s*([^\s;]*)/im.exec(text)?.[1] ?? '').toLowerCase()
    const [, quoted, bare] =
      /^content-type:.{0,2000};\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))/im.exec(text) ?? []
    const boundary = (quoted ?? bare)?.trimEnd()
    if (boundary !== undefined && type.startsWith('multipart/')) this.#boundaries.add(boundary)
    const encoding = (/^content-transfer-encoding:\s*"?([\w-]*)/im.exec(text)?.[1] ?? '').toLowerCase()
    const isAttached = /^content-disposition:\s*attachment/im.test(text)
    const isText = !isAttached && /^$|^text\/(?:plain|html|calendar)$|^message\/(?!rfc822)|^multipart\//.test(type)
    this.#beginBody(at, isText, encoding === 'base64' || encoding === 'quoted-printable' ? encoding : 'identity')
    // A mail in a mail begins with headers again; and so does one that began with an empty line.
    this.#inHeader = (type === 'message/rfc822' && encoding !== 'base64') || (isEmpty && this.#parts === 0 && at <= 4)
  }

  #beginBody(at: number, isText: boolean, encoding: Cut['encoding']): void {
    this.#isText = isText
    this.#encoding = encoding
    this.#body = []
    this.#bodyBytes = 0
    this.#bodyStart = at
    this.#cutStart = null
    this.#contentEnd = at
  }

  #bodyLine(line: Buffer, at: number): void {
    const breakBytes = line.at(-1) === 0x0a ? (line.at(-2) === 0x0d ? 2 : 1) : 0
    this.#contentEnd = at + line.length - breakBytes
    if (this.#cutStart !== null || this.#parts > SKELETON_LIMITS.parts) return
    const limit = this.#isText ? SKELETON_LIMITS.textBytes : SKELETON_LIMITS.fileBytes
    const isTooLong = this.#bodyBytes + line.length > limit || this.#lines + this.#body.length >= SKELETON_LIMITS.lines
    if (
      isTooLong &&
      (this.#encoding !== 'base64' || !this.#isText || this.#bodyBytes % 4 === 0 || this.#bodyBytes > 2 * limit)
    ) {
      this.#cutStart = this.#isText ? at : this.#bodyStart
      if (!this.#isText) this.#body = []
      return
    }
    this.#body.push(Buffer.from(line))
    this.#bodyBytes += this.#encoding === 'base64' ? line.length - breakBytes : line.length
  }

  #endBody(): void {
    for (const line of this.#body) this.#emit(line)
    this.#body = []
    if (this.#cutStart !== null) {
      const [start, end] = [this.#cutStart, Math.max(this.#cutStart, this.#contentEnd)]
      this.#out.push(Buffer.from(`${markerOf(this.#cuts.length)}\r\n`))
      this.#cuts.push({ start, end, encoding: this.#encoding, isText: this.#isText })
    }
    this.#cutStart = null
  }

  #emit(line: Buffer): void {
    this.#lines += 1
    this.#out.push(Buffer.from(line))
  }
}

/** Headers have no charset of their own; what is no UTF-8 was most likely written on Windows. */
function utf8Line(line: Buffer): Buffer {
  return isUtf8(line) ? line : Buffer.from(new TextDecoder('windows-1252').decode(line))
}
