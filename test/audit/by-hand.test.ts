import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import { appClient } from '../harness/app-login.ts'
import { sealAll } from '../harness/seal.ts'
import { startTestService } from '../harness/service.ts'

t.test('whoever has the application’s login and writes events by hand stops no sealing, and is named', async (t) => {
  const service = await startTestService(t)
  const { db, request, sql, tenantId } = service
  const store = new CheckpointFiles(service.config.checkpointDir)
  const tenant = { tenantId, region: 'default' }
  const client = await appClient(t, service)
  const { id: contactId } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const [shape] = await sql('SELECT shape_id FROM audit.event WHERE tenant_id = $1 AND counts IS NULL LIMIT 1', [
    tenantId,
  ])
  const good: Record<string, unknown> = {
    tenant_id: tenantId,
    actor_kind: 'member',
    action: 'read',
    resource: 'contacts',
    shape_id: shape?.shape_id,
    ids: [contactId],
    row_count: 1,
    outcome: 'allowed',
  }
  const insert = async (odd: Record<string, unknown>): Promise<string> => {
    const row: Record<string, unknown> = { event_id: randomUUID(), ...good, ...odd }
    await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`)
    const names = Object.keys(row)
    try {
      await client.query(
        `INSERT INTO audit.event (${names.join()}) VALUES (${names.map((_, i) => `$${i + 1}`).join()})`,
        Object.values(row),
      )
      await client.query('COMMIT')
    } finally {
      await client.query('ROLLBACK')
    }
    return String(row.event_id)
  }
  const verify = async (): Promise<Map<string | null, string>> => {
    const faults = new Map<string | null, string>()
    const run: Parameters<typeof verifyTenant>[0]['run'] = (work) => db.sealed(tenant, work)
    await verifyTenant({ tenantId, store, run, fault: (one) => faults.set(one.eventId, one.text) })
    return faults
  }
  await sealAll(service)
  t.same([...(await verify())], [], 'nothing is wrong before')

  const [twin] = await sql<{ event_id: string }>('SELECT event_id FROM audit.leaf WHERE tenant_id = $1 LIMIT 1', [
    tenantId,
  ])
  const deep = `${'['.repeat(3_000)}${']'.repeat(3_000)}`
  const odd = {
    'an id that another event has': await insert({ event_id: twin?.event_id }),
    'an id that comes twice in one portion': await insert({ event_id: contactId }),
    'and the second of them': await insert({ event_id: contactId }),
    'an unknown shape': await insert({ shape_id: randomUUID() }),
    'a NULL among ciphertexts': await insert({ change_subjects: [contactId], sealed_changes: [null] }),
    'ciphertexts in rows': await insert({ sealed_changes: '{{"\\\\x01","\\\\x02"}}' }),
    'the same contact twice': await insert({ ids: [contactId, contactId], counts: [0] }),
  }
  for (const [what, wrong] of [
    ['no id', { ids: [null] }],
    ['ids in rows', { ids: `{{${contactId}}}` }],
    ['no count', { counts: [null] }],
    ['a query of great depth', { query: deep }],
    ['a long text', { request_id: 'x'.repeat(1_000) }],
  ] as const)
    await t.rejects(insert(wrong), { code: '23514' }, `${what} is not taken at all`)
  for (const wrong of [
    '{}',
    '[1]',
    '[[]]',
    '[{"resource":"contacts"}]',
    '[{"resource":"x","shown":[1],"masked":[]}]',
  ]) {
    await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`)
    const shaped = client.query(
      `INSERT INTO audit.shape SELECT $1::uuid, audit.shape_id(s), s FROM (SELECT $2::jsonb) AS w(s)`,
      [tenantId, wrong],
    )
    await t.rejects(shaped, { code: '23514' }, `${wrong} is no shape`)
    await client.query('ROLLBACK')
  }

  await request('GET', '/v1/contacts')
  await sealAll(service)
  await request('GET', '/v1/contacts')
  await sealAll(service)
  const [open] = await sql(
    'SELECT count(*)::int AS n FROM audit.event AS e WHERE NOT EXISTS (SELECT FROM audit.leaf AS l WHERE l.event_id = e.event_id)',
  )
  t.equal(open?.n, 0, 'all is sealed')
  const faults = await verify()
  for (const [what, id] of Object.entries(odd)) t.ok(faults.has(id), what, { found: faults.get(id) ?? null })
  t.equal(faults.size, new Set(Object.values(odd)).size, 'and nothing else is named', { faults: [...faults] })

  for (const path of [
    '/v1/audit-events?limit=100',
    '/v1/audit-events/export',
    `/v1/contacts/${contactId}/access-report`,
  ])
    t.equal((await request('GET', path)).status, 200, `${path} answers all the same`)
  for (const [what, id] of Object.entries(odd)) {
    t.equal((await request('GET', `/v1/audit-events/${id}`)).status, 200, what)
    t.equal((await request('GET', `/v1/audit-events/${id}/proof`)).status, 200, `the proof of ${what}`)
  }
})
