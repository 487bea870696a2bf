import { cleanJson, type JsonValue } from '../json.ts'

/** Strings of this many bytes stay in the post; the JSON names where they stand. */
const STRING_BYTES_MAX = 64 * 1024
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** What stands for a long string: an object with this one member, `[start, end]` between its quotes. */
export const LIFTED = '$bytes'

/**
 * JSON with long strings left where they are: a post of 40 MB with attachments in base64 becomes a small value, and its
 * bytes are never on the heap. Only the string's own bytes are looked at, so what is lifted may hold escapes.
 * @returns undefined when the bytes are not JSON, or the rest of it is too large or nested deeper than 64 levels
 */
export function liftJson(bytes: Buffer, restBytesMax = 4 * 1024 * 1024): JsonValue | undefined {
  const pieces: Buffer[] = []
  let rest = 0
  let copied = 0
  for (let at = bytes.indexOf(QUOTE); at !== -1; ) {
    const end = stringEnd(bytes, at + 1)
    if (end === -1) break
    const isKey = end - at > STRING_BYTES_MAX && /^\s*:/.test(bytes.toString('latin1', end + 1, end + 20))
    if (end - at > STRING_BYTES_MAX && !isKey) {
      pieces.push(bytes.subarray(copied, at), Buffer.from(`{"${LIFTED}":[${at + 1},${end}]}`))
      rest += at - copied + 64
      copied = end + 1
    }
    at = bytes.indexOf(QUOTE, end + 1)
  }
  pieces.push(bytes.subarray(copied))
  if (rest + bytes.length - copied > restBytesMax) return undefined
  try {
    const value: JsonValue = JSON.parse(
      Buffer.concat(pieces)
        .toString('utf8')
        .replace(/^\uFEFF/, ''),
    )
    return cleanJson(value)
  } catch {
    return undefined
  }
}

/** Where the string that begins at `at` ends: at the first quote that no backslash escapes. */
function stringEnd(bytes: Buffer, at: number): number {
  for (let quote = bytes.indexOf(QUOTE, at); quote !== -1; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let slashes = 0
    while (bytes[quote - 1 - slashes] === BACKSLASH && quote - 1 - slashes >= at) slashes += 1
    if (slashes % 2 === 0) return quote
  }
  return -1
}

/** The place of a lifted string. */
export function liftedRange(value: JsonValue | undefined): { start: number; end: number } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const range = value[LIFTED]
  const [start, end] = Array.isArray(range) ? range : []
  return typeof start === 'number' && typeof end === 'number' && start >= 0 && end >= start ? { start, end } : undefined
}
