import { randomUUIDv7 } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { startSealer } from '../../src/audit/sealer.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrations, silent } from '../harness/database.ts'
import { startTestService } from '../harness/service.ts'
import { sized } from '../harness/size.ts'

const writers = 16

/** One event as the application's login may write it. */
const insert = `INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome)
  VALUES ($1, $2, 'member', 'read', 'contacts', audit.shape_id('[]'), '{}', 0, 'allowed')`

t.test('while sixteen write, wait and roll back, every committed event is sealed once, in its order', async (t) => {
  const service = await startTestService(t)
  const { tenantId, db, keyring } = { ...service, keyring: service.db.keyring }
  const appUrl = await migrate({ ownerUrl: service.ownerUrl, appUrl: null, keyring, folder: migrations, log: silent })
  const folder = mkdtempSync(join(tmpdir(), 'custodia-checkpoints-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = new CheckpointFiles(folder)
  await service.sql(`INSERT INTO audit.shape (tenant_id, shape_id, shape) VALUES ($1, audit.shape_id('[]'), '[]')`, [
    tenantId,
  ])
  const troubles: string[] = []
  const trouble = (_fields: object, text: string): void => void troubles.push(text)
  const log = { debug: () => {}, warn: trouble, error: trouble }
  // Two, as of two processes; each looks at all tenants each time.
  const sealers = [1, 2].map(() => startSealer({ db, store, log, intervalMs: 15, sweepMs: 0 }))

  const transactions = sized(3_000, 200_000)
  const committed = new Set<string>()
  const rolledBack = new Set<string>()
  let begun = 0
  const started = performance.now()
  const chance = (share: number): boolean => Math.random() < share
  const write = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: appUrl })
    await client.connect()
    while (begun++ < transactions) {
      const [ids, gone]: [string[], string[]] = [[], []]
      const event = async (list: string[]): Promise<void> => {
        const id = randomUUIDv7()
        await client.query(insert, [tenantId, id])
        list.push(id)
      }
      await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`)
      // A transaction has its number from its first event on; others come and go before it ends.
      await event(ids)
      if (chance(0.3)) await sleep(Math.random() * 5)
      if (chance(0.005)) await sleep(Math.random() * 300)
      if (chance(0.2)) await event(ids)
      if (chance(0.05)) {
        await client.query('SAVEPOINT part')
        await event(gone)
        await client.query('ROLLBACK TO SAVEPOINT part')
      }
      if (chance(0.05)) {
        await client.query('SAVEPOINT part')
        await event(ids)
        await client.query('RELEASE SAVEPOINT part')
      }
      const isKept = chance(0.85)
      await client.query(isKept ? 'COMMIT' : 'ROLLBACK')
      for (const id of ids) (isKept ? committed : rolledBack).add(id)
      for (const id of gone) rolledBack.add(id)
    }
    await client.end()
  }
  await Promise.all(Array.from({ length: writers }, write))
  const seconds = (performance.now() - started) / 1_000
  t.comment(`${transactions} transactions in ${seconds.toFixed(1)} s, ${committed.size} events committed`)

  const unsealed = `SELECT FROM audit.event e WHERE NOT EXISTS (SELECT FROM audit.leaf l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.event_id) LIMIT 1`
  for (let tries = 0; (await service.sql(unsealed)).length > 0; tries++) {
    if (tries > 600) throw new Error('events stay unsealed')
    await sleep(50)
  }
  await Promise.all(sealers.map((sealer) => sealer.stop()))

  const leaves = await service.sql<{ event_id: string }>('SELECT event_id FROM audit.leaf ORDER BY leaf_index')
  const sealed = new Set(leaves.map((leaf) => leaf.event_id))
  t.equal(sealed.size, leaves.length, 'none twice')
  t.equal([...committed].filter((id) => !sealed.has(id)).length, 0, 'none skipped')
  t.equal([...rolledBack].filter((id) => sealed.has(id)).length, 0, 'none that was rolled back')
  t.ok(rolledBack.size > transactions / 20)
  const [swapped] = await service.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT (e.epoch, e.transaction_id, e.sequence) > lag((e.epoch, e.transaction_id, e.sequence)) OVER (ORDER BY l.leaf_index) AS follows
       FROM audit.leaf l JOIN audit.event e USING (tenant_id, event_id)) AS o WHERE NOT follows`,
  )
  t.equal(swapped?.n, 0, 'the tree has the order of transactions and sequence')
  const [late] = await service.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT occurred_at < lag(occurred_at) OVER (ORDER BY leaf_index) AS is_late FROM audit.leaf) AS o WHERE is_late`,
  )
  t.ok((late?.n ?? 0) > 0, 'which is not that of time: transactions did overlap')
  const [many] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.checkpoint')
  t.ok((many?.n ?? 0) > 10, 'sealed meanwhile')
  t.comment(`${many?.n} checkpoints over ${leaves.length} leaves`)
  const faults: Fault[] = []
  const tenant = { tenantId, region: 'default' }
  await verifyTenant({ tenantId, store, run: (work) => db.sealed(tenant, work), fault: (one) => faults.push(one) })
  t.same(faults, [])
  t.same(troubles, [])
})
