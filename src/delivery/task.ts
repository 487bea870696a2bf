import type { Logger } from 'pino'
import type { HttpClient } from '../channels/http-client.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'

/** What a task works with. */
export interface WorkContext {
  db: Database
  http: HttpClient
  config: Config
  log: Logger
}

/**
 * One kind of background work. It may be run again after it was done (a process can die between the work and its being
 * written down), so a task looks at the tables for what there is to do. Whatever it throws has it tried again later.
 * @param payload ids only: {tenantId, region, …}
 */
export type Task = (
  context: WorkContext,
  payload: Readonly<Record<string, string>>,
  attempt: { attempts: number; maxAttempts: number },
) => Promise<void>
