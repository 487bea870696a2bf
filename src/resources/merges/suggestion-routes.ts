import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { idOf } from '../../access/define.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams, noContent } from '../../http/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { dismiss } from './dismiss.ts'
import { reasonCodes, suggestionList } from './suggestions.ts'

const reason = z
  .object({
    code: z.enum(Object.keys(reasonCodes) as [string, ...string[]]).meta({
      description: Object.entries(reasonCodes)
        .map(([code, { says }]) => `\`${code}\`: ${says}`)
        .join(' '),
      example: 'same_email',
    }),
  })
  .meta({ id: 'MergeReason', description: 'Why two contacts may be one person. Reasons may grow.' })

const suggestion = z
  .object({
    contactId: idOf('The contact that may be the same person.'),
    score: z.number().min(0).max(1).meta({
      description: 'How much speaks for it, from 0 to 1: of several reasons more than of any alone.',
      example: 0.8,
    }),
    reasons: z.array(reason).meta({ description: 'What speaks for it, the strongest first.' }),
    contact: contacts.answer,
  })
  .meta({ id: 'MergeSuggestion', description: 'A contact that may be the same person.' })

const page = z
  .object({
    data: z.array(suggestion).meta({ description: 'The contacts, the most likely first.' }),
    nextCursor: z.null().meta({ description: 'There are no further pages.', example: null }),
  })
  .meta({ id: 'MergeSuggestionPage', description: 'Contacts that may be the same person.' })

const parameters = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(25).meta({ description: 'How many at most.', example: 25 }),
})

const dismissParams = z.strictObject({
  id: idOf('One of the two contacts.'),
  contactId: idOf('The other one.'),
})

export function suggestionRoutes(app: FastifyInstance, { db }: Deps): void {
  app.get('/v1/contacts/:id/merge-suggestions', {
    config: { access: { action: 'read', resource: contacts.name } },
    schema: operation('contacts.mergeSuggestions', 'List contacts that may be the same person', {
      params: idParams,
      querystring: parameters,
      response: { 200: page },
      errors: ['erased', 'gone'],
      description:
        'Contacts of the same business unit that may be the same person, with the reasons. Nothing is joined by itself: only verified addresses do that. You are told what you could see yourself: a contact that you do not see is not there, and what you see masked speaks for nothing. Addresses that are marked as not identifying speak for nothing either.',
    }),
    handler: async (request) => {
      const { id } = idParams.parse(request.params)
      const { limit } = parameters.parse(request.query)
      const entry = { action: 'read', resource: contacts.name, query: { mergeSuggestions: {} } } as const
      const data = await db.change(callerOf(request), entry, (tx) => suggestionList(tx, id, limit))
      return { data, nextCursor: null }
    },
  })

  app.post('/v1/contacts/:id/merge-suggestions/:contactId/dismiss', {
    config: { access: { action: 'merge', resource: contacts.name } },
    schema: operation('contacts.dismissMergeSuggestion', 'Say that two contacts are not the same person', {
      params: dismissParams,
      response: { 204: noContent },
      errors: ['erased', 'gone', 'unprocessable'],
      description:
        'They are no longer suggested for each other, to nobody. Merging them is possible all the same. Saying it twice is saying it once.',
    }),
    handler: async (request, reply) => {
      const { id, contactId } = dismissParams.parse(request.params)
      await db.change(callerOf(request), { action: 'merge', resource: contacts.name }, (tx) =>
        dismiss(tx, id, contactId),
      )
      return reply.code(204).send()
    },
  })
}
