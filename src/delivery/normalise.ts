import { z } from 'zod'
import { touches } from '../db/audit-event.ts'
import { Problem } from '../errors.ts'
import { FileStoreAway } from '../privacy/file-store-away.ts'
import { laneFail } from '../resources/inbound-events/lane.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { countInbound } from '../telemetry.ts'
import { BatchFailed, type Lane, normaliseBatch, setTimer } from './normalise/batch.ts'
import type { Task, WorkContext } from './task.ts'

export interface Patience {
  /** How long an event that failed holds its lane, try by try; after the last one it is set aside. */
  failureDelaysMs: readonly number[]
  /** How long an event waits for the message that it is about, try by try; after the last one it is ignored. */
  waitingDelaysMs: readonly number[]
}

const batchMax = 20
/** A long lane gives way to others, and to a service that stops. */
const turnMs = 10_000
/** A database that is away says nothing of an event; one that answers everything but this event does. */
const awayMax = 5
const apartMs = 5_000

const payloads = z.object({
  tenantId: z.uuid(),
  region: z.string(),
  channelId: z.uuid(),
  lane: z.string().regex(/^(?:[0-9a-f]{2})*$/),
})

/**
 * Drains a lane of inbound events in order: from what the provider sent to contacts, conversations and messages.
 * Without a call to anybody: what must be fetched are jobs of their own.
 *
 * An event that fails holds its lane, is tried again a few times, and is set aside as `failed` with a reason code, where
 * it can be replayed; then the lane goes on.
 */
export function normaliser({ failureDelaysMs, waitingDelaysMs }: Patience): Task {
  const drain = laneDrain({ failureDelaysMs, waitingDelaysMs })
  let running = 0
  // Among lanes that were dealt with together was an event that fails: it is left to its own lane's job.
  let apartUntil = 0
  const others: Others = {
    areWaiting: () => running > 1 && Date.now() >= apartUntil,
    leave: () => {
      apartUntil = Date.now() + apartMs
    },
  }
  return async (context, payload, attempt) => {
    running++
    try {
      await drain(context, payload, attempt, others)
    } finally {
      running--
    }
  }
}

/** What the drains of a process know of each other: when several work at once, more lanes wait than they. */
interface Others {
  areWaiting(): boolean
  leave(): void
}

function laneDrain({ failureDelaysMs, waitingDelaysMs }: Patience) {
  return async (...[context, payload, { attempts }, others]: [...Parameters<Task>, Others]): Promise<void> => {
    const lane = payloads.parse(payload)
    const until = Date.now() + turnMs
    // Events that are taken one by one, since among so many there is one that fails.
    let alone = 0
    for (;;) {
      const isLast = Date.now() >= until
      const withOthers = alone === 0 && others.areWaiting()
      try {
        const limit = alone > 0 ? 1 : batchMax
        const goesOn = await normaliseBatch(context, lane, { limit, waitingDelaysMs, isLast, withOthers })
        if (!goesOn || isLast) return
        alone = Math.max(0, alone - 1)
      } catch (error) {
        if (!(error instanceof BatchFailed)) throw error
        const isStoreAway = error.cause instanceof FileStoreAway
        // As long as it takes: no event is at fault for it. Only other lanes' events may need it where ours do not.
        if (isStoreAway && !withOthers) throw error
        if (!isStoreAway && isAway(error.cause) && attempts <= awayMax) throw error
        if (withOthers) {
          others.leave()
          continue
        }
        const [eventId] = error.eventIds
        if (alone === 0 || eventId === undefined) {
          alone = error.eventIds.length
          continue
        }
        const isSetAside = await fail(context, lane, eventId, error.cause, failureDelaysMs)
        if (!isSetAside) return
        countInbound('failed')
        alone--
      }
    }
  }
}

export const normalise = normaliser({
  failureDelaysMs: [2_000, 10_000, 30_000, 120_000],
  waitingDelaysMs: [1_000, 4_000, 10_000, 15_000],
})

/** @returns whether the event was set aside, so that its lane goes on */
async function fail(
  { db, log }: WorkContext,
  lane: Lane,
  eventId: string,
  cause: unknown,
  delaysMs: readonly number[],
): Promise<boolean> {
  const reason = reasonOf(cause)
  return db.change(
    systemCaller(db, lane, eventId),
    { action: 'import', resource: 'inbound-events' },
    async (tx): Promise<boolean> => {
      const failed = await laneFail(tx, { id: eventId, lane: lane.lane }, reason, delaysMs)
      if (failed?.retryAt) await setTimer(tx, lane, failed.retryAt)
      log.warn(
        { err: cause, eventId, attempts: failed?.attempts, isSetAside: failed?.retryAt === null },
        'an inbound event could not be normalised',
      )
      const rows = failed ? [{ id: eventId, version: failed.version }] : []
      for (const one of touches('inbound-events', rows, ['status', 'reason', 'attempts'], () => null)) tx.touch(one)
      if (!failed) tx.touch({ resource: 'inbound-events', ids: [eventId] })
      return !failed?.retryAt
    },
  )
}

const isAway = (cause: unknown): boolean => cause instanceof Problem && cause.code === 'unavailable'

/** What may be said of an error where everybody reads it: the database's own code, never its words. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return /^[0-9A-Z]{5}$/.test(code) ? `database_${code}` : 'processing_error'
}
