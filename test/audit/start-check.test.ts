import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { isLoss, readOutside } from '../../src/audit/outside.ts'
import { freshDatabase, serverUrl } from '../harness/database.ts'

const project = join(import.meta.dirname, '../..')
const password = 'a-password-of-tests-1'

interface Ended {
  code: number | null
  output: string
}

/** The service as a process of its own, as it is started in production. */
class Installation {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'custodia-start-'))
  readonly #masterKey = randomBytes(32).toString('base64')
  tenantId = ''

  #env(url: string, more: Record<string, string>): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: url,
      DATA_DIR: this.dataDir,
      MASTER_KEY: this.#masterKey,
      OWNER_PASSWORD: password,
      PORT: '0',
      PUBLIC_URL: 'http://hub.test',
      LOG_PRETTY: 'false',
      ...more,
    }
  }

  get files() {
    return join(this.dataDir, 'checkpoints')
  }

  file(kept: 'checkpoints' | 'keys'): string {
    return join(this.files, `${this.tenantId}.${kept}`)
  }

  /** Runs the service until it listens, has answered `reads` reads and sealed them; or until it gives up. */
  async serve(url: string, reads: number, more: Record<string, string> = {}): Promise<Ended> {
    const child = spawn(process.execPath, [join(project, 'src/main.ts')], { env: this.#env(url, more) })
    const ended = once(child, 'exit')
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    while (child.exitCode === null && !output.includes('"msg":"listening"')) await sleep(50)
    if (child.exitCode === null) {
      const base = /"url":"([^"]+)"/.exec(output)?.[1] ?? ''
      const session = await fetch(`${base}/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'owner@example.com', password }),
      })
      const { accessToken } = (await session.json()) as { accessToken: string }
      for (let i = 0; i < reads; i++) {
        const answer = await fetch(`${base}/v1/contacts`, { headers: { authorization: `Bearer ${accessToken}` } })
        if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
      }
      await asked(url, async (client) => {
        const { rows } = await client.query<{ tenant_id: string }>('SELECT tenant_id FROM app.tenant')
        this.tenantId = rows[0]?.tenant_id ?? ''
        for (let tries = 0; ; tries++) {
          const { rows } = await client.query(
            'SELECT FROM audit.event e WHERE NOT EXISTS (SELECT FROM audit.leaf l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.event_id)',
          )
          if (rows.length === 0) break
          if (tries > 400) throw new Error(`events are not sealed: ${output}`)
          await sleep(50)
        }
      })
      child.kill('SIGTERM')
    }
    const [code] = await ended
    return { code, output }
  }

  async verify(url: string): Promise<Ended> {
    const child = spawn(process.execPath, [join(project, 'scripts/audit-verify.ts')], { env: this.#env(url, {}) })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    const [code] = await once(child, 'close')
    return { code, output }
  }
}

async function asked<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const sizeOf = (url: string): Promise<number> =>
  asked(url, async (client) => {
    const { rows } = await client.query<{ size: number }>('SELECT max(size)::int AS size FROM audit.checkpoint')
    return rows[0]?.size ?? 0
  })

t.test('a database that has lost sealed events does not come up, unless an operator accepts that', async (t) => {
  const { url, name } = await freshDatabase(t)
  const installation = new Installation()
  t.teardown(() => rmSync(installation.dataDir, { recursive: true, force: true }))
  t.equal((await installation.serve(url, 10)).code, 0)

  const copy = new URL(url)
  copy.pathname = `${name}_copy`
  await asked(serverUrl(), (client) => client.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`))
  t.teardown(() => asked(serverUrl(), (client) => client.query(`DROP DATABASE IF EXISTS ${name}_copy WITH (FORCE)`)))
  const old = await sizeOf(url)
  t.equal((await installation.serve(url, 10)).code, 0, 'it goes on')
  const size = await sizeOf(url)
  t.ok(size >= old + 10)

  const refused = await installation.serve(copy.href, 0)
  t.equal(refused.code, 1)
  const last = refused.output.trim().split('\n').at(-1) ?? ''
  t.match(last, new RegExp(`^Tenant ${installation.tenantId}: the database has lost sealed audit events: ${size} were`))
  t.match(last, new RegExp(`${old} are in the database`))
  t.match(last, `AUDIT_ACCEPT_LOSS=${installation.tenantId}@${size}`)
  const found = await installation.verify(copy.href)
  t.equal(found.code, 1)
  t.match(found.output, new RegExp(`event [0-9a-f-]{36} sealed events are missing from leaf ${old} on`))

  const wrong = { AUDIT_ACCEPT_LOSS: `${installation.tenantId}@${size - 1}` }
  t.equal((await installation.serve(copy.href, 0, wrong)).code, 1, 'of another size: that was not what was seen')

  const accepted = { AUDIT_ACCEPT_LOSS: `${installation.tenantId}@${size}` }
  const up = await installation.serve(copy.href, 5, accepted)
  t.equal(up.code, 0, up.output)
  t.match(up.output, /the loss of sealed audit events was accepted/)
  await asked(copy.href, async (client) => {
    const { rows } = await client.query(`SELECT * FROM audit.readable_event WHERE code = 'sealed_events_lost'`)
    t.match(rows, [
      {
        actor_kind: 'system',
        action: 'administer',
        resource: 'audit-events',
        outcome: 'allowed',
        query: { sealed: size, kept: old },
      },
    ])
    const epochs = await client.query('SELECT epoch, count(*)::int AS n FROM audit.event GROUP BY 1 ORDER BY 1')
    t.equal(epochs.rows.length, 2, 'a copy has transactions of its own: a new epoch')
    const order = await client.query(`SELECT FROM (SELECT e.epoch, lag(e.epoch) OVER (ORDER BY l.leaf_index) AS before
      FROM audit.leaf l JOIN audit.event e USING (tenant_id, event_id)) AS o WHERE before > epoch`)
    t.equal(order.rows.length, 0, 'the old epoch comes first')
  })
  const losses: number[] = []
  for await (const note of new CheckpointFiles(installation.files).all(installation.tenantId, 'checkpoints')) {
    const read = readOutside(installation.tenantId, note)
    if (read && isLoss(read)) losses.push(read.size)
  }
  t.same(losses, [old], 'noted outside')
  t.match(await installation.verify(copy.href), { code: 0 }, 'what is left is whole')
  t.equal((await installation.serve(copy.href, 3)).code, 0, 'and it comes up without the setting from now on')
  t.match(await installation.verify(copy.href), { code: 0 })

  const back = await installation.serve(url, 0)
  t.equal(back.code, 1, 'the database that was given up does not come back')
})

t.test('files outside are made up for; a torn end, a folder that is gone', async (t) => {
  const { url } = await freshDatabase(t)
  const installation = new Installation()
  t.teardown(() => rmSync(installation.dataDir, { recursive: true, force: true }))
  t.equal((await installation.serve(url, 3)).code, 0)
  t.equal((await installation.serve(url, 3)).code, 0)
  const whole = readFileSync(installation.file('checkpoints'), 'utf8')
  const keys = readFileSync(installation.file('keys'), 'utf8')

  truncateSync(installation.file('checkpoints'), Buffer.byteLength(whole) - 50)
  t.equal((await installation.serve(url, 0)).code, 0, 'a note that a crash has cut')
  t.match(await installation.verify(url), { code: 0 })

  rmSync(installation.files, { recursive: true })
  const anew = await installation.serve(url, 0)
  t.equal(anew.code, 0)
  t.match(anew.output, /no checkpoints were kept outside; they are written now/)
  t.ok(readFileSync(installation.file('checkpoints'), 'utf8').startsWith(whole), 'all of them, in their order')
  t.equal(readFileSync(installation.file('keys'), 'utf8'), keys)
  t.match(await installation.verify(url), { code: 0 })

  const stranger = '01a202d7-05ad-78ba-911f-183f11be662b'
  writeFileSync(join(installation.files, `${stranger}.checkpoints`), whole.replaceAll(installation.tenantId, stranger))
  const other = await installation.serve(url, 0)
  t.equal(other.code, 1, 'a tenant that the database does not know')
  t.match(other.output, new RegExp(`Tenant ${stranger}: the database does not know it`))
  const at = Number(/but (\d+) audit events/.exec(other.output)?.[1])
  const without = await installation.serve(url, 0, { AUDIT_ACCEPT_LOSS: `${stranger}@${at}` })
  t.match(without, { code: 0, output: `"recordedIn":"${installation.tenantId}"` }, 'given up, and where that stands')
  await asked(url, async (client) => {
    const { rows } = await client.query(`SELECT tenant_id, query FROM audit.event WHERE code = 'sealed_events_lost'`)
    t.same(rows, [{ tenant_id: installation.tenantId, query: { tenant: stranger, sealed: at, kept: 0 } }])
  })
  rmSync(join(installation.files, `${stranger}.checkpoints`))

  appendFileSync(installation.file('keys'), keys.replace('signing key 1', 'signing key 2'))
  t.match((await installation.serve(url, 0)).output, /the database has lost signing key 2/)
})

t.test('a tree that contradicts what was signed is taken back to where it does not, and sealed anew', async (t) => {
  const { url } = await freshDatabase(t)
  const installation = new Installation()
  t.teardown(() => rmSync(installation.dataDir, { recursive: true, force: true }))
  for (let i = 0; i < 3; i++) t.equal((await installation.serve(url, 4)).code, 0)
  const whole = await sizeOf(url)
  const spoil = (statement: string) =>
    asked(url, (client) => client.query(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`))
  const bothWays = async (what: string, size: number, kept: RegExp): Promise<void> => {
    const refused = await installation.serve(url, 0)
    t.match(refused, { code: 1, output: `AUDIT_ACCEPT_LOSS=${installation.tenantId}@${size}` }, `${what} is seen`)
    const up = await installation.serve(url, 5, { AUDIT_ACCEPT_LOSS: `${installation.tenantId}@${size}` })
    t.equal(up.code, 0, up.output)
    t.ok((await sizeOf(url)) > size, `${what}: it seals on, with all that is there`)
    const verified = await installation.verify(url)
    t.match(verified, { code: 0, output: kept }, `${what}: the loss is named, and nothing else`)
    t.equal((await installation.serve(url, 1)).code, 0, 'and it comes up without the setting from now on')
    t.match(await installation.verify(url), { code: 0 })
  }
  await spoil(`UPDATE audit.leaf SET leaf_hash = sha256(leaf_hash) WHERE leaf_index = ${whole - 2}`)
  await bothWays(
    'a leaf that was changed',
    whole,
    /a loss of sealed events was accepted \(20.*Z\): .* [1-9]\d* events were kept/,
  )
  const guarded = await asked(url, (client) => client.query(`DELETE FROM audit.leaf`).then(String, String))
  t.match(guarded, /append-only/, 'the guards are where they were')

  await spoil(
    `UPDATE audit.checkpoint SET watermark = '99999999' WHERE size = (SELECT max(size) FROM audit.checkpoint)`,
  )
  await bothWays('a checkpoint that was changed', await sizeOf(url), /accepted/)

  await spoil('UPDATE audit.leaf SET leaf_hash = sha256(leaf_hash) WHERE leaf_index = 0')
  await bothWays('a tree of which nothing is left', await sizeOf(url), / 0 events were kept/)
})
