import { z } from 'zod'
import type { JsonValue } from '../../channels/json.ts'

/**
 * What is sealed of an inbound event. Mostly that is its payload as JSON and nothing else. An event with large bytes
 * begins with a byte that no JSON begins with: 0 and the length of the JSON (4 bytes, little-endian), then the JSON and
 * the bytes; or 1, the same, and after the JSON what opens the file that the bytes are in. So whatever seals, seals
 * again or loses a payload does the same to its bytes.
 */
export interface Frame {
  /** JSON */
  payload: Buffer
  /** short ones, in the frame */
  inline?: Buffer
  /** long ones, in the file store */
  file?: KeptEventFile
}

/** Where the bytes of an event lie, and what opens them. */
export interface KeptEventFile {
  storedAs: string
  /** 32 bytes */
  key: Buffer
  size: number
}

/** Longer bytes are a file: a row is written again when its contact becomes known, a file is not. */
export const INLINE_BYTES_MAX = 64 * 1024

const marks = { inline: 0, file: 1 } as const
const headBytes = 5

const fileShape = z.object({ storedAs: z.string(), key: z.base64(), size: z.int().min(0) })

export function frameOf(payload: JsonValue, bytes?: Buffer | KeptEventFile): Buffer | string {
  const json = JSON.stringify(payload)
  if (bytes === undefined) return json
  const body = Buffer.from(json)
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(Buffer.isBuffer(bytes) ? marks.inline : marks.file)
  head.writeUInt32LE(body.length, 1)
  const rest = Buffer.isBuffer(bytes) ? bytes : JSON.stringify({ ...bytes, key: bytes.key.toString('base64') })
  return Buffer.concat([head, body, Buffer.from(rest)])
}

/** @throws when it is none: the seal has vouched for it, so that is a fault of our own */
export function unframed(frame: Buffer): Frame {
  const mark = frame[0]
  if (mark !== marks.inline && mark !== marks.file) return { payload: frame }
  const end = headBytes + frame.readUInt32LE(1)
  const payload = frame.subarray(headBytes, end)
  const rest = frame.subarray(end)
  if (mark === marks.inline) return { payload, inline: rest }
  const { key, ...file } = fileShape.parse(JSON.parse(rest.toString()))
  return { payload, file: { ...file, key: Buffer.from(key, 'base64') } }
}
