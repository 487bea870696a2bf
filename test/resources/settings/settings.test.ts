import { randomUUID } from 'node:crypto'
import t from 'tap'
import { erasedResources } from '../../../src/privacy/erase.ts'
import { startTestService } from '../../harness/service.ts'
import { connectorChannel, done, talk } from '../conversations/fixtures.ts'

t.test('settings are seen by whoever reads the audit, and set by whoever administers it', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const settings = (method: string, options: Parameters<typeof request>[2] = {}) =>
    request(method, '/v1/settings', options)
  t.match((await settings('GET')).body, { purposeRequiredFor: [], version: 1 })
  const body = { purposeRequiredFor: ['messages', 'contacts', 'messages'] }
  const first = await settings('PATCH', { body })
  t.match([first.status, first.body], [200, { purposeRequiredFor: ['contacts', 'messages'], version: 2 }])
  t.match((await settings('GET')).body, first.body)
  t.equal((await settings('GET', { headers: { 'if-none-match': String(first.headers.etag) } })).status, 304)
  t.equal((await settings('PATCH', { body: {}, headers: { 'if-match': '"x"' } })).status, 412)
  t.match((await settings('PATCH', { body: {}, headers: { 'if-match': String(first.headers.etag) } })).body, first.body)
  t.match((await settings('PATCH', { body: { purposeRequiredFor: null } })).body, {
    purposeRequiredFor: [],
    version: 3,
  })
  for (const wrong of [{ purposeRequiredFor: ['contacts', 'x'] }, { purposeRequiredFor: 'contacts' }, { color: 'red' }])
    t.equal((await settings('PATCH', { body: wrong })).status, 400)
  const [manager, agent] = [await service.member('manager'), await service.member('agent')]
  t.equal((await settings('GET', { token: manager.token })).status, 200)
  t.equal((await settings('PATCH', { token: manager.token, body })).status, 403)
  t.equal((await settings('GET', { token: agent.token })).status, 403)
  const other = await service.tenant()
  t.match((await settings('PATCH', { token: other.ownerToken, body })).status, 200)
  t.match((await settings('GET')).body, { purposeRequiredFor: [] }, 'each tenant has its own')
  const events = await service.sql(
    `SELECT action, touched FROM audit.readable_event WHERE resource = 'tenants' AND actor_kind = 'member' AND action = 'administer' AND outcome = 'allowed' AND tenant_id = $1 ORDER BY sequence`,
    [service.tenantId],
  )
  const touched = (changed: string[]) => [{ resource: 'tenants', ids: [service.tenantId], changed }]
  t.match(
    events.map((one) => one.touched),
    [touched(['purposeRequiredFor']), touched([]), touched(['purposeRequiredFor'])],
  )
})

t.test('where a tenant demands a purpose, nothing of the resource is seen or touched without one', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const { contactId: id, conversationId } = await talk(service, { channelId, kind: 'connector' }, { name: 'Anna' })
  await request('PATCH', `/v1/contacts/${id}`, { body: { email: 'anna@example.com' } })
  const agent = await service.member('agent')
  const usual = await service.member('agent', { defaultPurpose: 'support' })
  const key = await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [], defaultPurpose: 'crm-sync' } })
  t.equal(key.status, 201)
  // Known before it is demanded: what is kept with its ability must not let it through.
  const paths = [
    `/v1/contacts/${id}`,
    '/v1/contacts',
    '/v1/conversations?include=contact',
    `/v1/conversations/${conversationId}?include=contact`,
    `/v1/contacts/${id}/timeline`,
  ]
  for (const path of paths) t.equal((await request('GET', path, { token: agent.token })).status, 200, path)
  const demand = (purposeRequiredFor: string[]) => request('PATCH', '/v1/settings', { body: { purposeRequiredFor } })
  t.equal((await demand(['contacts'])).status, 200)

  const refused = async (what: string, answer: Awaited<ReturnType<typeof request>>) => {
    t.match([answer.status, answer.code], [403, 'purpose_required'], what)
    t.notMatch(answer.text, /Anna|anna@/, what)
    const [event] = await service.sql('SELECT outcome, code, purpose FROM audit.event WHERE request_id = $1', [
      answer.headers['request-id'],
    ])
    t.same(event, { outcome: 'denied', code: 'purpose_required', purpose: null }, `${what} is on record`)
  }
  const { token } = agent
  for (const path of paths) {
    await refused(`GET ${path}`, await request('GET', path, { token }))
    t.equal(
      (await request('GET', path, { token, headers: { 'x-purpose': 'support' } })).status,
      200,
      `${path} with a purpose`,
    )
    t.equal((await request('GET', path, { token: usual.token })).status, 200, `${path} with a usual one`)
  }
  await refused('a search', await request('POST', '/v1/contacts/search', { token, body: {} }))
  await refused('a creation', await request('POST', '/v1/contacts', { token, body: { displayName: 'Bea' } }))
  await refused('a change', await request('PATCH', `/v1/contacts/${id}`, { token, body: { company: 'ACME' } }))
  await refused(
    'a reveal',
    await request('POST', `/v1/contacts/${id}/reveal`, { token, body: { fields: ['email'], reason: 'x' } }),
  )
  await refused('a deletion', await request('DELETE', `/v1/contacts/${id}`))
  t.same(await service.sql('SELECT display_name, company, state FROM app.contact'), [
    { display_name: 'Anna', company: null, state: 'active' },
  ])
  for (const path of ['/v1/conversations', `/v1/conversations/${conversationId}`, '/v1/tags', '/v1/me'])
    t.equal((await request('GET', path, { token })).status, 200, `${path} is not about contacts`)
  t.equal((await request('GET', '/v1/roles', { token })).code, 'forbidden', 'what is not allowed anyway is just that')

  t.equal((await demand([])).status, 200)
  for (const path of paths) t.equal((await request('GET', path, { token })).status, 200, `${path}, demanded no more`)
})

t.test('that an erasure lacks a purpose does not tell what there is of the person', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const { conversationId, contactId: full } = await talk(service, { channelId, kind: 'connector' }, { name: 'Anna' })
  await done(service, 'POST', `/v1/conversations/${conversationId}/notes`, { text: 'asks for a ring' })
  await done(service, 'PATCH', `/v1/contacts/${full}`, { tags: ['gold'] })
  const { id: empty } = await done(service, 'POST', '/v1/contacts', { displayName: 'Bea' })
  const erase = (id: string, headers: Record<string, string> = {}) =>
    request('POST', `/v1/contacts/${id}/erase`, { body: { reason: 'asked' }, headers })
  const nobody = randomUUID()
  for (const resource of erasedResources) {
    const demanded = await request('PATCH', '/v1/settings', { body: { purposeRequiredFor: [resource] } })
    // What no grant can name cannot be demanded either.
    if (demanded.status === 400) continue
    for (const id of [full, empty, nobody])
      t.match(await erase(id).then(({ status, code }) => [status, code]), [403, 'purpose_required'], resource)
  }
  const headers = { 'x-purpose': 'erasure' }
  for (const id of [full, empty]) t.equal((await erase(id, headers)).status, 200)
  const events = await sql(
    `SELECT DISTINCT part->>'resource' AS name FROM audit.readable_event, jsonb_array_elements(touched) AS part WHERE action = 'erase' AND outcome = 'allowed'`,
  )
  t.ok(events.length > 4)
  for (const { name } of events) t.ok(erasedResources.includes(String(name)), `${name} is demanded beforehand`)
})
