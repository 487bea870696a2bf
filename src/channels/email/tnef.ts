/** A file in a winmail.dat. */
export interface TnefFile {
  filename: string
  mediaType?: string
  contentId?: string
  start: number
  end: number
}

const SIGNATURE = 0x223e9f78
const ATTACHMENT = 2
const RENDER_DATA = 0x9002
const TITLE = 0x8010
const DATA = 0x800f
const PROPERTIES = 0x9005
const FILES_MAX = 500

/** Of the MAPI properties, those that name an attachment, as property ids. */
const LONG_FILENAME = 0x3707
const MIME_TAG = 0x370e
const CONTENT_ID = 0x3712

/**
 * The files in Outlook's own wrapping (TNEF, "winmail.dat"). Total: what is damaged ends the list.
 * Sources: [MS-OXTNEF] (attributes: level, id and type, length, data, checksum), [MS-OXCDATA] (properties).
 */
export function tnefFiles(bytes: Buffer): TnefFile[] {
  const files: TnefFile[] = []
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== SIGNATURE) return files
  let file: TnefFile | undefined
  for (let at = 6; at + 11 <= bytes.length && files.length < FILES_MAX; ) {
    const level = bytes.readUInt8(at)
    const id = bytes.readUInt16LE(at + 1)
    const length = bytes.readUInt32LE(at + 5)
    const start = at + 9
    const end = start + length
    if (end > bytes.length) break
    if (level === ATTACHMENT && id === RENDER_DATA) {
      file = { filename: `attachment-${files.length + 1}`, start: 0, end: 0 }
      files.push(file)
    } else if (level === ATTACHMENT && file !== undefined) {
      if (id === TITLE) file.filename = named(bytes.toString('latin1', start, end)) ?? file.filename
      else if (id === DATA) [file.start, file.end] = [start, end]
      else if (id === PROPERTIES) Object.assign(file, namesIn(bytes.subarray(start, end)))
    }
    at = end + 2
  }
  return files.filter((one) => one.end > one.start)
}

/** The names that a list of MAPI properties gives; it ends at the first one that does not fit. */
function namesIn(bytes: Buffer): Partial<TnefFile> {
  const names: { filename?: string; mediaType?: string; contentId?: string } = {}
  if (bytes.length < 4) return names
  const count = bytes.readUInt32LE(0)
  let at = 4
  for (let index = 0; index < count && at + 4 <= bytes.length; index += 1) {
    const type = bytes.readUInt16LE(at)
    const id = bytes.readUInt16LE(at + 2)
    const read = propertyValue(bytes, id >= 0x8000 ? afterName(bytes, at + 4) : at + 4, type)
    if (read === undefined) break
    const text = named(read.text)
    if (text !== undefined && id === LONG_FILENAME) names.filename = text
    if (text !== undefined && id === MIME_TAG && /^[\w.+-]+\/[\w.+-]+$/.test(text)) names.mediaType = text.toLowerCase()
    if (text !== undefined && id === CONTENT_ID) names.contentId = text
    at = read.next
  }
  return names
}

/** A named property carries a GUID and a number or a text before its value. */
function afterName(bytes: Buffer, at: number): number {
  if (at + 24 > bytes.length) return bytes.length
  return bytes.readUInt32LE(at + 16) === 0 ? at + 24 : at + 24 + padded(bytes.readUInt32LE(at + 20))
}

const padded = (length: number): number => length + ((4 - (length % 4)) % 4)
const FIXED: ReadonlyMap<number, number> = new Map([
  ...([0x0002, 0x0003, 0x0004, 0x000a, 0x000b].map((type) => [type, 4]) as [number, number][]),
  ...([0x0005, 0x0006, 0x0007, 0x0014, 0x0040].map((type) => [type, 8]) as [number, number][]),
  [0x0048, 16],
])

function propertyValue(bytes: Buffer, at: number, type: number): { text: string; next: number } | undefined {
  const isMany = (type & 0x1000) !== 0
  const base = type & 0x0fff
  const fixed = FIXED.get(base)
  if (fixed !== undefined && !isMany) return { text: '', next: at + fixed }
  if (at + 4 > bytes.length) return undefined
  const count = bytes.readUInt32LE(at)
  if (fixed !== undefined) return { text: '', next: at + 4 + fixed * count }
  if (![0x001e, 0x001f, 0x000d, 0x0102].includes(base)) return undefined
  let next = at + 4
  let text = ''
  for (let index = 0; index < count; index += 1) {
    if (next + 4 > bytes.length) return undefined
    const length = bytes.readUInt32LE(next)
    const start = next + 4
    if (start + length > bytes.length) return undefined
    if (index === 0 && base === 0x001e) text = bytes.toString('latin1', start, start + length)
    if (index === 0 && base === 0x001f) text = bytes.toString('utf16le', start, start + length)
    next = start + padded(length)
  }
  return { text, next }
}

function named(text: string): string | undefined {
  const name = text.split('\0')[0]?.toWellFormed().trim().slice(0, 255)
  return name === '' ? undefined : name
}
