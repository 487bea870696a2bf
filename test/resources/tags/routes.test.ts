import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('tags join the catalogue when they are first used, and carry their new name everywhere', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const anna = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', tags: ['vip', 'new'] } })
  const bea = await request('POST', '/v1/contacts', { body: { displayName: 'Bea', tags: ['new'] } })
  const { data } = await request('GET', '/v1/tags?sort=name')
  t.same(
    data.map((tag) => tag.name),
    ['new', 'vip'],
  )
  t.equal((await request('POST', '/v1/tags', { body: { name: 'vip' } })).status, 409)
  const vip = data.find((tag) => tag.name === 'vip')
  const etag = (await request('GET', `/v1/contacts/${anna.id}`)).headers.etag
  const renamed = await request('PATCH', `/v1/tags/${vip?.id}`, { body: { name: 'VIP', color: '#e11d48' } })
  t.match([renamed.status, renamed.body], [200, { name: 'VIP', color: '#e11d48' }])
  t.same((await request('GET', `/v1/contacts/${anna.id}`)).body.tags, ['VIP', 'new'])
  t.not((await request('GET', `/v1/contacts/${anna.id}`)).headers.etag, etag)
  t.same((await request('GET', `/v1/contacts/${bea.id}`)).body.tags, ['new'])
  const [event] = await service.sql('SELECT touched, subject_ids FROM audit.readable_event WHERE request_id = $1', [
    renamed.headers['request-id'],
  ])
  t.match(event, { subject_ids: [anna.id] }, 'whose contact carries it is concerned')
  t.equal(
    (await request('PATCH', `/v1/tags/${vip?.id}`, { body: { name: 'new' } })).status,
    409,
    'not the name of another',
  )
  t.same((await request('GET', `/v1/contacts/${anna.id}`)).body.tags, ['VIP', 'new'], 'and then nobody’s tags change')
  for (const color of ['red', '#fff', '#gggggg', 'url(x)'])
    t.equal((await request('PATCH', `/v1/tags/${vip?.id}`, { body: { color } })).status, 400, color)
})
