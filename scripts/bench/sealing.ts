/**
 * Measures how fast audit events are sealed, and how fast they are verified again:
 *
 *   node scripts/bench/sealing.ts [--events 400000] [--records 1]
 *
 * On a PostgreSQL of its own, with the settings of production (fsync on). The events lie there beforehand, as after an
 * outage of the sealer; each of so many records.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { seal } from '../../src/audit/seal.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import { Connections } from '../../src/db/connections.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { models } from '../../src/resources/index.ts'
import { tenantCreate } from '../../src/resources/tenants/create.ts'

const { values: args } = parseArgs({
  options: { events: { type: 'string', default: '400000' }, records: { type: 'string', default: '1' } },
})
const events = Number(args.events)
const log = { info: () => {}, warn: console.error }
const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const database = await startEmbedded({ dataDir, log })
try {
  const keyring = new Keyring(Buffer.alloc(32, 1))
  const folder = new URL('../../migrations/', import.meta.url)
  const appUrl = await migrate({ ownerUrl: database.url, appUrl: null, keyring, folder, log })
  const db = new Database(new Connections(appUrl, 4, () => {}), keyring, models)
  const made = { name: 'Bench', ownerEmail: 'owner@example.com', ownerPassword: 'bench-password' }
  const { tenantId } = await tenantCreate(db, made)
  const tenant = { tenantId, region: 'default' }
  const store = new CheckpointFiles(join(dataDir, 'checkpoints'))
  await seal(db, store, tenant)
  await fill(database.url, tenantId)

  const begun = performance.now()
  const cpu = process.cpuUsage()
  let sealed = 0
  for (let isMore = true; isMore; ) {
    const run = await seal(db, store, tenant)
    sealed += run.events
    isMore = run.isMore
  }
  const seconds = (performance.now() - begun) / 1_000
  console.log(`sealed ${sealed} events in ${seconds.toFixed(1)} s: ${Math.round(sealed / seconds)} events/s`)

  console.log(`of which this process worked ${(process.cpuUsage(cpu).user / 1e6).toFixed(1)} s`)

  const verifying = performance.now()
  const report = await verifyTenant({
    tenantId,
    store,
    run: (work) => db.sealed(tenant, work),
    fault: (fault) => console.error(fault),
  })
  const took = (performance.now() - verifying) / 1_000
  console.log(`verified ${report.events} events in ${took.toFixed(1)} s: ${Math.round(report.events / took)} events/s`)
  await db.close()
} finally {
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

/** Events like those of reads: one transaction for each hundred. */
async function fill(url: string, tenantId: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const shape = JSON.stringify([
    {
      resource: 'contacts',
      shown: ['id', 'displayName', 'country', 'followUpStatus', 'tags', 'updatedAt', 'createdAt', 'version'],
      masked: ['phone', 'email'],
    },
  ])
  await client.query('INSERT INTO audit.shape SELECT $1, audit.shape_id($2::jsonb), $2::jsonb', [tenantId, shape])
  for (let done = 0; done < events; done += 100)
    await client.query(
      `INSERT INTO audit.event (tenant_id, event_id, actor_kind, actor_id, action, resource, shape_id, ids, row_count, outcome, purpose, request_id, ip)
       SELECT $1, ('01a202d7-' || substr(md5(random()::text), 1, 4) || '-7' || substr(md5(random()::text), 1, 3) || '-8' || substr(md5(random()::text), 1, 3) || '-' || substr(md5(random()::text), 1, 12))::uuid,
              'member', '01a202d7-05ad-78ba-911f-183f11be662b', 'read', 'contacts', audit.shape_id($2::jsonb),
              ARRAY(SELECT gen_random_uuid() FROM generate_series(1, $3::int)), $3::int, 'allowed', 'support', gen_random_uuid()::text, '203.0.113.7'
         FROM generate_series(1, 100)`,
      [tenantId, shape, Number(args.records)],
    )
  await client.query('VACUUM ANALYZE audit.event')
  await client.end()
}
