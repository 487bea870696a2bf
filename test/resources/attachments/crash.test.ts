import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freshDatabase } from '../../harness/database.ts'
import { password } from '../../harness/service.ts'
import { content, pdf, storedFiles, upload } from './fixtures.ts'

const main = join(import.meta.dirname, '../../../src/main.ts')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

t.test('kill -9 in the middle of an upload leaves neither a file under its name nor a row', async (t) => {
  const { url: databaseUrl } = await freshDatabase(t)
  const dataDir = t.testdir()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    MASTER_KEY: randomBytes(32).toString('base64'),
    PORT: String(port),
    OWNER_EMAIL: 'owner@example.com',
    OWNER_PASSWORD: password,
    LOG_LEVEL: 'error',
  }
  const running: ChildProcess[] = []
  const kill = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.teardown(() => Promise.all(running.map(kill)))
  const start = async (): Promise<{ child: ChildProcess; ownerToken: string; url: string }> => {
    const child = spawn(process.execPath, [main], { env, stdio: 'ignore' })
    running.push(child)
    for (let i = 0; i < 300; i++) {
      if (
        await fetch(`${url}/health/ready`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        break
      await sleep(100)
    }
    const answer = await fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@example.com', password }),
    })
    const { accessToken } = (await answer.json()) as { accessToken: string }
    return { child, ownerToken: accessToken, url }
  }
  const files = () => storedFiles({ config: { dataDir } as never })

  const first = await start()
  const whole = await upload(first, pdf(300_000))
  t.equal(whole.status, 201)
  t.equal(files().length, 1)

  const half = httpRequest(`${url}/v1/attachments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.ownerToken}`, 'content-type': 'multipart/form-data; boundary=frontier' },
  })
  half.on('error', () => {})
  half.write('--frontier\r\nContent-Disposition: form-data; name="file"; filename="half.pdf"\r\n\r\n')
  half.write(pdf(900_000))
  for (let i = 0; i < 300 && files().length < 2; i++) await sleep(10)
  t.equal(files().length, 2, 'it is being written')
  await kill(first.child)
  const [draft] = files().filter((file) => file.path.endsWith('.draft'))
  t.ok(draft)
  t.notOk(draft?.bytes.includes('canary'), 'not even half of it is in clear')
  t.equal(files().length, 2)

  const second = await start()
  const list = await fetch(`${url}/v1/attachments`, { headers: { authorization: `Bearer ${second.ownerToken}` } })
  const { data } = (await list.json()) as { data: { id: string }[] }
  t.same(
    data.map((one) => one.id),
    [whole.id],
  )
  t.ok((await content(second, whole.id)).bytes.equals(pdf(300_000)), 'what was answered 201 is there')
  t.equal((await upload(second, pdf(1000))).status, 201)
})
