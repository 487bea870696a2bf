import { z } from 'zod'
import { startJobs } from '../db/jobs.ts'
import type { Task, WorkContext } from './task.ts'
import { tasks as allTasks } from './tasks.ts'

export interface WorkerOptions extends WorkContext {
  /** The login that owns the queue. */
  ownerUrl: string
  /** How many jobs run at once. */
  concurrency: number
  /** Other tasks than the service's own, for tests of the worker itself. */
  tasks?: Readonly<Record<string, Task>>
}

export interface Worker {
  /** Takes no more jobs and lets the running ones end. */
  stop(): Promise<void>
}

const payloads = z.record(z.string(), z.string())
const hourMs = 3_600_000

/** Runs the background work of the service beside its requests: jobs that changes have added, and the upkeep. */
export function startWorker(options: WorkerOptions): Worker {
  const { ownerUrl, concurrency, tasks = allTasks, ...context } = options
  const { log } = context
  const jobs = startJobs({
    ownerUrl,
    concurrency,
    tasks: Object.keys(tasks),
    recurring: 'maintain' in tasks ? [{ task: 'maintain', everyMs: hourMs }] : [],
    log,
    run: async ({ task, payload, attempts, maxAttempts }) => {
      const startedAt = performance.now()
      try {
        await tasks[task]?.(context, payloads.parse(payload), { attempts, maxAttempts })
        log.debug({ task, attempts, durationMs: Math.round(performance.now() - startedAt) }, 'job done')
      } catch (error) {
        log.warn({ err: error, task, attempts, maxAttempts }, 'a job failed and will be tried again')
        throw error
      }
    },
  })
  context.db.onJobsAdded(jobs.nudge)
  return {
    stop: async () => {
      context.db.onJobsAdded(() => {})
      await jobs.stop()
    },
  }
}
