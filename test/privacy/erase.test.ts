import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { openNote } from '../../src/db/sealed-note.ts'
import { said as event, startLanes, statuses } from '../delivery/lanes.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import {
  connectorChannel,
  done,
  eventsOf,
  faultsOf,
  newPhone,
  person,
  said,
  send,
  talk,
} from '../resources/conversations/fixtures.ts'

const erase = (service: TestService, id: string, body: Record<string, unknown> = {}, token = service.ownerToken) =>
  service.request('POST', `/v1/contacts/${id}/erase`, { body: { reason: 'Asked for it by email', ...body }, token })

/** With the database's own guards, which `service.sql` goes past. */
async function bySuperuser({ ownerUrl }: TestService, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  await client.query(text).finally(() => client.end())
}

t.test('what an erasure needs', async (t) => {
  const service = await startTestService(t)
  const { sql, request } = service
  const one = await person(service, { kind: 'connector', name: 'Anna Müller' })
  const path = `/v1/contacts/${one.contactId}`

  await t.test('a reason, which does not name the person, and neither does the ticket', async (t) => {
    t.equal((await request('POST', `${path}/erase`, { body: {} })).status, 400)
    for (const [reason, ticket] of [
      ['ANNA muller wants to be forgotten', null],
      [`the one with ${one.phone.replace('+49', '0')}`, null],
      ['asked', `mail from anna${one.phone.slice(-1)}@example.com`],
    ]) {
      const answer = await erase(service, one.contactId, { reason, ...(ticket ? { ticket } : {}) })
      t.equal(answer.status, 422, `${reason}`)
      t.match(faultsOf(answer), [{ path: ticket ? '/ticket' : '/reason', code: 'names_the_person' }])
    }
    const headers = { 'custodia-ticket': `call ${one.phone}` }
    const inHeader = await request('POST', `${path}/erase`, { body: { reason: 'asked' }, headers })
    t.match([inHeader.status, faultsOf(inHeader)], [422, [{ path: '/ticket' }]])
    const digits = one.phone.slice(1).padStart(12, '0').slice(-12)
    for (const [header, value] of [
      ['x-purpose', 'anna-muller'],
      ['request-id', `0199f3a2-7c10-7a44-9d55-${digits}`],
    ] as const) {
      const traced = await request('POST', `${path}/erase`, { body: { reason: 'asked' }, headers: { [header]: value } })
      t.match([traced.status, faultsOf(traced)], [422, [{ path: header, code: 'names_the_person' }]], header)
    }
    t.equal((await request('GET', path)).status, 200, 'nothing was done')
  })

  await t.test('a right of its own: whoever may change and delete may not erase', async (t) => {
    const all = ['read', 'create', 'update', 'delete', 'restore', 'merge']
    const role = await service.role([{ resource: 'contacts', actions: all, fields: { read: ['*'], write: ['*'] } }])
    const { token } = await service.member(role)
    const refused = await erase(service, one.contactId, {}, token)
    t.match([refused.status, refused.code], [403, 'forbidden'])
    for (const name of ['agent', 'sales', 'manager', 'connector'])
      t.equal((await erase(service, one.contactId, {}, (await service.member(name)).token)).status, 403, name)
  })

  await t.test('and a contact that the caller sees', async (t) => {
    const { ownerToken } = await service.tenant()
    t.equal((await erase(service, one.contactId, {}, ownerToken)).status, 404, 'not another tenant’s')
    const unit = await done(service, 'POST', '/v1/business-units', { name: 'South' })
    const elsewhere = await service.member('privacy', { businessUnitIds: [unit.id] })
    t.equal((await erase(service, one.contactId, {}, elsewhere.token)).status, 404, 'not another unit’s')
    t.equal((await erase(service, randomUUID())).status, 404)
  })

  await t.test('a legal hold forbids it', async (t) => {
    await sql('UPDATE app.contact SET held = true WHERE id = $1', [one.contactId])
    const refused = await erase(service, one.contactId)
    t.match([refused.status, refused.code], [422, 'held'])
    t.match(await eventsOf(service, refused), [{ action: 'erase', outcome: 'denied', code: 'held' }])
    t.equal((await request('GET', path)).status, 200)
    t.equal((await sql('SELECT FROM app.erasure')).length, 0)
    await sql('UPDATE app.contact SET held = false WHERE id = $1', [one.contactId])
  })

  await t.test('also in the trash, for whoever sees it there', async (t) => {
    await done(service, 'DELETE', path)
    const role = await service.role([{ resource: 'contacts', actions: ['read', 'erase'], fields: { read: ['*'] } }])
    t.equal((await erase(service, one.contactId, {}, (await service.member(role)).token)).status, 404)
    const { token } = await service.member('privacy')
    t.equal((await erase(service, one.contactId, {}, token)).status, 200)
    t.equal((await erase(service, one.contactId, {}, token)).status, 410)
  })
})

t.test('an erasure is written down: once, with its reason sealed, unchangeably', async (t) => {
  const service = await startTestService(t)
  const { sql } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const one = await talk(service, { channelId, kind: 'connector' })
  const messageId = await said(service, one, 'hello')
  const headers = { 'idempotency-key': 'once' }
  const body = { reason: 'Asked for it by email', ticket: 'DSR-9' }
  const answer = await service.request('POST', `/v1/contacts/${one.contactId}/erase`, { body, headers })
  t.equal(answer.status, 200)
  const counts = {
    attachments: 0,
    notes: 0,
    messages: 1,
    conversations: 1,
    identities: 3,
    externalIds: 0,
    customFields: 0,
    inboundEvents: 0,
  }
  t.match(answer.body, { contactId: one.contactId, counts, suppressed: false })

  const again = await service.request('POST', `/v1/contacts/${one.contactId}/erase`, { body, headers })
  t.equal(again.status, 200, 'a repetition is answered the same')
  t.equal(again.headers['idempotent-replayed'], 'true')
  t.same(again.body, answer.body)

  const [entry] = await sql<{ sealed_reason: Buffer; actor_id: string }>('SELECT * FROM app.erasure WHERE id = $1', [
    answer.id,
  ])
  const keys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  t.same(JSON.parse(`${entry && keys.open(entry.sealed_reason, `erasure/${answer.id}`)}`), body)
  t.equal(entry?.actor_id, service.ownerId)
  t.equal(
    (await sql('SELECT FROM app.erased_address WHERE erasure_id = $1', [answer.id])).length,
    3,
    'each address as a hash',
  )
  for (const table of ['erasure', 'erased_address'])
    for (const change of [`UPDATE app.${table} SET erased_at = now()`, `DELETE FROM app.${table}`])
      await t.rejects(bySuperuser(service, change), /append-only/, change)

  const [sealed] = await sql<{ event_id: string; sealed_note: Buffer }>(
    `SELECT event_id, sealed_note FROM audit.event WHERE action = 'erase' AND outcome = 'allowed' AND sealed_note IS NOT NULL`,
  )
  t.same(
    sealed && openNote(keys, { id: sealed.event_id, sealed: sealed.sealed_note }, null),
    body,
    'the audit says why',
  )
  const named = await service.request('POST', `/v1/contacts/${randomUUID()}/erase`, {
    body,
    headers: { 'custodia-ticket': 'DSR-10' },
  })
  t.match(faultsOf(named), [{ path: '/ticket', code: 'contradiction' }], 'one ticket')

  const [recorded] = await eventsOf(service, answer)
  t.match(recorded, { action: 'erase', resource: 'contacts', outcome: 'allowed', subject_ids: [one.contactId] })
  const ids = Object.fromEntries((recorded?.touched ?? []).map((part) => [part.resource, part.ids]))
  t.match(ids, {
    contacts: [one.contactId],
    erasures: [answer.id],
    conversations: [one.conversationId],
    messages: [messageId],
  })
  t.notMatch(JSON.stringify(recorded), /Anna|email"/)
  const { token } = await service.member('privacy')
  const seen = await service.request('GET', `/v1/audit-events?recordId=${one.contactId}&action=erase`, { token })
  t.equal(seen.data.length, 1, 'who looks after privacy in that unit sees the event')
})

t.test('a tombstone', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const one = await talk(service, { channelId, kind: 'connector' })
  const messageId = await said(service, one, 'hello')
  const note = await done(service, 'POST', `/v1/conversations/${one.conversationId}/notes`, { text: 'nice' })
  await done(service, 'POST', `/v1/contacts/${one.contactId}/reveal`, { fields: ['phone'], reason: 'to call' })
  const path = `/v1/contacts/${one.contactId}`
  const asked: [string, string, object?][] = [
    ['GET', path],
    ['GET', `${path}/identities`],
    ['POST', `${path}/identities/search`, {}],
    ['POST', `${path}/identities`, { kind: 'phone', value: newPhone() }],
    ['GET', `${path}/timeline`],
    ['GET', `${path}/history`],
    ['PATCH', path, { company: 'Back GmbH' }],
    ['DELETE', path],
    ['POST', `${path}/restore`],
    ['POST', `${path}/reveal`, { fields: ['phone'], reason: 'to call' }],
    ['POST', `${path}/erase`, { reason: 'again' }],
  ]
  const unit = await done(service, 'POST', '/v1/business-units', { name: 'South' })
  const privacy = await service.member('privacy')
  const elsewhere = await service.member('privacy', { businessUnitIds: [unit.id] })
  const inGermany = (when: object) => ({ resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when })
  const reader = async (...grants: object[]) => service.member(await service.role(grants))
  const byCountry = await reader(inGermany({ eq: ['country', 'DE'] }))
  const byNoCountry = await reader(inGermany({ not: { eq: ['country', 'DE'] } }))
  const byOwner = await reader(inGermany({ or: [{ exists: ['ownerId', false] }, { eq: ['ownerId', '$me.id'] }] }))
  const nobody = await service.member([])
  const before = [
    { resource: 'conversations', id: one.conversationId },
    { resource: 'messages', id: messageId },
    { resource: 'notes', id: note.id },
    { resource: 'identities', id: one.identityId },
  ]
  t.equal((await erase(service, one.contactId)).status, 200)

  await t.test('answers 410 to whoever could have seen it, whatever they ask', async (t) => {
    for (const [method, url, body] of asked) {
      const answer = await request(method, url, body ? { body } : {})
      t.match([answer.status, answer.code], [410, 'erased'], `${method} ${url}`)
      t.match(await eventsOf(service, answer), [{ outcome: 'denied', code: 'erased' }], 'and says so in the audit')
    }
    t.equal((await request('GET', path, { token: privacy.token })).status, 410)
    t.equal((await request('GET', path, { token: byOwner.token })).status, 410, 'by what a tombstone keeps')
  })

  await t.test('and 404 to all others', async (t) => {
    for (const { token } of [elsewhere, byCountry, byNoCountry]) {
      const [erased, unknown] = await Promise.all(
        [path, `/v1/contacts/${randomUUID()}`].map((url) => request('GET', url, { token })),
      )
      t.match([erased?.status, erased?.code], [404, 'not_found'])
      t.match([unknown?.status, unknown?.code], [404, 'not_found'])
      t.equal((await request('GET', `${path}/timeline`, { token })).status, 404)
    }
    t.equal((await request('GET', path, { token: nobody.token })).status, 403)
    t.equal((await request('GET', path, { token: (await service.tenant()).ownerToken })).status, 404)
  })

  await t.test('stands in no list and no search', async (t) => {
    for (const query of ['', '?q=Anna', '?trashed=true', `?phone=${encodeURIComponent(one.phone)}`]) {
      const { data } = await request('GET', `/v1/contacts${query}`)
      t.notOk(
        data.some(({ id }) => id === one.contactId),
        query,
      )
    }
  })

  await t.test('has nothing below it', async (t) => {
    for (const { resource, id } of before)
      t.equal((await request('GET', `/v1/${resource}/${id}`)).status, 404, resource)
    t.equal((await request('GET', `/v1/conversations/${one.conversationId}/messages`)).status, 404)
    t.equal((await send(service, one.conversationId, { type: 'text', text: 'hi' })).status, 404)
    const body = { contactId: one.contactId, identityId: one.identityId, channelId }
    t.equal((await request('POST', '/v1/conversations', { body })).status, 422)
  })

  await t.test('is changed by nobody, not by the database’s superuser either', async (t) => {
    await t.rejects(
      bySuperuser(service, `UPDATE app.contact SET state = 'active' WHERE id = '${one.contactId}'`),
      /erased/,
    )
    await t.rejects(bySuperuser(service, `DELETE FROM app.contact WHERE id = '${one.contactId}'`), /erased/)
    const key = `INSERT INTO app.contact_key (tenant_id, contact_id, wrapped_key) VALUES ('${service.tenantId}', '${one.contactId}', '')`
    await t.rejects(bySuperuser(service, key), /erased/)
  })

  await t.test('what was said about it cannot be read any more, and still stands in the audit', async (t) => {
    const [event] = await sql<{ sealed_note: Buffer | null }>(
      `SELECT sealed_note FROM audit.event WHERE action = 'reveal' AND outcome = 'allowed'`,
    )
    t.ok((event?.sealed_note?.length ?? 0) > 30)
    t.equal((await sql('SELECT FROM app.contact_key WHERE contact_id = $1', [one.contactId])).length, 0)
    const report = await request('GET', `${path}/access-report`)
    t.match(report.body, { contactId: one.contactId, erased: true }, 'who had seen them can still be answered')
    t.notMatch(report.text, new RegExp(`Anna|${one.phone.slice(3)}|to call`), 'without a value of theirs')
  })
})

t.test('what others have stays', async (t) => {
  const service = await startTestService(t)
  const { sql, request } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const [one, other] = [
    await talk(service, { channelId, kind: 'connector' }),
    await talk(service, { channelId, kind: 'connector' }),
  ]
  const question = await said(service, one, 'who comes?')
  const reply = await said(service, other, 'I do')
  await sql('UPDATE app.message SET reply_to_id = $1, reply_to_external_id = $2 WHERE id = $3', [
    question,
    `ext-${question}`,
    reply,
  ])
  await done(service, 'PATCH', `/v1/contacts/${one.contactId}`, { tags: ['only mine', 'ours'] })
  await done(service, 'PATCH', `/v1/contacts/${other.contactId}`, { tags: ['ours'] })
  const tag = await done(service, 'POST', '/v1/tags', { name: 'described', color: '#ff0000' })
  await done(service, 'PATCH', `/v1/contacts/${one.contactId}`, { tags: ['only mine', 'ours', 'described'] })
  const merged = await person(service, { kind: 'connector', name: 'Anne Muller' })
  await sql(`UPDATE app.contact SET state = 'merged', merged_into_id = $1 WHERE id = $2`, [
    one.contactId,
    merged.contactId,
  ])

  const unit = await done(service, 'POST', '/v1/business-units', { name: 'South' })
  await done(service, 'POST', '/v1/contacts', { displayName: 'Far', tags: ['far too'], businessUnitId: unit.id })
  await done(service, 'PATCH', `/v1/contacts/${one.contactId}`, { tags: ['only mine', 'ours', 'described', 'far too'] })
  const { token } = await service.member('privacy')

  t.equal((await erase(service, one.contactId, {}, token)).status, 200)
  t.match((await request('GET', `/v1/messages/${reply}`)).body, { text: 'I do', replyToId: null })
  const [row] = await sql('SELECT reply_to_external_id FROM app.message WHERE id = $1', [reply])
  t.same(row, { reply_to_external_id: null }, 'nor the provider’s name of what it answers')
  const tags = (await request('GET', '/v1/tags')).data
  t.same(
    tags.map(({ name }) => name).sort(),
    ['described', 'far too', 'ours'],
    'a word that only the erased carried is gone',
  )
  t.equal(tags.find(({ id }) => id === tag.id)?.name, 'described')
  const [gone] = await sql('SELECT state, display_name FROM app.contact WHERE id = $1', [merged.contactId])
  t.match(gone, { state: 'erased', display_name: null }, 'whoever had been merged into them is the same person')
  t.match((await request('GET', `/v1/contacts/${other.contactId}`)).body, { displayName: 'Anna Müller' })
})

t.test('what came in before is dropped when it is read, what comes after makes somebody new', async (t) => {
  const { service, connector, drain, waiting } = await startLanes(t)
  const { sql } = service
  const { send: post } = await connector()
  await post(event('first'))
  await drain()
  const [ada] = (await service.request('GET', '/v1/contacts')).data
  const late = event('late')
  // Stored, and not yet read when she is erased: one in her lane, one that comes by another.
  await post(late, event('also late', { thread: 'another' }))
  await sql(
    `UPDATE app.inbound_event SET lane = decode('00ff', 'hex') WHERE status = 'stored' AND sequence = (SELECT max(sequence) FROM app.inbound_event)`,
  )
  t.equal((await waiting()).length, 2)
  t.equal((await erase(service, String(ada?.id))).status, 200)
  t.same(await statuses(service), ['suppressed', 'suppressed', 'stored'], 'her lane is emptied')
  await drain()
  t.same(await statuses(service), ['suppressed', 'suppressed', 'suppressed'])
  t.equal(
    (await sql('SELECT FROM app.inbound_event WHERE sealed_payload IS NOT NULL OR contact_id IS NOT NULL')).length,
    0,
  )
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 0)

  await post(late)
  await drain()
  t.equal((await statuses(service)).length, 3, 'a redelivery is recognised')
  await post(event('me again'))
  await drain()
  const [again] = (await service.request('GET', '/v1/contacts')).data
  t.ok(again)
  t.not(again?.id, ada?.id)
  const keys = await sql<{ contact_id: string }>('SELECT contact_id FROM app.contact_key')
  t.same(keys, [{ contact_id: again?.id }], 'with a key of their own')
})

t.test('an address that was only claimed drops nobody else’s events', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send: post } = await connector()
  await post(event('hello'))
  await drain()
  await post(event('waits'))
  const typed = await done(service, 'POST', '/v1/contacts', { displayName: 'Somebody' })
  await service.sql(
    `INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, channel_id, value, match_value, verified, source, state)
     SELECT tenant_id, gen_random_uuid(), business_unit_id, $1, kind, channel_id, value, match_value, true, source, 'trashed' FROM app.identity WHERE kind = 'connector'`,
    [typed.id],
  )
  t.equal((await erase(service, typed.id)).status, 200)
  await drain()
  t.same(await statuses(service), ['processed', 'processed'], 'it was theirs once, and is another’s now')
})

t.test('suppressed addresses are kept out', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { send: post } = await connector()
  await post(event('hello'))
  await drain()
  const [ada] = (await service.request('GET', '/v1/contacts')).data
  const erased = await erase(service, String(ada?.id), { suppress: true })
  t.equal(erased.body.suppressed, true)
  await post(event('me again'))
  await drain()
  t.same(await statuses(service), ['suppressed', 'suppressed'])
  t.equal((await service.request('GET', '/v1/contacts')).data.length, 0)
  t.equal((await service.sql('SELECT FROM app.inbound_event WHERE sealed_payload IS NOT NULL')).length, 0)
})
