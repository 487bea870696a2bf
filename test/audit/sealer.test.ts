import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { startSealer } from '../../src/audit/sealer.ts'
import { SealingLag } from '../../src/audit/sealing-lag.ts'
import { startTestService, type TestService } from '../harness/service.ts'

const until = async (holds: () => Promise<boolean> | boolean, what: string): Promise<void> => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 1_500) throw new Error(`never: ${what}`)
    await sleep(20)
  }
}

const unsealed = async ({ sql }: TestService, tenantId: string): Promise<number> => {
  const [row] = await sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM audit.event e WHERE tenant_id = $1
      AND NOT EXISTS (SELECT FROM audit.leaf l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.event_id)`,
    [tenantId],
  )
  return row?.n ?? 0
}

function logged() {
  const lines: { level: string; fields: object; text: string }[] = []
  const at = (level: string) => (fields: object, text: string) => void lines.push({ level, fields, text })
  return { lines, log: { debug: at('debug'), warn: at('warn'), error: at('error') } }
}

t.test('events are sealed while there is traffic; one tenant that cannot be sealed holds up no other', async (t) => {
  const service = await startTestService(t)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-sealer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const other = await service.tenant()
  // The first tenant's notes cannot be written: a folder stands where its file should be.
  const { lines, log } = logged()
  const store = new CheckpointFiles(folder)
  const broken = service.tenantId
  const failing = {
    append: (tenantId: string, ...rest: [kept: 'checkpoints' | 'keys', notes: readonly string[]]) =>
      tenantId === broken ? Promise.reject(new Error('no space')) : store.append(tenantId, ...rest),
    last: store.last.bind(store),
    all: store.all.bind(store),
    tenants: store.tenants.bind(store),
  }
  const sealer = startSealer({ db: service.db, store: failing, log, intervalMs: 20, sweepMs: 100 })
  await service.request('GET', '/v1/contacts', { token: other.ownerToken })
  await until(async () => (await unsealed(service, other.tenantId)) === 0, 'the other tenant is sealed')
  await until(() => lines.some((line) => line.level === 'warn' && /failed/.test(line.text)), 'the failure is logged')
  await sealer.stop()
  t.ok((await store.last(other.tenantId, 'checkpoints')).length > 0)

  const again = startSealer({ db: service.db, store, log, intervalMs: 20, sweepMs: 100 })
  await until(async () => (await unsealed(service, broken)) === 0, 'the first tenant is sealed later')
  await until(
    async () => (await store.last(broken, 'checkpoints')).length > 0,
    'what was not written outside is made up for',
  )
  const [size] = await service.sql<{ n: number }>(
    'SELECT count(*)::int AS n FROM audit.checkpoint WHERE tenant_id = $1',
    [broken],
  )
  await until(async () => {
    let notes = 0
    for await (const note of store.all(broken, 'checkpoints')) if (note) notes++
    return notes >= (size?.n ?? 0)
  }, 'all of it')
  await again.stop()
})

t.test('what has piled up for one tenant is sealed without a pause, but in turn with the others', async (t) => {
  const service = await startTestService(t)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-sealer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const other = await service.tenant()
  for (let n = 0; n < 60; n++)
    for (const token of [service.ownerToken, other.ownerToken]) await service.request('GET', '/v1/contacts', { token })
  const store = new CheckpointFiles(folder)
  const order: string[] = []
  const kept = {
    append: (tenantId: string, what: 'checkpoints' | 'keys', notes: readonly string[]) => {
      if (what === 'checkpoints') order.push(tenantId)
      return store.append(tenantId, what, notes)
    },
    last: store.last.bind(store),
    all: store.all.bind(store),
    tenants: store.tenants.bind(store),
  }
  // With a pause after each checkpoint it would take a minute.
  const sealer = startSealer({ db: service.db, store: kept, log: logged().log, intervalMs: 1_000, batchSize: 1 })
  for (const { tenantId } of [service, other])
    await until(async () => (await unsealed(service, tenantId)) === 0, 'both are sealed')
  await sealer.stop()
  for (const { tenantId } of [service, other]) t.ok(order.filter((id) => id === tenantId).length > 50)
  t.same(new Set(order.slice(0, 4)).size, 2, 'neither waits until the other is done')
  const turns = order.slice(1, 100).filter((id, i) => id !== order[i])
  t.ok(turns.length > 80, `one checkpoint at a turn (${turns.length} turns of 99)`)
})

t.test('a transaction that stays open holds sealing back, and that is told', async (t) => {
  const service = await startTestService(t)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-sealer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { log } = logged()
  const held = await service.hold(`CREATE TEMPORARY TABLE busy (n int)`)
  const sealer = startSealer({ db: service.db, store: new CheckpointFiles(folder), log, intervalMs: 20, sweepMs: 100 })
  await service.request('GET', '/v1/contacts')
  await sleep(400)
  t.ok((await unsealed(service, service.tenantId)) > 0, 'an event after the transaction’s beginning waits')
  await held.release()
  await until(async () => (await unsealed(service, service.tenantId)) === 0, 'sealed when it has ended')
  await sealer.stop()
})

t.test('the lag is the age of the oldest event that may be unsealed', async (t) => {
  let now = 1_000_000
  const lag = new SealingLag(() => now)
  t.equal(lag.seconds(10_000), 0)
  lag.looked('a', { count: 0, oldestSeconds: 0 })
  lag.looked('b', { count: 3, oldestSeconds: 4 })
  t.equal(lag.seconds(10_000), 4)
  t.equal(lag.unsealed, 3)
  now += 5_000
  t.equal(lag.seconds(10_000), 9)
  lag.looked('b', { count: 0, oldestSeconds: 0 })
  t.equal(lag.seconds(10_000), 0)
  lag.failed('a')
  t.equal(lag.seconds(10_000), 5, 'where it fails: since it was known to be sealed')
  now += 60_000
  lag.failed('a')
  t.equal(lag.seconds(10_000), 65)
  lag.looked('a', { count: 0, oldestSeconds: 0 })
  t.equal(lag.seconds(10_000), 0)
  now += 11_000
  t.equal(lag.seconds(10_000), 11, 'a loop in which nothing moves any more')
})

t.test('notes outside are read back as they were written, whatever a crash has left', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'custodia-files-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = new CheckpointFiles(folder)
  const tenantId = '01a202d7-05ad-78ba-911f-183f11be662b'
  const note = (n: number): string => `custodia/${tenantId}\n${n}\nAAAA\n\n— custodia/${tenantId} BBBB\n`
  const all = async (): Promise<string[]> => {
    const notes: string[] = []
    for await (const one of store.all(tenantId, 'checkpoints')) notes.push(one)
    return notes
  }
  t.same(await all(), [])
  t.same(await store.last(tenantId, 'checkpoints'), [])
  const many = Array.from({ length: 500 }, (_, n) => note(n))
  await store.append(tenantId, 'checkpoints', many)
  t.same(await all(), many)
  const last = await store.last(tenantId, 'checkpoints')
  t.ok(last.length > 50 && last.length < 500)
  t.same(last, many.slice(-last.length))
  t.same(await store.tenants(), [tenantId])
  const path = join(folder, `${tenantId}.checkpoints`)
  for (const torn of [`custodia/${tenantId}\n50`, `custodia/${tenantId}\n501\nAAAA\n\n`, 'cust']) {
    writeFileSync(path, `${note(1)}\n${torn}`)
    chmodSync(path, 0o600)
    await store.append(tenantId, 'checkpoints', [note(2)])
    t.same(await all(), [note(1), note(2)], JSON.stringify(torn))
  }
  await t.rejects(store.append('../x', 'checkpoints', [note(1)]), /not the id/)
})
