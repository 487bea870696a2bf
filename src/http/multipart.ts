import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { fault, invalid } from './problem.ts'
import { faultsOf } from './schema.ts'

/** A file on its way in. `bytes` can be read once; what the sender says of it is not to be believed. */
export interface IncomingFile {
  name: string | null
  mediaType: string
  bytes: AsyncIterable<Uint8Array>
}

/** What the parts around a file may weigh together: boundaries, headers, fields. */
const overheadBytes = 65_536
const fieldsMax = 10

/** Takes multipart bodies and no others; registered in a scope of its own, so that the rest of the API takes JSON only. */
export async function useMultipart(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers()
  await scope.register(multipart, { throwFileSizeLimit: false })
}

/**
 * Streams the one file of a multipart body, the part called "file", to `keep`; the other parts are fields.
 * @param maxBytes of the file; one byte more is let through, for `keep` to refuse
 * @throws Problem
 */
export async function receiveFile<Kept, Fields extends z.ZodObject>(
  request: FastifyRequest,
  { maxBytes, fields: schema }: { maxBytes: number; fields: Fields },
  keep: (file: IncomingFile) => Promise<Kept>,
): Promise<{ kept: Kept; fields: z.output<Fields> }> {
  if (!request.isMultipart()) throw new Problem('unsupported_media_type')
  // Before a byte is read, where the sender says how much there is.
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + overheadBytes) throw new Problem('body_too_large')
  let kept: { value: Kept } | null = null
  let keepFailed = false
  const fields: Record<string, unknown> = {}
  const limits = {
    files: 1,
    fileSize: maxBytes + 1,
    fields: fieldsMax,
    parts: fieldsMax + 1,
    fieldSize: 1_000,
    fieldNameSize: 100,
    headerPairs: 20,
  }
  try {
    for await (const part of request.parts({ limits })) {
      const { fieldname } = part
      if (part.type === 'file') {
        if (fieldname !== 'file') throw unknownPart(fieldname)
        keepFailed = true
        kept = {
          value: await keep({ name: part.filename ?? null, mediaType: part.mimetype, bytes: wellFormed(part.file) }),
        }
        keepFailed = false
      } else if (fieldname in fields) throw invalid(fault(`/${fieldname}`, 'invalid_type', 'A field is given once.'))
      else if (part.valueTruncated)
        throw invalid(fault(`/${fieldname.slice(0, 100)}`, 'too_big', 'The field is too long.'))
      else fields[fieldname] = part.value
    }
    const checked = schema.safeParse(fields)
    if (!checked.success) throw new Problem('invalid_request', { errors: faultsOf(checked.error, 'body') })
    if (!kept) throw invalid(fault('/file', 'required', 'There is no file.'))
    return { kept: kept.value, fields: checked.data }
  } catch (error) {
    // The rest of the body is read and dropped: the sender can then read the answer, and use the connection again.
    request.raw.unpipe()
    request.raw.resume()
    // The parser's own errors have neither code nor status.
    const isOurs = keepFailed || error instanceof Problem || (error instanceof Error && 'statusCode' in error)
    throw isOurs ? error : malformed(error)
  }
}

/** The bytes of a part; a body that breaks off or is no multipart is the sender's fault, whoever notices it. */
async function* wellFormed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (cause) {
    throw malformed(cause)
  }
}

const malformed = (cause: unknown): Problem =>
  new Problem('invalid_request', { detail: 'The multipart body is malformed.', cause })

const unknownPart = (name: string): Problem =>
  invalid(fault(`/${name.slice(0, 100)}`, 'unknown_field', `"${name.slice(0, 100)}" cannot be used here.`))

/** How a multipart body with a file is described in the OpenAPI document. */
export const fileBody = (id: string, fields: z.ZodObject, description: string): z.ZodObject =>
  z.strictObject({ file: z.file().meta({ description: 'The file.' }), ...fields.shape }).meta({ id, description })
