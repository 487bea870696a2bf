import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { time } from '../../access/define.ts'
import type { ReadPlan } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { attachment } from '../../db/tables/conversation.ts'
import { Problem } from '../../errors.ts'
import { callerOf, metaOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import { type Deps, fetchRecord } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { systemCaller } from '../tenants/create.ts'
import { fileColumns, sendFile, serveContent } from './content.ts'
import { fileLink, fileLinkOf, pageLinkMs } from './link-token.ts'
import { attachments } from './schema.ts'

const transferTimeoutMs = 300_000

const link = z
  .object({
    url: z.url().meta({
      description: 'Where the content is served without a header: for an `img`, a player, a download.',
      example: 'https://hub.example.com/v1/files/AbCdEfGh',
    }),
    expiresAt: time('Until when.'),
  })
  .meta({ id: 'AttachmentLink', description: 'A short-lived link to a file’s content.' })

const params = z.object({
  token: z.string().min(1).max(200).meta({ description: 'What the link was made of.', example: 'AbCd' }),
})

const content = z.string().meta({ description: 'The bytes, of whatever type the file is.', format: 'binary' })

/**
 * Links to files for a while. A link is bound to whoever asked for it: what it opens is served under their rights at that
 * moment, and audited as their read; whoever may see it no longer has a link to nothing.
 */
export function attachmentLinkRoutes(app: FastifyInstance, deps: Deps, store: FileStore): void {
  const { db, config } = deps

  app.get('/v1/attachments/:id/link', {
    config: { access: { action: 'read', resource: attachments.name } },
    schema: operation('attachments.link', 'Get a short-lived link to a file', {
      params: idParams,
      response: { 200: link },
      description:
        'Needs the right to read the field `contentUrl`. The link is good for minutes, for whoever asked for it: it is served under their rights of that moment.',
      errors: ['content_pending', 'content_missing'],
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const caller = callerOf(request)
      const { contentUrl, status } = await fetchRecord(deps, caller, attachments, id)
      if (contentUrl === undefined) throw new Problem('not_found', { audited: true })
      if (contentUrl === null) throw new Problem(status === 'pending' ? 'content_pending' : 'content_missing')
      const { credential } = caller.principal
      if (!credential) throw new Problem('forbidden')
      reply.header('cache-control', 'no-store')
      return fileLink(db.keyring, config.publicUrl, { attachmentId: id, holder: { credential } }, pageLinkMs)
    },
  })

  app.get('/v1/files/:token', {
    config: { public: true },
    handlerTimeout: transferTimeoutMs,
    schema: operation('files.fetch', 'Fetch a file by its link', {
      params,
      querystring: z.strictObject({}),
      response: { 200: content, 206: content },
      produces: ['*/*'],
      etag: true,
      description:
        'A link from `/v1/attachments/{id}/link`, or one that went out with a message. 404 when it is over, or when whoever asked for it may see the file no longer. One `Range` of bytes is answered with 206.',
      answerHeaders: {
        'Content-Disposition': 'Images, audio and video are shown, everything else is saved (RFC 6266).',
        'Content-Range': 'Which bytes these are of how many; with 206.',
      },
      errors: ['not_found', 'content_pending', 'content_missing', 'range_not_satisfiable'],
    }),
    handler: async (request, reply) => serve(request, reply),
  })

  async function serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const found = fileLinkOf(db.keyring, params.parse(request.params).token)
    if (!found) throw new Problem('not_found')
    const { attachmentId, holder } = found
    // The address is the key: nobody else shall find it in a cache, or as a referrer.
    reply.headers({ 'cache-control': 'private, no-store', 'referrer-policy': 'no-referrer' })
    if ('credential' in holder) {
      const principal = await db.principal(holder.credential)
      if (!principal) throw new Problem('not_found')
      const meta = { ...metaOf(request), keys: () => db.keys(principal.tenantId).now() }
      request.caller = { principal, meta, needs: { action: 'read', resource: attachments.name } }
      if (!principal.ability.may('read', attachments.name)) throw new Problem('not_found')
      try {
        return await serveContent(deps, store, request, reply, attachmentId, 'media')
      } catch (error) {
        // Whoever holds the link is told nothing of why it opens nothing any more.
        throw error instanceof Problem && [401, 403].includes(error.status)
          ? new Problem('not_found', { audited: true })
          : error
      }
    }
    const { message } = holder
    const caller = systemCaller(db, message, message.messageId)
    const { rows } = await db.read(caller, { action: 'read', resource: attachments.name }, () =>
      sentPlan(attachmentId, message.messageId),
    )
    const [row] = rows ?? []
    if (!row) throw new Problem('not_found', { audited: true })
    return sendFile(store, await db.tenantKeys(message), row, request, reply, 'media')
  }
}

/** A file as it goes out with its message: while both are there, and nobody has taken it back. */
function sentPlan(id: string, messageId: string): ReadPlan {
  return {
    key: 'attachments/sent',
    wanted: id,
    values: { id, messageId },
    parts: () => [
      {
        name: 'rows',
        resource: attachments.name,
        columns: sql`${fileColumns(sql`${attachment.fileName}`)}, ${attachment.contactId} AS "_subject"`,
        from: sql`${attachments.table}`,
        tenant: attachments.tenant,
        where: sql`${attachment.id} = ${named('id')}::uuid AND ${attachment.messageId} = ${named('messageId')}::uuid AND ${attachment.state} = 'active' AND ${attachment.status} = 'stored'`,
        shown: ['content', 'mediaType', 'size', 'fileName'],
        masked: [],
        byRow: false,
      },
    ],
  }
}
