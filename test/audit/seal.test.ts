import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { seal } from '../../src/audit/seal.ts'
import { sealAll } from '../harness/seal.ts'
import { startTestService } from '../harness/service.ts'

t.test('every settled event becomes a leaf, once and in its order', async (t) => {
  const service = await startTestService(t)
  const store = new CheckpointFiles(service.config.checkpointDir)
  const tenant = { tenantId: service.tenantId, region: 'default' }
  const leaves = () =>
    service.sql<{ event_id: string }>('SELECT event_id FROM audit.leaf WHERE tenant_id = $1 ORDER BY leaf_index', [
      service.tenantId,
    ])
  const events = () =>
    service.sql<{ event_id: string }>(
      'SELECT event_id FROM audit.event WHERE tenant_id = $1 ORDER BY epoch, transaction_id, sequence',
      [service.tenantId],
    )
  for (let i = 0; i < 20; i++) await service.request('GET', '/v1/contacts')
  await sealAll(service)
  const first = await leaves()
  t.ok(first.length > 20)
  t.same(first, await events())
  t.match(await seal(service.db, store, tenant), { isDone: true, events: 0 }, 'at rest, nothing is added')

  const held = await service.hold(
    `INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome)
     SELECT tenant_id, gen_random_uuid(), actor_kind, action, resource, shape_id, ids, row_count, outcome FROM audit.event
      WHERE counts IS NULL LIMIT 1`,
  )
  await service.request('GET', '/v1/contacts')
  await seal(service.db, store, tenant)
  t.same(await leaves(), first, 'what comes after a transaction that is open waits for it')
  await held.release()
  await sealAll(service)
  const last = await leaves()
  t.ok(last.length > first.length)
  t.same(last.slice(0, first.length), first, 'nothing moves')
  t.same(last, await events())

  const sizes: string[] = []
  for await (const note of store.all(service.tenantId, 'checkpoints')) sizes.push(note.split('\n')[1] ?? '')
  const made = await service.sql<{ size: string }>(
    'SELECT size::text FROM audit.checkpoint WHERE tenant_id = $1 ORDER BY size',
    [service.tenantId],
  )
  t.same(
    sizes,
    made.map((checkpoint) => checkpoint.size),
    'and each checkpoint stands outside the database too',
  )
})
