import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('a team names its countries, and stays while somebody is in it', async (t) => {
  const { request, member } = await startTestService(t)
  const made = await request('POST', '/v1/teams', { body: { name: 'DACH', countries: ['DE', 'AT', 'CH'] } })
  t.match([made.status, made.body], [201, { name: 'DACH', countries: ['DE', 'AT', 'CH'] }])
  for (const countries of [['Germany'], ['de'], ['DEU'], 'DE', [null]])
    t.equal(
      (await request('POST', '/v1/teams', { body: { name: 'x', countries } })).status,
      400,
      JSON.stringify(countries),
    )
  const one = await member('agent', { teamIds: [made.id] })
  t.match((await request('GET', '/v1/me', { token: one.token })).body, {
    teamIds: [made.id],
    countries: ['AT', 'CH', 'DE'],
  })
  const kept = await request('DELETE', `/v1/teams/${made.id}`)
  t.match([kept.status, kept.code], [409, 'in_use'])
  await request('PATCH', `/v1/members/${one.id}`, { body: { teamIds: [] } })
  t.equal((await request('DELETE', `/v1/teams/${made.id}`)).status, 204)
  t.equal((await request('POST', `/v1/teams/${made.id}/restore`)).status, 200)
  t.same(
    (await request('GET', '/v1/teams?countries=AT')).data.map((team) => team.id),
    [made.id],
  )
})
