import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fieldSql, rowsWhere, type Sight, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { JsonRow, ReadPlan } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { attachment } from '../../db/tables/conversation.ts'
import { Problem } from '../../errors.ts'
import { type ByteRange, byteRange } from '../../http/byte-range.ts'
import { contentDisposition } from '../../http/content-disposition.ts'
import { etagOf, matches } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import type { Deps } from '../../http/records.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { FileDamaged, openFile, sealedSize, sealedSpan } from '../../privacy/sealed-file.ts'
import { inlineTypes } from './file-rules.ts'
import { fileContext } from './keep-file.ts'
import { keyContext } from './queries.ts'
import { attachments } from './schema.ts'

const row = z.object({
  id: z.uuid(),
  _status: z.string(),
  _fileName: z.string().nullable(),
  _mediaType: z.string().nullable(),
  _size: z.number().nullable(),
  _hash: z.string().nullable(),
  _storedAs: z.string().nullable(),
  _key: z.string().nullable(),
  _keyContactId: z.uuid().nullable(),
  _contactKey: z.string().nullable(),
})

/** A file that can be read: the bytes are opened later. */
export interface StoredFile {
  id: string
  fileName: string | null
  mediaType: string
  size: number
  hash: string
  storedAs: string
  key: Buffer
}

/** What is shown in the page instead of saved: nothing, all that is safe to, or (of a link) images, audio and video. */
type Inline = boolean | 'media'

/**
 * Serves a file, or a range of it. That its content was shown is in the audit before the first byte leaves, and that it
 * was asked about (HEAD, a 304) likewise.
 */
export async function serveContent(
  { db }: Deps,
  store: FileStore,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  inlineWanted: Inline,
): Promise<FastifyReply> {
  const caller = callerOf(request)
  const { tenantId } = caller.principal
  const result = await db.read(caller, { action: 'read', resource: 'attachments' }, (principal) =>
    contentPlan(principal, id),
  )
  const [found] = result.rows ?? []
  if (!found) throw new Problem('not_found', { audited: true })
  return sendFile(store, db.keys(tenantId).now(), found, request, reply, inlineWanted)
}

/**
 * Sends the file of a row with `fileColumns`, or a range of it; that it was read is in the audit already.
 * @throws Problem
 */
export async function sendFile(
  store: FileStore,
  keys: TenantKeys,
  found: JsonRow,
  request: FastifyRequest,
  reply: FastifyReply,
  inlineWanted: Inline,
): Promise<FastifyReply> {
  const { tenantId } = keys
  const file = storedFile(found, keys)

  const etag = etagOf([file.id, file.hash, file.storedAs])
  reply.header('etag', etag)
  const known = request.headers['if-none-match']
  if (known !== undefined && matches(known, etag)) return reply.code(304).send()

  const isHead = request.method === 'HEAD'
  // RFC 9110 §14.2, §13.1.5: only a GET has ranges, and only of the version that the client means.
  const ifRange = request.headers['if-range']
  const ranged = !isHead && (ifRange === undefined || ifRange === etag)
  const range = ranged ? byteRange(request.headers.range, file.size) : null
  if (range === 'unsatisfiable')
    throw new Problem('range_not_satisfiable', { headers: { 'content-range': `bytes */${file.size}` } })
  const { start, end } = range ?? { start: 0, end: file.size - 1 }

  const bytes = await openStored(store, tenantId, file, { start, end }).catch(unreadable)
  const isShown = inlineWanted === 'media' ? /^(?:image|audio|video)\//.test(file.mediaType) : inlineWanted
  const disposition = isShown && inlineTypes.has(file.mediaType) ? 'inline' : 'attachment'
  reply.code(range ? 206 : 200).headers({
    'content-type': file.mediaType,
    'content-disposition': contentDisposition(disposition, file.fileName),
    'content-length': String(end - start + 1),
    'accept-ranges': 'bytes',
    // Whatever a browser takes it for: it runs nothing, and it is of no origin.
    'content-security-policy': "sandbox; default-src 'none'",
    // A link is made to be put into pages, wherever they come from.
    'cross-origin-resource-policy': inlineWanted === 'media' ? 'cross-origin' : 'same-origin',
    ...(range ? { 'content-range': `bytes ${start}-${end}/${file.size}` } : {}),
  })
  if (!isHead) return reply.send(bytes)
  bytes.destroy()
  return reply.send(Readable.from([]))
}

/** What it takes to open a file, over the table of attachments. @param name the name under which it is sent */
export const fileColumns = (
  name: SQL,
): SQL => sql`${attachment.id} AS id, ${attachment.status} AS "_status", ${name} AS "_fileName", ${attachment.mediaType} AS "_mediaType",
  ${attachment.size} AS "_size", encode(${attachment.contentHash}, 'hex') AS "_hash", ${attachment.storedAs} AS "_storedAs",
  encode(${attachment.wrappedKey}, 'base64') AS "_key", ${attachment.keyContactId} AS "_keyContactId",
  (SELECT encode(k.wrapped_key, 'base64') FROM app.contact_key AS k WHERE k.tenant_id = ${attachment.tenantId} AND k.contact_id = ${attachment.keyContactId}) AS "_contactKey"`

/** What it takes to serve a file's content: that the principal sees its row, and of it the field `contentUrl`. */
function contentPlan(principal: Principal, id: string): ReadPlan {
  return {
    key: 'attachments/content',
    wanted: id,
    values: { id },
    parts: () => {
      const rows = rowsWhere(principal, attachments, 'read')
      const right = sight(principal, attachments, 'contentUrl')?.clear ?? false
      const name = sight(principal, attachments, 'fileName')
      const nameSql = (name && fieldSql(name, 'filter')) ?? sql`NULL::text`
      // Content that is not there has not been shown.
      const shown = ['content', 'mediaType', 'size']
      const itsName = name ? sql`ARRAY['fileName']` : sql`'{}'::text[]`
      const isMasked = name ? isMaskedSql(name) : sql`false`
      return [
        {
          name: 'rows',
          resource: attachments.name,
          columns: sql`${fileColumns(nameSql)},
            CASE WHEN ${attachment.status} <> 'stored' THEN ARRAY['status'] WHEN ${isMasked} THEN ${sql.param(shown)}::text[]
              ELSE ${sql.param(shown)}::text[] || ${itsName} END AS "_shown",
            CASE WHEN ${attachment.status} = 'stored' AND ${isMasked} THEN ${itsName} ELSE '{}' END AS "_masked",
            ${attachments.subject} AS "_subject"`,
          from: sql`${attachments.table}`,
          tenant: attachments.tenant,
          // Also of what is in the trash nothing is served, until it is brought back.
          where: sql`${rows || sql`false`} AND ${right === true ? sql`true` : right || sql`false`} AND ${attachment.id} = ${named('id')}::uuid AND ${attachment.state} = 'active'`,
          shown: [],
          masked: [],
          byRow: true,
        },
      ]
    },
  }
}

/** Whether the name that stands beside the content is not the whole one. */
function isMaskedSql({ field, clear }: Sight): SQL {
  if (!field.detected || clear === true) return sql`false`
  return clear === false ? field.detected.where : sql`((${clear}) IS NOT TRUE AND ${field.detected.where})`
}

/**
 * A file that can be read, from a row with `fileColumns`.
 * @throws Problem content_pending, content_missing
 */
export function storedFile(stored: JsonRow, keys: TenantKeys): StoredFile {
  const found = row.parse(stored)
  const { _status: status, _size: size, _hash: hash, _storedAs: storedAs, _key: wrapped } = found
  if (status === 'pending') throw new Problem('content_pending', { headers: { 'retry-after': '5' } })
  if (status !== 'stored' || size === null || hash === null || storedAs === null || wrapped === null)
    throw new Problem('content_missing')
  const { _keyContactId: contactId, _contactKey: contactKey } = found
  // The key of an erased person is gone, and with it everything that it opened.
  if (contactId !== null && contactKey === null) throw new Problem('content_missing')
  const holder =
    contactId === null || contactKey === null ? keys : keys.contact(contactId, Buffer.from(contactKey, 'base64'))
  return {
    id: found.id,
    fileName: found._fileName,
    mediaType: found._mediaType ?? 'application/octet-stream',
    size,
    hash,
    storedAs,
    key: unwrapped(holder, Buffer.from(wrapped, 'base64'), keyContext(found.id)),
  }
}

function unwrapped(holder: Pick<TenantKeys, 'open'>, wrapped: Buffer, context: string): Buffer {
  try {
    return holder.open(wrapped, context)
  } catch {
    return unreadable(new FileDamaged('key'))
  }
}

/** What is wrong with a stored file is for the log; it is no fault of the request, and may be put right. */
function unreadable(cause: unknown): never {
  throw new Problem('unavailable', { detail: 'The file cannot be read now.', cause })
}

/**
 * The clear bytes of a range of a file. The file's size and the range's first chunk have been found genuine when this
 * returns; a later chunk that is not breaks the stream off, before any byte of it.
 * @throws FileDamaged, and whatever the disk says
 */
export async function openStored(
  store: FileStore,
  tenantId: string,
  file: StoredFile,
  range: ByteRange,
): Promise<Readable> {
  const span = sealedSpan(file.size, range.start, range.end)
  const stored = await store.read(tenantId, file.storedAs, span.start, span.end)
  if (!stored) throw new FileDamaged('missing')
  if (stored.size !== sealedSize(file.size)) {
    stored.bytes.destroy()
    throw new FileDamaged('size')
  }
  const clear = openFile(stored.bytes, file.key, fileContext(tenantId, file.id), { size: file.size, ...range })
  const first = await clear.next()
  return Readable.from(following(first, clear), { objectMode: false })
}

async function* following(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer, void>,
): AsyncGenerator<Buffer> {
  try {
    if (!first.done) yield first.value
    yield* rest
  } finally {
    // Nobody reads on: the file is closed.
    await rest.return()
  }
}
