import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Logger as QueueLogger, runTaskList, type WorkerPool } from 'graphile-worker'
import pg from 'pg'

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
  /** Takes no more jobs, lets the running ones end. */
  stop(): Promise<void>
}

const pollMs = 1_000
const heartbeatMs = 5_000
/** A worker that has not been heard of for so long is dead, and its jobs are for others. */
const deadAfterSeconds = 30
const restartMsMax = 10_000
const releaseMsMax = 5_000

/** Tells this process from an earlier one that had the same number. */
const processId = randomUUID()

/**
 * Runs the jobs of the queue until it is stopped. The queue's own workers end when they cannot say that a job is done
 * (the database was restarted): new ones take their place, with back-off, for as long as it takes.
 */
export function startJobs(options: JobsOptions): Jobs {
  const { log } = options
  const pool = new pg.Pool({
    connectionString: options.ownerUrl,
    application_name: 'custodia-jobs',
    max: 3,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // Without listeners an error of an idle connection would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))

  const stopping = new AbortController()
  let current: WorkerPool | null = null

  const supervise = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      const startedAt = Date.now()
      current = startWorkers(options, pool)
      const timers = keepGoing(options, pool, current.id)
      const error = await current.promise.then(
        () => null,
        (reason: unknown) => reason,
      )
      for (const timer of timers) clearInterval(timer)
      const gone = current.id
      current = null
      await farewell(pool, gone).catch(() => {})
      if (stopping.signal.aborted) return
      failures = Date.now() - startedAt > restartMsMax ? 0 : failures + 1
      log.warn({ err: error, failures }, 'the job workers ended and are started again')
      await sleep(Math.min(250 * 2 ** failures, restartMsMax), undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const ended = supervise()

  return {
    stop: async () => {
      stopping.abort()
      await Promise.resolve(current?.gracefulShutdown()).catch(() => {})
      await ended
      // A connection that hangs on a dead server must not hold up the stop.
      await Promise.race([pool.end().catch(() => {}), sleep(releaseMsMax)])
    },
  }
}

function startWorkers({ concurrency, tasks, run, log }: JobsOptions, pgPool: pg.Pool): WorkerPool {
  const list = tasks.map((task) => [
    task,
    async (payload: unknown, { job }: { job: { attempts: number; max_attempts: number } }) => {
      try {
        await run({ task, payload, attempts: job.attempts, maxAttempts: job.max_attempts })
      } catch (error) {
        // The queue keeps the message in its table: it must not repeat a value.
        throw new Error(nameOf(error))
      }
    },
  ])
  return runTaskList(
    {
      concurrency,
      pollInterval: pollMs,
      noPreparedStatements: true,
      noHandleSignals: true,
      // Its messages repeat errors and payloads; what matters of them is said by `run` and by the supervisor.
      logger: new QueueLogger(() => (level, _message, meta) => {
        const error = meta?.error ?? meta?.fatalError
        if (level === 'error' && error && !meta?.failure) log.warn({ err: error }, 'the job queue has trouble')
      }),
      // By default the queue does not wait for "the job is done" to be written: a database that is away at that moment
      // would be an unhandled rejection. Batched, the error is caught and ends the workers, which are then replaced.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    },
    Object.fromEntries(list),
    pgPool,
  )
}

/** The heartbeat, which also frees what the dead have left locked, and the recurring jobs. */
function keepGoing({ recurring, log }: JobsOptions, pool: pg.Pool, id: string): NodeJS.Timeout[] {
  let beating = false
  const beat = async (): Promise<void> => {
    if (beating) return
    beating = true
    try {
      await heartbeat(pool, id)
    } catch (error) {
      log.warn({ err: error }, 'the heartbeat of the job workers failed')
    } finally {
      beating = false
    }
  }
  const add = (task: string): void => {
    pool
      .query(`SELECT graphile_worker.add_job($1, '{}', job_key => $1, job_key_mode => 'preserve_run_at')`, [task])
      .catch((error: unknown) => log.warn({ err: error, task }, 'a recurring job could not be added'))
  }
  void beat()
  for (const { task } of recurring) add(task)
  return [
    setInterval(() => void beat(), heartbeatMs),
    ...recurring.map(({ task, everyMs }) => setInterval(() => add(task), everyMs)),
  ]
}

/**
 * Says that these workers live, and releases the jobs of those that do not: a killed process would keep its jobs for
 * hours. Dead is who is silent for too long, or whose process on this very machine is gone.
 */
async function heartbeat(pool: pg.Pool, id: string): Promise<void> {
  await pool.query(
    `INSERT INTO directory.worker (worker_id, place, process_number, process_id) VALUES ($1, $2, $3, $4)
     ON CONFLICT (worker_id) DO UPDATE SET seen_at = now()`,
    [id, place, process.pid, processId],
  )
  const { rows } = await pool.query<{ worker_id: string; process_number: number; process_id: string }>(
    'SELECT worker_id, process_number, process_id FROM directory.worker WHERE place = $1 AND worker_id <> $2',
    [place, id],
  )
  const dead = rows.filter((row) => !lives(row.process_number, row.process_id)).map((row) => row.worker_id)
  await pool.query(
    'DELETE FROM directory.worker WHERE worker_id = ANY ($1) OR seen_at < now() - make_interval(secs => $2)',
    [dead, deadAfterSeconds],
  )
  // A job whose worker is not listed: dead since long, unless it began before its first heartbeat.
  await pool.query(
    `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by)) FROM graphile_worker.jobs
      WHERE locked_by IS NOT NULL AND (locked_by = ANY ($1) OR locked_at < now() - make_interval(secs => $2))
        AND NOT EXISTS (SELECT FROM directory.worker WHERE worker_id = locked_by)`,
    [dead, heartbeatMs / 1_000],
  )
}

/** These workers are no more: whatever they still hold is free. */
async function farewell(pool: pg.Pool, id: string): Promise<void> {
  const work = async (): Promise<void> => {
    await pool.query('SELECT graphile_worker.force_unlock_workers(ARRAY[$1])', [id])
    await pool.query('DELETE FROM directory.worker WHERE worker_id = $1', [id])
  }
  await Promise.race([work(), sleep(releaseMsMax)])
}

/** Whether a worker's process on this machine runs. Our own number under another id is a predecessor's. */
function lives(number: number, id: string): boolean {
  if (number === process.pid) return id === processId
  try {
    process.kill(number, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Where a process number means something: this machine since it was started, and this container. */
const place = [
  hostname(),
  ...['/proc/sys/kernel/random/boot_id', '/proc/self/ns/pid'].map((path) => {
    try {
      return path.endsWith('pid') ? readlinkSync(path) : readFileSync(path, 'utf8').trim()
    } catch {
      return ''
    }
  }),
].join('/')

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name
}
