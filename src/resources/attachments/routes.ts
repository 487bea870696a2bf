import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { collection } from '../../http/collection.ts'
import { fileBody, useMultipart } from '../../http/multipart.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { described, idParams } from '../../http/schema.ts'
import { serveContent } from './content.ts'
import { attachmentStore } from './keep-file.ts'
import { attachmentLinkRoutes } from './link-routes.ts'
import { attachments } from './schema.ts'
import { receiveUpload, uploadFields } from './upload.ts'

/** Uploads and downloads take as long as the line needs; a line that has fallen silent is cut by the server. */
const transferTimeoutMs = 300_000

export function attachmentRoutes(app: FastifyInstance, deps: Deps): void {
  const store = attachmentStore(deps.config)
  collection(app, deps, { resource: attachments, create: false, change: false })
  attachmentLinkRoutes(app, deps, store)

  app.register(async (scope) => {
    await useMultipart(scope)
    scope.post('/v1/attachments', {
      config: { access: { action: 'create', resource: attachments.name } },
      handlerTimeout: transferTimeoutMs,
      schema: operation('attachments.create', 'Upload a file', {
        description:
          'One file, to go out with a message: `multipart/form-data` with the file in the part `file`. Its type is what its content says; programs, scripts and pages are refused (`file_refused`, with the reason among `errors`).',
        // Checked as it streams in.
        body: described(() => fileBody('AttachmentUpload', uploadFields, 'A file, and where it belongs.'), z.unknown()),
        consumes: ['multipart/form-data'],
        response: { 201: attachments.answer },
        errors: ['file_refused', 'unprocessable'],
        idempotent: true,
        location: true,
      }),
      handler: async (request, reply) => {
        const record = await receiveUpload(deps, store, request, reply)
        return reply.code(201).header('location', `/v1/attachments/${record.id}`).send(record)
      },
    })
  })

  app.get('/v1/attachments/:id/content', {
    config: { access: { action: 'read', resource: attachments.name } },
    handlerTimeout: transferTimeoutMs,
    schema: operation('attachments.content', 'Fetch the content of a file', {
      description: 'Needs the right to read the field `contentUrl`. One `Range` of bytes is answered with 206.',
      params: idParams,
      querystring: z.strictObject({
        disposition: z
          .enum(['attachment', 'inline'])
          .optional()
          .meta({ description: 'inline: images, PDF, audio and video may be shown in the page.', example: 'inline' }),
      }),
      headers: z.object({
        range: z.string().optional().meta({ description: 'One range of bytes.', example: 'bytes=0-1023' }),
        'if-range': z.string().optional().meta({
          description: 'The ETag of the version that the range is meant of.',
          example: '"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"',
        }),
      }),
      response: { 200: content, 206: content },
      produces: ['*/*'],
      etag: true,
      answerHeaders: {
        'Content-Disposition': 'Whether to save it or to show it, and its name (RFC 6266).',
        'Content-Range': 'Which bytes these are of how many; with 206.',
      },
      errors: ['content_pending', 'content_missing', 'range_not_satisfiable'],
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { disposition } = z.object({ disposition: z.string().optional() }).parse(request.query)
      return serveContent(deps, store, request, reply, id, disposition === 'inline')
    },
  })
}

const content = z.string().meta({ description: 'The bytes, of whatever type the file is.', format: 'binary' })
