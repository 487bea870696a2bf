import type { KeptBlob } from '../channel.ts'
import type { Cut } from './skeleton.ts'

/** The bytes of a part that was cut out, decoded piece by piece. */
export function decodedCut(
  kept: KeptBlob,
  { start, end, encoding }: Pick<Cut, 'start' | 'end' | 'encoding'>,
): AsyncIterable<Buffer> {
  const bytes = kept.read(start, end)
  if (encoding === 'base64') return fromBase64(bytes)
  return encoding === 'quoted-printable' ? fromQuotedPrintable(bytes) : bytes
}

/** Base64 (RFC 2045, 6.8); whatever is not of its alphabet is passed over, and padding may stand in the middle. */
export async function* fromBase64(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = ''
  for await (const piece of source) {
    const units = (rest + piece.toString('latin1').replaceAll(/[^A-Za-z0-9+/=]+/g, '')).split(/=+/)
    rest = units.pop() ?? ''
    for (const unit of units) if (unit.length > 1) yield Buffer.from(unit, 'base64')
    const whole = rest.length - (rest.length % 4)
    if (whole > 0) yield Buffer.from(rest.slice(0, whole), 'base64')
    rest = rest.slice(whole)
  }
  if (rest.length > 1) yield Buffer.from(rest, 'base64')
}

const LINE_LENGTH_MAX = 1000

/** Quoted-printable (RFC 2045, 6.7); what is no escape stays as it is. */
export async function* fromQuotedPrintable(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = ''
  for await (const piece of source) {
    const text = rest + piece.toString('latin1')
    // Lines are taken whole, since a soft break takes the blanks before it; what is longer than any line is cut somewhere.
    let cut = Math.max(text.lastIndexOf('\n') + 1, text.length - LINE_LENGTH_MAX)
    const open = text.lastIndexOf('=', cut - 1)
    if (open >= 0 && open >= cut - 2 && text[cut - 1] !== '\n') cut = open
    yield unquoted(text.slice(0, cut))
    rest = text.slice(cut)
  }
  yield unquoted(rest)
}

function unquoted(text: string): Buffer {
  return Buffer.from(
    text
      .replaceAll(/=[ \t]{0,100}\r?\n/g, '')
      .replaceAll(/=([0-9A-Fa-f]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

/** All of it in memory: for what is known to be small, or must be read as a whole. */
export async function collected(source: AsyncIterable<Buffer>, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of source) {
    bytes += piece.length
    if (bytes > bytesMax) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
