import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { tellSealing } from '../telemetry.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { seal, type Tenant } from './seal.ts'
import { lagSecondsMax, SealingLag } from './sealing-lag.ts'

export interface SealerOptions {
  db: Database
  store: CheckpointStore
  log: {
    debug: (fields: object, text: string) => void
    warn: (fields: object, text: string) => void
    error: (fields: object, text: string) => void
  }
  /** Between two passes over the tenants with new events. */
  intervalMs?: number
  /** Between two passes over all tenants: other processes write events too. */
  sweepMs?: number
  /** Events of one checkpoint, about; see `seal`. */
  batchSize?: number
}

export interface Sealer {
  /** Resolves when the run that is under way has ended. */
  stop(): Promise<void>
}

const backOffMsMax = 60_000
const reportMs = 5_000
const alertMs = 60_000

/**
 * Seals the events of all tenants every few seconds while there is traffic, until it is stopped. Several processes may
 * do so at once: of one tenant, one at a time. Nothing that fails ends the loop; what fails for a tenant is tried again,
 * less and less often, and holds up no other tenant; nor does what has piled up for one: it gets a checkpoint per turn.
 */
export function startSealer(options: SealerOptions): Sealer {
  const { db, store, log, intervalMs = 2_000, sweepMs = 30_000, batchSize } = options
  const stopping = new AbortController()
  const lag = new SealingLag()
  const tenants = new Map<string, Tenant>()
  /** Tenants that may have events to seal. */
  const waiting = new Set<string>()
  const failures = new Map<string, { count: number; notBefore: number }>()
  let sweptAt = Number.NEGATIVE_INFINITY
  let checkpoints = 0

  const failed = (tenantId: string, err: unknown): void => {
    const count = (failures.get(tenantId)?.count ?? 0) + 1
    failures.set(tenantId, { count, notBefore: Date.now() + Math.min(intervalMs * 2 ** count, backOffMsMax) })
    lag.failed(tenantId)
    const isDamage = err instanceof Error && err.name === 'SealingFault'
    log[isDamage ? 'error' : 'warn']({ err, tenantId, failures: count }, 'the sealing of audit events failed')
  }

  /** One checkpoint. @returns whether there is more to seal at once */
  const sealOne = async (tenant: Tenant): Promise<boolean> => {
    const { tenantId } = tenant
    if ((failures.get(tenantId)?.notBefore ?? 0) > Date.now()) return false
    waiting.delete(tenantId)
    try {
      const done = await seal(db, store, tenant, batchSize)
      // Whoever else is at it may have looked before the last events were committed.
      if (done.isMore || !done.isDone || done.unsealed.count > 0) waiting.add(tenantId)
      if (done.isDone) lag.looked(tenantId, done.unsealed)
      if (done.events > 0) {
        checkpoints++
        log.debug({ tenantId, events: done.events }, 'audit events sealed')
      }
      failures.delete(tenantId)
      return done.isMore
    } catch (error) {
      waiting.add(tenantId)
      failed(tenantId, error)
      return false
    }
  }

  /** A turn for each tenant that waits. @returns whether one of them has more to seal at once */
  const pass = async (): Promise<boolean> => {
    const touched = db.takeTouchedTenants()
    for (const tenantId of touched) waiting.add(tenantId)
    const isSweep = Date.now() - sweptAt >= sweepMs
    if (isSweep || [...waiting].some((id) => !tenants.has(id))) {
      for (const tenant of await db.tenants()) tenants.set(tenant.tenantId, tenant)
      if (isSweep) for (const id of tenants.keys()) waiting.add(id)
      sweptAt = Date.now()
    }
    let isMore = false
    for (const id of [...waiting]) {
      const tenant = tenants.get(id)
      if (stopping.signal.aborted) return false
      // Rolled back with the transaction that was to make it.
      if (tenant) isMore = (await sealOne(tenant)) || isMore
      else waiting.delete(id)
    }
    lag.moved()
    return isMore
  }

  const loop = async (): Promise<void> => {
    for (let failed = 0; !stopping.signal.aborted; ) {
      try {
        const isMore = await pass()
        failed = 0
        if (isMore) continue
      } catch (err) {
        failed++
        log.warn({ err, failures: failed }, 'the tenants whose events are to be sealed could not be read')
      }
      const pauseMs = Math.min(intervalMs * 2 ** failed, backOffMsMax)
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  let alertedAt = Number.NEGATIVE_INFINITY
  const report = (): void => {
    const lagSeconds = lag.seconds(2 * backOffMsMax)
    const { unsealed } = lag
    tellSealing({ unsealed, lagSeconds, checkpoints })
    checkpoints = 0
    if (lagSeconds <= lagSecondsMax || Date.now() - alertedAt < alertMs) return
    alertedAt = Date.now()
    log.error({ lagSeconds: Math.round(lagSeconds), unsealed }, 'the sealing of audit events lags behind')
  }
  const reporting = setInterval(report, reportMs)
  const running = loop()

  return {
    stop: async () => {
      stopping.abort()
      clearInterval(reporting)
      await running
    },
  }
}
