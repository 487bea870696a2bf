import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import type { Veiled } from '../../privacy/detection.ts'

/** A file that a message refers to and that is still at its provider. */
export interface PendingAttachment {
  id: string
  contactId: string
  conversationId: string
  messageId: string
  fileName: string | null
  /** what was found in its name, see veiledOf */
  veiled: Veiled
  /** as the sender declared it */
  mediaType: string | null
  /** the provider's reference, sealed for `sourceContext`; base64 */
  sealedSource: string
}

/** What a provider's reference is sealed for. */
export const sourceContext = (attachmentId: string): string => `attachment/${attachmentId}`

/** Puts files on the list of what is to be fetched, with a job each. Their messages must be there already. */
export async function attachmentPendAll(
  tx: Tx,
  channel: { id: string; businessUnitId: string },
  rows: readonly PendingAttachment[],
): Promise<void> {
  const { tenantId, region } = tx.principal
  const statement = tx.kept(
    'attachment/pend',
    () => sql`INSERT INTO app.attachment (tenant_id, id, business_unit_id, channel_id, contact_id, conversation_id, message_id, file_name, veiled, media_type, status, sealed_source)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, ${named('channel')}::uuid, w."contactId", w."conversationId", w."messageId", w."fileName", w.veiled, w."mediaType", 'pending', decode(w."sealedSource", 'base64')
        FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "contactId" uuid, "conversationId" uuid, "messageId" uuid, "fileName" text, veiled jsonb, "mediaType" text, "sealedSource" text)`,
  )
  await Promise.all([
    tx.query(statement, {
      tenant: tenantId,
      unit: channel.businessUnitId,
      channel: channel.id,
      rows: JSON.stringify(rows),
    }),
    ...rows.map(({ id }) => tx.enqueue('fetch-media', `fetch-media/${id}`, { tenantId, region, attachmentId: id })),
  ])
}
