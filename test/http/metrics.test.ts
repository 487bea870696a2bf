import pg from 'pg'
import t from 'tap'
import { tellSealing } from '../../src/telemetry.ts'
import { serverUrl } from '../harness/database.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { post, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'

const token = 'a-token-for-the-metrics'

/** A scrape from an address, as Prometheus does it. */
const scrape = (service: TestService, headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') =>
  service.app.inject({ url: '/metrics', headers, remoteAddress })

/** The values of a metric, by their labels. */
function values(text: string, name: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return new Map(
    lines.map((line) => {
      const [, labels = '', value] = /^[\w:]+(\{.*\})? (\S+)$/.exec(line) ?? []
      return [labels.replaceAll(/[{}"]/g, ''), Number(value)]
    }),
  )
}

t.test('without a token only this machine itself is answered', async (t) => {
  const service = await startTestService(t)
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
    t.equal((await scrape(service, {}, address)).statusCode, 200, address)
  for (const address of ['10.0.0.1', '203.0.113.7', '::ffff:10.0.0.1', '2001:db8::1', '1127.0.0.1'])
    t.equal((await scrape(service, {}, address)).statusCode, 403, address)
  for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
    t.equal((await scrape(service, { [header]: '127.0.0.1' })).statusCode, 403, `through a proxy: ${header}`)
  t.equal((await scrape(service, { 'x-forwarded-for': '127.0.0.1' }, '203.0.113.7')).statusCode, 403)
})

t.test('a proxy that is trusted does not make anybody local', async (t) => {
  const service = await startTestService(t, { env: { TRUSTED_PROXIES: '10.0.0.0/8' } })
  t.equal((await scrape(service, { 'x-forwarded-for': '127.0.0.1' }, '10.0.0.1')).statusCode, 403)
})

t.test('with a token whoever has it is answered, from anywhere, and nobody else', async (t) => {
  const service = await startTestService(t, { env: { METRICS_TOKEN: token } })
  t.equal((await scrape(service, { authorization: `Bearer ${token}` }, '203.0.113.7')).statusCode, 200)
  for (const authorization of ['', `Bearer ${token}x`, `Basic ${token}`, `Bearer ${service.ownerToken}`]) {
    const answer = await scrape(service, { authorization })
    t.equal(answer.statusCode, 401, authorization)
    t.notOk(answer.body.includes('custodia_'))
  }
})

t.test('it is no part of the document, and a scrape is quick and plain text', async (t) => {
  const service = await startTestService(t)
  t.notOk((await service.request('GET', '/openapi.json')).text.includes('/metrics'))
  const answer = await scrape(service)
  t.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  for (const name of [
    'custodia_http_request_duration_seconds_bucket',
    'custodia_database_connections',
    'custodia_database_up',
    'nodejs_eventloop_lag_seconds',
    'process_resident_memory_bytes',
  ])
    t.ok(values(answer.body, name).size > 0, name)
  t.equal(values((await scrape(service)).body, 'custodia_database_up').get(''), 1)
})

t.test('how far the sealing of the audit is behind is told', async (t) => {
  const service = await startTestService(t)
  tellSealing({ unsealed: 7, lagSeconds: 12.5, checkpoints: 2 })
  tellSealing({ unsealed: 3, lagSeconds: 1.5, checkpoints: 1 })
  const { body } = await scrape(service)
  t.equal(values(body, 'custodia_audit_unsealed_events').get(''), 3)
  t.equal(values(body, 'custodia_audit_sealing_lag_seconds').get(''), 1.5)
  t.equal(values(body, 'custodia_audit_checkpoints_total').get(''), 3)
})

t.test('requests, refusals, inbound events and jobs are counted', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const agent = await service.member('agent')
  await request('GET', '/v1/contacts')
  await request('GET', '/v1/contacts/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11')
  await request('GET', '/v1/roles', { token: agent.token })
  await request('GET', '/v1/contacts', { token: null })
  await request('GET', '/nowhere/anna@example.com')
  const channel = await request('POST', '/v1/channels', { body: whatsappChannel() })
  const body = whatsappPost([{ id: 'wamid.1', text: 'hello' }])
  await post(service, channel.id, body)
  await post(service, channel.id, body)

  const { body: text } = await scrape(service)
  const counts = values(text, 'custodia_http_request_duration_seconds_count')
  t.equal(counts.get('method=GET,route=/v1/contacts,status=200'), 1)
  t.equal(counts.get('method=GET,route=/v1/contacts,status=401'), 1)
  t.equal(counts.get('method=GET,route=/v1/contacts/:id,status=404'), 1)
  t.equal(counts.get('method=GET,route=none,status=404'), 1)
  const denials = values(text, 'custodia_audit_denials_total')
  t.same(Object.fromEntries(denials), {
    'action=read,resource=contacts,status=404': 1,
    'action=read,resource=roles,status=403': 1,
  })
  const [audited] = await service.sql("SELECT count(*)::int AS n FROM audit.readable_event WHERE outcome = 'denied'")
  t.equal(
    [...denials.values()].reduce((sum, one) => sum + one, 0),
    audited?.n,
    'as many as the audit has',
  )
  const events = values(text, 'custodia_inbound_events_total')
  t.ok((events.get('status=stored') ?? 0) >= 1)
  t.ok((events.get('status=duplicate') ?? 0) >= 1)
  t.equal(values(text, 'custodia_jobs').get('task=normalise,state=ready'), 1)
  t.ok((values(text, 'custodia_jobs_oldest_seconds').get('task=normalise') ?? -1) >= 0)
})

t.test('no label holds an id, an address or anybody’s value', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request } = service
  const contact = await request('POST', '/v1/contacts', {
    body: { displayName: 'Zaphod', email: 'zaphod@example.com', phone: '+4917012345678' },
  })
  await request('GET', `/v1/contacts/${contact.id}`)
  await request('GET', '/v1/contacts?email=zaphod@example.com')
  await request('GET', '/v1/zaphod@example.com/+4917012345678')
  await request('GET', `/v1/conversations/${contact.id}/messages`)
  const channel = await request('POST', '/v1/channels', { body: whatsappChannel() })
  await post(service, channel.id, whatsappPost([{ id: 'wamid.zaphod', text: 'zaphod was here' }]))
  for (let i = 0; i < 100 && (await request('GET', '/v1/conversations')).data.length === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 50))
  const { body } = await scrape(service)
  // Without the numbers, which may look like anything.
  const labels = body.replaceAll(/ [^ ]+$/gm, '')
  t.ok(labels.includes('route="/v1/contacts/:id"'))
  t.notMatch(labels, /zaphod|@example|\+49|4917|4915/i)
  t.notMatch(labels, /[0-9a-f]{8}-[0-9a-f]{4}-/)
  t.ok((values(body, 'custodia_inbound_events_total').get('status=processed') ?? 0) >= 1)
})

t.test('while the database is away a scrape says so', async (t) => {
  const service = await startTestService(t)
  const [database] = await service.sql<{ name: string }>('SELECT current_database() AS name')
  const superuser = new pg.Client({ connectionString: serverUrl() })
  await superuser.connect()
  await superuser.query(`ALTER DATABASE ${database?.name} ALLOW_CONNECTIONS false`)
  await superuser.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database?.name])
  await superuser.end()
  const answer = await scrape(service)
  t.equal(answer.statusCode, 200)
  t.equal(values(answer.body, 'custodia_database_up').get(''), 0)
  t.equal(values(answer.body, 'custodia_jobs').size, 0)
})
