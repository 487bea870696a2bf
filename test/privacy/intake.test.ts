import t from 'tap'
import { said, startLanes } from '../delivery/lanes.ts'
import { whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'

t.test('whoever was erased with suppression does not come back by another form of the same address', async (t) => {
  const lanes = await startLanes(t)
  const { service, drain } = lanes
  const { request, sql } = service
  const channel = await lanes.whatsapp(whatsappChannel().settings)
  const connector = await lanes.connector()
  const write = (from: string, id: string) => channel.send(whatsappPost([{ id, text: 'hello', from }]))
  await write('5511987654321', 'a1')
  await connector.send(said('hello', { from: { value: 'ada', email: 'Ada+News@Example.com', displayName: 'Ada' } }))
  await drain()
  for (const { id } of (await request('GET', '/v1/contacts')).data) {
    const answer = await request('POST', `/v1/contacts/${id}/erase`, {
      body: { reason: 'asked for it', suppress: true },
    })
    t.match([answer.status, answer.body.suppressed], [200, true])
  }
  const kept = async () => (await sql('SELECT FROM app.inbound_event WHERE sealed_payload IS NOT NULL')).length
  const known = async () => (await request('GET', '/v1/contacts')).data.length

  await write('551187654321', 'a2')
  await connector.send(
    said('hello', { from: { value: 'bob', kind: 'phone', phone: '+55 11 98765-4321' } }),
    said('hello', { from: { value: 'new-1', email: 'ada+news@example.com' } }),
    said('hello', { from: { value: 'new-2', email: 'ADA@example.com' } }),
    said('hello', { from: { value: 'new-3', email: 'ada+other@example.com' } }),
  )
  await drain()
  t.equal(await known(), 0)
  t.equal(await kept(), 0, 'nothing of it is kept')
  const rows = await sql<{ status: string; contact: unknown; hash: number }>(
    `SELECT status, contact_id AS contact, length(dedupe_hash) AS hash FROM app.inbound_event ORDER BY sequence DESC LIMIT 5`,
  )
  t.ok(rows.every((row) => row.status === 'suppressed' && row.contact === null && row.hash > 0))
  const before = (await sql('SELECT FROM app.inbound_event')).length
  await write('551187654321', 'a2')
  t.equal((await sql('SELECT FROM app.inbound_event')).length, before, 'and a redelivery is recognised')

  await write('5511987654322', 'a3')
  await connector.send(said('hello', { from: { value: 'new-4', email: 'adam@example.com' } }))
  await drain()
  t.equal(await known(), 2, 'others are taken in')
})

t.test('an address that a person is to decide about is kept and made nobody', async (t) => {
  const lanes = await startLanes(t)
  const { service, drain } = lanes
  const { send } = await lanes.connector()
  await send(said('hello', { from: { value: 'ada' } }))
  await drain()
  const [ada] = (await service.request('GET', '/v1/contacts')).data
  await service.request('POST', `/v1/contacts/${ada?.id}/erase`, { body: { reason: 'asked', suppress: true } })
  await service.sql(`UPDATE app.suppression SET reason = 'review'`)
  await send(said('again', { from: { value: 'ada' } }))
  await drain()
  const [row] = await service.sql(
    `SELECT status, reason, sealed_payload IS NOT NULL AS kept FROM app.inbound_event ORDER BY sequence DESC LIMIT 1`,
  )
  t.same(row, { status: 'failed', reason: 'intake_review', kept: true })
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 0)
})
