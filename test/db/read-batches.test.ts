import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../harness/service.ts'

const inUnit = { in: ['businessUnitId', '$me.businessUnitIds'] }

/** A unit with contacts of its own, and a member who sees no others. */
async function unit(service: TestService, name: string) {
  const { id } = await service.request('POST', '/v1/business-units', { body: { name } })
  const role = await service.role([{ resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: inUnit }])
  const member = await service.member(role, { businessUnitIds: [id] })
  const contacts: string[] = []
  for (let i = 0; i < 5; i++) {
    const body = { displayName: `${name} ${i}`, businessUnitId: id }
    contacts.push((await service.request('POST', '/v1/contacts', { body })).id)
  }
  return { name, member, contacts }
}

t.test('reads at the same time share transactions, and each has its own answer and its own event', async (t) => {
  const service = await startTestService(t)
  const units = [await unit(service, 'North'), await unit(service, 'South')]
  const asks = units.flatMap((one) => one.contacts.map((id, i) => ({ ...one, id, i })))
  const all = [...asks, ...asks, ...asks, ...asks].map((ask) => ({ ...ask, requestId: randomUUID() }))
  const read = ({ member, id, requestId }: (typeof all)[number]) =>
    service.request('GET', `/v1/contacts/${id}`, { token: member.token, headers: { 'request-id': requestId } })
  // The second time each statement has its name.
  for (let round = 0; round < 3; round++) {
    for (const ask of all) ask.requestId = randomUUID()
    const answers = await Promise.all(all.map(read))
    for (const [i, { id, name, i: n }] of all.entries())
      t.match(answers[i]?.body, { id, displayName: `${name} ${n}` }, 'its own record')
  }
  const events = await service.sql<{ transaction: string; tenant: string; units: string; ids: string[] }>(
    `SELECT transaction_id::text AS transaction, request_id, ids::text[] AS ids FROM audit.event WHERE request_id = ANY ($1)`,
    [all.map((ask) => ask.requestId)],
  )
  t.equal(events.length, all.length, 'an event for each')
  const byRequest = new Map(events.map((event) => [(event as { request_id?: string }).request_id, event]))
  for (const ask of all) t.same(byRequest.get(ask.requestId)?.ids, [ask.id])
  const shared = Map.groupBy(events, (event) => event.transaction)
  t.ok(shared.size < events.length, `${events.length} events in ${shared.size} transactions`)
  for (const same of shared.values()) {
    const names = new Set(same.map((event) => all.find((ask) => event.ids.includes(ask.id))?.name))
    t.equal(names.size, 1, 'nobody shares with another business unit')
  }
})

t.test('whoever asks beyond its unit at the same time as others sees nothing of theirs', async (t) => {
  const service = await startTestService(t)
  const [north, south] = [await unit(service, 'North'), await unit(service, 'South')]
  const asks = [north, south].flatMap(({ member }) =>
    [...north.contacts, ...south.contacts].map((id) => ({ member, id, own: member === north.member ? north : south })),
  )
  const answers = await Promise.all(
    asks.map(({ member, id }) => service.request('GET', `/v1/contacts/${id}`, { token: member.token })),
  )
  for (const [i, { id, own }] of asks.entries()) t.equal(answers[i]?.status, own.contacts.includes(id) ? 200 : 404)
})

t.test('a read that fails takes none of those with it that shared its transaction', async (t) => {
  const service = await startTestService(t)
  const { contacts } = await unit(service, 'North')
  const poisoned = randomUUID()
  await service.sql(`SET LOCAL custodia.audit_ddl = 'on';
    CREATE FUNCTION audit.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'P0001'; END $$;
    CREATE TRIGGER fail BEFORE INSERT ON audit.event FOR EACH ROW WHEN (NEW.request_id = '${poisoned}') EXECUTE FUNCTION audit.fail()`)
  const asks = Array.from({ length: 24 }, (_, i) => (i % 8 === 3 ? poisoned : randomUUID()))
  const answers = await Promise.all(
    asks.map((requestId, i) =>
      service.request('GET', `/v1/contacts/${contacts[i % contacts.length]}`, { headers: { 'request-id': requestId } }),
    ),
  )
  for (const [i, requestId] of asks.entries()) {
    t.equal(answers[i]?.status, requestId === poisoned ? 503 : 200, requestId)
    if (requestId === poisoned) t.notMatch(answers[i]?.text, /North/, 'no event, no data')
  }
  const events = await service.sql<{ request_id: string }>(
    'SELECT request_id FROM audit.event WHERE request_id = ANY ($1)',
    [asks],
  )
  t.same(
    events.map((event) => event.request_id).sort(),
    asks.filter((one) => one !== poisoned).sort(),
    'one event for each answer, none twice',
  )
})
