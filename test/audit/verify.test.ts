import t from 'tap'
import { formatCheckpoint, originOf } from '../../src/audit/checkpoint-note.ts'
import { signNote } from '../../src/audit/note.ts'
import { watermarkLine } from '../../src/audit/seal.ts'
import { signerOf, timeLine } from '../../src/audit/signing-keys.ts'
import { type Run, verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { sealAll } from '../harness/seal.ts'
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
  const [signed] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.checkpoint')
  t.equal(report.checkpoints, signed?.n)
  t.ok(report.checkpoints >= 8)
})

t.test('what is sealed while the check is under way is no fault, wherever it falls', async (t) => {
  const { service, tenant, store } = await smallLog(t, 2)
  /** A new key, and more events than one node covers. */
  const goOn = async (): Promise<void> => {
    t.equal((await service.request('POST', '/v1/audit/keys')).status, 201)
    await service.sql(
      `INSERT INTO audit.event (tenant_id, event_id, occurred_at, actor_kind, action, resource, shape_id, ids, counts, versions, row_count, outcome)
       SELECT tenant_id, gen_random_uuid(), now(), actor_kind, action, resource, shape_id, ids, counts, versions, row_count, outcome
         FROM (SELECT * FROM audit.event WHERE tenant_id = '${tenant.tenantId}' LIMIT 20) AS e, generate_series(1, 15)`,
    )
    await sealAll(service, store)
  }
  let done = false
  for (let at = 1; !done; at++) {
    const faults: Fault[] = []
    let asked = 0
    const run: Run = async (work) => {
      const mine = ++asked
      const answer = await service.db.sealed(tenant, work)
      if (mine === at) await goOn()
      return answer
    }
    await verifyTenant({ tenantId: tenant.tenantId, store, run, fault: (one) => faults.push(one) })
    t.same(faults, [], `after question ${at}`)
    done = at > 8 && asked < at
  }
  const [nodes] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.node')
  t.ok((nodes?.n ?? 0) > 8)
})

t.test('a retired key signs nothing beyond the size at which it was retired', async (t) => {
  const { service, tenant, store } = await smallLog(t, 1)
  const { tenantId } = tenant
  const { db, request, sql } = service
  const [first] = await db.sealed(tenant, (tables) => tables.keys())
  if (!first) throw new Error('there is no key')
  const secret = await db.sealed(tenant, (tables) => tables.secret())
  const stolen = signerOf(await db.tenantKeys(tenant), first, secret)
  const before = (await db.sealed(tenant, (tables) => tables.newestCheckpoint()))?.size
  await request('POST', '/v1/audit/keys')
  await sealAll(service, store)
  const verify = async (): Promise<string[]> => {
    const faults: string[] = []
    const run: Run = (work) => db.sealed(tenant, work)
    await verifyTenant({ tenantId, store, run, fault: (one) => faults.push(one.text) })
    return faults
  }
  t.same(await verify(), [])

  const newest = await db.sealed(tenant, (tables) => tables.newestCheckpoint())
  if (!newest) throw new Error('there is no checkpoint')
  const { size, rootHash, madeAt } = newest
  const extensions = [timeLine(madeAt), watermarkLine(newest)]
  const note = signNote(formatCheckpoint({ origin: originOf(tenantId), size, rootHash, extensions }), stolen)
  await sql(`BEGIN; SET LOCAL session_replication_role = replica;
    UPDATE audit.checkpoint SET note = '${note}', key_generation = 1 WHERE size = ${size}; COMMIT`)
  const inside = `the checkpoint of ${size} events is signed by key 1, which had signed its last at ${before}`
  t.same(await verify(), [inside], 'in the database')
  await store.append(tenantId, 'checkpoints', [note])
  t.same(await verify(), [inside, inside.replace('events is', 'events outside is')], 'and outside')
})
