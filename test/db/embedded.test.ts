import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { embeddedBinDir, startEmbedded } from '../../src/db/embedded.ts'

// Without waiting for the disk, and small, since several run at once.
const settings = { fsync: 'off', shared_buffers: '16MB' }
const isRoot = process.getuid?.() === 0

function dataFolder(t: Test): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'custodia-embedded-'))
  fs.chmodSync(folder, 0o711)
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

function start(dataDir: string, said: string[] = []) {
  const log = { info: (text: string) => said.push(text), warn: (text: string) => said.push(text) }
  return startEmbedded({ dataDir, log, settings })
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

const serverPid = (dataDir: string) =>
  Number(fs.readFileSync(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0])

function runs(pid: number): boolean {
  try {
    // A process that nobody waits for stays in the table after its end, without a command.
    return process.kill(pid, 0) && (process.platform !== 'linux' || fs.readFileSync(`/proc/${pid}/cmdline`).length > 0)
  } catch {
    return false
  }
}

/** Another service that uses the data folder; resolves when its database is up. */
async function service(dataDir: string) {
  const code = `
    const { startEmbedded } = await import(${JSON.stringify(new URL('../../src/db/embedded.ts', import.meta.url).href)})
    const log = { info() {}, warn() {} }
    const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log, settings: ${JSON.stringify(settings)} })
    process.once('SIGTERM', () => server.stop().then(() => process.exit()))
    console.log(server.url)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(child.stdout, 'data')
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await once(child, 'exit')
  }
  return { url: String(url).trim(), end }
}

t.test('a first start makes a UTF-8 cluster whose trigrams find Chinese', async (t) => {
  const dataDir = dataFolder(t)
  const server = await start(dataDir)
  t.teardown(() => server.stop())
  const shown =
    'SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()'
  t.same(await query(server.url, shown), [['UTF8', 'C.UTF-8', 'C.UTF-8']])
  await query(server.url, 'CREATE EXTENSION pg_trgm')
  t.same(await query(server.url, "SELECT show_trgm('王小明') <> '{}', '王小明先生' % '王小明'"), [[true, true]])
  t.match(await query(server.url, 'SHOW server_version'), [[/^18\./]])
  t.match(await query(server.url, 'SHOW listen_addresses'), [['127.0.0.1']])
})

t.test('only the password lets anybody in, and it is kept to its owner', async (t) => {
  const dataDir = dataFolder(t)
  const server = await start(dataDir)
  t.teardown(() => server.stop())
  const url = new URL(server.url)
  url.password = 'guess'
  await t.rejects(query(url.href, 'SELECT 1'), { code: '28P01' })
  t.equal(fs.statSync(join(dataDir, 'postgres/password')).mode & 0o777, 0o600)
  t.equal(fs.statSync(join(dataDir, 'postgres')).mode & 0o777, 0o700)
})

t.test('a stop leaves no process, and the next start is quick and finds the same data and port', async (t) => {
  const dataDir = dataFolder(t)
  const first = await start(dataDir)
  const pid = serverPid(dataDir)
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()
  t.notOk(runs(pid))
  t.notOk(fs.existsSync(join(dataDir, 'postgres/cluster/postmaster.pid')))

  const begin = performance.now()
  const second = await start(dataDir)
  const tookMs = performance.now() - begin
  t.ok(tookMs < 1500, `took ${Math.round(tookMs)} ms`)
  t.equal(second.url, first.url)
  t.same(await query(second.url, 'SELECT answer FROM kept'), [[42]])
  await second.stop()
  await second.stop()
})

t.test('an open connection does not hold up the stop', async (t) => {
  const server = await start(dataFolder(t))
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  const waiting = client.query('SELECT pg_sleep(60)').catch(() => {})
  const begin = performance.now()
  await server.stop()
  t.ok(performance.now() - begin < 10_000)
  await waiting
})

t.test('the server of a killed service lives in a process group of its own and is adopted', async (t) => {
  const dataDir = dataFolder(t)
  const killed = await service(dataDir)
  const pid = serverPid(dataDir)
  await killed.end('SIGKILL')
  t.ok(runs(pid))
  if (process.platform === 'linux') {
    const group = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2]
    t.equal(Number(group), pid)
  }

  const said: string[] = []
  const server = await start(dataDir, said)
  t.match(said, [/already runs/])
  t.equal(serverPid(dataDir), pid)
  t.equal(server.url, killed.url)
  await server.stop()
  t.notOk(runs(pid), 'the note of the killed service does not keep it alive')
})

t.test('a server that was killed leaves nothing that stops the next start', async (t) => {
  const dataDir = dataFolder(t)
  const first = await start(dataDir)
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  process.kill(serverPid(dataDir), 'SIGKILL')
  const second = await start(dataDir)
  t.same(await query(second.url, 'SELECT answer FROM kept'), [[42]])
  await first.stop()
  await second.stop()
})

t.test(
  'a number in postmaster.pid that another program has by now does not stop the start',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const dataDir = dataFolder(t)
    await (await start(dataDir)).stop()
    const other = spawn('sleep', ['60'], { stdio: 'ignore' })
    t.teardown(() => other.kill())
    const file = join(dataDir, 'postgres/cluster/postmaster.pid')
    fs.writeFileSync(
      file,
      [other.pid, join(dataDir, 'postgres/cluster'), 1, 5432, '', '127.0.0.1', '1 1', 'ready', ''].join('\n'),
    )
    const server = await start(dataDir)
    t.same(await query(server.url, 'SELECT 1'), [[1]])
    await server.stop()
    t.ok(runs(other.pid ?? 0), 'and is left alone')
  },
)

t.test('two services share one server, and the first to stop leaves it to the other', async (t) => {
  const dataDir = dataFolder(t)
  const [one, other] = await Promise.all([service(dataDir), service(dataDir)])
  const pid = serverPid(dataDir)
  t.equal(one.url, other.url)
  await one.end('SIGTERM')
  t.same(await query(other.url, 'SELECT 1'), [[1]])
  await other.end('SIGTERM')
  t.notOk(runs(pid))
  t.same(
    fs.readdirSync(join(dataDir, 'postgres')).filter((name) => name.startsWith('cluster')),
    ['cluster'],
  )
})

t.test('a port that was taken meanwhile is exchanged for another', async (t) => {
  const dataDir = dataFolder(t)
  const first = await start(dataDir)
  await first.stop()
  const occupant = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
  t.teardown(() => occupant.close())
  await once(occupant, 'listening')
  const second = await start(dataDir)
  t.not(new URL(second.url).port, new URL(first.url).port)
  t.same(await query(second.url, 'SELECT 1'), [[1]])
  await second.stop()
})

t.test('settings that PostgreSQL refuses are told with its own words', async (t) => {
  const log = { info() {}, warn() {} }
  const starting = startEmbedded({ dataDir: dataFolder(t), log, settings: { fsync: 'off', max_connections: 'many' } })
  await t.rejects(starting, { message: /did not start.*max_connections/s })
})

t.test('as root, a folder that the user of PostgreSQL may not enter is named', { skip: !isRoot }, async (t) => {
  const closed = join(dataFolder(t), '..', 'closed')
  fs.mkdirSync(closed, { mode: 0o700 })
  await t.rejects(start(join(closed, 'data')), {
    message: new RegExp(`may not enter ${closed}: run .chmod o\\+x ${closed}`),
  })
  fs.chmodSync(closed, 0o711)
  await (await start(join(closed, 'data'))).stop()
})

t.test('the programs of PostgreSQL are found', async (t) => {
  for (const name of ['postgres', 'initdb', 'pg_ctl']) t.ok(fs.existsSync(join(embeddedBinDir(), name)), name)
})

t.test('the server knows nothing of the service’s environment', { skip: process.platform !== 'linux' }, async (t) => {
  const dataDir = dataFolder(t)
  process.env.CUSTODIA_TEST_SECRET = 'hush'
  t.teardown(() => delete process.env.CUSTODIA_TEST_SECRET)
  const server = await start(dataDir)
  t.notMatch(fs.readFileSync(`/proc/${serverPid(dataDir)}/environ`, 'utf8'), /hush/)
  await server.stop()
})
