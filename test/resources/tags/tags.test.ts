import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('a tag that is renamed is renamed on whoever carries it, and each of them is on record', async (t) => {
  const { request, sql } = await startTestService(t)
  const made = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', tags: ['vip', 'new'] } })
  const unit = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const other = await request('POST', '/v1/contacts', {
    body: { displayName: 'Bea', tags: ['vip'], businessUnitId: unit },
  })
  await request('POST', '/v1/contacts', { body: { displayName: 'Cem', tags: ['new'] } })
  const [tag] = (await request('GET', '/v1/tags?name=vip')).data
  const renamed = await request('PATCH', `/v1/tags/${tag?.id}`, { body: { name: 'gold' } })
  t.equal(renamed.status, 200, renamed.text)
  t.match((await request('GET', `/v1/contacts/${made.id}`)).body, { tags: ['gold', 'new'], version: 2 })
  t.match((await request('GET', `/v1/contacts/${other.id}`)).body, { tags: ['gold'], version: 2 })
  const [event] = await sql<{ touched: unknown; subject_ids: string[]; row_count: number }>(
    'SELECT touched, subject_ids::text[] AS subject_ids, row_count FROM audit.readable_event WHERE request_id = $1',
    [renamed.headers['request-id']],
  )
  t.match(event?.touched, [
    { resource: 'tags', ids: [tag?.id] },
    { resource: 'contacts', ids: { length: 2 }, changed: ['tags'], version: 2 },
  ])
  t.equal(event?.row_count, 1)
  t.same(event?.subject_ids.sort(), [made.id, other.id].sort())
})

t.test('a tag is not renamed by halves: by those who see every business unit, or not at all', async (t) => {
  const { request, member } = await startTestService(t)
  const contact = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', tags: ['vip'] } })
  const [tag] = (await request('GET', '/v1/tags?name=vip')).data
  const { token } = await member('manager')
  const path = `/v1/tags/${tag?.id}`
  t.equal((await request('PATCH', path, { token, body: { name: 'gold' } })).status, 403)
  t.same((await request('GET', `/v1/contacts/${contact.id}`)).body, contact.body)
  t.equal((await request('PATCH', path, { token, body: { name: 'vip', color: '#e11d48' } })).status, 200)
})

t.test('a tag that is used for the first time is on record as made, behind what it was made for', async (t) => {
  const { request, sql } = await startTestService(t)
  await request('POST', '/v1/tags', { body: { name: 'known' } })
  const made = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', tags: ['known', 'new'] } })
  const [tag] = (await request('GET', '/v1/tags?name=new')).data
  const [event] = await sql('SELECT touched FROM audit.readable_event WHERE request_id = $1', [
    made.headers['request-id'],
  ])
  t.match(event?.touched, [
    { resource: 'contacts', ids: [made.id] },
    { resource: 'tags', ids: [tag?.id], changed: ['name'], version: 1 },
  ])
})
