import type { Headers } from '../headers.ts'
import { headerOf } from '../headers.ts'

/** A field of a posted form, as a view of the post's bytes. */
export interface FormPart {
  name: string
  /** null: an ordinary field */
  fileName: string | null
  mediaType: string | null
  /** where it stands in the body; null where it had to be decoded */
  start: number | null
  bytes: Buffer
}

const PARTS_MAX = 2_000
const HEADER_BYTES_MAX = 16 * 1024

/**
 * The fields of a multipart/form-data (RFC 7578) or urlencoded post, without a copy of what is large. Total: what is not
 * such a form has no fields.
 * @returns undefined where the content type says neither
 */
export function formParts(headers: Headers, body: Buffer): FormPart[] | undefined {
  const contentType = headerOf(headers, 'content-type') ?? ''
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) return urlencodedParts(body)
  if (!/^multipart\/form-data\b/i.test(contentType)) return undefined
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType) ?? []
  const boundary = quoted ?? bare
  return boundary === undefined ? [] : multipartParts(body, boundary)
}

function multipartParts(body: Buffer, boundary: string): FormPart[] {
  const delimiter = Buffer.from(`--${boundary}`)
  const parts: FormPart[] = []
  let at = body.indexOf(delimiter)
  while (at !== -1 && parts.length < PARTS_MAX) {
    const lineEnd = body.indexOf('\r\n', at + delimiter.length)
    if (lineEnd === -1 || body.toString('latin1', at + delimiter.length, at + delimiter.length + 2) === '--') break
    const headEnd = body.indexOf('\r\n\r\n', lineEnd)
    if (headEnd === -1 || headEnd - lineEnd > HEADER_BYTES_MAX) break
    const next = nextDelimiter(body, delimiter, headEnd + 2)
    const start = headEnd + 4
    const end = Math.max(start, next === -1 ? body.length : next - 2)
    parts.push(partOf(body.toString('utf8', lineEnd, headEnd), start, body.subarray(start, end)))
    at = next
  }
  return parts
}

/** A delimiter counts at the beginning of a line only. */
function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  const lineStart = Buffer.concat([Buffer.from('\r\n'), delimiter])
  const found = body.indexOf(lineStart, from)
  return found === -1 ? -1 : found + 2
}

function partOf(head: string, start: number, bytes: Buffer): FormPart {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? ''
  const mediaType = /^content-type:\s*([^\s;]+)/im.exec(head)?.[1] ?? null
  return {
    name: parameter(disposition, 'name') ?? '',
    fileName: parameter(disposition, 'filename') ?? null,
    mediaType,
    start,
    bytes,
  }
}

function parameter(disposition: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.){0,500})"|([^\\s;]{1,500}))`, 'i').exec(
    disposition,
  )
  const text = found?.[1]?.replaceAll(/\\(.)/g, '$1') ?? found?.[2]
  return text?.replaceAll('%22', '"').replaceAll('%0D', '').replaceAll('%0A', '')
}

const AMPERSAND = 0x26
const EQUALS = 0x3d

function urlencodedParts(body: Buffer): FormPart[] {
  const parts: FormPart[] = []
  for (let at = 0; at < body.length && parts.length < PARTS_MAX; ) {
    const found = body.indexOf(AMPERSAND, at)
    const end = found === -1 ? body.length : found
    const equals = body.indexOf(EQUALS, at)
    const split = equals === -1 || equals > end ? end : equals
    const name = percentDecoded(body.subarray(at, split)).toString('utf8')
    const bytes = percentDecoded(body.subarray(Math.min(split + 1, end), end))
    if (name !== '') parts.push({ name, fileName: null, mediaType: null, start: null, bytes })
    at = end + 1
  }
  return parts
}

/** Byte by byte, since a mail in a form is no text in any one charset. */
function percentDecoded(encoded: Buffer): Buffer {
  const result = Buffer.allocUnsafe(encoded.length)
  let length = 0
  for (let at = 0; at < encoded.length; at += 1) {
    const byte = encoded[at] ?? 0
    const high = byte === 0x25 ? hexDigit(encoded[at + 1]) : -1
    const low = byte === 0x25 ? hexDigit(encoded[at + 2]) : -1
    if (high >= 0 && low >= 0) {
      result[length] = high * 16 + low
      at += 2
    } else result[length] = byte === 0x2b ? 0x20 : byte
    length += 1
  }
  return result.subarray(0, length)
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Ordinary fields by name, the first of each; longer ones are left out. */
export function textFields(parts: readonly FormPart[], bytesMax = 2 * 1024 * 1024): Map<string, string> {
  const fields = new Map<string, string>()
  for (const { name, fileName, bytes } of parts)
    if (fileName === null && bytes.length <= bytesMax && !fields.has(name)) fields.set(name, bytes.toString('utf8'))
  return fields
}
