import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freshDatabase } from './harness/database.ts'

const main = join(import.meta.dirname, '../src/main.ts')

/** Starts the service as its own process; `output` is all that it has written. */
function start(t: { teardown(end: () => void): unknown }, databaseUrl: string, preload = '') {
  const dataDir = mkdtempSync(join(tmpdir(), 'custodia-main-'))
  const imports = preload ? ['--import', `data:text/javascript,${encodeURIComponent(preload)}`] : []
  const child = spawn(process.execPath, [...imports, main], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      MASTER_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
      PUBLIC_URL: 'http://hub.test',
      LOG_PRETTY: 'false',
    },
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  })
  const running = { child, output: '', ended: once(child, 'exit') }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      running.output += chunk.toString()
    })
  return running
}

t.test('a start that fails says why without what the database says', async (t) => {
  const { url } = await freshDatabase(t)
  const missing = new URL(url)
  missing.pathname = 'nobody_anna_example'
  const running = start(t, missing.href)
  await running.ended
  t.equal(running.child.exitCode, 1)
  t.notMatch(running.output, /nobody_anna_example/)
  const last = running.output.trim().split('\n').at(-1) ?? ''
  t.match(JSON.parse(last), { msg: 'the start failed', err: { code: '3D000' } }, 'in one line')
})

for (const [fault, statement] of [
  ['a rejection that nobody handles', 'Promise.reject(new TypeError("anna@example.com"))'],
  ['an exception that nobody catches', 'setTimeout(() => { throw new TypeError("anna@example.com") })'],
] as const)
  t.test(`${fault} ends the process in order, without its message in the log`, async (t) => {
    const { url } = await freshDatabase(t)
    const running = start(t, url, `process.on('SIGUSR2', () => { ${statement} })`)
    for (let tries = 0; !running.output.includes('listening'); tries++) {
      if (tries > 400 || running.child.exitCode !== null) throw new Error(`it does not start: ${running.output}`)
      await sleep(50)
    }
    running.child.kill('SIGUSR2')
    await running.ended
    t.equal(running.child.exitCode, 1)
    t.notMatch(running.output, /anna@example\.com/)
    t.match(running.output, /"level":"fatal".*"type":"TypeError"/)
  })
