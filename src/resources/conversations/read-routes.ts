import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'
import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { Caller, JsonRow, ReadPlan, Tx } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { message } from '../../db/tables/conversation.ts'
import { erasedPart, missed } from '../../db/tombstone.ts'
import { present, utc, viewOf } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams, noContent } from '../../http/schema.ts'
import { messages } from '../messages/schema.ts'
import { markerBack, markerSet } from './read-marker.ts'
import { conversations } from './schema.ts'
import { ownMarker } from './unread.ts'

const body = z
  .strictObject({
    lastMessageId: idOf(
      'The last message that you have read; left out: all there is. An older one marks what came after it as unread.',
    ).optional(),
  })
  .meta({ id: 'ReadMarkerSet', description: 'How far you have read.', example: {} })

const marker = z
  .object({
    conversationId: idOf('The conversation.'),
    lastMessageId: idOf(
      'The last message that you have read, of those that you see; null: none, or you have never said so.',
    ).nullable(),
    readAt: time('When you said so.').nullable(),
    unreadCount: z
      .int()
      .optional()
      .meta({ description: 'How many messages of the contact you have not read.', example: 0 }),
  })
  .meta({
    id: 'ReadMarker',
    description: 'How far you have read a conversation. Each member has a marker of their own.',
  })

const path = '/v1/conversations/:id/read'
const reading = { action: 'read', resource: 'conversations' } as const

/** The caller's own marker: to say how far one has read takes the right to read, no more. */
export function readRoutes(app: FastifyInstance, deps: Deps): void {
  const { db } = deps

  app.get(path, {
    config: { access: reading },
    schema: operation('conversations.fetchRead', 'Fetch how far you have read', {
      params: idParams,
      response: { 200: marker },
      errors: ['erased'],
      description: 'Your own marker; nobody sees those of others.',
    }),
    handler: async (request) => markerOf(deps, callerOf(request), idParams.parse(request.params).id),
  })

  const set = async (request: FastifyRequest) => {
    const { id } = idParams.parse(request.params)
    const { lastMessageId } = body.parse(request.body ?? {})
    return { id, work: (tx: Tx) => markerSet(tx, id, lastMessageId ?? null) }
  }
  app.put(path, {
    config: { access: reading },
    schema: operation('conversations.putRead', 'Say how far you have read', {
      params: idParams,
      body,
      response: { 200: marker },
      errors: ['unprocessable', 'erased'],
      description: 'Moves your own marker, forward or back. Answering moves it too.',
    }),
    handler: async (request) => {
      const { id, work } = await set(request)
      const caller = callerOf(request)
      await db.change(caller, reading, work)
      return markerOf(deps, caller, id)
    },
  })

  app.post(path, {
    config: { access: reading },
    schema: operation('conversations.read', 'Mark as read', {
      params: idParams,
      body,
      response: { 200: marker },
      errors: ['unprocessable', 'erased'],
      idempotent: true,
      description: 'The same as PUT, for clients that know no PUT.',
    }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { id, work } = await set(request)
      const caller = callerOf(request)
      const made = async (tx: Tx) => {
        await work(tx)
        return { id, record: {} }
      }
      await changeOnce(db, caller, request, reply, reading, made, async () => ({}))
      return markerOf(deps, caller, id)
    },
  })

  app.delete(path, {
    config: { access: reading },
    schema: operation('conversations.unread', 'Mark as unread', {
      params: idParams,
      response: { 204: noContent },
      errors: ['unprocessable', 'erased'],
      description: 'Takes your own marker back before the last message of the contact.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      await db.change(callerOf(request), reading, (tx) => markerBack(tx, id))
      return reply.code(204).send()
    },
  })
}

async function markerOf({ db }: Deps, caller: Caller, id: string): Promise<JsonRow> {
  const result = await db.read(caller, reading, (principal) => plan(principal, id))
  const [row] = result.rows ?? []
  if (!row) throw missed(result)
  const view = viewOf(caller.principal, conversations, shown)
  const { unreadCount } = present(conversations, view, row)
  return {
    conversationId: id,
    lastMessageId: row._marked ?? null,
    readAt: typeof row._markedAt === 'string' ? utc(row._markedAt) : null,
    ...(unreadCount === undefined ? {} : { unreadCount }),
  }
}

const shown = ['id', 'unreadCount']

/** A marker may stand at a message that its member does not see: what they are told is the last one before it that they do. */
function lastSeen(principal: Principal): SQL {
  const rows = rowsWhere(principal, messages, 'read')
  if (!rows) return sql`NULL::uuid`
  return sql`(SELECT ${messages.id} FROM ${messages.table} WHERE ${messages.tenant} = ${conversations.tenant} AND ${message.conversationId} = ${conversations.id}
    AND (${message.occurredAt}, ${message.id}) <= ${ownMarker(sql`r.message_at, r.message_id`)} AND ${rows} AND ${liveWhere(principal, messages)}
    ORDER BY ${message.occurredAt} DESC, ${message.id} DESC LIMIT 1)`
}

function plan(principal: Principal, id: string): ReadPlan {
  return {
    key: 'conversations/read-marker',
    wanted: id,
    values: { id },
    parts: () => {
      const view = viewOf(principal, conversations, shown)
      const rows = rowsWhere(principal, conversations, 'read')
      return [
        {
          name: 'rows',
          resource: conversations.name,
          columns: sql`${view.columns}, ${lastSeen(principal)} AS "_marked", ${ownMarker(sql`r.updated_at`)} AS "_markedAt"`,
          from: sql`${conversations.table}`,
          tenant: conversations.tenant,
          where: sql`${rows || sql`false`} AND ${conversations.id} = ${named('id')}::uuid AND ${liveWhere(principal, conversations)}`,
          shown: view.shown,
          masked: view.masked,
          byRow: view.byRow,
          ...erasedPart(principal, conversations),
        },
      ]
    },
  }
}
