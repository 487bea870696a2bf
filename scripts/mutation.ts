/**
 * Mutation check over src/access: changes one thing at a time in the code that decides on rights, and sees whether the
 * tests in test/access notice. Fails where fewer than 90 % of the changes are noticed.
 *
 *   node scripts/mutation.ts [files of src/access, all when left out]
 *
 * Stryker (https://stryker-mutator.io) makes and drives the mutants; scripts/mutation/runner.ts runs the tests for it.
 * It is installed from npm into a temporary folder, so that the project's own lock file knows nothing of it. Works on a
 * copy of the tree as it is when it starts, against one embedded PostgreSQL.
 *
 * MUTATION_TOOLS names a folder to keep Stryker in, and with it what was found before: then only what has changed, or
 * what survived and meets new tests, is tried again.
 *
 * Whatever survives is written to test/output/mutation/survivors.txt, with the reason that
 * test/output/mutation/reasons.json gives for it. Only a run over all files writes it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { Keyring } from '../src/privacy/keyring.ts'
import { type Report, summarise } from './mutation/summary.ts'

const project = join(import.meta.dirname, '..')
const output = join(project, 'test/output/mutation')
const version = '10.1.1'
const scoreMin = 90

process.exitCode = await main(process.argv.slice(2))

async function main(asked: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'custodia-mutation-'))
  // mkdtemp closes its folder to the user that root's PostgreSQL runs as.
  chmodSync(folder, 0o711)
  const tools = process.env.MUTATION_TOOLS ?? join(folder, 'tools')
  const server = await startEmbedded({
    dataDir: join(folder, 'data'),
    log: { info: () => {}, warn: console.error },
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  try {
    install(tools)
    await migrate({
      ownerUrl: server.url,
      appUrl: null,
      keyring: new Keyring(randomBytes(32)),
      folder: pathToFileURL(join(project, 'migrations/')),
      log: { info: () => {}, warn: console.error },
    })
    const start = Date.now()
    const report = await runStryker(folder, tools, server.url, asked)
    if (!report) return 1
    const reasons: Record<string, string> = JSON.parse(readFileSync(join(output, 'reasons.json'), 'utf8'))
    const { text, said, score, isExplained } = summarise(report, reasons)
    if (asked.length === 0) writeFileSync(join(output, 'survivors.txt'), text)
    else console.log(text)
    console.log(`${said}, ${Math.round((Date.now() - start) / 1000)} s`)
    if (!isExplained) console.error('Some survivors have no reason in test/output/mutation/reasons.json')
    return score >= scoreMin && isExplained ? 0 : 1
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function install(tools: string): void {
  if (existsSync(join(tools, 'node_modules/@stryker-mutator/core'))) return
  mkdirSync(tools, { recursive: true })
  writeFileSync(join(tools, 'package.json'), '{"private": true}')
  const done = spawnSync('npm', ['install', '--no-audit', '--no-fund', `@stryker-mutator/core@${version}`], {
    cwd: tools,
    stdio: 'inherit',
  })
  if (done.status !== 0) throw new Error('Stryker could not be installed')
}

async function runStryker(
  folder: string,
  tools: string,
  databaseUrl: string,
  asked: readonly string[],
): Promise<Report | null> {
  const report = join(folder, 'report.json')
  const config = join(folder, 'stryker.json')
  const settings = {
    testRunner: 'access',
    plugins: [join(project, 'scripts/mutation/runner.ts')],
    mutate: asked.length > 0 ? asked : ['src/access/*.ts'],
    // What the tests read, and nothing that somebody may be writing.
    ignorePatterns: ['**', '!package.json', '!src/**', '!test/**', '!migrations/**'],
    coverageAnalysis: 'perTest',
    incremental: process.env.MUTATION_TOOLS !== undefined,
    incrementalFile: join(tools, 'found.json'),
    concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 2),
    // A process keeps the modules of every mutant that it has tried.
    maxTestRunnerReuse: 150,
    timeoutMS: 10_000,
    // It would write comments of its own into the files; the types are stripped, nobody checks them.
    disableTypeChecks: false,
    tempDirName: join(folder, 'sandbox'),
    reporters: ['json', ...(process.stdout.isTTY ? ['progress'] : [])],
    jsonReporter: { fileName: report },
    allowConsoleColors: process.stdout.isTTY,
    checkers: [],
  }
  writeFileSync(config, JSON.stringify(settings))
  const stryker = join(tools, 'node_modules/@stryker-mutator/core/bin/stryker.js')
  const child = spawn(process.execPath, [stryker, 'run', config], {
    cwd: project,
    stdio: 'inherit',
    env: { ...process.env, MUTATION: '1', TEST_PROBE_DATABASE: databaseUrl },
  })
  await once(child, 'close')
  return existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null
}
