/**
 * Measures the service against a bare Fastify handler that runs the same SQL, in turn, on this machine.
 *
 *   npm run bench                      all four scenarios, 10 s each
 *   npm run bench -- --seconds 5 --connections 32 --contacts 50000 --only read,list
 *   npm run bench -- --only read,list --unaudited     beside a build of the service that writes no audit events
 *
 * The bare handler does what cannot be avoided: BEGIN with the tenant, one statement that selects and audits, COMMIT,
 * pipelined on a checked-out connection. It checks no token, knows no rights, validates nothing. Quote the ratios: the
 * machine's own speed drifts. Traffic goes to 127.0.0.1 only.
 */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbedded } from '../../src/db/embedded.ts'
import { endChild, memoryOf, startChild } from './child.ts'
import { type Figures, load } from './load.ts'
import { type Prepared, prepare } from './prepare.ts'
import { makeUnaudited } from './unaudited.ts'

const { values: args } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '32' },
    contacts: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'read,list,patch,webhook' },
    unaudited: { type: 'boolean', default: false },
  },
})
const project = join(import.meta.dirname, '../..')
const [servicePort, barePort, unauditedPort] = [3921, 3922, 3923]
const contestants = new Map([
  ['service', servicePort],
  ['bare', barePort],
])

const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const children: ChildProcess[] = []
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  const masterKey = randomBytes(32).toString('base64')
  const prepared = await prepare(database.url, masterKey, Number(args.contacts))
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    MASTER_KEY: masterKey,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
  }
  // Both get the same heap settings as `npm start`.
  const service = await start(
    'src/main.ts',
    { ...env, PORT: String(servicePort), RATE_LIMIT_PER_MINUTE: '0' },
    servicePort,
  )
  await start('scripts/bench/bare.ts', { ...env, BENCH: JSON.stringify(prepared), PORT: String(barePort) }, barePort)
  if (args.unaudited) {
    const folder = makeUnaudited(project)
    const more = { PORT: String(unauditedPort), DATA_DIR: join(dataDir, 'unaudited'), RATE_LIMIT_PER_MINUTE: '0' }
    await start(join(folder, 'src/main.ts'), { ...env, ...more }, unauditedPort)
    contestants.set('unaudited', unauditedPort)
  }
  await report(prepared, service)
} finally {
  for (const child of children) await endChild(child)
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

async function start(file: string, env: NodeJS.ProcessEnv, port: number): Promise<ChildProcess> {
  const child = await startChild(file, env, port)
  children.push(child)
  return child
}

async function report(prepared: Prepared, service: ChildProcess): Promise<void> {
  const [seconds, connections, rounds] = [Number(args.seconds), Number(args.connections), Number(args.rounds)]
  console.log(
    `${connections} connections, ${seconds} s a run, ${rounds} rounds, ${args.contacts} contacts, Node ${process.version}`,
  )
  console.log('scenario   who        req/s    p50 ms   p99 ms   errors   ratio')
  for (const scenario of args.only.split(',') as (keyof Prepared['requests'])[]) {
    const requests = prepared.requests[scenario]
    // One short run each to warm up, then in turn.
    for (const port of contestants.values()) await load(port, requests, connections, 2)
    const runs: Map<string, Figures>[] = []
    for (let i = 0; i < rounds; i++) {
      const run = new Map<string, Figures>()
      for (const [who, port] of contestants) run.set(who, await load(port, requests, connections, seconds))
      runs.push(run)
    }
    const median = (pick: (run: Map<string, Figures>) => number | undefined): number =>
      runs.map((run) => pick(run) ?? 0).sort((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0
    const times = (run: Map<string, Figures>, who: string): number =>
      (run.get(who)?.perSecond ?? 0) / (run.get('bare')?.perSecond ?? 1)
    for (const who of contestants.keys()) {
      const row = [
        median((run) => run.get(who)?.perSecond).toFixed(0),
        median((run) => run.get(who)?.p50Ms).toFixed(1),
        median((run) => run.get(who)?.p99Ms).toFixed(1),
        String(runs.reduce((sum, run) => sum + (run.get(who)?.errors ?? 0), 0)),
      ]
      const ratio = who === 'bare' ? '' : median((run) => times(run, who)).toFixed(2)
      console.log(
        `${scenario.padEnd(10)} ${who.padEnd(9)} ${row.map((cell) => cell.padStart(7)).join('  ')}   ${ratio.padStart(5)}`,
      )
    }
  }
  const { now, most } = memoryOf(service)
  console.log(`service memory: ${now} MB resident, ${most} MB at the most`)
}
