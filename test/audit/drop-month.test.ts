import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acceptLoss } from '../../src/audit/accept-loss.ts'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { dropMonth, monthsPast } from '../../src/audit/drop-month.ts'
import { newestOutside } from '../../src/audit/outside.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { AuditMonths } from '../../src/db/audit-months.ts'
import { cutTree } from '../../src/db/tree-cut.ts'
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
  const faults = async (): Promise<Fault[]> => {
    const found: Fault[] = []
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

/** Whoever owns the database writes that a month was dropped, and the service seals it. */
async function forgedDrop({ sql }: TestService, month: string, events: number): Promise<void> {
  await sql(
    `INSERT INTO audit.event (tenant_id, event_id, occurred_at, actor_kind, action, resource, shape_id, ids, row_count, outcome, code, purpose)
     SELECT tenant_id, gen_random_uuid(), now(), 'system', 'delete', 'audit-events', shape_id, '{}', ${events}, 'allowed', 'month_dropped', '${month}'
       FROM audit.event WHERE action = 'administer' AND resource = 'audit-events' AND cardinality(ids) = 0 LIMIT 1`,
  )
}

t.test('an event that says that a month was dropped excuses nothing by itself', async (t) => {
  const { service, faults } = await audit(t)
  await service.request('POST', '/v1/contacts', { body: { displayName: 'Ada' } })
  await oldMonth(service, 6)
  await sealAll(service)
  const month = new Date().toISOString().slice(0, 7)
  const asSuperuser = (statement: string) =>
    service.sql(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`)
  const [victim] = await service.sql<{ id: string }>(
    `SELECT event_id AS id FROM audit.event WHERE action = 'create' AND occurred_at > now() - interval '1 day'`,
  )
  await asSuperuser(`DELETE FROM audit.event WHERE event_id = '${victim?.id}'`)
  await forgedDrop(service, month, 1)
  t.match(await faults(), [{ eventId: victim?.id, text: /is missing/ }], 'one event of a month, not sealed')
  await sealAll(service)
  t.match(await faults(), [{ eventId: victim?.id, text: /is missing/ }], 'one event of a month, sealed')

  await asSuperuser(`DELETE FROM audit.event WHERE occurred_at < '2024-04-01'`)
  await forgedDrop(service, '2024-03', 6)
  await sealAll(service)
  t.equal((await faults()).length, 7, 'a month as a whole, which nobody outside the database has noted')
})

t.test('a drop excuses that month only, as a whole, while its note stands outside', async (t) => {
  const { service, folder, faults, drop } = await audit(t)
  await service.request('POST', '/v1/contacts', { body: { displayName: 'Ada' } })
  await oldMonth(service, 6)
  await sealAll(service)
  await drop()
  t.same(await faults(), [], 'before the drop is sealed')
  await sealAll(service)
  t.same(await faults(), [])

  const file = join(folder, `${service.tenantId}.checkpoints`)
  const outside = readFileSync(file, 'utf8')
  t.ok(outside.includes('month dropped 2024-03 events 6\n'))
  writeFileSync(file, outside.replace('month dropped 2024-03 events 6\n', 'month dropped 2024-03 events 7\n'))
  t.match((await faults()).length, 6, 'another number, that nobody signed')
  const notes = outside.split(/(?<=\n— .*\n\n)/)
  writeFileSync(file, notes.filter((note) => !note.includes('month dropped')).join(''))
  t.equal((await faults()).length, 6, 'no note')
  writeFileSync(file, outside)
  t.same(await faults(), [])

  const [victim] = await service.sql<{ id: string }>(
    `SELECT event_id AS id FROM audit.event WHERE resource = 'contacts' AND action = 'create'`,
  )
  await service.sql(`BEGIN; SET LOCAL session_replication_role = replica;
    DELETE FROM audit.event WHERE event_id = '${victim?.id}';
    UPDATE audit.leaf SET occurred_at = '2024-03-20T00:00:00Z' WHERE event_id = '${victim?.id}'; COMMIT`)
  const found = await faults()
  t.equal(found.length, 7)
  t.ok(
    found.some((one) => one.eventId === victim?.id),
    'an event that was moved into the month',
  )
})

t.test('only whole months beyond the retention are past', async (t) => {
  const months = ['2024-12', '2025-10', '2025-11', '2025-12', '2026-11']
  const past = (retention: number, now: string) => monthsPast(months, retention, new Date(now))
  t.same(past(0, '2026-11-22T00:00:00Z'), [], 'kept for ever')
  t.same(past(12, '2026-11-01T00:00:00Z'), ['2024-12', '2025-10'], 'its last day is a year old')
  t.same(past(12, '2026-10-31T23:59:59Z'), ['2024-12'])
  t.same(past(1, '2026-01-15T00:00:00Z'), ['2024-12', '2025-10', '2025-11'])
})

t.test('an accepted loss keeps the drops that the database bears out, and no others', async (t) => {
  const { service, folder, faults, drop } = await audit(t)
  const { db, ownerUrl, sql, tenantId } = service
  const tenant = { tenantId, region: 'default' }
  const store = new CheckpointFiles(folder)
  const accept = async (): Promise<void> => {
    const size = (await newestOutside(store, tenantId))?.size ?? 0
    const cut = (id: string, head: Parameters<typeof cutTree>[2]) => cutTree(ownerUrl, id, head)
    t.equal(await acceptLoss({ db, store, cut }, tenant, size), null)
    await sealAll(service, store)
  }
  await oldMonth(service, 5)
  await sealAll(service)
  const [before] = await sql<{ size: number; epoch: number; watermark: string }>(
    'SELECT size::int, epoch, watermark FROM audit.checkpoint ORDER BY size DESC LIMIT 1',
  )
  await sql('CREATE TABLE public.kept AS SELECT * FROM audit.event_2024_03')
  await drop()
  await sealAll(service)
  await accept()
  t.same(await faults(), [], 'dropped before, and still dropped')

  // An old copy, in which the month is still there.
  const place = `(${before?.epoch}, '${before?.watermark}'::xid8)`
  await sql(`BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL custodia.audit_ddl = 'on';
    CREATE TABLE audit.event_2024_03 PARTITION OF audit.event FOR VALUES FROM ('2024-03-01 00:00:00+00') TO ('2024-04-01 00:00:00+00');
    INSERT INTO audit.event SELECT * FROM public.kept; DELETE FROM audit.event WHERE (epoch, transaction_id) >= ${place};
    DELETE FROM audit.leaf WHERE leaf_index >= ${before?.size}; DELETE FROM audit.checkpoint WHERE size > ${before?.size}; COMMIT`)
  await accept()
  t.same(await faults(), [], 'the month is back')
  await forgedDrop(service, '2024-03', 5)
  await sql(`SET LOCAL custodia.audit_ddl = 'on'; DROP TABLE audit.event_2024_03`)
  await sealAll(service)
  t.equal((await faults()).length, 5, 'what was noted before excuses nothing now')
})
