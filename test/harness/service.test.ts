import t from 'tap'
import { startTestService } from './service.ts'

t.test('the service of a test answers its owner, its members and nobody else', async (t) => {
  const { request, member, tenant, sql, tenantId, logs } = await startTestService(t)
  t.equal((await request('GET', '/v1/contacts')).status, 200)
  t.equal((await request('GET', '/v1/contacts', { token: null })).status, 401)
  const agent = await member('agent')
  t.equal((await request('GET', '/v1/me', { token: agent.token })).id, agent.id)
  t.equal((await request('GET', '/v1/roles', { token: agent.token })).code, 'forbidden')
  const other = await tenant()
  t.not(other.tenantId, tenantId)
  t.equal((await request('GET', `/v1/members/${agent.id}`, { token: other.ownerToken })).status, 404)
  t.same(await sql('SELECT count(*)::int AS n FROM app.tenant'), [{ n: 2 }])
  t.ok(logs.length > 0)
})

t.test('a listening one answers at its url', async (t) => {
  const { url } = await startTestService(t, { listen: true })
  t.equal((await fetch(`${url}/health/ready`)).status, 200)
})
