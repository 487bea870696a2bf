import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { contact, define, made, memberWith } from './fixtures.ts'

const grantsOf = async (service: TestService, id: string) =>
  (await service.request('GET', `/v1/roles/${id}`)).body.grants

t.test('a field that is deleted leaves every role, and a grant whose condition asks about it goes whole', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const field = await define(service, 'size')
  await define(service, 'sizes')
  const name = 'customFields.size'
  const contacts = (more: object) => ({ resource: 'contacts', actions: ['read', 'update'], ...more })
  const lists = await service.role([
    contacts({ fields: { read: ['displayName', name], mask: [name, 'customFields.sizes'], write: [name] } }),
  ])
  const conditions = await service.role([
    contacts({ when: { eq: [name, 'x'] } }),
    contacts({ when: { and: [{ eq: ['country', 'DE'] }, { or: [{ not: { exists: [name, true] } }] }] } }),
    contacts({ when: { eq: ['customFields.sizes', name] } }),
  ])
  const trashed = await service.role([contacts({ fields: { read: [name] } })])
  const untouched = await service.role([contacts({ fields: { read: ['customFields.sizes', 'customFields'] } })])
  await request('DELETE', `/v1/roles/${trashed}`, { headers: { 'if-match': '*' } })

  const deleted = await request('DELETE', `/v1/custom-fields/${field}`)
  t.equal(deleted.status, 204)
  t.same(await grantsOf(service, lists), [
    contacts({ fields: { read: ['displayName'], mask: ['customFields.sizes'], write: [] } }),
  ])
  t.same(await grantsOf(service, conditions), [contacts({ when: { eq: ['customFields.sizes', name] } })])
  await request('POST', `/v1/roles/${trashed}/restore`)
  t.same(await grantsOf(service, trashed), [contacts({ fields: { read: [] } })])
  t.match((await request('GET', `/v1/roles/${untouched}`)).body, { version: 1 })
  t.match((await request('GET', `/v1/roles/${lists}`)).body, { version: 2 })
  const [event] = await sql('SELECT action, touched FROM audit.readable_event WHERE request_id = $1', [
    deleted.headers['request-id'],
  ])
  const touched = (event?.touched ?? []) as { resource: string; ids: string[]; changed?: string[]; version?: number }[]
  t.match(touched[0], { resource: 'custom-fields', ids: [field] })
  const ofRoles = touched.filter(({ resource }) => resource === 'roles')
  t.same(ofRoles.flatMap(({ ids }) => ids).sort(), [lists, conditions, trashed].sort())
  t.ok(ofRoles.every(({ changed }) => changed?.join() === 'grants'))
  t.same(ofRoles.map(({ version }) => version).sort(), [2, 3], 'with the version that each has now')

  await request('POST', `/v1/custom-fields/${field}/restore`)
  t.same(
    await grantsOf(service, lists),
    [contacts({ fields: { read: ['displayName'], mask: ['customFields.sizes'], write: [] } })],
    'no grant comes back with it',
  )
})

t.test('values come back with their field and are not seen through another one of its key', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const first = await define(service, 'size')
  const id = await contact(service, 'Anna', { size: 'old' })
  const token = await memberWith(service, { fields: { read: ['displayName', 'customFields.size'] } })
  const seen = async (asker?: string) =>
    (await request('GET', `/v1/contacts/${id}`, asker ? { token: asker } : {})).body.customFields
  t.same(await seen(token), { size: 'old' })
  await request('DELETE', `/v1/custom-fields/${first}`)
  t.same([await seen(), await seen(token)], [{}, undefined])
  t.equal((await request('GET', '/v1/contacts?customFields.size=old')).status, 400)
  const second = await define(service, 'size', { type: 'number' })
  t.same([await seen(), await seen(token)], [{}, undefined], 'no old value, no old grant')
  await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { size: 42 } } })
  t.same([await seen(), await seen(token)], [{ size: 42 }, undefined])
  await request('DELETE', `/v1/custom-fields/${second}`)
  await request('POST', `/v1/custom-fields/${first}/restore`)
  t.same([await seen(), await seen(token)], [{ size: 'old' }, undefined])
})

t.test('a role that is being written while its field is deleted does not end up with it', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const grants = [{ resource: 'contacts', actions: ['read'], fields: { read: ['displayName', 'customFields.size'] } }]
  const held = JSON.stringify(grants)
  for (let round = 0; round < 6; round++) {
    const field = await define(service, 'size')
    const known = made(await request('POST', '/v1/roles', { body: { name: `known ${round}`, grants: [] } }))
    // All of them have passed their checks of rights by the time that the policy may change.
    const lock = await service.hold('SELECT FROM app.tenant FOR UPDATE')
    const remove = () => request('DELETE', `/v1/custom-fields/${field}`)
    const write = () =>
      Promise.all([
        request('PATCH', `/v1/roles/${known}`, { body: { grants }, headers: { 'if-match': '*' } }),
        request('POST', '/v1/roles', { body: { name: `new ${round}`, grants } }),
      ])
    const isFirst = round % 2 === 0
    const one = isFirst ? remove() : write()
    await service.waiting()
    const other = isFirst ? write() : remove()
    await lock.release()
    const [a, b] = await Promise.all([one, other])
    const [removed, written] = isFirst ? [a, b] : [b, a]
    t.equal((removed as { status: number }).status, 204)
    for (const answer of written as { status: number }[])
      t.ok([200, 201, 422].includes(answer.status), `the role: ${answer.status}`)
    const left = (await request('GET', '/v1/roles?limit=200')).data.filter((role) =>
      JSON.stringify(role.grants).includes('customFields.size'),
    )
    t.same(left, [], `round ${round}: no role holds it`)
  }
  t.ok(held.includes('customFields.size'))
})
