import { randomUUID } from 'node:crypto'
import t from 'tap'
import { hasty, type Lanes, said, startLanes, statuses, texts } from './lanes.ts'

t.test('an event that fails holds its successors, then is set aside, and they pass', async (t) => {
  const lanes = await startLanes(t)
  const { service, connector, waiting, run } = lanes
  const { send } = await connector()
  await poison(service)
  await send(said('before'), said('poison'), said('after'), said('other', { from: { value: 'bob' } }))
  const patient = { ...hasty, failureDelaysMs: [60_000, 0, 0, 0] }
  for (const lane of await waiting()) await run(lane, patient)
  t.same(await statuses(service), ['processed', 'stored', 'stored', 'processed'], 'other lanes do not wait')
  t.match(await texts(service), ['before', 'other'])
  const [lane] = await waiting()
  if (!lane) throw new Error('no lane')
  await run(lane, patient)
  t.same(await statuses(service), ['processed', 'stored', 'stored', 'processed'], 'nor does a new job end the hold')
  const [timer] = await service.sql<{ ms: number }>(
    `SELECT extract(epoch FROM run_at - now()) * 1000 AS ms FROM graphile_worker.jobs WHERE key LIKE 'normalise/%/%/%'`,
  )
  t.ok(Number(timer?.ms) > 50_000, 'a job is due when it is to be tried again')
  const { data } = await service.request('GET', '/v1/inbound-events?status=stored&sort=occurredAt')
  t.match(data[0], { attempts: 1, reason: 'database_P0001' })
  t.match(data[1], { attempts: 0, reason: null })
  await service.sql('UPDATE app.inbound_event SET retry_at = now()')
  await lanes.drain()
  t.same(await statuses(service), ['processed', 'failed', 'processed', 'processed'])
  t.same(await texts(service), ['before', 'other', 'after'])
  t.match((await service.request('GET', '/v1/inbound-events?status=failed')).data, [
    { attempts: 5, reason: 'database_P0001' },
  ])
  t.notMatch(service.logs.join(''), /poison|Ada/)
  await service.sql('DROP TRIGGER poison ON app.message')
  await service.request('POST', `/v1/inbound-events/${data[0]?.id}/replay`)
  await lanes.drain()
  t.same(await statuses(service), ['processed', 'processed', 'processed', 'processed'], 'it can be replayed')
})

t.test('nothing of an event that fails stays, and those beside it lose nothing', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await poison(service)
  const from = { value: 'eve', displayName: 'Eve', email: 'eve@example.com' }
  await send(said('poison', { from }))
  for (let i = 0; i < 30; i++) await send(said(i === 17 ? 'poison' : `text ${i}`))
  await drain({ ...hasty, failureDelaysMs: [] })
  t.equal((await service.request('GET', '/v1/contacts?displayName=Eve')).data.length, 0)
  t.same(await service.sql(`SELECT FROM app.identity WHERE match_value = 'eve@example.com'`), [])
  t.equal((await texts(service)).length, 29)
  t.match((await service.request('GET', '/v1/conversations')).data, [{ unreadCount: 29 }])
})

t.test('what cannot be opened or understood is kept as failed, with its reason', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send } = await connector()
  await send(said('one'), said('two'), said('three'))
  const [first, second] = await service.sql<{ id: string }>('SELECT id FROM app.inbound_event ORDER BY sequence')
  await service.sql(`UPDATE app.inbound_event SET sealed_payload = '\\x0102' WHERE id = $1`, [first?.id])
  await service.sql(`UPDATE app.inbound_event SET type = 'smoke-signals' WHERE id = $1`, [second?.id])
  await drain()
  t.match((await service.request('GET', '/v1/inbound-events?sort=occurredAt')).data, [
    { status: 'failed', reason: 'payload_unreadable', attempts: 1 },
    { status: 'failed', reason: 'channel_type_unknown', attempts: 1 },
    { status: 'processed', reason: null },
  ])
})

t.test('a person on the suppression list does not become a contact, and nothing of the event stays', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send, id } = await connector()
  const keys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  const list = async (value: string, reason: string) =>
    service.sql('INSERT INTO app.suppression (tenant_id, identifier_hash, reason) VALUES ($1, $2, $3)', [
      service.tenantId,
      keys.hash('identifier', value),
      reason,
    ])
  await list(`connector\0${id}\0erased`, 'erased')
  await list('phone\0\0+4915112345678', 'erased')
  await list(`connector\0${id}\0doubtful`, 'review')
  await send(
    said('a', { from: { value: 'erased' } }),
    said('b', { from: { value: 'new', phone: '+49 151 12345678' } }),
    said('c', { from: { value: 'doubtful' } }),
    said('d', { from: { value: 'welcome' } }),
  )
  await drain()
  t.match((await service.request('GET', '/v1/inbound-events?sort=occurredAt')).data, [
    { status: 'suppressed', contactId: null },
    { status: 'suppressed', contactId: null },
    { status: 'failed', reason: 'intake_review' },
    { status: 'processed' },
  ])
  t.match(
    await service.sql(
      'SELECT sealed_payload IS NULL AND length(lane) = 0 AS gone FROM app.inbound_event ORDER BY sequence',
    ),
    [{ gone: true }, { gone: true }, { gone: false }, { gone: false }],
  )
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 1)
})

/** Has the database refuse messages with this text. */
async function poison(service: Lanes['service']): Promise<void> {
  const name = `poison_${randomUUID().replaceAll('-', '')}`
  await service.sql(`CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.text = 'poison' THEN RAISE EXCEPTION 'Ada said poison'; END IF; RETURN NEW; END $$`)
  await service.sql(`CREATE TRIGGER poison BEFORE INSERT ON app.message FOR EACH ROW EXECUTE FUNCTION ${name}()`)
}
