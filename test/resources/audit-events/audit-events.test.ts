import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

const read = { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] } }
const readContacts = { resource: 'contacts', actions: ['read', 'restore'], fields: { read: ['*'] } }

/** A contact in each of two business units, and somebody who sees the second unit only. */
async function twoUnits(t: Parameters<typeof startTestService>[0]) {
  const service = await startTestService(t)
  const { request } = service
  const unit = async (name: string) =>
    (await request('POST', '/v1/business-units', { body: { name, region: 'default' } })).id
  const [one, two] = [await unit('One'), await unit('Two')]
  const contact = async (businessUnitId: string, displayName: string) =>
    (await request('POST', '/v1/contacts', { body: { displayName, businessUnitId } })).id
  const [first, second] = [await contact(one, 'Anna'), await contact(two, 'Berta')]
  const roleId = await service.role([read, readContacts])
  const manager = await service.member(roleId, { businessUnitIds: [two] })
  return { service, request, first, second, two, manager }
}

const audit = (service: TestService, token: string, query = '') =>
  service.request('GET', `/v1/audit-events?limit=200${query}`, { token })

t.test('whoever sees one business unit sees no event about another one’s contacts', async (t) => {
  const { service, request, first, second, manager } = await twoUnits(t)
  const both = await request('GET', '/v1/contacts')
  t.equal(both.data.length, 2)
  await request('GET', '/v1/channels')
  t.equal((await request('GET', `/v1/contacts/${first}`, { token: manager.token })).status, 404)
  const seen = await audit(service, manager.token)
  t.equal(seen.status, 200, seen.text)
  const others = seen.data.filter((event) => event.actorId !== manager.id)
  t.notMatch(JSON.stringify(others), new RegExp(first), 'neither alone nor in a list of both')
  t.ok(
    others.some((event) => String(event.subjectIds) === second),
    'what concerns its own unit is there',
  )
  t.notOk(others.some((event) => event.resource === 'channels'))
  t.ok(
    others.some((event) => event.resource === 'roles'),
    'as is what is the whole tenant’s',
  )
  t.ok(
    seen.data.some((event) => event.actorId === manager.id && event.outcome === 'denied'),
    'and what it did itself',
  )

  const all = (await audit(service, service.ownerToken, `&subjectId=${first}`)).data
  const byOthers = all.filter((event) => event.actorId !== manager.id)
  t.ok(byOthers.length >= 2, 'the owner sees all')
  for (const event of byOthers)
    t.equal((await request('GET', `/v1/audit-events/${event.id}`, { token: manager.token })).status, 404)
  const own = [manager.id]
  const named = (await audit(service, manager.token, `&subjectId=${first}`)).data
  t.same(
    named.map((event) => event.actorId),
    own,
    'only its own attempt, which names what was asked for whether it is there or not',
  )
  const searched = await request('POST', '/v1/audit-events/search', {
    token: manager.token,
    body: { where: { eq: ['subjectIds', first] } },
  })
  t.same(
    searched.data.map((event) => event.actorId),
    own,
  )
  const touched = (await audit(service, manager.token, `&recordId=${first}`)).data
  t.same(
    touched.map((event) => event.actorId),
    own,
    'only its own attempt',
  )
})

t.test('a contact that goes to the trash or is gone shows nobody more than before', async (t) => {
  const { service, request, first, second, manager } = await twoUnits(t)
  await request('DELETE', `/v1/contacts/${first}`, { headers: { 'if-match': '*' } })
  await request('DELETE', `/v1/contacts/${second}`, { headers: { 'if-match': '*' } })
  const subjects = async () =>
    JSON.stringify((await audit(service, manager.token)).data.map((event) => event.subjectIds))
  t.notMatch(await subjects(), new RegExp(first))
  t.match(await subjects(), new RegExp(second), 'its own unit’s is still its own')
  // Without the triggers that hold its other records together.
  await service.sql(
    `SET session_replication_role = replica; DELETE FROM app.contact WHERE id IN ('${first}', '${second}'); RESET session_replication_role`,
  )
  t.notMatch(await subjects(), new RegExp(`${first}|${second}`))
  t.ok((await audit(service, service.ownerToken, `&subjectId=${first}`)).data.length > 0)
})

t.test('a field that a role does not see cannot be asked about, nor does its absence break the list', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const narrow = { ...read, fields: { read: ['action', 'outcome'] } }
  const { token } = await service.member(await service.role([narrow]))
  for (const parameter of [
    `recordId=${id}`,
    `subjectId=${id}`,
    `actorId=${id}`,
    'from=2026-01-01T00:00:00Z',
    'to=2026-01-01T00:00:00Z',
  ]) {
    const answer = await request('GET', `/v1/audit-events?${parameter}`, { token })
    t.equal(answer.status, 400, parameter)
    t.match(answer.body.errors, [{ code: 'unknown_field' }], parameter)
  }
  const list = await request('GET', '/v1/audit-events?limit=2', { token })
  t.equal(list.status, 200, list.text)
  t.equal(list.data.length, 2)
  const next = await request('GET', `/v1/audit-events?limit=2&cursor=${list.string('nextCursor')}`, { token })
  t.equal(next.status, 200, next.text)
  t.equal((await request('POST', '/v1/audit-events/search', { token, body: {} })).status, 200)
})

t.test('a role that sees what was touched in some events finds records by those only', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  await request('GET', `/v1/contacts/${id}`)
  const grants = [
    { ...read, fields: { read: ['action'] } },
    { ...read, when: { eq: ['action', 'create'] } },
  ]
  const { token } = await service.member(await service.role(grants))
  const query = `/v1/audit-events?recordId=${id}`
  t.same(
    (await request('GET', query)).data.map((event) => event.action),
    ['read', 'create'],
  )
  t.same(
    (await request('GET', query, { token })).data.map((event) => event.action),
    ['create'],
  )
})
