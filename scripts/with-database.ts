/** What the scripts have in common that work on the data: the service's settings, its database, a clean end. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Config, ConfigError, parseConfig } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import { EmbeddedError } from '../src/db/embedded.ts'
import { createLog } from '../src/log.ts'
import { openDatabase } from '../src/start.ts'

const project = join(import.meta.dirname, '..')

/** A wrong use of a script; the message is for the person who typed it. Exit code 2. */
export class UsageError extends Error {}

/**
 * Runs `work` on the database that the settings name: DATABASE_URL, else the embedded one, which is adopted where the
 * service runs and started where it does not. Sets the exit code: 0, 1 for a failure, 2 for a wrong use. Never ends the
 * process: what is under way ends by itself.
 */
export async function withDatabase(
  work: (db: Database, config: Config, ownerUrl: string) => Promise<void>,
): Promise<void> {
  await told(async () => {
    const config = parseConfig(process.env, project)
    // Standard output belongs to the script's own lines.
    const log = createLog({ logLevel: 'warn', logPretty: false }, false)
    const opened = await openDatabase(config, log, pathToFileURL(join(project, 'migrations/')))
    try {
      await work(opened.db, config, opened.ownerUrl)
    } finally {
      await opened.db.close()
      await opened.stopDatabase()
    }
  })
}

/** Runs a script's work and says in plain lines why it could not be done. */
export async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1
    if (error instanceof ConfigError) for (const line of error.lines) console.error(line)
    else if (error instanceof EmbeddedError || error instanceof UsageError) console.error(error.message)
    else console.error(error)
  }
}
