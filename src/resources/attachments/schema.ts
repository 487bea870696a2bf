import { z } from 'zod'
import { commonFields, defineResource, idOf } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { attachment } from '../../db/tables/conversation.ts'
import { conversations } from '../conversations/schema.ts'
import { detectedSaid, text } from '../values.ts'

export const attachments = defineResource({
  name: 'attachments',
  title: 'Attachment',
  description: 'A file that came with a message or was uploaded to go out with one; kept encrypted.',
  table: attachment,
  tenant: attachment.tenantId,
  id: attachment.id,
  unit: attachment.businessUnitId,
  subject: sql`${attachment.contactId}`,
  state: attachment.state,
  // An upload that no message holds yet is in no conversation: whoever sees the unit's attachments sees it.
  within: { model: conversations, id: attachment.conversationId },
  fields: {
    ...commonFields(attachment),
    contactId: { column: attachment.contactId, schema: idOf('Whose it is; null until a message holds it.') },
    conversationId: { column: attachment.conversationId, schema: idOf('The conversation.') },
    messageId: { column: attachment.messageId, schema: idOf('The message.') },
    businessUnitId: { column: attachment.businessUnitId, schema: idOf('The business unit.') },
    fileName: {
      column: attachment.fileName,
      schema: text(255, `The file’s name. ${detectedSaid}`, 'invoice.pdf'),
      mask: 'text',
      veiledIn: attachment.veiled,
    },
    mediaType: {
      column: attachment.mediaType,
      kind: 'choice',
      schema: z
        .string()
        .meta({ description: 'What the content is, by its first bytes where they tell.', example: 'application/pdf' }),
      mask: 'hidden',
    },
    size: { column: attachment.size, schema: z.int().meta({ description: 'Bytes.', example: 48213 }) },
    status: {
      column: attachment.status,
      kind: 'choice',
      schema: z.enum(['pending', 'stored', 'failed', 'refused', 'removed']).meta({
        description:
          'pending: not fetched yet; refused: too large or of a type that is not kept; removed: its author took it back.',
        example: 'stored',
      }),
      mask: 'hidden',
    },
    contentUrl: {
      value: sql`CASE WHEN ${attachment.status} = 'stored' THEN '/v1/attachments/' || ${attachment.id} || '/content' END`,
      kind: 'text',
      filter: false,
      sort: false,
      mask: 'hidden',
      schema: z.string().meta({
        description: 'Where its content is served; the right to see this field is the right to the content.',
        example: '/v1/attachments/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11/content',
      }),
    },
    error: {
      column: attachment.error,
      kind: 'choice',
      schema: z.string().meta({ description: 'Why it is not there.', example: 'too_large' }),
      mask: 'hidden',
    },
    uploadedBy: { column: attachment.uploadedBy, schema: idOf('Who uploaded it.') },
  },
})
