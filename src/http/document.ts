import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { Problem } from '../errors.ts'
import { operation } from './operation.ts'

const health = z
  .object({ status: z.literal('ok').meta({ description: 'It works.', example: 'ok' }) })
  .meta({ id: 'Health', description: 'How the service is.' })

/** The contract, and whether the service lives and can serve. */
export async function documentRoutes(app: FastifyInstance, db: Database): Promise<void> {
  app.get('/openapi.json', {
    config: { public: true, hidden: true },
    schema: { response: { 200: z.looseObject({}) } },
    handler: async () => app.swagger(),
  })
  app.get('/health/live', {
    config: { public: true, unlimited: true },
    schema: operation('health.live', 'Is the process alive?', { response: { 200: health }, open: true }),
    handler: async () => ({ status: 'ok' as const }),
  })
  app.get('/health/ready', {
    config: { public: true, unlimited: true },
    schema: operation('health.ready', 'Can it serve?', {
      response: { 200: health },
      open: true,
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
