import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { dropMonth, monthsPast } from '../../src/audit/drop-month.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import { AuditMonths } from '../../src/db/audit-months.ts'
import { models } from '../../src/resources/index.ts'
import { sealAll } from '../harness/seal.ts'
import { startTestService, type TestService } from '../harness/service.ts'

/** A month of long ago, as if the service had run then. */
async function oldMonth(service: TestService, events: number): Promise<void> {
  await service.sql(`SET LOCAL custodia.audit_ddl = 'on';
    CREATE TABLE audit.event_2024_03 PARTITION OF audit.event FOR VALUES FROM ('2024-03-01 00:00:00+00') TO ('2024-04-01 00:00:00+00');
    CALL audit.guard('audit.event_2024_03', true)`)
  await oldEvents(service, events)
}

async function oldEvents(service: TestService, count: number): Promise<void> {
  await service.sql(
    `INSERT INTO audit.event (tenant_id, event_id, occurred_at, actor_kind, action, resource, shape_id, ids, counts, versions, row_count, outcome)
     SELECT tenant_id, gen_random_uuid(), '2024-03-15T12:00:00Z', actor_kind, action, resource, shape_id, ids, counts, versions, row_count, outcome
       FROM audit.event, generate_series(1, ${count}) LIMIT ${count}`,
  )
}

async function audit(t: { teardown(end: () => unknown): unknown }) {
  const service = await startTestService(t)
  const folder = service.config.checkpointDir
  const store = new CheckpointFiles(folder)
  const months = await AuditMonths.open(service.ownerUrl, models)
  t.teardown(() => months.close())
  const tenant = { tenantId: service.tenantId, region: 'default' }
  const faults = async (): Promise<unknown[]> => {
    const found: unknown[] = []
    await verifyTenant({
      tenantId: service.tenantId,
      run: (work) => service.db.sealed(tenant, work),
      store,
      fault: (one) => found.push(one),
    })
    return found
  }
  const drop = () => dropMonth({ db: service.db, months, store }, '2024-03')
  const left = async () => (await service.sql(`SELECT FROM audit.event WHERE occurred_at < '2024-04-01'`)).length
  return { service, folder, months, faults, drop, left }
}

t.test('a month is dropped once it is sealed and its checkpoint stands outside, and not before', async (t) => {
  const { service, folder, months, faults, drop, left } = await audit(t)
  await oldMonth(service, 12)
  t.ok((await months.all()).includes('2024-03'))
  await t.rejects(drop, { name: 'NotDropped' }, 'nothing is sealed yet')
  await sealAll(service)

  const file = join(folder, `${service.tenantId}.checkpoints`)
  const outside = readFileSync(file)
  rmSync(file)
  await t.rejects(drop, { name: 'NotDropped' }, 'sealed, but nothing stands outside')
  writeFileSync(file, outside)
  await oldEvents(service, 1)
  await t.rejects(drop, { name: 'NotDropped' }, 'one event came after the checkpoint')
  t.equal(await left(), 13, 'refused, nothing is gone')
  t.ok((await months.all()).includes('2024-03'))

  await sealAll(service)
  t.same(await faults(), [])
  const leaves = await service.sql('SELECT FROM audit.leaf')
  t.same(await drop(), [{ tenantId: service.tenantId, events: 13 }])
  t.equal(await left(), 0)
  t.notOk((await months.all()).includes('2024-03'))
  t.match(
    await service.sql(
      `SELECT actor_kind, action, resource, outcome, purpose, row_count FROM audit.event WHERE code = 'month_dropped'`,
    ),
    [
      {
        actor_kind: 'system',
        action: 'delete',
        resource: 'audit-events',
        outcome: 'allowed',
        purpose: '2024-03',
        row_count: 13,
      },
    ],
  )
  await sealAll(service)
  t.ok((await service.sql('SELECT FROM audit.leaf')).length > leaves.length, 'the leaves stay')
  t.same(await faults(), [], 'and everything still verifies')
  t.equal((await service.request('GET', '/v1/contacts')).status, 200, 'the service goes on')
})

t.test('a month whose event of the drop is missing was not dropped lawfully', async (t) => {
  const { service, faults } = await audit(t)
  await oldMonth(service, 5)
  await sealAll(service)
  await service.sql(`SET LOCAL custodia.audit_ddl = 'on'; DROP TABLE audit.event_2024_03`)
  t.equal((await faults()).length, 5, 'each event is missed by name')
})

t.test('only whole months beyond the retention are past', async (t) => {
  const months = ['2024-12', '2025-10', '2025-11', '2025-12', '2026-11']
  const past = (retention: number, now: string) => monthsPast(months, retention, new Date(now))
  t.same(past(0, '2026-11-22T00:00:00Z'), [], 'kept for ever')
  t.same(past(12, '2026-11-01T00:00:00Z'), ['2024-12', '2025-10'], 'its last day is a year old')
  t.same(past(12, '2026-10-31T23:59:59Z'), ['2024-12'])
  t.same(past(1, '2026-01-15T00:00:00Z'), ['2024-12', '2025-10', '2025-11'])
})
