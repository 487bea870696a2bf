import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('nobody opens a field to their own eyes, or to others, by classifying it anew', async (t) => {
  const { request, role, member } = await startTestService(t)
  const define = async (key: string, classification?: string) =>
    (await request('POST', '/v1/custom-fields', { body: { resource: 'contacts', key, type: 'text', classification } }))
      .id
  const secret = await define('secret', 'sensitive')
  const unread = await define('unread')
  const customFields = { secret: 'Quokka', unread: 'Wombat' }
  const contact = (await request('POST', '/v1/contacts', { body: { displayName: 'Anna', customFields } })).id
  const keeper = await member([
    await role([
      { resource: 'contacts', actions: ['read'], fields: { read: ['customFields'] } },
      { resource: 'custom-fields', actions: ['read', 'update'], fields: { read: ['*'], write: ['*'] } },
    ]),
  ])
  const manager = await member('manager')
  const classify = (id: string, classification: unknown, as?: string) =>
    request('PATCH', `/v1/custom-fields/${id}`, { body: { classification }, ...(as ? { token: as } : {}) })
  const seen = async () => (await request('GET', `/v1/contacts/${contact}`, { token: keeper.token })).body.customFields

  for (const from of ['sensitive', 'personal']) {
    t.equal((await classify(secret, from)).status, 200)
    for (const to of ['general', 'unclassified', null])
      for (const { token } of [keeper, manager]) {
        const refused = await classify(secret, to, token)
        t.match([refused.status, refused.body.errors], [403, [{ path: '/classification', code: 'not_held' }]])
      }
  }
  t.same(await seen(), {})
  const reshape = (token: string) =>
    request('PATCH', `/v1/custom-fields/${secret}`, { body: { format: 'phone' }, token })
  const refused = await reshape(keeper.token)
  t.match([refused.status, refused.body.errors], [403, [{ path: '/format', code: 'not_held' }]], 'nor by another mask')
  t.equal((await classify(secret, 'sensitive', keeper.token)).status, 200, 'closing is no giving')
  t.equal((await classify(unread, 'general', manager.token)).status, 200, 'what nobody has classified yet')
  t.same(await seen(), { unread: 'Wombat' })
  t.equal((await classify(secret, 'general')).status, 200, 'the owner sees it')
  t.same(await seen(), customFields)
})
