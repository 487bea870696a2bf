import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { seal } from '../../src/audit/seal.ts'
import { startTestService } from '../harness/service.ts'

t.test('every settled event becomes a leaf, once and in its order', async (t) => {
  const service = await startTestService(t)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-seal-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = new CheckpointFiles(folder)
  const tenant = { tenantId: service.tenantId, region: 'default' }
  for (let i = 0; i < 20; i++) await service.request('GET', '/v1/contacts')
  const done = await seal(service.db, store, tenant)
  t.ok(done.events > 20)
  t.equal(done.unsealed.count, 0)
  t.match(await seal(service.db, store, tenant), { isDone: true, events: 0 })
  console.log(await service.sql('select size, note, watermark from audit.checkpoint'))
  for await (const note of store.all(service.tenantId, 'checkpoints')) console.log(note)
  for await (const note of store.all(service.tenantId, 'keys')) console.log(note)
})
