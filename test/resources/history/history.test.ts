import { randomUUID } from 'node:crypto'
import t from 'tap'
import { changeContext } from '../../../src/db/seal-changes.ts'
import { said as event, startLanes } from '../../delivery/lanes.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { connectorChannel, done, talk } from '../conversations/fixtures.ts'
import { historyOf } from './fixtures.ts'

const changesOf = async (service: TestService, id: string, resource: string, token?: string) =>
  (await historyOf(service, id, token))
    .filter((one) => one.resource === resource)
    .map((one) => Object.fromEntries(one.changes.map(({ field, ...values }) => [field, values])))

t.test('what was said is kept from its first change on, and veiled for whoever sees it veiled', async (t) => {
  const service = await startTestService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
  const { contactId, conversationId } = await talk(service, { channelId, kind: 'connector' })
  await done(service, 'PATCH', `/v1/contacts/${contactId}`, { country: 'DE' })
  const { token } = await service.member('agent')
  const first = 'Ruf an: 0170 1234567 oder a.b@example.com'
  const note = await done(service, 'POST', `/v1/conversations/${conversationId}/notes`, { text: first }, token)
  await done(service, 'PATCH', `/v1/conversations/${conversationId}`, {
    subject: 'Rückruf 0170 1234567',
    status: 'pending',
  })
  t.same(await changesOf(service, contactId, 'notes'), [], 'the text stands in its row: it is not there twice')
  // Nobody knows any more that the digits are a number there.
  await done(service, 'PATCH', `/v1/contacts/${contactId}`, { country: 'JP' })
  await done(service, 'PATCH', `/v1/notes/${note.id}`, { text: 'hat sich erledigt' }, token)
  t.same(await changesOf(service, contactId, 'notes'), [{ text: { before: first, after: 'hat sich erledigt' } }])
  const [veiled] = await changesOf(service, contactId, 'notes', token)
  t.match(veiled, { text: { after: 'hat sich erledigt', masked: true } })
  t.match(veiled?.text?.before, /^Ruf an: .*•.* oder a•••@example\.com$/)
  t.notMatch(JSON.stringify(veiled), /1234567|0170/, 'written when the contact was in another country')

  const talks = await changesOf(service, contactId, 'conversations', token)
  t.match(talks[0], { status: { before: 'open', after: 'pending' }, subject: { before: null, masked: true } })
  t.notMatch(JSON.stringify(talks), /1234567/)
  t.notOk(
    talks.some((one) => 'unreadCount' in one || 'lastMessageAt' in one),
    'what follows from messages has none',
  )

  await done(service, 'DELETE', `/v1/notes/${note.id}`, undefined, token)
  const [trashed] = await changesOf(service, contactId, 'notes')
  t.match(trashed, { trashedAt: { before: null, after: /^20\d\d-.*Z$/ } })
})

t.test(
  'a message that its author edits or takes back, an address that is given up, a tag that is renamed',
  async (t) => {
    const { service, connector, drain } = await startLanes(t)
    const { send } = await connector()
    const hello = event('Hello', { customFields: {} })
    delete hello.customFields
    await send({ ...hello, from: { value: 'ada', displayName: 'Ada', email: 'ada@example.com' } })
    await drain()
    const [contact] = (await service.request('GET', '/v1/contacts')).data
    const id = contact?.id ?? ''
    await send(event('', { type: 'edit', messageId: hello.id, message: { type: 'text', text: 'Hello!' } }))
    await drain()
    await send(event('', { type: 'delete', messageId: hello.id }))
    await drain()
    const [gone, edited] = await changesOf(service, id, 'messages')
    t.match(edited, { text: { before: 'Hello', after: 'Hello!' } })
    t.match(gone, { text: { before: 'Hello!', after: '' }, deletedAt: { before: null } })
    t.notOk(gone && 'status' in gone)
    const [made] = await changesOf(service, id, 'contacts')
    t.match(made, { displayName: { before: null, after: 'Ada' }, source: { after: 'connector' } })
    const [update] = await historyOf(service, id)
    t.match(update, { actor: { kind: 'system' }, action: 'import', causeId: /^[0-9a-f-]{36}$/ })

    await send(event('again', { from: { value: 'ada', phone: '+4917012345678', customFields: { size: 42 } } }))
    await drain()
    const [gained] = await changesOf(service, id, 'contacts')
    t.match(gained, { 'customFields.size': { before: null, after: 42 }, phone: { after: '+4917012345678' } })

    await done(service, 'PATCH', `/v1/contacts/${id}`, { tags: ['gold'], email: 'new@example.com' })
    const addresses = await changesOf(service, id, 'identities')
    t.ok(addresses.some((one) => one.isPrimary?.before === true && one.isPrimary.after === false))
    t.ok(addresses.some((one) => one.value?.after === 'new@example.com'))
    const tags = (await service.request('GET', '/v1/tags')).data
    await done(service, 'PATCH', `/v1/tags/${tags.find((one) => one.name === 'gold')?.id}`, { name: 'golden' })
    t.same((await changesOf(service, id, 'contacts'))[0], { tags: { before: ['gold'], after: ['golden'] } })
  },
)

t.test('who changed it is told to whoever may know them', async (t) => {
  const service = await startTestService(t)
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna' })
  const agent = await service.member('agent')
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'Anna M.' }, agent.token)
  const actors = async (token: string) =>
    (await historyOf(service, id, token)).filter((one) => one.resource === 'contacts').map((one) => one.actor)
  const both = [
    { kind: 'member', id: agent.id },
    { kind: 'member', id: service.ownerId },
  ]
  t.same(await actors(service.ownerToken), both)
  t.same(await actors(agent.token), both, 'colleagues are known')
  const lonely = await service.role([{ resource: 'contacts', actions: ['read'], fields: { read: ['*'] } }])
  const { token } = await service.member([lonely])
  t.same(await actors(token), [{ kind: 'member' }, { kind: 'member' }], 'but not to who may read no member')
  const self = await service.role([
    { resource: 'contacts', actions: ['read', 'update'], fields: { read: ['displayName'], write: ['displayName'] } },
  ])
  const me = await service.member([self])
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'A.' }, me.token)
  t.same(await actors(me.token), [{ kind: 'member', id: me.id }, { kind: 'member' }, { kind: 'member' }])
})

t.test('a history is there for who sees the contact, and reading it is a read of the fields shown', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const unit = await done(service, 'POST', '/v1/business-units', { name: 'North' })
  const { id } = await done(service, 'POST', '/v1/contacts', {
    displayName: 'Anna',
    phone: '+4917012345678',
    intent: 'x',
  })
  const stranger = await service.member('agent', { businessUnitIds: [unit.id] })
  t.equal((await request('GET', `/v1/contacts/${id}/history`, { token: stranger.token })).status, 404)
  t.equal((await request('GET', `/v1/contacts/${randomUUID()}/history`)).status, 404)
  const { token } = await service.member('agent')
  const answer = await request('GET', `/v1/contacts/${id}/history`, { token })
  t.notMatch(answer.text, /12345678|intent/)
  const [read] = await sql(
    'SELECT action, touched, subject_ids, outcome FROM audit.readable_event WHERE request_id = $1',
    [answer.headers['request-id']],
  )
  t.match(read, { action: 'read', outcome: 'allowed', subject_ids: [id] })
  const [own, addresses] = (read?.touched ?? []) as { shown: string[]; masked: string[] }[]
  t.match(own, { resource: 'contacts', ids: [id], masked: ['phone'] })
  t.same(own?.shown.toSorted(), ['businessUnitId', 'displayName'])
  t.match(addresses, { resource: 'identities', masked: ['value'] })

  const page = await request('GET', `/v1/contacts/${id}/history?limit=1`, { token })
  const cursor = page.string('nextCursor')
  t.equal((await request('GET', `/v1/contacts/${id}/history?limit=1&cursor=${cursor}`)).code, 'invalid_cursor')
  const other = await done(service, 'POST', '/v1/contacts', { displayName: 'Bea' })
  const elsewhere = await request('GET', `/v1/contacts/${other.id}/history?cursor=${cursor}`, { token })
  t.equal(elsewhere.code, 'invalid_cursor')

  await done(service, 'DELETE', `/v1/contacts/${id}`)
  t.equal((await request('GET', `/v1/contacts/${id}/history`, { token })).status, 404, 'in the trash it is gone')
  t.equal((await request('GET', `/v1/contacts/${id}/history`)).status, 200, 'but for who can bring it back')
})

t.test('a field that is defined anew does not show what another of its name held', async (t) => {
  const service = await startTestService(t)
  const define = (classification: string) =>
    done(service, 'POST', '/v1/custom-fields', {
      resource: 'contacts',
      key: 'size',
      type: 'text',
      labels: { und: 'Size' },
      classification,
    })
  const first = await define('sensitive')
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna', customFields: { size: 'secret' } })
  const { token } = await service.member('sales')
  t.notMatch(JSON.stringify(await historyOf(service, id, token)), /secret/)
  t.match(JSON.stringify(await historyOf(service, id)), /secret/)
  await done(service, 'DELETE', `/v1/custom-fields/${first.id}`)
  await service.sql('DELETE FROM app.contact_custom_value')
  await service.sql('DELETE FROM app.custom_field')
  await service.sql('UPDATE app.tenant SET policy_version = policy_version + 1')
  await define('general')
  await done(service, 'PATCH', `/v1/contacts/${id}`, { customFields: { size: 'large' } })
  const told = JSON.stringify(await historyOf(service, id, token))
  t.match(told, /large/)
  t.notMatch(told, /secret/)
  t.notMatch(JSON.stringify(await historyOf(service, id)), /secret/, 'to nobody')
})

t.test('without the contact’s key nothing is readable, and the history still answers', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna', phone: '+4917012345678' })
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'Berta' })
  t.equal((await historyOf(service, id)).length, 3)
  const [kept] = await sql('SELECT sealed_changes FROM audit.event WHERE change_subjects @> ARRAY[$1::uuid] LIMIT 1', [
    id,
  ])
  t.notMatch(Buffer.concat(kept?.sealed_changes as Buffer[]).toString('latin1'), /Anna|1701/)
  // As only somebody can who switches the guards off: each under the key that it had, at another one's place.
  await sql(`BEGIN; SET LOCAL session_replication_role = replica; UPDATE audit.event AS e SET sealed_changes = o.sealed_changes
    FROM audit.event AS o WHERE e.change_subjects IS NOT NULL AND o.change_subjects IS NOT NULL AND e.event_id <> o.event_id; COMMIT`)
  t.same(await historyOf(service, id), [], 'it opens at its own place only')
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'Bea' })
  t.equal((await historyOf(service, id)).length, 1)

  await sql('DELETE FROM app.contact_key WHERE contact_id = $1', [id])
  const answer = await request('GET', `/v1/contacts/${id}/history`)
  t.match(answer.body, { data: [], nextCursor: null })
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'Clara' })
  t.match(await historyOf(service, id), [{ changes: [{ field: 'displayName', before: 'Bea', after: 'Clara' }] }])

  const erased = await request('POST', `/v1/contacts/${id}/erase`, { body: { reason: 'asked for it' } })
  t.equal(erased.status, 200)
  t.match(await request('GET', `/v1/contacts/${id}/history`), { status: 410, code: 'erased' })
  t.equal((await sql('SELECT 1 FROM app.contact_key WHERE contact_id = $1', [id])).length, 0)
})

t.test('two who make the first key at once keep one, and nothing of either is lost', async (t) => {
  const service = await startTestService(t)
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna', email: 'a@b.example' })
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
  const { contactId, conversationId } = await talk(service, { channelId, kind: 'connector' })
  await service.sql('DELETE FROM app.contact_key')
  await Promise.all([
    done(service, 'PATCH', `/v1/contacts/${contactId}`, { company: 'ACME' }),
    done(service, 'PATCH', `/v1/conversations/${conversationId}`, { status: 'pending' }),
    done(service, 'PATCH', `/v1/contacts/${id}`, { company: 'ACME' }),
  ])
  const told = (await historyOf(service, contactId)).flatMap((one) => one.changes.map((each) => each.field))
  t.same(told.toSorted(), ['company', 'status'])
})

t.test('changes of a custom field that come at once follow one from the other', async (t) => {
  const service = await startTestService(t)
  const define = { resource: 'contacts', key: 'size', type: 'number', labels: { en: 'Size' } }
  await done(service, 'POST', '/v1/custom-fields', define)
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna', customFields: { size: 0 } })
  for (let round = 0; round < 3; round++)
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        done(service, 'PATCH', `/v1/contacts/${id}`, { customFields: { size: 10 * round + i + 1 } }),
      ),
    )
  const steps = (await changesOf(service, id, 'contacts')).map((one) => one['customFields.size'])
  t.equal(steps.length, 25)
  t.same(
    steps.slice(0, -1).map((one) => one?.before),
    steps.slice(1).map((one) => one?.after),
    'each one was what the one before it had become',
  )
})

t.test('a page is not empty because thousands of changes that are hidden came first', async (t) => {
  const service = await startTestService(t)
  const { db, request, sql, tenantId } = service
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna' })
  const [row] = await sql<{ wrapped_key: Buffer }>('SELECT wrapped_key FROM app.contact_key WHERE contact_id = $1', [
    id,
  ])
  if (!row) throw new Error('there is no key')
  const key = (await db.tenantKeys({ tenantId, region: 'default' })).contact(id, row.wrapped_key)
  const events = Array.from({ length: 5_000 }, (_, i) => {
    const eventId = randomUUID()
    const change = { resource: 'contacts', id, before: { intent: `${i}` }, after: { intent: `${i + 1}` } }
    return { eventId, sealed: key.seal(JSON.stringify(change), changeContext(eventId, 0)).toString('base64') }
  })
  await sql(
    `INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome, change_subjects, sealed_changes)
     SELECT e.tenant_id, w."eventId", e.actor_kind, 'update', e.resource, e.shape_id, e.ids, e.row_count, e.outcome, e.change_subjects, ARRAY[decode(w.sealed, 'base64')]
       FROM (SELECT * FROM audit.event WHERE change_subjects IS NOT NULL LIMIT 1) AS e, jsonb_to_recordset($1::jsonb) AS w("eventId" uuid, sealed text)`,
    [JSON.stringify(events)],
  )
  const role = await service.role([{ resource: 'contacts', actions: ['read'], fields: { read: ['displayName'] } }])
  const { token } = await service.member(role)
  const page = await request('GET', `/v1/contacts/${id}/history?limit=5`, { token })
  t.equal(page.data.length, 1, 'what it may see stands on the first page')
  t.match(page.text, 'Anna')
  t.equal(page.body.nextCursor, null)
})
