import { randomUUIDv7 } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fileBytesMax } from '../../channels/webchat/index.ts'
import type { VisitorFile } from '../../channels/webchat/visitor-post.ts'
import type { Database } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { array, json, named, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { receiveFile } from '../../http/multipart.ts'
import type { Deps } from '../../http/records.ts'
import { veiledOf } from '../../privacy/detection.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { openFile, sealedSize, sealedSpan } from '../../privacy/sealed-file.ts'
import { plainType } from '../attachments/file-kind.ts'
import { fileContext, type KeptFile, keepFile } from '../attachments/keep-file.ts'
import { keptColumns, keyContext, removeAttachmentFiles } from '../attachments/queries.ts'
import { cleanFileName, refusal } from '../attachments/upload.ts'
import { systemCaller } from '../tenants/create.ts'
import type { UploadAllowance } from './upload-allowance.ts'
import type { ChatVisitor } from './visitors.ts'

/** An upload that no message has taken is given up then. */
export const uploadHours = 24
/** Files of a visitor that lie here for a message. */
const uploadsMax = 20

export const uploadFields = z.strictObject({})

export interface Upload {
  id: string
  fileName: string | null
  mediaType: string
  size: number
}

/**
 * Takes in a visitor's file, for a message that is to name it: an attachment that belongs to nobody yet.
 * @throws Problem
 */
export async function takeUpload(
  deps: Deps,
  store: FileStore,
  allowance: UploadAllowance,
  request: FastifyRequest,
  one: ChatVisitor,
): Promise<Upload> {
  const { tenantId } = one.known.tenant
  const id = randomUUIDv7()
  const maxBytes = Math.min(fileBytesMax, deps.config.attachmentMaxBytes)
  let stored: string | null = null
  let isNamed = false
  try {
    const { kept: upload } = await receiveFile(request, { maxBytes, fields: uploadFields }, async (file) => {
      const fileName = cleanFileName(file.name)
      const claim = { mediaType: plainType(file.mediaType), fileName, strict: true, maxBytes }
      const bytes = allowance.metered({ ip: request.ip, channelId: one.known.id }, file.bytes)
      const kept = await keepFile(store, { tenantId, attachmentId: id }, bytes, claim).catch(refusal)
      stored = kept.storedAs
      return { kept, fileName }
    })
    await record(deps.db, one, id, upload.kept, upload.fileName)
    isNamed = true
    return { id, fileName: upload.fileName, mediaType: upload.kept.mediaType, size: upload.kept.size }
  } catch (error) {
    // A COMMIT that was not answered may have been done: then the row names the file. If not, the upkeep sweeps it.
    isNamed = error instanceof Problem && error.code === 'unavailable'
    throw error
  } finally {
    if (stored !== null && !isNamed) await store.remove(tenantId, stored)
  }
}

async function record(
  db: Database,
  { caller, known, visitor }: ChatVisitor,
  id: string,
  kept: KeptFile,
  fileName: string | null,
): Promise<void> {
  await db.change(caller, { action: 'create', resource: 'attachments' }, async (tx) => {
    const { tenantId } = tx.principal
    // One after another: uploads that come at once would each find the others not there yet.
    await tx.query(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`upload/${known.id}/${visitor.id}`}, 0))`)
    const [row] = await tx.query<{ uploads: number }>(
      sql`SELECT count(*)::int AS uploads FROM app.attachment WHERE tenant_id = ${tenantId}::uuid AND channel_id = ${known.id}::uuid
          AND uploaded_by = ${visitor.id}::uuid AND message_id IS NULL AND status = 'stored'`,
    )
    if ((row?.uploads ?? 0) >= uploadsMax) throw new Problem('rate_limited', { headers: { 'retry-after': '3600' } })
    const columns = Object.entries(await keptColumns(tx, id, kept, null))
    const names = columns.map(([name]) => sql.identifier(name))
    const values = columns.map(([, value]) => sql.param(value))
    await tx.query(
      sql`INSERT INTO app.attachment (tenant_id, id, business_unit_id, channel_id, uploaded_by, file_name, veiled, ${sql.join(names, sql`, `)})
          SELECT ${tenantId}::uuid, ${id}::uuid, h.business_unit_id, h.id, ${visitor.id}::uuid, ${fileName}, ${json(veiledOf({ fileName }, null))}, ${sql.join(values, sql`, `)}
            FROM app.channel h WHERE h.tenant_id = ${tenantId}::uuid AND h.id = ${known.id}::uuid`,
    )
    tx.touch({
      resource: 'attachments',
      ids: [id],
      changed: ['fileName', 'mediaType', 'size', 'status', 'uploadedBy'],
      version: 1,
    })
  })
}

/**
 * The visitor's own uploads with their bytes, for the event that is stored: from then on they belong to that.
 * @throws Problem unprocessable, naming those that are none
 */
export async function readUploads(
  db: Database,
  store: FileStore,
  { caller, known, visitor }: ChatVisitor,
  ids: readonly string[],
): Promise<VisitorFile[]> {
  if (ids.length === 0) return []
  const result = await db.read(caller, { action: 'read', resource: 'attachments' }, () => ({
    key: 'webchat/uploads',
    values: { channel: known.id, visitor: visitor.id, ids: [...new Set(ids)] },
    parts: () => uploadParts,
  }))
  const rows = new Map(
    z
      .array(uploadRow)
      .parse(result.rows ?? [])
      .map((row) => [row.id, row]),
  )
  const errors = ids.flatMap((id, i) =>
    rows.has(id) && ids.indexOf(id) === i
      ? []
      : [{ path: `/attachments/${i}`, code: 'unknown_reference', message: 'There is no such file to send.' }],
  )
  if (errors.length > 0) throw new Problem('unprocessable', { errors })
  const keys = await db.tenantKeys(known.tenant)
  const files: VisitorFile[] = []
  for (const id of ids) {
    const row = rows.get(id)
    if (!row) continue
    const key = keys.open(Buffer.from(row._key, 'base64'), keyContext(id))
    const bytes = await readBytes(store, known.tenant.tenantId, id, row._storedAs, key, row.size)
    files.push({ fileName: row.fileName, mediaType: row.mediaType, bytes })
  }
  return files
}

const uploadRow = z.object({
  id: z.uuid(),
  fileName: z.string().nullable(),
  mediaType: z.string(),
  size: z.number(),
  _storedAs: z.string(),
  _key: z.string(),
})

const uploadParts: readonly Part[] = [
  {
    name: 'rows',
    resource: 'attachments',
    columns: sql`f.id, f.file_name AS "fileName", f.media_type AS "mediaType", f.size, f.stored_as AS "_storedAs", encode(f.wrapped_key, 'base64') AS "_key", NULL::uuid AS "_subject"`,
    from: sql`app.attachment AS f`,
    tenant: null,
    where: sql`f.tenant_id = ${named('eventTenant')}::uuid AND f.id = ANY (${named('ids')}::uuid[]) AND f.channel_id = ${named('channel')}::uuid
      AND f.uploaded_by = ${named('visitor')}::uuid AND f.message_id IS NULL AND f.key_contact_id IS NULL AND f.status = 'stored' AND f.state = 'active'`,
    shown: ['content'],
    masked: [],
    byRow: false,
  },
]

async function readBytes(
  store: FileStore,
  tenantId: string,
  id: string,
  storedAs: string,
  key: Buffer,
  size: number,
): Promise<Buffer> {
  const range = { start: 0, end: size - 1 }
  const span = sealedSpan(size, range.start, range.end)
  const stored = await store.read(tenantId, storedAs, span.start, span.end)
  if (!stored || stored.size !== sealedSize(size))
    throw new Problem('unavailable', { detail: 'The file cannot be read now.' })
  const pieces: Buffer[] = []
  for await (const piece of openFile(stored.bytes, key, fileContext(tenantId, id), { size, ...range }))
    pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Removes uploads of visitors that no message needs any more. @returns how many */
export async function sweepUploads(
  db: Database,
  tenant: { tenantId: string; region: string },
  runId: string,
  hours: number = uploadHours,
): Promise<number> {
  const old = sql`message_id IS NULL AND uploaded_by IS NOT NULL AND status = 'stored' AND channel_id IN (SELECT h.id FROM app.channel h WHERE h.tenant_id = ${tenant.tenantId}::uuid AND h.type = 'webchat')
    AND created_at <= now() - make_interval(hours => ${hours}::int)`
  const found = await db.lookup<{ id: string }>(
    tenant,
    sql`SELECT id FROM app.attachment WHERE tenant_id = ${tenant.tenantId}::uuid AND ${old} LIMIT 500`,
  )
  if (found.length === 0) return 0
  const ids = found.map((row) => row.id)
  await db.change(systemCaller(db, tenant, runId), { action: 'delete', resource: 'attachments' }, async (tx) => {
    await removeAttachmentFiles(tx, sql`id = ANY (${array(ids, 'uuid')}) AND ${old}`)
    tx.touch({ resource: 'attachments', ids, changed: [] })
  })
  return ids.length
}
