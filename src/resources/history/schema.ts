import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'

const value = z.unknown()

const changedField = z
  .object({
    field: z.string().meta({
      description:
        'The field, as the record names it; of one that the tenant has defined, `customFields.` and its key.',
      example: 'followUpStatus',
    }),
    before: value.optional().meta({
      description:
        'What it was; null: nothing. Masked as the record masks it for you; left out where the mask has no form.',
      example: 'to call',
    }),
    after: value.optional().meta({ description: 'What it became, likewise.', example: 'called' }),
    masked: z.literal(true).optional().meta({
      description: 'There where you see the values masked: they may look the same and be different ones.',
      example: true,
    }),
  })
  .meta({ id: 'ChangedField', description: 'What a field was and became.' })

const entry = z
  .object({
    eventId: idOf('The audit event of the change.'),
    occurredAt: time('When, by the database’s clock.'),
    actor: z
      .object({
        kind: z
          .string()
          .meta({ description: 'member, apiKey, connector, system or anonymous; may grow.', example: 'member' }),
        id: idOf('Who; as far as you may know them.').optional(),
        onBehalfOf: idOf('The member for whom a key acted; as far as you may know them.').optional(),
      })
      .meta({ id: 'HistoryActor', description: 'Who changed it.' }),
    action: z.string().meta({ description: 'What was done.', example: 'update' }),
    resource: z.string().meta({ description: 'What kind of record was changed.', example: 'contacts' }),
    recordId: idOf('The record.'),
    changes: z.array(changedField).meta({ description: 'The fields that you may see, as you may see them.' }),
    purpose: z.string().optional().meta({ description: 'What for.', example: 'support' }),
    causeId: idOf('What caused the system’s own work: an inbound event, for whoever may read those.').optional(),
  })
  .meta({ id: 'HistoryEntry', description: 'One change of one record.' })

export const historyPage = z
  .object({
    data: z.array(entry).meta({ description: 'The changes of this page, newest first.' }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Where the next page begins; null on the last.', example: null }),
  })
  .meta({ id: 'HistoryPage', description: 'A page of what was changed about a contact.' })

export type HistoryEntry = z.infer<typeof entry>

export const historyParameters = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(25)
    .meta({ description: 'How many changes a page holds.', example: 25 }),
  cursor: z.string().min(1).max(4000).optional().meta({ description: 'The nextCursor of the page before.' }),
})
