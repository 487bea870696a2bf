import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('the audit answers who did what to whom', async (t) => {
  const service = await startTestService(t)
  const { request, member, ownerId } = service
  const start = new Date().toISOString()
  const anna = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', phone: '+4917012345678' } })
  const bea = await request('POST', '/v1/contacts', { body: { displayName: 'Bea' } })
  const agent = await member('agent')
  const purpose = { 'custodia-purpose': 'support' }
  const read = await request('GET', `/v1/contacts/${anna.id}`, { token: agent.token, headers: purpose })
  await request('GET', '/v1/contacts', { token: agent.token })
  const refused = await request('DELETE', `/v1/contacts/${anna.id}`, { token: agent.token })
  t.equal(refused.status, 403)
  const middle = new Date().toISOString()
  await request('PATCH', `/v1/contacts/${bea.id}`, { body: { company: 'Quokka' } })

  const ask = async (query: string) => (await request('GET', `/v1/audit-events?limit=200&${query}`)).data
  const [one] = await ask(`requestId=${read.headers['request-id']}`)
  t.match(one, {
    actor: { kind: 'member', id: agent.id },
    onBehalfOf: null,
    action: 'read',
    resource: 'contacts',
    touched: [{ resource: 'contacts', ids: [anna.id], masked: ['email', 'phone'] }],
    subjectIds: [anna.id],
    rowCount: 1,
    outcome: 'allowed',
    purpose: 'support',
    requestId: read.headers['request-id'],
    ip: '127.0.0.1',
  })
  t.match(await ask(`requestId=${refused.headers['request-id']}`), [
    { action: 'delete', outcome: 'denied', code: 'forbidden', touched: [{ ids: [anna.id] }] },
  ])
  const actions = async (query: string): Promise<unknown[]> => (await ask(query)).map((event) => event.action)
  t.same(await actions(`subjectId=${bea.id}`), ['update', 'read', 'create'], 'newest first')
  t.same(await actions(`subjectId=${anna.id}&outcome=allowed`), ['read', 'read', 'create'])
  t.same(await actions(`recordId=${anna.id}`), ['delete', 'read', 'read', 'create'], 'by record, refused attempts too')
  t.same(await actions(`actorId=${agent.id}&resource=contacts`), ['delete', 'read', 'read'])
  t.same(await actions(`actorId=${ownerId}&action=update&resource=contacts`), ['update'])
  t.same(await actions(`resource=contacts&from=${middle}`), ['update'])
  t.equal((await ask(`resource=contacts&from=${start}&to=${middle}`)).length, 5)
  t.same(await actions(`subjectId=${randomUUID()}`), [])
  t.same((await request('GET', `/v1/audit-events/${one?.id}`)).body, one)
  const pages = await request('GET', '/v1/audit-events?limit=2')
  t.equal((await request('GET', `/v1/audit-events?limit=2&cursor=${pages.string('nextCursor')}`)).status, 200)

  await t.test('itself is read on record', async (t) => {
    const looked = await request('GET', `/v1/audit-events?subjectId=${anna.id}`)
    t.match(await ask(`requestId=${looked.headers['request-id']}`), [
      { action: 'read', resource: 'audit-events', actor: { id: ownerId } },
    ])
  })
  await t.test('is not written through the API, nor read by those who may not', async (t) => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      t.equal((await request(method, `/v1/audit-events/${one?.id}`, { body: {} })).status, 405, method)
      if (method !== 'POST') t.equal((await request(method, '/v1/audit-events', { body: {} })).status, 405, method)
    }
    for (const name of ['agent', 'sales', 'connector']) {
      const { token } = await member(name)
      t.equal((await request('GET', '/v1/audit-events', { token })).status, 403, name)
      t.equal((await request('GET', `/v1/audit-events/${one?.id}`, { token })).status, 403, name)
    }
    const other = await service.tenant()
    t.equal((await request('GET', `/v1/audit-events/${one?.id}`, { token: other.ownerToken })).status, 404)
    t.same((await request('GET', `/v1/audit-events?subjectId=${anna.id}`, { token: other.ownerToken })).data, [])
  })
  await t.test('holds no value of a person', async (t) => {
    const text = JSON.stringify(await service.sql('SELECT e.*, sealed_note::text FROM audit.readable_event e'))
    // As words of their own: letters of a hash may stand in any order.
    for (const value of ['Anna', 'Bea', '+4917012345678', '12345678', 'Quokka', 'owner@example.com', agent.email])
      t.notMatch(text, new RegExp(`(?<![\\w-])${value.replaceAll(/[+.]/g, '\\$&')}(?![\\w-])`), value)
  })
})
