import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { attachment } from '../../db/tables/conversation.ts'
import { Problem } from '../../errors.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { fileColumns, sendFile } from '../attachments/content.ts'
import { ChannelChanged, own, standing, tenant, visitorValues } from './queries.ts'
import type { ChatVisitor } from './visitors.ts'

/**
 * Sends a visitor a file of a message that they may see; audited before the first byte.
 * @throws Problem not_found, content_pending, content_missing; ChannelChanged
 */
export async function serveVisitorFile(
  db: Database,
  store: FileStore,
  request: FastifyRequest,
  reply: FastifyReply,
  one: ChatVisitor,
  fileId: string,
): Promise<FastifyReply> {
  const result = await db.read(one.caller, { action: 'read', resource: 'attachments' }, () => ({
    key: 'webchat/file',
    values: { ...visitorValues(one), file: fileId },
    parts: () => [
      standing,
      own,
      {
        name: 'rows',
        resource: 'attachments',
        columns: sql`${fileColumns(sql`${attachment.fileName}`)}, ${attachment.contactId} AS "_subject"`,
        from: sql`${attachment}`,
        tenant: attachment.tenantId,
        where: sql`${attachment.id} = ${named('file')}::uuid AND ${attachment.state} = 'active' AND EXISTS (
          SELECT FROM own AS o JOIN app.message AS m ON m.tenant_id = ${tenant} AND m.conversation_id = o.id
           WHERE m.id = ${attachment.messageId} AND m.visitor_sequence IS NOT NULL AND m.state = 'active' AND m.deleted_at IS NULL)`,
        shown: ['content', 'fileName', 'mediaType', 'size'],
        masked: [],
        byRow: false,
      },
    ],
  }))
  if (!result.standing?.length) throw new ChannelChanged()
  const [found] = result.rows ?? []
  if (!found) throw new Problem('not_found')
  return sendFile(store, db.keys(one.known.tenant.tenantId).now(), found, request, reply, true)
}
