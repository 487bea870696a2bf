import { randomUUIDv7 } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { idOf } from '../../access/define.ts'
import { checkWrite } from '../../db/check-write.ts'
import { Finish, type JsonRow, type Tx } from '../../db/database.ts'
import { columnsOf, finishRow, insertRow, unitFor } from '../../db/row-changes.ts'
import { json } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce, type Made } from '../../http/idempotency.ts'
import { receiveFile } from '../../http/multipart.ts'
import { type Deps, fetchRecord } from '../../http/records.ts'
import { veiledOf } from '../../privacy/detection.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { plainType } from './file-kind.ts'
import { FileRefused, type KeptFile, keepFile } from './keep-file.ts'
import { contentHash, keptColumns } from './queries.ts'
import { attachments } from './schema.ts'

/** What may stand beside the file. */
export const uploadFields = z.strictObject({
  businessUnitId: idOf('The business unit; left out: your own.').optional(),
})

interface Upload {
  kept: KeptFile
  fileName: string | null
  declared: string | null
}

/**
 * Takes a file in: streamed into the store first, then made a record. What no record names in the end (the sender broke
 * off, was refused, or has sent it before) is removed; what a crash leaves, the upkeep sweeps.
 */
export async function receiveUpload(
  deps: Deps,
  store: FileStore,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<JsonRow> {
  const caller = callerOf(request)
  const { tenantId } = caller.principal
  const id = randomUUIDv7()
  const maxBytes = deps.config.attachmentMaxBytes
  let stored: string | null = null
  let isNamed = false
  try {
    const { kept: upload, fields } = await receiveFile(request, { maxBytes, fields: uploadFields }, async (file) => {
      const fileName = cleanFileName(file.name)
      const declared = plainType(file.mediaType)
      const claim = { mediaType: declared, fileName, strict: true, maxBytes }
      const kept = await keepFile(store, { tenantId, attachmentId: id }, file.bytes, claim).catch(refusal)
      stored = kept.storedAs
      return { kept, fileName, declared }
    })
    // The body of an upload is known by its hash: the same key with another file is another request.
    const { fileName, declared } = upload
    const content = contentHash(await deps.db.tenantKeys(caller.principal), upload.kept.sha256).toString('hex')
    const made = await changeOnce(
      deps.db,
      caller,
      request,
      reply,
      { action: 'create', resource: attachments.name },
      (tx) => createAttachment(tx, id, upload, fields),
      (first) => fetchRecord(deps, caller, attachments, first),
      { content, fileName, declared, ...fields },
    )
    isNamed = made.id === id
    return { ...made.record, id: made.id }
  } catch (error) {
    // A COMMIT that was not answered may have been done: then the row names the file. If not, the upkeep sweeps it.
    isNamed = error instanceof Problem && error.code === 'unavailable'
    throw error
  } finally {
    if (stored !== null && !isNamed) await store.remove(tenantId, stored)
  }
}

async function createAttachment(
  tx: Tx,
  id: string,
  { kept, fileName }: Upload,
  fields: z.infer<typeof uploadFields>,
): Promise<Finish<Made>> {
  const { principal } = tx
  const body: JsonRow = { ...fields, ...(fileName === null ? {} : { fileName }) }
  const after: JsonRow = {
    ...body,
    id,
    businessUnitId: unitFor(principal, fields.businessUnitId),
    mediaType: kept.mediaType,
    size: kept.size,
    status: 'stored',
    uploadedBy: principal.onBehalfOf ?? principal.id,
  }
  checkWrite(principal, attachments, 'create', body, null, after, null)
  const columns = {
    ...columnsOf(attachments, after),
    ...(await keptColumns(tx, id, kept, null)),
    veiled: json(veiledOf({ fileName }, null)),
  }
  const finish = finishRow(tx, attachments, insertRow(tx, attachments, id, columns), {
    id,
    after,
    changed: ['fileName', 'businessUnitId', 'mediaType', 'size', 'status', 'uploadedBy'],
    version: 1,
    subjectId: null,
  })
  return new Finish(finish.statement, finish.touched, (rows) => ({ id, record: finish.done(rows) }))
}

/** What is answered where a file may not be kept. @throws Problem; whatever else it is given */
export function refusal(error: unknown): never {
  if (!(error instanceof FileRefused)) throw error
  if (error.code === 'too_large') throw new Problem('body_too_large')
  const messages = {
    executable: 'Programs are not kept.',
    script: 'Scripts are not kept.',
    active_content: 'Pages and drawings that can carry scripts are not kept.',
    type_mismatch: 'The content is not of the declared type.',
    empty: 'The file is empty.',
  }
  throw new Problem('file_refused', { errors: [{ path: '/file', code: error.code, message: messages[error.code] }] })
}

const nameLength = 255

/**
 * A file's name without its path, and without what would make it look like another one: control characters and the marks
 * that turn the direction of writing ("exe.gpj"). Too long a one is cut before its ending.
 */
export function cleanFileName(name: string | null): string | null {
  const clean = (name ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replace(/^.*[\\/]/s, '')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu, '')
    .trim()
  if (clean === '' || /^\.+$/.test(clean)) return null
  if (clean.length <= nameLength) return clean
  const ending = /\.[^.]{1,20}$/.exec(clean)?.[0] ?? ''
  return `${clean
    .slice(0, nameLength - ending.length)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}${ending}`
}
