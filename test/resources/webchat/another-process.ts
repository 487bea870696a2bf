import { buildApp } from '../../../src/app.ts'
import { openDatabase } from '../../../src/start.ts'
import { migrations } from '../../harness/database.ts'
import type { TestService } from '../../harness/service.ts'

/** The same service once more on the same database: another process behind the same address. */
export async function another({ config, log }: TestService): Promise<{ url: string; stop(): Promise<void> }> {
  const { db } = await openDatabase(config, log, migrations)
  const app = await buildApp({ config, db, log, checkAnswers: true })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopped ??= app.close().then(() => db.close())
    return stopped
  }
  return { url, stop }
}
