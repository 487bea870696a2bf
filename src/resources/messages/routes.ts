import type { FastifyInstance } from 'fastify'
import { sql } from '../../db/sql.ts'
import { message } from '../../db/tables/conversation.ts'
import { collection } from '../../http/collection.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import { type Deps, fetchRecord } from '../../http/records.ts'
import { revealRoute } from '../../http/reveal.ts'
import { idParams } from '../../http/schema.ts'
import { conversations } from '../conversations/schema.ts'
import { messageQueue } from './queue.ts'
import { messages, newMessage } from './schema.ts'

/** What was said is read, and answered; nobody changes it. */
export function messageRoutes(app: FastifyInstance, deps: Deps): void {
  const path = '/v1/conversations/:id/messages'
  collection(app, deps, {
    resource: messages,
    path,
    parent: { resource: conversations, scope: (id) => sql`${message.conversationId} = ${id}` },
    searchable: true,
    create: false,
    change: false,
    trash: false,
  })

  app.post(path, {
    config: { access: { action: 'send', resource: messages.name } },
    schema: operation('messages.send', 'Send a message', {
      params: idParams,
      body: newMessage,
      response: { 201: messages.answer },
      idempotent: true,
      location: true,
      errors: ['conflict', 'unprocessable', 'window_closed'],
      description:
        'Puts an answer into the outbox and answers at once: it is sent in the background, in the order of the conversation, and its status tells how far it has come. A rule that forbids it is answered with its reason in `errors[].code`: channel_disabled, channel_trashed, channel_not_supported, contact_restricted, contact_trashed, contact_merged, contact_erased, no_address, address_trashed, address_undeliverable (its provider called it so, and nobody has written from it since), type_not_sendable, part_not_sendable, part_missing, part_too_long, too_many_parts, duplicate_part (of choices, places, cards and reactions: the path says which), file_not_sendable, too_many_files, template_missing, template_not_sendable, subject_not_sendable, text_empty, text_too_long, opted_out (marketing to whoever said stop), blocked (to whoever wants no message at all and has not written since), window_closed (free answers; templates are not bound to it, and where the provider allows it a person may answer for longer).',
    }),
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const { id } = idParams.parse(request.params)
      const body = newMessage.parse(request.body)
      const made = await changeOnce(
        deps.db,
        caller,
        request,
        reply,
        { action: 'send', resource: messages.name },
        (tx) => messageQueue(tx, id, body, caller.meta.purpose),
        (messageId) => fetchRecord(deps, caller, messages, messageId),
      )
      return reply.code(201).header('location', `/v1/messages/${made.id}`).send(made.record)
    },
  })
  revealRoute(app, deps, messages, { field: 'text', value: 'Her number is +49 170 12345678.' })
}
