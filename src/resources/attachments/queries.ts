import { rowsWhere } from '../../access/door.ts'
import { recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import type { KeptFile } from './keep-file.ts'
import { attachments } from './schema.ts'

/** What a file's key is wrapped for: it unwraps for no other attachment. */
export const keyContext = (attachmentId: string): string => `attachment-key/${attachmentId}`

/** A keyed hash of a file's content: equal files of one tenant have equal ones, and nobody else can tell. */
export const contentHash = (keys: TenantKeys, sha256: string): Buffer => keys.hash('attachment', sha256)

/**
 * The columns of an attachment whose file has been kept. Its key is wrapped under the contact's, so that the file is
 * unreadable everywhere once that is destroyed; under the tenant's while it belongs to no contact.
 */
export async function keptColumns(
  tx: Tx,
  attachmentId: string,
  kept: KeptFile,
  contactId: string | null,
): Promise<Record<string, unknown>> {
  return {
    status: 'stored',
    error: null,
    stored_as: kept.storedAs,
    wrapped_key: await wrapKey(tx, attachmentId, kept.key, contactId),
    key_contact_id: contactId,
    size: kept.size,
    media_type: kept.mediaType,
    content_hash: contentHash(tx.keys, kept.sha256),
  }
}

/** Sets columns of an attachment and counts its version. */
export async function setAttachment(tx: Tx, id: string, columns: Readonly<Record<string, unknown>>): Promise<void> {
  const sets = Object.entries(columns).map(([name, value]) => sql`${sql.identifier(name)} = ${sql.param(value)}`)
  await tx.query(sql`UPDATE app.attachment SET ${sql.join(sets, sql`, `)}, version = version + 1, updated_at = now()
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid`)
}

async function wrapKey(tx: Tx, attachmentId: string, key: Buffer, contactId: string | null): Promise<Buffer> {
  const wrapping = contactId === null ? tx.keys : await contactKey(tx, contactId)
  return wrapping.seal(key, keyContext(attachmentId))
}

/**
 * Gives uploaded files to a message, in the order of `ids`: they are its contact's from now on, and so are the keys
 * that they are encrypted under. Every file has a key of its own, which is wrapped anew: no byte moves, and a crash
 * leaves both or neither. The message must be there already.
 * @param ids stored uploads of the conversation's business unit that the principal sees and no message holds
 * @throws Problem unprocessable, naming those that are not
 */
export async function takeAttachments(
  tx: Tx,
  messageId: string,
  contactId: string,
  conversationId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const { tenantId } = tx.principal
  const readable = rowsWhere(tx.principal, attachments, 'read')
  const rows = readable
    ? await tx.query<{
        id: string
        wrapped_key: Buffer
      }>(sql`SELECT ${attachments.id} AS id, wrapped_key FROM ${attachments.table}
        WHERE ${attachments.tenant} = ${tenantId}::uuid AND ${attachments.id} = ANY (${array(ids, 'uuid')}) AND ${readable}
          AND state = 'active' AND status = 'stored' AND message_id IS NULL AND key_contact_id IS NULL
          AND business_unit_id = (SELECT c.business_unit_id FROM app.conversation c WHERE c.tenant_id = ${tenantId}::uuid AND c.id = ${conversationId}::uuid)
        ORDER BY ${attachments.id} FOR NO KEY UPDATE OF attachment`)
    : []
  const keys = new Map(rows.map((row) => [row.id, row.wrapped_key]))
  const faults = ids.flatMap((id, i) =>
    keys.has(id) && ids.indexOf(id) === i
      ? []
      : { path: `/attachmentIds/${i}`, code: 'unknown_reference', message: 'There is no such file to send.' },
  )
  if (faults.length > 0) throw new Problem('unprocessable', { errors: faults })
  const contact = await contactKey(tx, contactId)
  await Promise.all(
    rows.map((row) => {
      const context = keyContext(row.id)
      return setAttachment(tx, row.id, {
        message_id: messageId,
        conversation_id: conversationId,
        contact_id: contactId,
        wrapped_key: contact.seal(tx.keys.open(row.wrapped_key, context), context),
        key_contact_id: contactId,
      })
    }),
  )
  tx.touch({
    resource: 'attachments',
    ids,
    changed: ['messageId', 'conversationId', 'contactId'],
    subjectIds: [contactId],
  })
}

/**
 * Takes the files of attachments away for good: keys, names and references go with this transaction, and with the keys
 * every copy of the bytes is unreadable; the bytes themselves go by a job. The rows stay, as `removed`.
 * @param which SQL over app.attachment's columns: those of a message that its author took back, of an erased contact
 */
export async function removeAttachmentFiles(tx: Tx, which: SQL): Promise<void> {
  const { tenantId, region } = tx.principal
  const rows = await tx.query<{ id: string; contact_id: string | null; stored_as: string | null; before: JsonRow }>(
    sql`SELECT id, contact_id, stored_as, json_build_object('status', status, 'fileName', file_name, 'mediaType', media_type, 'size', size) AS before FROM app.attachment WHERE tenant_id = ${tenantId}::uuid AND status <> 'removed' AND (${which})
        ORDER BY id FOR NO KEY UPDATE`,
  )
  if (rows.length === 0) return
  const ids = rows.map((row) => row.id)
  await tx.query(
    sql`UPDATE app.attachment SET status = 'removed', error = NULL, file_name = NULL, veiled = '{}', media_type = NULL, size = NULL, content_hash = NULL,
          stored_as = NULL, wrapped_key = NULL, key_contact_id = NULL, sealed_source = NULL, version = version + 1, updated_at = now()
        WHERE tenant_id = ${tenantId}::uuid AND id = ANY (${array(ids, 'uuid')})`,
  )
  tx.touch({
    resource: 'attachments',
    ids,
    changed: ['status', 'fileName', 'mediaType', 'size', 'contentUrl'],
    subjectIds: rows.map((row) => row.contact_id),
    values: recordChanges(
      attachments,
      rows.map((row) => ({ ...row, after: { status: 'removed' } })),
      (id) => rows.find((row) => row.id === id)?.contact_id,
    ),
  })
  for (const { stored_as: storedAs } of rows)
    if (storedAs !== null) await tx.enqueue('remove-file', `remove-file/${storedAs}`, { tenantId, region, storedAs })
}
