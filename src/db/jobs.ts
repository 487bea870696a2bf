import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Logger as QueueLogger, runTaskList, type WorkerPool } from 'graphile-worker'
import pg from 'pg'
import { farewell, heartbeat, heartbeatMs } from './job-workers.ts'

/** A job as it is run. Its payload holds ids only. */
export interface Job {
  task: string
  payload: unknown
  /** This run included. */
  attempts: number
  maxAttempts: number
}

export interface JobsOptions {
  /** The queue's tables belong to the owner. */
  ownerUrl: string
  /** How many jobs run at once. */
  concurrency: number
  tasks: readonly string[]
  /** Does one job; whatever it throws puts the job back, to be tried again later. */
  run: (job: Job) => Promise<void>
  /** Jobs that come again and again, each at most once at a time. */
  recurring: readonly { task: string; everyMs: number }[]
  log: { warn: (fields: object, message: string) => void }
}

export interface Jobs {
  /** Has the queue looked at now: so many jobs were added. */
  nudge(count: number): void
  /** Takes no more jobs, lets the running ones end. */
  stop(): Promise<void>
}

const pollMs = 1_000
const restartMsMax = 2_000
/** For writing down that the last jobs are done, and for leaving connections that may hang on a dead server. */
const goodbyeMs = 2_000

/** One pool of the queue's workers. It lives until it cannot say that a job is done. */
interface Generation {
  pool: WorkerPool
  /** Its own, since it may keep some of them for good. */
  connections: pg.Pool
  /** Jobs that run now; they go on after their workers have ended. */
  running: number
  ended: Promise<unknown>
}

/**
 * Runs the jobs of the queue until it is stopped. The queue's own workers do not outlive a restart of the database
 * (seen with graphile-worker 0.18.0): they end when they cannot write down that a job is done, may hang at that, since a
 * batch that fails twice is waited for forever, and fetch nothing for good when their very first query failed. So nothing
 * here waits for them: others take their place at once, and their jobs are released as soon as none of them runs any more.
 */
export function startJobs(options: JobsOptions): Jobs {
  const { log, recurring } = options
  // For the upkeep: heartbeats, recurring jobs.
  const connections = openConnections(options.ownerUrl, 1)
  const generations = new Set<Generation>()
  const stopping = new AbortController()
  let current: Generation | null = null

  const supervise = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      const startedAt = Date.now()
      current = startGeneration(options)
      generations.add(current)
      const error = await current.ended
      if (stopping.signal.aborted) return
      Promise.resolve(current.pool.gracefulShutdown()).catch(() => {})
      failures = Date.now() - startedAt > 5 * restartMsMax ? 0 : failures + 1
      log.warn({ err: error, failures }, 'the job workers ended and are started again')
      await sleep(Math.min(100 * 2 ** failures, restartMsMax), undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const supervised = supervise()

  const beat = alone(async () => {
    try {
      for (const one of generations)
        if (one !== current && one.running === 0) {
          await farewell(connections, one.pool.id)
          generations.delete(one)
          void one.connections.end()
        }
      await heartbeat(
        connections,
        [...generations].map((one) => one.pool.id),
      )
    } catch (error) {
      log.warn({ err: error }, 'the heartbeat of the job workers failed')
    }
  })
  const add = (task: string): void => {
    connections
      .query(`SELECT graphile_worker.add_job($1, '{}', job_key => $1, job_key_mode => 'preserve_run_at')`, [task])
      .catch((error: unknown) => log.warn({ err: error, task }, 'a recurring job could not be added'))
  }
  const timers = [
    setInterval(() => void beat(), heartbeatMs),
    ...recurring.map(({ task, everyMs }) => setInterval(() => add(task), everyMs)),
  ]
  void beat()
  for (const { task } of recurring) add(task)

  const stop = async (): Promise<void> => {
    stopping.abort()
    const last = current?.pool.gracefulShutdown()
    await supervised
    while ([...generations].some((one) => one.running > 0)) await sleep(20)
    await soon(last)
    for (const timer of timers) clearInterval(timer)
    await soon(Promise.all([...generations].map((one) => farewell(connections, one.pool.id))))
    await soon(Promise.all([connections, ...[...generations].map((one) => one.connections)].map((one) => one.end())))
  }
  let stopped: Promise<void> | null = null
  return {
    nudge: (count) => {
      // A pool that is ending throws: its successor looks by itself.
      try {
        if (!stopping.signal.aborted) current?.pool.nudge(count)
      } catch {}
    },
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

function openConnections(connectionString: string, max: number): pg.Pool {
  const connections = new pg.Pool({
    connectionString,
    application_name: 'custodia-jobs',
    max,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // Without listeners an error of an idle connection would end the process.
  connections.on('error', () => {})
  connections.on('connect', (client) => client.on('error', () => {}))
  return connections
}

function startGeneration({ ownerUrl, concurrency, tasks, run, log }: JobsOptions): Generation {
  // One listens; the others fetch jobs and write down that they are done.
  const connections = openConnections(ownerUrl, 3)
  const events = new EventEmitter()
  const generation = { running: 0 }
  const list = tasks.map((task) => [
    task,
    async (payload: unknown, { job }: { job: { attempts: number; max_attempts: number } }) => {
      generation.running++
      try {
        await run({ task, payload, attempts: job.attempts, maxAttempts: job.max_attempts })
      } catch (error) {
        // The queue keeps the message in its table: it must not repeat a value.
        throw new Error(nameOf(error))
      } finally {
        generation.running--
      }
    },
  ])
  const ending = new Promise((resolve) => {
    const end = ({ error }: { error?: unknown }): void => resolve(error ?? null)
    events.once('pool:fatalError', end)
    events.once('pool:gracefulShutdown', end)
    // Once it has fetched, it goes on fetching after an error.
    events.once('worker:getJob:error', end)
    for (const fetched of ['job:start', 'worker:getJob:empty'])
      events.once(fetched, () => events.off('worker:getJob:error', end))
  })
  const pool = runTaskList(
    {
      concurrency,
      events,
      pollInterval: pollMs,
      noHandleSignals: true,
      // Its messages repeat errors and payloads; what matters of them is said by `run` and by the supervisor.
      logger: new QueueLogger(() => (level, _message, meta) => {
        const error = meta?.error ?? meta?.fatalError
        if (level === 'error' && error && !meta?.failure) log.warn({ err: error }, 'the job queue has trouble')
      }),
      // By default nobody waits for "the job is done" to be written: with the database away at that moment it would be
      // an unhandled rejection. Batched, the error is caught and ends the pool.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    },
    Object.fromEntries(list),
    connections,
  )
  const over = pool.promise.then(
    () => null,
    (error: unknown) => error,
  )
  return Object.assign(generation, { pool, connections, ended: Promise.race([ending, over]) })
}

/** At most one at a time: a call that finds one running is left out. */
function alone(work: () => Promise<void>): () => Promise<void> {
  let busy = false
  return async () => {
    if (busy) return
    busy = true
    await work().finally(() => {
      busy = false
    })
  }
}

/** Waits for it, though not long; a stop does not fail because the database is away. */
async function soon(work: unknown): Promise<void> {
  const settled = Promise.resolve(work).then(
    () => {},
    () => {},
  )
  await Promise.race([settled, sleep(goodbyeMs, undefined, { ref: false })])
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name
}
