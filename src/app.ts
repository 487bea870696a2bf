import cors from '@fastify/cors'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.ts'
import type { Database } from './db/database.ts'
import { Cursors } from './http/cursor.ts'
import { docsRoutes } from './http/docs.ts'
import { documentRoutes, healthRoutes } from './http/document.ts'
import { readForwarded } from './http/forwarded.ts'
import { requestId, useGuard } from './http/guard.ts'
import { useJsonBodies } from './http/json-body.ts'
import { metricsRoutes } from './http/metrics.ts'
import { checkAgainstDocument } from './http/openapi.ts'
import { answerClientError, answerFrameworkError } from './http/problem.ts'
import { RateLimit } from './http/rate-limit.ts'
import { RouteTable } from './http/route-table.ts'
import { useZod } from './http/schema.ts'
import { useTokens } from './http/tokens.ts'
import { chapters, registerResources } from './resources/index.ts'
import { onInbound, onSealing } from './telemetry.ts'

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
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    rewriteUrl: ({ headers, url = '/' }) => {
      readForwarded(headers)
      return url
    },
    bodyLimit: 1_048_576,
    // Long enough for an upload over a slow line; everything else is cut short by the handler's limit, which counts the body too.
    requestTimeout: 300_000,
    http: { headersTimeout: 30_000 },
    connectionTimeout: 60_000,
    handlerTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 200 },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    clientErrorHandler: answerClientError,
    frameworkErrors: answerFrameworkError,
  })
  useZod(app, checkAnswers)
  useJsonBodies(app)
  await app.register(cors, {
    origin: config.allowedOrigins.length > 0 ? [...config.allowedOrigins] : false,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    strictPreflight: false,
    maxAge: 600,
    exposedHeaders: [
      'etag',
      'location',
      'request-id',
      'x-request-id',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'idempotent-replayed',
      'accept-ranges',
      'content-disposition',
      'content-range',
    ],
  })
  const table = new RouteTable(app)
  await useTokens(app, db.keyring)
  useGuard(app, db, new RateLimit(config.rateLimitPerMinute), table)
  if (checkAnswers) checkAgainstDocument(app)
  const deps = { db, cursors: new Cursors(db.keyring), config }
  await documentRoutes(app, table, config.publicUrl, chapters)
  docsRoutes(app)
  healthRoutes(app, db)
  metricsRoutes(app, db, config, onInbound, onSealing)
  registerResources(app, deps)
  letGoOnClose(app)
  await app.ready()
  return app
}

/**
 * Idle connections are closed once when the close begins; one whose answer ends a moment later would keep the stop
 * waiting until its keep-alive runs out.
 */
function letGoOnClose(app: FastifyInstance): void {
  app.addHook('preClose', async () => {
    const again = setInterval(() => app.server.closeIdleConnections(), 100)
    again.unref()
    app.server.once('close', () => clearInterval(again))
  })
}
