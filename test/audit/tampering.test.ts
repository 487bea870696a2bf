import pg from 'pg'
import t from 'tap'
import { newestOutside } from '../../src/audit/outside.ts'
import { startFault } from '../../src/audit/start-check.ts'
import { type Run, verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { CheckedTables } from '../../src/db/checked-tables.ts'
import { sized } from '../harness/size.ts'
import { Attacker, random } from './attacker.ts'
import { smallLog } from './small-log.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1e9)

t.test('whatever the superuser does to the log is found, and the event is named', async (t) => {
  const { service, tenant, store } = await smallLog(t, 9)
  const { tenantId } = tenant
  const client = new pg.Client({ connectionString: service.ownerUrl })
  await client.connect()
  t.teardown(() => client.end())
  const tables = new CheckedTables(client, tenantId)
  const verify = async (): Promise<Fault[]> => {
    const faults: Fault[] = []
    let before: Promise<unknown> = Promise.resolve()
    const run: Run = (work) => {
      const next = before.then(() => work(tables))
      before = next.catch(() => {})
      return next
    }
    await verifyTenant({ tenantId, store, run, fault: (one) => faults.push(one) })
    await before
    return faults
  }
  t.same(await verify(), [], 'nothing is found where nothing was done')

  const [nodes] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.node')
  t.ok((nodes?.n ?? 0) > 0, 'there are nodes to attack, too')
  const attacker = new Attacker(client, tenantId, random(seed))
  await attacker.learn()
  const cases = sized(60, 10_000)
  const kinds = new Map<string, number>()
  const begun = performance.now()
  const outside = await newestOutside(store, tenantId)
  let missed = 0
  for (let n = 0; n < cases; n++) {
    await client.query('BEGIN; SET LOCAL session_replication_role = replica')
    const attack = await attacker.attack()
    const faults = await verify()
    const named = (id: string): boolean => faults.some((one) => one.eventId === id || one.text.includes(id))
    const isFound = faults.length > 0 && attack.events.every(named)
    const isSeenAtStart = attack.fromLeaf === undefined || (await startFault(tables, store, outside)) !== null
    await client.query('ROLLBACK')
    const kind = attack.what.replaceAll(/[0-9a-f-]{36}|\d+/g, 'n')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (isFound && isSeenAtStart) continue
    missed++
    t.fail(`${attack.what} (seed ${seed}, case ${n})`, { attack, faults: faults.slice(0, 5), isSeenAtStart })
    if (missed > 20) break
  }
  t.comment(`${Math.round((performance.now() - begun) / cases)} ms each`)
  t.equal(missed, 0, `${cases} tamperings of ${kinds.size} kinds, all found and named (seed ${seed})`)
  t.same(await verify(), [], 'and nothing is left of them')
})
