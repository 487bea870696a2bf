/**
 * Runs the tests against one real PostgreSQL: `node scripts/test.ts [test files]`, all of test/ without arguments.
 *
 * TEST_DATABASE says which: `embedded` (the default), `container` (a disposable one, by testcontainers), or the
 * `postgres://` address of a superuser. The tests find it in TEST_DATABASE_URL, and one to copy that is migrated in TEST_DATABASE_TEMPLATE: see test/harness/database.ts.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { startEmbedded } from '../src/db/embedded.ts'
import { dropTemplate, makeTemplate } from './test-template.ts'

interface TestDatabase {
  url: string
  stop(): Promise<void>
}

const project = join(import.meta.dirname, '..')
const tap = join(project, 'node_modules/tap/dist/esm/run.mjs')
// A crash of the machine may take the test database with it; in return the tests need not wait for the disk.
const careless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }

const failuresShown = 40

/** What is to be said at the end of a long report: its totals, which come last, and what failed, wherever it stood. */
class Kept {
  said = ''
  readonly failures: string[] = []
  #line = ''

  add(text: string): void {
    this.said = (this.said + text).slice(-10_000)
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) if (/^ *not ok /.test(line) && !/# (TODO|SKIP)/.test(line)) this.failures.push(line)
  }
}

process.exitCode = await main(process.argv.slice(2))

async function main(asked: string[]): Promise<number> {
  // Ctrl-C reaches tap by itself; this process waits for it to end and takes the database down after it.
  process.on('SIGINT', () => {})
  let outcome: Awaited<ReturnType<typeof runTap>> = { said: '', failures: [], isGood: false }
  try {
    buildTap()
    const database = await startDatabase(process.env.TEST_DATABASE || 'embedded')
    try {
      const template = await makeTemplate(database.url)
      try {
        outcome = await runTap(asked.length > 0 ? asked : allTests(), { ...database, template })
      } finally {
        await dropTemplate(database.url, template)
      }
    } finally {
      await database.stop()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
  return announce(outcome)
}

function allTests(): string[] {
  return readdirSync(join(project, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort()
}

/** Without what `tap build` makes (in node_modules and .tap), tap's first run makes it and crashes over TypeScript 7. */
function buildTap(): void {
  // In a folder that goes with node_modules.
  const stamp = join(project, 'node_modules/.cache/tap-built')
  const made = ['.taprc', 'node_modules/tap/package.json']
    .map((name) => readFileSync(join(project, name), 'utf8'))
    .join()
  const isBuilt = (): boolean =>
    existsSync(join(project, '.tap/plugins')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === made
  if (isBuilt()) return
  // Two builds at once destroy each other's work; whoever comes second waits for the first.
  const lock = join(project, 'node_modules/.cache/tap-building')
  mkdirSync(dirname(lock), { recursive: true })
  for (let waited = 0; !taken(lock); waited++) {
    if (waited > 600) throw new Error(`another run seems to build tap; if none does, remove ${lock}`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  try {
    if (isBuilt()) return
    const build = spawnSync(process.execPath, [tap, 'build'], { cwd: project, encoding: 'utf8' })
    if (build.status !== 0) throw new Error(`tap build failed: ${build.stdout}${build.stderr}`)
    writeFileSync(stamp, made)
  } finally {
    rmSync(lock, { recursive: true })
  }
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    return false
  }
}

async function startDatabase(kind: string): Promise<TestDatabase> {
  if (/^postgres(ql)?:\/\//.test(kind)) return { url: kind, stop: async () => {} }
  if (kind === 'container') return await startContainer()
  if (kind === 'embedded') return await startTemporary()
  throw new Error(`TEST_DATABASE is "${kind}"; set it to embedded, container or a postgres:// address`)
}

async function startTemporary(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'custodia-test-'))
  // mkdtemp closes its folder to the user that root's PostgreSQL runs as.
  chmodSync(folder, 0o711)
  const server = await startEmbedded({
    dataDir: folder,
    log: { info: () => {}, warn: console.error },
    settings: careless,
  })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startContainer(): Promise<TestDatabase> {
  // Its janitor is a second image to fetch, and wants the engine's socket; this script stops its container itself.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'
  const { GenericContainer, Wait } = await import('testcontainers')
  const settings = Object.entries(careless).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  try {
    const container = await new GenericContainer('postgres:18')
      .withEnvironment({ POSTGRES_PASSWORD: 'test' })
      .withExposedPorts(5432)
      .withCommand(['postgres', ...settings])
      // It says so twice: once for the server that only sets the database up.
      .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
      .start()
    const url = `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`
    return { url, stop: async () => void (await container.stop()) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`TEST_DATABASE=container needs a container engine that can run postgres:18: ${reason}`)
  }
}

async function runTap(files: string[], { url, template }: { url: string; template: string }) {
  const paths = files.map((file) => relative(project, resolve(file)))
  const env = { ...process.env, TEST_DATABASE_URL: url, TEST_DATABASE_TEMPLATE: template }
  const args = [tap, 'run', `--reporter=${process.stdout.isTTY ? 'base' : 'tap'}`]
  // The long forms take as long as they take.
  if (process.env.FULL) args.push('--timeout=7200')
  const report = join(mkdtempSync(join(tmpdir(), 'custodia-report-')), 'all.tap')
  const child = process.stdout.isTTY
    ? spawn(process.execPath, [...args, `--output-file=${report}`, ...paths], { cwd: project, env, stdio: 'inherit' })
    : spawn(process.execPath, [...args, ...paths], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] })

  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const kept = new Kept()
  child.stdout?.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk)
    kept.add(chunk.toString())
  })
  const [code] = await once(child, 'close')
  if (existsSync(report)) kept.add(readFileSync(report, 'utf8'))
  rmSync(dirname(report), { recursive: true })
  return { said: kept.said, failures: kept.failures, isGood: code === 0 }
}

/** Prints what failed and `N passed, N failed`, and returns the exit code. */
function announce({ said, failures, isGood }: Awaited<ReturnType<typeof runTap>>): number {
  const totals = said.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  const count = (name: string) => Number(totals.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
  const passed = count('pass')
  // A run that breaks without a failed assertion, or without any, has failed all the same.
  const failed = count('fail') || (isGood && passed > 0 ? 0 : 1)
  for (const line of failures.slice(0, failuresShown)) console.log(line.slice(0, 200))
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}
