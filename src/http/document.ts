import { createHash } from 'node:crypto'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { Problem } from '../errors.ts'
import { type Chapter, openApi } from './openapi.ts'
import { operation } from './operation.ts'
import type { RouteTable } from './route-table.ts'
import { noContent } from './schema.ts'

const health = z
  .object({ status: z.literal('ok').meta({ description: 'It works.', example: 'ok' }) })
  .meta({ id: 'Health', description: 'How the service is.' })

/**
 * The contract: GET /openapi.json, of all routes that are there when it is first asked for. @fastify/swagger keeps it, so
 * that its plugins find it in app.swagger(); what it says is made from the schemas that also validate.
 * @param serverUrl where people and programs reach the service
 */
export async function documentRoutes(
  app: FastifyInstance,
  table: RouteTable,
  serverUrl: string,
  chapters: readonly Chapter[],
): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Custodia', version: '1.0.0' } },
    // The routes' schemas are zod's, which the plugin cannot read: openApi() describes them all at once.
    transform: ({ url }) => ({ url, schema: { hide: true } }),
    transformObject: () => openApi(table, serverUrl, chapters),
  })
  let made: { text: string; etag: string } | null = null
  const document = (): { text: string; etag: string } => {
    if (!made) {
      const text = JSON.stringify(app.swagger())
      made = { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"` }
    }
    return made
  }
  app.get('/openapi.json', {
    config: { public: true, hidden: true },
    schema: { response: { 200: z.string(), 304: noContent } },
    handler: async (request, reply) => {
      const { text, etag } = document()
      reply.header('etag', etag).header('cache-control', 'public, max-age=300')
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type('application/json; charset=utf-8').send(text)
    },
  })
}

/** Whether the service lives, and whether it can serve. */
export function healthRoutes(app: FastifyInstance, db: Database): void {
  app.get('/health/live', {
    config: { public: true, unlimited: true },
    schema: operation('health.live', 'Is the process alive?', { response: { 200: health } }),
    handler: async () => ({ status: 'ok' as const }),
  })
  app.get('/health/ready', {
    config: { public: true, unlimited: true },
    schema: operation('health.ready', 'Can it serve?', {
      response: { 200: health },
      description: 'Not while the database is away or the service is being stopped.',
    }),
    handler: async () => {
      try {
        await db.ping(2_000)
      } catch (cause) {
        throw new Problem('unavailable', { detail: 'The database does not answer.', cause })
      }
      return { status: 'ok' as const }
    },
  })
}
