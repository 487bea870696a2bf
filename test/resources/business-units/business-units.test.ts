import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('a business unit names who is responsible, and never moves', async (t) => {
  const { request, member } = await startTestService(t)
  const [first] = (await request('GET', '/v1/business-units')).data
  t.match(first, { isDefault: true, region: 'default' })
  const made = await request('POST', '/v1/business-units', {
    body: { name: 'Outdoor', legalEntity: 'Outdoor GmbH', establishmentCountry: 'DE' },
  })
  t.match([made.status, made.body], [201, { name: 'Outdoor', region: 'default', isDefault: false }])
  const path = `/v1/business-units/${made.id}`
  t.equal((await request('PATCH', path, { body: { region: 'eu' } })).status, 400, 'the region is set once')
  t.equal(
    (await request('POST', '/v1/business-units', { body: { name: 'x', region: 'mars' } })).status,
    422,
    'and is one that exists',
  )
  t.equal((await request('PATCH', path, { body: { isDefault: true } })).status, 400)
  t.equal((await request('PATCH', path, { body: { name: 'Outdoors' } })).status, 200)
  t.equal((await request('DELETE', `/v1/business-units/${first?.id}`)).status, 409, 'the first stays')
  const one = await member('agent', { businessUnitIds: [made.id] })
  t.equal((await request('DELETE', path)).status, 409, 'one that somebody is in stays')
  const anna = await request('POST', '/v1/contacts', { token: one.token, body: { displayName: 'Anna' } })
  t.match(anna.body, { businessUnitId: made.id }, 'a new contact is in the unit of its maker')
  t.match(
    (await request('POST', '/v1/contacts', { body: { displayName: 'Bea' } })).body,
    { businessUnitId: first?.id },
    'in the first one where nothing is said',
  )
})
