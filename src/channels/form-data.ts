import { type Headers, headerOf } from './headers.ts'
import { wellFormed } from './json.ts'

/** One field of a posted form; with `filename` it is a file. */
export interface FormPart {
  name: string
  bytes: Buffer
  /** absent: an ordinary field; '' is what browsers send for a file that was not chosen */
  filename?: string
  mediaType?: string
  /** as the part's own Content-Type says, in lower case */
  charset?: string
}

/** More would be no form that a person fills in. */
export const partsMax = 1_000
const headBytesMax = 16_384

/** Whether a post is a form as browsers send them. */
export function formTypeOf(headers: Headers): 'urlencoded' | 'multipart' | undefined {
  const type = (headerOf(headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return 'urlencoded'
  return type === 'multipart/form-data' ? 'multipart' : undefined
}

/**
 * The fields of a posted form, in their order: `application/x-www-form-urlencoded` (WHATWG URL, 5.1) or
 * `multipart/form-data` (RFC 7578). Forgiving where browsers and scripts differ (line ends, text before the first
 * boundary, a last boundary without its hyphens), total on any bytes.
 * @returns undefined where the headers say that it is no form, or where it has no boundary
 */
export function formPartsOf(headers: Headers, body: Buffer): FormPart[] | undefined {
  const type = formTypeOf(headers)
  if (type === 'urlencoded') return urlencodedParts(body)
  const boundary = type === 'multipart' ? boundaryOf(headerOf(headers, 'content-type') ?? '') : undefined
  return boundary === undefined ? undefined : multipartParts(body, boundary)
}

function urlencodedParts(body: Buffer): FormPart[] {
  return body
    .toString('latin1')
    .split('&', partsMax)
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
      return { name: textOf(percentDecoded(name)), bytes: percentDecoded(value) }
    })
}

function percentDecoded(text: string): Buffer {
  const plain = text.replaceAll('+', ' ').replaceAll(/%([0-9a-f]{2})/gi, (_match, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16))
  })
  return Buffer.from(plain, 'latin1')
}

function boundaryOf(contentType: string): string | undefined {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))/i.exec(contentType) ?? []
  return quoted ?? bare
}

function multipartParts(body: Buffer, boundary: string): FormPart[] {
  const parts: FormPart[] = []
  const mark = Buffer.from(`--${boundary}`, 'latin1')
  let previous: Delimiter | undefined
  for (let at = 0, seen = 0; seen <= partsMax; seen++) {
    const next = delimiterFrom(body, mark, at)
    if (previous) {
      const part = partOf(body.subarray(previous.end, next?.start ?? body.length))
      if (part) parts.push(part)
    }
    if (!next || next.isLast) break
    previous = next
    at = next.end
  }
  return parts
}

interface Delimiter {
  /** where the content before it ends */
  start: number
  end: number
  isLast: boolean
}

/** The next line that is the boundary and nothing else; the same bytes within a line are content. */
function delimiterFrom(body: Buffer, mark: Buffer, from: number): Delimiter | undefined {
  for (let at = body.indexOf(mark, from); at !== -1; at = body.indexOf(mark, at + 1)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue
    let end = at + mark.length
    const isLast = body[end] === 0x2d && body[end + 1] === 0x2d
    if (isLast) end += 2
    while (body[end] === 0x20 || body[end] === 0x09) end++
    if (body[end] === 0x0d) end++
    if (body[end] === 0x0a) end++
    else if (end < body.length && !isLast) continue
    const lineEnd = at > 1 && body[at - 2] === 0x0d ? 2 : 1
    return { start: Math.max(from, at - lineEnd), end, isLast }
  }
  return undefined
}

function partOf(bytes: Buffer): FormPart | undefined {
  const empty = bytes.indexOf('\r\n\r\n')
  const bare = bytes.indexOf('\n\n')
  const isBare = empty === -1 || (bare !== -1 && bare < empty)
  const split = isBare ? bare : empty
  if (split === -1 || split > headBytesMax) return undefined
  const head = headOf(bytes.subarray(0, split))
  const disposition = head.get('content-disposition') ?? ''
  const name = parameterOf(disposition, 'name')
  if (name === undefined) return undefined
  const filename = extendedFilename(disposition) ?? parameterOf(disposition, 'filename')
  const [type = '', ...parameters] = (head.get('content-type') ?? '').split(';')
  const charset = /charset="?([\w:.-]{1,40})/i.exec(parameters.join(';'))?.[1]?.toLowerCase()
  const content = decoded(bytes.subarray(split + (isBare ? 2 : 4)), head.get('content-transfer-encoding') ?? '')
  return {
    name,
    bytes: content,
    ...(filename === undefined ? {} : { filename }),
    ...(type.trim() === '' ? {} : { mediaType: wellFormed(type.trim().slice(0, 200)) }),
    ...(charset === undefined ? {} : { charset }),
  }
}

function headOf(bytes: Buffer): Map<string, string> {
  const lines = textOf(bytes)
    .replaceAll(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon === -1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]]
    }),
  )
}

/**
 * As browsers write it: quotes and line ends are percent-encoded; older ones wrote a backslash before a quote, or the
 * quote alone, which ends the value only where the parameter ends.
 */
function parameterOf(disposition: string, name: 'name' | 'filename'): string | undefined {
  const [, quoted, bare] = parameters[name].exec(disposition) ?? []
  return (quoted ?? bare)
    ?.replaceAll('\\"', '"')
    .replaceAll('%22', '"')
    .replaceAll(/%0D/gi, '\r')
    .replaceAll(/%0A/gi, '\n')
}

const parameters = {
  name: /;\s*name=(?:"((?:[^"]|"(?!\s*(?:;|$)))*)"|([^;\s]*))/i,
  filename: /;\s*filename=(?:"((?:[^"]|"(?!\s*(?:;|$)))*)"|([^;\s]*))/i,
}

/** `filename*` (RFC 8187) is not allowed here and sent all the same. */
function extendedFilename(disposition: string): string | undefined {
  const value = /;\s*filename\*=utf-8''([^;\s]+)/i.exec(disposition)?.[1]
  return value === undefined ? undefined : textOf(percentDecoded(value.replaceAll('+', '%2B')))
}

/** RFC 7578 has done away with encodings; scripts still use the one that matters. */
function decoded(bytes: Buffer, encoding: string): Buffer {
  return encoding.trim().toLowerCase() === 'base64' ? Buffer.from(bytes.toString('latin1'), 'base64') : bytes
}

/**
 * A field's value as storable text: UTF-8 where it is, else in the charset that was named, else as old pages have it
 * (windows-1252).
 */
export function textOf(bytes: Buffer, charset?: string): string {
  for (const label of charset === undefined || charset === 'utf-8' ? ['utf-8'] : [charset, 'utf-8'])
    try {
      return wellFormed(new TextDecoder(label, { fatal: true }).decode(bytes))
    } catch {
      // another charset
    }
  return wellFormed(new TextDecoder('windows-1252').decode(bytes))
}
