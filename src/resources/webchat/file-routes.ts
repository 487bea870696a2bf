import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { fileBytesMax } from '../../channels/webchat/index.ts'
import { fileBody, useMultipart } from '../../http/multipart.ts'
import { operation } from '../../http/operation.ts'
import { described } from '../../http/schema.ts'
import { type ChatScope, chatConfig, chatErrors, chatPath, preflight } from './chat-scope.ts'
import { serveVisitorFile } from './file-content.ts'
import { channelParams, fileParams, visitorFile } from './schema.ts'
import { takeUpload, uploadFields } from './uploads.ts'

/** Uploads and downloads take as long as the line needs. */
const transferTimeoutMs = 300_000

/** Files both ways: uploaded before the message that names them, fetched from the messages that have them. */
export function fileRoutes(
  scope: FastifyInstance,
  { deps, db, store, countPost, uploads, asVisitor }: ChatScope,
): void {
  preflight(scope, `${chatPath}/files`, 'POST')
  preflight(scope, `${chatPath}/files/:fileId`, 'GET')
  scope.register(async (inner) => {
    await useMultipart(inner)
    inner.post(`${chatPath}/files`, {
      config: chatConfig,
      handlerTimeout: transferTimeoutMs,
      schema: operation('webchat.upload', 'Upload a file for a message', {
        params: channelParams,
        // Checked as it streams in.
        body: described(() => fileBody('WebchatUpload', uploadFields, 'A visitor’s file.'), z.unknown()),
        consumes: ['multipart/form-data'],
        response: { 201: visitorFile },
        errors: [...chatErrors, 'file_refused', 'rate_limited'],
        description: `One file of up to ${fileBytesMax / 1024 / 1024} MiB, in the part \`file\`; kept for a day, until a message names it.`,
      }),
      handler: async (request, reply) => {
        const upload = await asVisitor(request, async (one) => {
          await countPost('file', one.visitor.id, reply)
          return takeUpload(deps, store, uploads, request, one)
        })
        return reply.code(201).send(upload)
      },
    })
  })

  scope.get(`${chatPath}/files/:fileId`, {
    config: chatConfig,
    handlerTimeout: transferTimeoutMs,
    schema: operation('webchat.file', 'Fetch a file of the conversation', {
      params: fileParams,
      response: { 200: content, 206: content },
      produces: ['*/*'],
      etag: true,
      answerHeaders: {
        'Content-Disposition': 'Its name (RFC 6266).',
        'Content-Range': 'Which bytes these are of how many; with 206.',
      },
      errors: [...chatErrors, 'content_pending', 'content_missing', 'range_not_satisfiable'],
    }),
    handler: async (request, reply) => {
      const { fileId } = fileParams.parse(request.params)
      return asVisitor(request, async (one) => serveVisitorFile(db, store, request, reply, one, fileId))
    },
  })
}

const content = z.string().meta({ description: 'The bytes, of whatever type the file is.', format: 'binary' })
