import { randomUUIDv7 } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { content, conversationOf, events, pdf, png, upload } from './fixtures.ts'

t.test('nobody outside the business unit or the tenant finds a file, by any way', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { request } = service
  const north = (await request('POST', '/v1/business-units', { body: { name: 'North' } })).id
  const inside = await service.member('agent')
  const outside = await service.member('agent', { businessUnitIds: [north] })
  const stranger = (await service.tenant()).ownerToken
  const { id } = await upload(service, png, { token: inside.token })
  t.ok((await content(service, id, { token: inside.token })).bytes.equals(png))
  for (const token of [outside.token, stranger]) {
    for (const method of ['GET', 'HEAD']) {
      const got = await content(service, id, { token, method })
      t.equal(got.status, 404)
      t.notOk(got.bytes.includes(png))
    }
    t.equal((await request('GET', `/v1/attachments/${id}`, { token })).status, 404)
    t.equal((await request('DELETE', `/v1/attachments/${id}`, { token })).status, token === stranger ? 404 : 403)
    t.same((await request('GET', '/v1/attachments', { token })).data, [])
  }
  const refusals = (await events(service, id)).filter((event) => event.actor_id === outside.id)
  t.equal(refusals.length, 4)
  for (const event of refusals) t.match(event, { outcome: 'denied', resource: 'attachments' })
})

t.test('the right to a file’s content is the right to see its contentUrl', async (t) => {
  const service = await startTestService(t, { listen: true })
  const grant = (fields: object, more = {}) =>
    service.role([{ resource: 'attachments', actions: ['read'], fields, ...more }])
  const { id } = await upload(service, png, { fileName: 'ruf +4915112345678.png' })
  const doc = (await upload(service, pdf(400), { fileName: 'doc.pdf' })).id
  const facts = await service.member(await grant({ read: ['id', 'mediaType', 'size'] }))
  t.equal((await content(service, id, { token: facts.token })).status, 404)
  const veiled = await service.member(await grant({ read: ['id'], mask: ['contentUrl'] }))
  t.equal((await content(service, id, { token: veiled.token })).status, 404)

  const unnamed = await service.member(await grant({ read: ['contentUrl'], mask: ['fileName'] }))
  const got = await content(service, id, { token: unnamed.token })
  t.equal(got.status, 200)
  const told = decodeURIComponent(got.headers.get('content-disposition') ?? '')
  t.match(told, 'ruf +49•••••••••78.png', 'a name is told by the way as it is masked')
  t.notMatch(told, '151')
  const [read] = (await events(service, id)).filter((event) => event.actor_id === unnamed.id)
  t.match(read, { touched: [{ shown: ['content', 'mediaType', 'size'], masked: ['fileName'] }] })

  const images = await service.member(await grant({ read: ['*'] }, { when: { eq: ['mediaType', 'image/png'] } }))
  t.equal((await content(service, id, { token: images.token })).status, 200)
  t.equal((await content(service, doc, { token: images.token })).status, 404)

  const nothing = await service.member('connector')
  t.equal((await content(service, id, { token: nothing.token })).status, 403)
  t.equal((await fetch(`${service.url}/v1/attachments/${id}/content`)).status, 401)
})

t.test('a right that was taken away is gone at the next request', async (t) => {
  const service = await startTestService(t, { listen: true })
  const role = await service.role([{ resource: 'attachments', actions: ['read'], fields: { read: ['*'] } }])
  const member = await service.member(role)
  const { id } = await upload(service, png)
  t.equal((await content(service, id, { token: member.token })).status, 200)
  const etag = (await service.request('GET', `/v1/roles/${role}`)).headers.etag ?? ''
  const grants = [{ resource: 'attachments', actions: ['read'], fields: { read: ['id'] } }]
  t.equal(
    (await service.request('PATCH', `/v1/roles/${role}`, { body: { grants }, headers: { 'if-match': etag } })).status,
    200,
  )
  t.equal((await content(service, id, { token: member.token })).status, 404)
})

t.test('a file of a conversation is seen by whoever sees the conversation, and concerns its contact', async (t) => {
  const service = await startTestService(t, { listen: true })
  const mine = {
    resource: 'conversations',
    actions: ['read'],
    fields: { read: ['*'] },
    when: { eq: ['assigneeId', '$me.id'] },
  }
  const files = { resource: 'attachments', actions: ['read'], fields: { read: ['*'] } }
  const member = await service.member(await service.role([mine, files]))
  const without = await service.member(await service.role([files]))
  const held = (await upload(service, png)).id
  const free = (await upload(service, png)).id
  const { conversationId, contactId } = await conversationOf(service)
  await service.sql('UPDATE app.attachment SET conversation_id = $1, contact_id = $2 WHERE id = $3', [
    conversationId,
    contactId,
    held,
  ])
  const status = async (id: string, token: string): Promise<number> => (await content(service, id, { token })).status
  t.same([await status(held, member.token), await status(free, member.token)], [404, 200])
  t.same([await status(held, without.token), await status(free, without.token)], [404, 200])
  await service.sql('UPDATE app.conversation SET assignee_id = $1 WHERE id = $2', [member.id, conversationId])
  t.equal(await status(held, member.token), 200)
  t.match((await events(service, held)).at(-1), { outcome: 'allowed', subject_ids: [contactId] })
  t.equal(await status(randomUUIDv7(), member.token), 404)
})
