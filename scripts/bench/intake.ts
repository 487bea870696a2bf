/**
 * Measures whether taking in keeps up: posts of new messages at a steady rate, for a while, to one service.
 *
 *   node scripts/bench/intake.ts [--perSecond 300] [--seconds 20]      the full size: --seconds 300
 *
 * Says how long the accept answers took, counted from when each post was due, and how far normalising was behind: the
 * age of the oldest event that had not been dealt with, looked at every half second. Traffic goes to 127.0.0.1 only.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startEmbedded } from '../../src/db/embedded.ts'
import { endChild, memoryOf, startChild, workedMs } from './child.ts'
import { prepare } from './prepare.ts'
import { postSteadily } from './steady.ts'

const { values: args } = parseArgs({
  options: { perSecond: { type: 'string', default: '300' }, seconds: { type: 'string', default: '20' } },
})
const [perSecond, seconds] = [Number(args.perSecond), Number(args.seconds)]
const port = 3924
const warmUpSeconds = 10
const lookEveryMs = 500
const drainSecondsMax = 60

const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  const masterKey = randomBytes(32).toString('base64')
  const { requests } = await prepare(database.url, masterKey, 1_000)
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    MASTER_KEY: masterKey,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
  }
  const service = await startChild('src/main.ts', { ...env, RATE_LIMIT_PER_MINUTE: '0' }, port)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const lags: number[] = []
  let looking = true
  const look = (async () => {
    while (looking) {
      lags.push((await waiting(client)).ageMs)
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  })()
  const [webhook] = requests.webhook
  if (!webhook) throw new Error('there is nothing to post')
  await postSteadily(port, webhook, { perSecond, seconds: warmUpSeconds })
  // A new database has no statistics for its first minute, until autovacuum has looked: not what is to be measured.
  await client.query('ANALYZE')
  await drained(client)
  console.log(`from a cold start, ${warmUpSeconds} s: oldest event not dealt with at most ${at(lags, 1)} s`)
  lags.length = 0
  const before = await work(client, service.pid)
  const { sent, failed, latenciesMs } = await postSteadily(port, webhook, { perSecond, seconds })
  lags.push((await waiting(client)).ageMs)
  const begun = performance.now()
  await drained(client)
  looking = false
  await look
  const { rows } = await client.query<{ status: string; count: number }>(
    'SELECT status, count(*)::int AS count FROM app.inbound_event GROUP BY status',
  )
  console.log(`${sent} posts in ${seconds} s (${perSecond}/s asked for), ${failed} refused or lost`)
  const took = (share: number): string => quantile(latenciesMs, share).toFixed(0)
  console.log(`accepted after p50 ${took(0.5)} ms, p99 ${took(0.99)} ms, at most ${took(1)} ms`)
  console.log(
    `oldest event not dealt with: p50 ${at(lags, 0.5)} s, p99 ${at(lags, 0.99)} s, at most ${at(lags, 1)} s; all done ${((performance.now() - begun) / 1_000).toFixed(1)} s after the last post`,
  )
  console.log(`events: ${rows.map((row) => `${row.count} ${row.status}`).join(', ')}`)
  const after = await work(client, service.pid)
  const each = (ms: number): string => (ms / sent).toFixed(2)
  console.log(
    `work for each, from its acceptance to its end: service ${each(after.service - before.service)} ms, PostgreSQL ${each(after.database - before.database)} ms`,
  )
  const { now, most } = memoryOf(service)
  console.log(`service memory: ${now} MB resident, ${most} MB at the most`)
  await client.end()
  await endChild(service)
} finally {
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0
}

/** In seconds. */
function at(lags: readonly number[], share: number): string {
  return (quantile(lags, share) / 1_000).toFixed(2)
}

async function drained(client: pg.Client): Promise<void> {
  const begun = performance.now()
  while ((await waiting(client)).count > 0 && performance.now() - begun < drainSecondsMax * 1_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
}

async function waiting(client: pg.Client): Promise<{ count: number; ageMs: number }> {
  const { rows } = await client.query<{ count: number; age: number }>(
    `SELECT count(*)::int AS count, coalesce(extract(epoch FROM clock_timestamp() - min(received_at)) * 1000, 0)::float8 AS age
       FROM app.inbound_event WHERE status = 'stored'`,
  )
  return { count: rows[0]?.count ?? 0, ageMs: rows[0]?.age ?? 0 }
}

async function work(client: pg.Client, service: number | undefined): Promise<{ service: number; database: number }> {
  const { rows } = await client.query<{ pid: number }>('SELECT pid FROM pg_stat_activity')
  return { service: workedMs(service ?? 0), database: rows.reduce((sum, { pid }) => sum + workedMs(pid), 0) }
}
