import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

/** A file as a part of a form; opened when its turn comes. */
export interface FilePart {
  /** of the form's field */
  name: string
  fileName: string
  mediaType: string
  sizeBytes: number
  open(): Promise<Readable>
}

/**
 * A form with files (RFC 7578) as a stream of known length, so that a file of any size costs no memory.
 * Names are written as browsers write them: UTF-8, with quotes and line ends percent-encoded.
 */
export function multipartForm(
  fields: Record<string, string>,
  files: readonly FilePart[],
): { headers: Record<string, string>; body: Readable } {
  const boundary = `custodia-${randomBytes(18).toString('hex')}`
  const begin = (disposition: string, mediaType?: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${mediaType === undefined ? '' : `Content-Type: ${headerSafe(mediaType)}\r\n`}\r\n`
  const head = Buffer.from(
    Object.entries(fields)
      .map(([name, value]) => `${begin(`name="${quotable(name)}"`)}${value}\r\n`)
      .join(''),
  )
  const parts = files.map((file) => ({
    file,
    begin: Buffer.from(begin(`name="${quotable(file.name)}"; filename="${quotable(file.fileName)}"`, file.mediaType)),
  }))
  const lineEnd = Buffer.from('\r\n')
  const end = Buffer.from(`--${boundary}--\r\n`)
  const length = parts.reduce(
    (sum, part) => sum + part.begin.length + part.file.sizeBytes + lineEnd.length,
    head.length + end.length,
  )
  async function* bytes(): AsyncGenerator<Buffer> {
    yield head
    for (const part of parts) {
      yield part.begin
      yield* await part.file.open()
      yield lineEnd
    }
    yield end
  }
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(length) },
    body: Readable.from(bytes(), { objectMode: false }),
  }
}

function quotable(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function headerSafe(text: string): string {
  return text.replaceAll(/[\r\n\0]/g, ' ')
}
