import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { connectorChannel, done, eventsOf, talk } from '../conversations/fixtures.ts'

const service = await startTestService(t)
const channel = { ...(await connectorChannel(service, 'http://127.0.0.1:9/nowhere')), kind: 'connector' as const }
const one = await talk(service, channel)
const path = `/v1/conversations/${one.conversationId}/notes`
const [writer, colleague] = [await service.member('agent'), await service.member('agent')]

t.test('a note is its writer’s, in the conversation and about its contact', async (t) => {
  const made = await service.request('POST', path, { body: { text: 'Asked for\r\na discount ' }, token: writer.token })
  t.equal(made.status, 201)
  t.match(made.body, {
    text: 'Asked for\na discount',
    conversationId: one.conversationId,
    contactId: one.contactId,
    authorKind: 'member',
    authorId: writer.id,
  })
  t.equal(made.headers.location, `/v1/notes/${made.id}`)
  const [event] = await eventsOf(service, made)
  t.match(event, { action: 'create', resource: 'notes', subject_ids: [one.contactId] })
  t.same(
    (await done(service, 'GET', path, undefined, colleague.token)).data.map(({ id }) => id),
    [made.id],
  )
  t.same(
    (await done(service, 'GET', `${path}?q=DISCOUNT`)).data.map(({ id }) => id),
    [made.id],
  )
})

t.test('only its author changes a note, or who looks after notes', async (t) => {
  const { id } = await done(service, 'POST', path, { text: 'first' }, writer.token)
  const at = `/v1/notes/${id}`
  const ask = async (method: string, to: string, token: string, body?: unknown) =>
    (await service.request(method, to, { token, ...(body ? { body } : {}) })).status
  t.equal(await ask('PATCH', at, colleague.token, { text: 'mine now' }), 403)
  t.equal(await ask('DELETE', at, colleague.token), 403)
  t.equal(await ask('PATCH', at, writer.token, { text: 'second' }), 200)
  t.equal(await ask('DELETE', at, writer.token), 204)
  t.equal(await ask('POST', `${at}/restore`, colleague.token), 403)
  t.equal(await ask('POST', `${at}/restore`, writer.token), 200)
  t.equal(await ask('PATCH', at, service.ownerToken, { text: 'third' }), 200, 'the owner may administer notes')
  t.equal((await done(service, 'GET', at)).body.authorId, writer.id)
  t.equal(await ask('PATCH', at, writer.token, { authorId: writer.id }), 400)
})

t.test('a member’s note stays theirs when written through a key', async (t) => {
  const roles = (await done(service, 'GET', '/v1/roles?name=owner')).data
  const key = await done(service, 'POST', '/v1/api-keys', { name: 'front end', roleIds: [roles[0]?.id] })
  const exchanged = await done(service, 'POST', '/v1/sessions/exchange', { memberId: writer.id }, key.string('key'))
  const { id } = await done(service, 'POST', path, { text: 'by key' }, exchanged.string('accessToken'))
  t.match((await done(service, 'PATCH', `/v1/notes/${id}`, { text: 'by hand' }, writer.token)).body, {
    authorKind: 'member',
    authorId: writer.id,
  })
})

t.test('who may not read notes sees none, anywhere', async (t) => {
  const reads = ['conversations', 'contacts', 'messages'].map((resource) => ({
    resource,
    actions: ['read'],
    fields: { read: ['*'] },
  }))
  const { token } = await service.member(await service.role(reads))
  t.equal((await service.request('GET', path, { token })).status, 403)
  t.notMatch((await done(service, 'GET', `/v1/contacts/${one.contactId}/timeline`, undefined, token)).text, '"note"')
})
