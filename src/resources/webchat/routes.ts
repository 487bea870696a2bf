import type { FastifyInstance } from 'fastify'
import { addressBlock } from '../../http/address-block.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { noContent } from '../../http/schema.ts'
import { countInbound } from '../../telemetry.ts'
import { receive } from '../ingest/receive.ts'
import { type ChatScope, chatConfig, chatErrors, chatPath, chatScope, preflight } from './chat-scope.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { eventRoute } from './event-route.ts'
import { fileRoutes } from './file-routes.ts'
import { ChannelChanged, conversationOf, markDelivered, markRead, messagesAfter } from './queries.ts'
import { rawMessage } from './raw-message.ts'
import {
  acceptedMessage,
  channelParams,
  messagesQuery,
  newSession,
  newVisitorMessage,
  readMark,
  session,
  type VisitorMessage,
  visitorMessages,
} from './schema.ts'
import { readUploads } from './uploads.ts'
import { visitorToken } from './visitor-token.ts'
import { whoOpens } from './who-opens.ts'

/** The visitor's side of a webchat: public, behind the channel's origins and the visitor's own token. */
export function webchatRoutes(app: FastifyInstance, deps: Deps): void {
  app.register(async (scope) => {
    const chat = chatScope(scope, deps)
    sessionRoute(scope, chat)
    messageRoutes(scope, chat)
    readRoute(scope, chat)
    eventRoute(scope, chat)
    fileRoutes(scope, chat)
  })
}

function sessionRoute(scope: FastifyInstance, { db, visitors, countSession, withChannel }: ChatScope): void {
  preflight(scope, `${chatPath}/sessions`, 'POST')
  scope.post(`${chatPath}/sessions`, {
    config: chatConfig,
    schema: operation('webchat.openSession', 'Open or go on with a visitor’s session', {
      params: channelParams,
      body: newSession,
      response: { 201: session },
      errors: [...chatErrors, 'invalid_signature'],
      description:
        'Without a token, a new visitor. A userId with its userHash is the same visitor on all devices; a wrong hash is refused. What the page says of names and addresses are claims.',
    }),
    handler: async (request, reply) => {
      await countSession(addressBlock(request.ip), reply)
      const body = newSession.parse(request.body)
      const opened = await withChannel(request, async (chat) => {
        const visitor = await whoOpens(visitors, request, chat, body)
        const conversationId = await conversationOf(db, visitors.visitorOf(request, chat, visitor))
        const { token, expiresAt } = visitorToken(db.keyring, chat.known.id, chat.settings.signingSecret, visitor)
        return {
          visitorToken: token,
          visitorId: visitor.id,
          expiresAt: expiresAt.toISOString(),
          ...(conversationId === null ? {} : { conversationId }),
        }
      })
      return reply.code(201).send(opened)
    },
  })
}

function messageRoutes(scope: FastifyInstance, { db, store, countPost, asVisitor }: ChatScope): void {
  preflight(scope, `${chatPath}/messages`, 'GET, POST')
  scope.post(`${chatPath}/messages`, {
    config: chatConfig,
    schema: operation('webchat.say', 'Say something', {
      params: channelParams,
      body: newVisitorMessage,
      response: { 202: acceptedMessage },
      errors: [...chatErrors, 'unprocessable'],
      description:
        'Stored before it is answered, like the posts of other channels; the same id is taken once. It appears in the list and the stream when it has been processed.',
    }),
    handler: async (request, reply) => {
      const { id, text = '', attachments = [], button } = newVisitorMessage.parse(request.body)
      const accepted = await asVisitor(request, async (one) => {
        await countPost('post', one.visitor.id, reply)
        const files = await readUploads(db, store, one, attachments)
        const stored = await receive(db, one.caller, one.known, [rawMessage(one, { id, text, files, button })], store)
        if (!stored) throw new ChannelChanged()
        return stored.accepted
      })
      countInbound(accepted > 0 ? 'stored' : 'duplicate', 1)
      return reply.code(202).send({ id, duplicate: accepted === 0 })
    },
  })

  scope.get(`${chatPath}/messages`, {
    config: chatConfig,
    schema: operation('webchat.messages', 'Read the conversation', {
      params: channelParams,
      querystring: messagesQuery,
      response: { 200: visitorMessages },
      errors: [...chatErrors, 'invalid_cursor'],
      description:
        'What the visitor may see of their own conversation: what they said and what they were answered, never notes. With `after`, what has come, was edited or taken back since.',
    }),
    handler: async (request) => {
      const { after, limit } = messagesQuery.parse(request.query)
      const cursor = after === undefined ? {} : readCursor(after)
      return asVisitor(request, async (one) => {
        const told = await messagesAfter(db, one, cursor, limit)
        const arrived = told.messages.filter((each) => each.isUndelivered).map((each) => each.message.id)
        await markDelivered(db, one, arrived)
        const data = told.messages.map((each) => each.message).sort(byTime)
        return { data, nextCursor: writeCursor(told.cursor), hasMore: told.hasMore }
      })
    },
  })
}

/** What happened in the same millisecond stays in the order in which it became visible. */
const byTime = (a: VisitorMessage, b: VisitorMessage): number => Date.parse(a.occurredAt) - Date.parse(b.occurredAt)

function readRoute(scope: FastifyInstance, { db, countPost, asVisitor }: ChatScope): void {
  preflight(scope, `${chatPath}/read`, 'POST')
  scope.post(`${chatPath}/read`, {
    config: chatConfig,
    schema: operation('webchat.markRead', 'Say how far the visitor has read', {
      params: channelParams,
      body: readMark,
      response: { 204: noContent },
      errors: chatErrors,
    }),
    handler: async (request, reply) => {
      const { lastMessageId } = readMark.parse(request.body)
      await asVisitor(request, async (one) => {
        await countPost('read', one.visitor.id, reply)
        await markRead(db, one, lastMessageId)
      })
      return reply.code(204).send()
    },
  })
}
