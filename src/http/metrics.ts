import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { Problem } from '../errors.ts'

/** Tells what becomes of inbound events, until it is ended. */
type OnInbound = (listener: (told: { status: string; count: number }) => void) => () => void

/** Tells how far the sealing of the audit is behind, until it is ended. */
type OnSealing = (
  listener: (state: { unsealed: number; lagSeconds: number; checkpoints: number }) => void,
) => () => void

/** A scrape waits no longer for the database; it answers without what only the database knows. */
const databaseTimeoutMs = 2_000

/**
 * GET /metrics, for Prometheus. Labels are names of routes, statuses and the like, out of closed lists: never an id, an
 * address or anybody's value, and never more of them than the code has names.
 */
export function metricsRoutes(
  app: FastifyInstance,
  db: Database,
  config: Pick<Config, 'metricsToken'>,
  onInbound: OnInbound,
  onSealing: OnSealing,
): void {
  const registry = new Registry()
  measureRequests(app, registry)
  const endings = [countInboundEvents(registry, onInbound), measureSealing(registry, onSealing)]
  app.addHook('onClose', async () => {
    for (const end of endings) end()
  })
  const lookAtDatabase = measureDatabase(registry, db)
  let isFirst = true

  app.get('/metrics', {
    config: { public: true, unlimited: true, hidden: true },
    schema: { response: { 200: z.string() } },
    handler: async (request, reply) => {
      refuseStrangers(request, config.metricsToken)
      // Memory, processor and event loop; whoever is never asked need not measure them.
      if (isFirst) collectDefaultMetrics({ register: registry })
      isFirst = false
      await lookAtDatabase((err) => request.log.warn({ err }, 'the metrics lack what the database knows'))
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  })
}

/** With a token whoever has it; without one this machine alone, by the socket itself, since headers can be made up. */
function refuseStrangers(request: FastifyRequest, token: string | undefined): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  if (token !== undefined) {
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(digest(given), digest(token))) throw new Problem('unauthenticated')
    return
  }
  // A proxy on this machine speaks for others.
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in request.headers)
  if (isForwarded || !isLoopback(request.socket.remoteAddress ?? '')) throw new Problem('forbidden')
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))
}

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: 'custodia_http_request_duration_seconds',
    help: 'How long requests took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const denials = new Counter({
    name: 'custodia_audit_denials_total',
    help: 'Attempts that were refused and are in the audit as denied, by resource, action and status.',
    labelNames: ['resource', 'action', 'status'],
    registers: [registry],
  })
  const quotas = new Counter({
    name: 'custodia_reveal_quota_exceeded_total',
    help: 'Requests refused since the quota for clear values was used up, by resource and action.',
    labelNames: ['resource', 'action'],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const { url, config } = request.routeOptions
    const status = String(reply.statusCode)
    const route = request.is404 || !url ? 'none' : url
    duration.observe({ method: request.method, route, status }, reply.elapsedTime / 1000)
    // What the guard has on record: a refusal of somebody known.
    const isRefusal = reply.statusCode >= 400 && reply.statusCode < 500 && reply.statusCode !== 401
    if (isRefusal && request.caller && config.access) denials.inc({ ...config.access, status })
    if (request.refusal === 'quota_exceeded' && config.access) quotas.inc({ ...config.access })
  })
}

function countInboundEvents(registry: Registry, onInbound: OnInbound): () => void {
  const events = new Counter({
    name: 'custodia_inbound_events_total',
    help: 'Inbound events since the start, by what became of them.',
    labelNames: ['status'],
    registers: [registry],
  })
  return onInbound(({ status, count }) => events.inc({ status }, count))
}

function measureSealing(registry: Registry, onSealing: OnSealing): () => void {
  const registers = [registry]
  const unsealed = new Gauge({
    name: 'custodia_audit_unsealed_events',
    help: 'Audit events that no checkpoint covers yet.',
    registers,
  })
  const lag = new Gauge({
    name: 'custodia_audit_sealing_lag_seconds',
    help: 'Age of the oldest audit event that no checkpoint covers yet; 0 when all are covered.',
    registers,
  })
  const checkpoints = new Counter({
    name: 'custodia_audit_checkpoints_total',
    help: 'Checkpoints that this process has made.',
    registers,
  })
  return onSealing((state) => {
    unsealed.set(state.unsealed)
    lag.set(state.lagSeconds)
    checkpoints.inc(state.checkpoints)
  })
}

interface Backlog {
  task: string
  ready: number
  later: number
  running: number
  failed: number
  oldest_seconds: number
}

/** @returns what looks at the database, before the metrics are written */
function measureDatabase(registry: Registry, db: Database): (failed: (error: unknown) => void) => Promise<void> {
  const registers = [registry]
  const connections = new Gauge({
    name: 'custodia_database_connections',
    help: 'Connections of the pool by state; waiting: requests that wait for one.',
    labelNames: ['state'],
    registers,
  })
  const up = new Gauge({ name: 'custodia_database_up', help: '1 while the database answers.', registers })
  const jobs = new Gauge({
    name: 'custodia_jobs',
    help: 'Jobs in the queue, by task and state; failed: given up.',
    labelNames: ['task', 'state'],
    registers,
  })
  const oldest = new Gauge({
    name: 'custodia_jobs_oldest_seconds',
    help: 'For how long the oldest job that is ready has waited, by task.',
    labelNames: ['task'],
    registers,
  })
  return async (failed) => {
    const { total, idle, waiting } = db.pressure
    connections.set({ state: 'busy' }, total - idle)
    connections.set({ state: 'idle' }, idle)
    connections.set({ state: 'waiting' }, waiting)
    const backlog = await Promise.race([
      db.directory<Backlog>(sql`directory.job_backlog()`).catch((error: unknown) => {
        failed(error)
        return null
      }),
      new Promise<null>((resolve) => setTimeout(resolve, databaseTimeoutMs, null).unref()),
    ])
    up.set(backlog ? 1 : 0)
    jobs.reset()
    oldest.reset()
    for (const { task, ready, later, running, failed, oldest_seconds } of backlog ?? []) {
      for (const [state, count] of Object.entries({ ready, later, running, failed })) jobs.set({ task, state }, count)
      oldest.set({ task }, oldest_seconds)
    }
  }
}
