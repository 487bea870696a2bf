import t from 'tap'
import { createHttpClient } from '../../src/channels/http-client.ts'
import { maintain } from '../../src/delivery/maintenance.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { post, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'

t.test('what has served its purpose goes, what has not stays', async (t) => {
  const service = await startTestService(t)
  const { sql, tenantId, request } = service
  await request('POST', '/v1/tags', { body: { name: 'old' }, headers: { 'idempotency-key': 'old' } })
  await sql(`UPDATE app.idempotency SET created_at = now() - interval '25 hours'`)
  await request('POST', '/v1/tags', { body: { name: 'new' }, headers: { 'idempotency-key': 'new' } })
  await sql(`INSERT INTO directory.login_attempt VALUES ('\\x01', 3, now() - interval '2 days'), ('\\x02', 3, now())`)
  const session = await service.login('owner@example.com')
  const gone = await service.member('agent')
  await sql(`UPDATE app.refresh_token SET created_at = now() - interval '90 days'`)
  await sql(`UPDATE app.session SET ended_at = now() - interval '61 days' WHERE member_id = $1`, [gone.id])
  const [before] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM app.refresh_token')
  await run(service, t)
  t.equal((await sql('SELECT FROM app.idempotency')).length, 1)
  // Whoever logs in leaves a row too.
  t.same(await sql(`SELECT subject_hash FROM directory.login_attempt WHERE subject_hash IN ('\\x01', '\\x02')`), [
    { subject_hash: Buffer.from([2]) },
  ])
  t.equal(
    (await sql('SELECT FROM app.refresh_token')).length,
    (before?.n ?? 0) - 1,
    'only those of the session that ended long ago',
  )
  t.equal(
    (await request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken: session.refreshToken } }))
      .status,
    200,
  )
  const events = (await request('GET', '/v1/audit-events?resource=tenants&action=delete')).data
  t.match(
    events.map((one) => one.actor),
    [{ kind: 'system' }, { kind: 'system' }],
  )
  t.match(events[0]?.touched, [{ ids: [tenantId] }])
  await run(service, t)
  t.equal(
    (await request('GET', '/v1/audit-events?resource=tenants&action=delete')).data.length,
    2,
    'nothing to do, nothing on record',
  )
})

t.test('the partitions of the coming months are there', async (t) => {
  const service = await startTestService(t)
  await run(service, t)
  const month = new Date()
  month.setUTCDate(1)
  month.setUTCMonth(month.getUTCMonth() + 3)
  const name = `audit.event_${month.toISOString().slice(0, 7).replace('-', '_')}`
  t.match(await service.sql('SELECT to_regclass($1) IS NOT NULL AS made', [name]), [{ made: true }])
})

t.test('a lane whose job was lost gets another, an unrouted event its channel', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  const second = await request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId: '2' }) })
  await post(service, id, whatsappPost([{ id: 'wamid.1', text: 'a' }]))
  await post(service, id, whatsappPost([{ id: 'wamid.2', text: 'b' }], '2'))
  await sql(`UPDATE app.inbound_event SET received_at = now() - interval '10 minutes'`)
  await sql(
    `UPDATE app.inbound_event SET status = 'unrouted', channel_id = NULL, business_unit_id = NULL WHERE channel_id = $1`,
    [second.id],
  )
  await sql('DELETE FROM graphile_worker._private_jobs')
  await run(service, t)
  const jobs = await sql('SELECT task_identifier AS task FROM graphile_worker.jobs ORDER BY 1')
  t.same(jobs, [{ task: 'normalise' }, { task: 'route' }])
})

t.test('raw events that led to nobody expire; the others and the waiting ones stay', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  await post(service, id, whatsappPost(Array.from({ length: 3 }, (_, i) => ({ id: `wamid.${i}`, text: 'a' }))))
  await sql(`UPDATE app.inbound_event SET received_at = now() - interval '91 days'`)
  await sql(`UPDATE app.inbound_event SET status = 'ignored' WHERE sequence > 1`)
  await sql(`UPDATE app.inbound_event SET received_at = now() - interval '89 days' WHERE sequence = 3`)
  await run(service, t)
  const rows = await sql('SELECT sealed_payload IS NOT NULL AS kept FROM app.inbound_event ORDER BY sequence')
  t.same(rows, [{ kept: true }, { kept: false }, { kept: true }])
})

async function run(service: TestService, t: { teardown(end: () => Promise<void>): unknown }): Promise<void> {
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  const { db, config, log } = service
  await maintain({ db, http, config, log }, {}, { attempts: 1, maxAttempts: 25 })
}
