import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('nobody puts a key into teams to see their records', async (t) => {
  const { request, role, member } = await startTestService(t)
  const team = async (name: string) => (await request('POST', '/v1/teams', { body: { name } })).id
  const [mine, theirs] = [await team('Mine'), await team('Theirs')]
  for (const teamId of [mine, theirs]) await request('POST', '/v1/contacts', { body: { displayName: 'Anna', teamId } })
  const keys = { resource: 'api-keys', actions: ['read', 'create', 'update', 'delete', 'restore'] }
  const ofTeam = { resource: 'contacts', actions: ['read'], fields: { read: ['teamId'] } }
  const roleId = await role([
    { ...ofTeam, when: { in: ['teamId', '$me.teamIds'] } },
    { ...keys, fields: { read: ['*'], write: ['*'] } },
  ])
  const { token, id } = await member([roleId])
  await request('PATCH', `/v1/members/${id}`, { body: { teamIds: [mine] } })
  const make = (teamIds: string[], as = token) =>
    request('POST', '/v1/api-keys', { token: as, body: { name: 'Key', roleIds: [roleId], teamIds } })

  const made = await make([mine])
  t.equal(made.status, 201)
  const seen = async () =>
    (await request('GET', '/v1/contacts', { token: made.string('key') })).data.map((row) => row.teamId)
  t.same(await seen(), [mine])
  for (const teamIds of [[theirs], [mine, theirs]]) {
    const refused = await make(teamIds)
    t.match([refused.status, refused.body.errors], [403, [{ path: '/teamIds', code: 'not_held' }]])
    t.equal((await request('PATCH', `/v1/api-keys/${made.id}`, { token, body: { teamIds } })).status, 403)
  }
  t.same(await seen(), [mine])

  await t.test('what it has it keeps, but it does not get it back from them', async (t) => {
    const change = (body: object, as?: string) =>
      request('PATCH', `/v1/api-keys/${made.id}`, { body, ...(as ? { token: as } : {}) })
    t.equal((await change({ teamIds: [mine, theirs] })).status, 200, 'the owner may put anybody into any')
    t.equal((await change({ name: 'Other', teamIds: [theirs] }, token)).status, 200)
    t.equal((await request('DELETE', `/v1/api-keys/${made.id}`, { token })).status, 204)
    t.equal((await request('POST', `/v1/api-keys/${made.id}/restore`, { token })).status, 403)
    t.equal((await request('POST', `/v1/api-keys/${made.id}/restore`)).status, 200)
  })

  await t.test('whoever may put anybody into teams may choose them for keys', async (t) => {
    const staff = await role([{ resource: 'members', actions: ['read', 'update'], fields: { write: ['teamIds'] } }])
    const lead = await member([roleId, staff])
    t.equal((await make([theirs], lead.token)).status, 201)
  })
})
