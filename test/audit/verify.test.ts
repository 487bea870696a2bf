import t from 'tap'
import { verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { smallLog } from './small-log.ts'

t.test('a log that nobody has touched has no fault', async (t) => {
  const { service, tenant, store } = await smallLog(t, 8)
  const faults: Fault[] = []
  const report = await verifyTenant({
    tenantId: tenant.tenantId,
    store,
    run: (work) => service.db.sealed(tenant, work),
    fault: (one) => faults.push(one),
  })
  t.same(faults, [])
  const [log] = await service.sql<{ events: number }>('SELECT count(*)::int AS events FROM audit.event')
  t.equal(report.events, log?.events)
  t.ok(report.events > 256)
  t.equal(report.checkpoints, 8)
})
