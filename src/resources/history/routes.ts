import type { FastifyInstance } from 'fastify'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { historyList } from './queries.ts'
import { historyPage, historyParameters } from './schema.ts'

/** What was changed about a contact, with what it was and became. */
export function historyRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/contacts/:id/history', {
    config: { access: { action: 'read', resource: 'contacts' } },
    schema: operation('contacts.history', 'What was changed about a contact', {
      params: idParams,
      querystring: historyParameters,
      response: { 200: historyPage },
      errors: ['invalid_cursor', 'erased', 'gone'],
      description:
        'Every change of the contact and of its addresses, conversations, messages, notes, files and wishes about being contacted, newest first, with what each field was and became, as you would see these values on the records today: hidden fields are as if they had not changed, masked ones are masked. What follows from other records (counts, times of the last message, delivery) has no history, and what somebody said is kept from its first change on. The values are kept sealed under the contact’s own key: erasing the person makes them unreadable. Reading them is recorded.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const { id } = idParams.parse(request.params)
      const { limit, cursor } = historyParameters.parse(request.query)
      const asked = JSON.stringify(['history', id])
      const entry = { action: 'read', resource: 'contacts', query: { history: {} } } as const
      return db.change(caller, entry, async (tx, principal) => {
        const position = cursor === undefined ? null : cursors.read(cursor, principal, asked)
        const [occurredAt, index] = Array.isArray(position?.key) ? position.key : []
        const after = position && { occurredAt: String(occurredAt), index: Number(index), eventId: position.id }
        const { data, last } = await historyList(tx, id, { limit, after })
        const nextCursor =
          last && cursors.write({ key: [last.occurredAt, last.index], id: last.eventId }, principal, asked)
        return { data, nextCursor }
      })
    },
  })
}
