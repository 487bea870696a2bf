import { z } from 'zod'
import { commonFields, defineResource, idOf } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { attachment } from '../../db/tables/conversation.ts'
import { text } from '../values.ts'

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
  fields: {
    ...commonFields(attachment),
    contactId: { column: attachment.contactId, schema: idOf('Whose it is; null until a message holds it.') },
    conversationId: { column: attachment.conversationId, schema: idOf('The conversation.') },
    messageId: { column: attachment.messageId, schema: idOf('The message.') },
    businessUnitId: { column: attachment.businessUnitId, schema: idOf('The business unit.') },
    fileName: { column: attachment.fileName, schema: text(255, 'The file’s name.', 'invoice.pdf'), mask: 'text' },
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
      schema: z.enum(['pending', 'stored', 'failed', 'refused']).meta({
        description: 'pending: not fetched yet; refused: too large or of a type that is not kept.',
        example: 'stored',
      }),
      mask: 'hidden',
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
