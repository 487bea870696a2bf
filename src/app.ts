import cors from '@fastify/cors'
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { Database } from './db/database.ts'
import { Cursors } from './http/cursor.ts'
import { documentRoutes } from './http/document.ts'
import { requestId, useGuard } from './http/guard.ts'
import { useJsonBodies } from './http/json-body.ts'
import { useOpenApi } from './http/openapi.ts'
import { RateLimit } from './http/rate-limit.ts'
import { useZod } from './http/schema.ts'
import { useTokens } from './http/tokens.ts'
import { registerResources } from './resources/index.ts'

export interface AppDeps {
  config: Config
  db: Database
  log: FastifyBaseLogger
  /** Holds every answer against its schema; for tests, where an answer outside it is a fault. */
  checkAnswers?: boolean
}

/** The whole service without a socket: main listens with it, tests inject into it. The order is the order of the hooks. */
export async function buildApp({ config, db, log, checkAnswers = false }: AppDeps): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: log,
    disableRequestLogging: true,
    genReqId: requestId,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    bodyLimit: 1_048_576,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    handlerTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 200 },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  })
  useZod(app, checkAnswers)
  useJsonBodies(app)
  await app.register(cors, {
    origin: [...config.allowedOrigins],
    exposedHeaders: [
      'etag',
      'location',
      'request-id',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'idempotent-replayed',
    ],
  })
  await useOpenApi(app, config.publicUrl)
  await useTokens(app, db.keyring)
  useGuard(app, db, new RateLimit(config.rateLimitPerMinute))
  const deps = { db, cursors: new Cursors(db.keyring), config }
  await documentRoutes(app, db)
  registerResources(app, deps)
  await app.ready()
  return app
}
