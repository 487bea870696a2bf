import { z } from 'zod'
import { commonFields, defineResource, idOf } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { note } from '../../db/tables/conversation.ts'
import { conversations } from '../conversations/schema.ts'
import { detectedSaid, lines } from '../values.ts'

export const notes = defineResource({
  name: 'notes',
  title: 'Note',
  description: 'An internal message in a conversation; the contact never sees it.',
  table: note,
  tenant: note.tenantId,
  id: note.id,
  unit: note.businessUnitId,
  subject: sql`${note.contactId}`,
  state: note.state,
  within: { model: conversations, id: note.conversationId },
  fields: {
    ...commonFields(note),
    conversationId: { column: note.conversationId, schema: idOf('The conversation.') },
    contactId: { column: note.contactId, schema: idOf('The contact whom it concerns.') },
    businessUnitId: { column: note.businessUnitId, schema: idOf('The business unit.') },
    authorKind: {
      column: note.authorKind,
      kind: 'choice',
      schema: z.string().meta({ description: 'member, apiKey or system; may grow.', example: 'member' }),
      mask: 'hidden',
    },
    authorId: { column: note.authorId, schema: idOf('Who wrote it.') },
    text: {
      column: note.text,
      schema: lines(
        10_000,
        `The note. ${detectedSaid} So does its author.`,
        'Asked for a discount; see the offer of May.',
      ),
      write: 'always',
      required: true,
      search: 'text',
      veiledIn: note.veiled,
    },
  },
})
