import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { buildApp } from './app.ts'
import { CheckpointFiles } from './audit/checkpoint-files.ts'
import { startSealer } from './audit/sealer.ts'
import { checkSealedEvents } from './audit/start-check.ts'
import { createHttpClient } from './channels/http-client.ts'
import { type Config, loadMasterKey } from './config.ts'
import { Connections } from './db/connections.ts'
import { Database } from './db/database.ts'
import { startEmbedded } from './db/embedded.ts'
import { migrate } from './db/migrate.ts'
import { cutTree } from './db/tree-cut.ts'
import { startWorker } from './delivery/worker.ts'
import { BucketStore } from './privacy/bucket-store.ts'
import { Keyring } from './privacy/keyring.ts'
import { attachmentStore } from './resources/attachments/keep-file.ts'
import { models } from './resources/index.ts'
import { NotFirst, syncBuiltInRoles, tenantCreate } from './resources/tenants/create.ts'

export interface Service {
  url: string
  stop(): Promise<void>
}

/** Everything between the settings and a service that answers. */
export async function startService(config: Config, log: Logger, migrations: URL): Promise<Service> {
  const { db, ownerUrl, stopDatabase } = await openDatabase(config, log, migrations)
  const store = new CheckpointFiles(config.checkpointDir)
  try {
    await checkSealedEvents({
      db,
      store,
      cut: (tenantId, head) => cutTree(ownerUrl, tenantId, head),
      accepted: config.auditAcceptLoss,
      log,
    })
  } catch (error) {
    await db.close()
    await stopDatabase()
    throw error
  }
  const first = await firstTenant(db, config)
  await syncBuiltInRoles(db)
  const app = await buildApp({ config, db, log })
  const url = await app.listen({ port: config.port, host: config.host })
  const http = createHttpClient({ allowPrivate: config.outboundAllowPrivate })
  const worker = startWorker({ db, http, config, log, ownerUrl, concurrency: config.workerConcurrency })
  const sealer = startSealer({ db, store, log })
  announce(config, log, url, first)
  void checkBucket(config, log)
  return {
    url,
    stop: async () => {
      // Side by side: a job that takes long must not keep requests waiting, nor the other way round.
      await Promise.all([app.close(), worker.stop(), sealer.stop()])
      await http.close()
      await db.close()
      await stopDatabase()
    },
  }
}

/** Starts or finds PostgreSQL, brings it up to date, and opens the choke point under the application's login. */
export async function openDatabase(
  config: Config,
  log: Logger,
  migrations: URL,
): Promise<{ db: Database; ownerUrl: string; stopDatabase: () => Promise<void> }> {
  const keyring = new Keyring(loadMasterKey(config))
  const embedded = config.databaseUrl ? null : await startEmbedded({ dataDir: config.dataDir, log })
  const ownerUrl = config.databaseUrl ?? embedded?.url ?? ''
  try {
    const appUrl = await migrate({ ownerUrl, appUrl: config.databaseAppUrl ?? null, keyring, folder: migrations, log })
    const connections = new Connections(appUrl, config.databasePoolSize, (error) =>
      log.warn({ err: error }, 'a database connection was lost'),
    )
    return { db: new Database(connections, keyring, models), ownerUrl, stopDatabase: async () => embedded?.stop() }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

async function firstTenant(db: Database, config: Config): Promise<{ email: string; password: string | null } | null> {
  if ((await db.tenants()).length > 0) return null
  const password = config.ownerPassword ?? randomBytes(15).toString('base64url')
  const { tenantName, ownerEmail } = config
  try {
    await tenantCreate(db, { name: tenantName, ownerEmail, ownerPassword: password, onlyFirst: true })
  } catch (error) {
    if (error instanceof NotFirst) return null
    throw error
  }
  return { email: ownerEmail, password: config.ownerPassword ? null : password }
}

/** A bucket that is away is no reason not to start: whatever needs no file works, and it may be back at any moment. */
async function checkBucket(config: Config, log: Logger): Promise<void> {
  const files = attachmentStore(config)
  if (!(files instanceof BucketStore)) return
  try {
    await files.check()
    log.info('the bucket for attachments answers')
  } catch (err) {
    log.warn({ err }, 'the bucket for attachments does not answer as it should: until it does, files wait (503)')
  }
}

/** For people on the terminal; the password is printed once and kept nowhere. */
function announce(
  config: Config,
  log: Logger,
  url: string,
  first: { email: string; password: string | null } | null,
): void {
  log.info({ url, docs: `${url}/docs` }, 'listening')
  const lines = [
    `Custodia listens on ${url}`,
    `  the API for people: ${url}/docs`,
    `  the contract:       ${url}/openapi.json`,
  ]
  if (first)
    lines.push(
      `  log in:             curl -s ${url}/v1/sessions -H 'content-type: application/json' -d '{"email":"${first.email}","password":"${first.password ?? '(your OWNER_PASSWORD)'}"}'`,
    )
  if (first?.password) lines.push('  This password is shown once. Write it down.')
  process.stderr.write(`${lines.join('\n')}\n`)
  if (config.host !== '127.0.0.1' && config.publicUrl.includes('0.0.0.0'))
    log.warn('PUBLIC_URL is not set: webhook addresses will not be reachable')
}
