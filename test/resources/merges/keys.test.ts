import t from 'tap'
import { sql } from '../../../src/db/sql.ts'
import { contactKey } from '../../../src/privacy/contact-keys.ts'
import { keyContext } from '../../../src/resources/attachments/queries.ts'
import { keysOfContacts, pastChanges } from '../../../src/resources/history/past-changes.ts'
import { systemCaller } from '../../../src/resources/tenants/create.ts'
import { said, startLanes } from '../../delivery/lanes.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { connectorChannel, done, talk } from '../conversations/fixtures.ts'

/** A file of a conversation, kept under its contact's key. */
async function keptFile(service: TestService, conversationId: string, text: string): Promise<string> {
  const form =
    '------b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
  const { id } = await service.request('POST', '/v1/attachments', {
    body: `${form}${text}\r\n------b--\r\n`,
    headers: { 'content-type': 'multipart/form-data; boundary=----b' },
  })
  const caller = systemCaller(service.db, { tenantId: service.tenantId, region: 'default' }, null)
  await service.db.change(caller, { action: 'import', resource: 'attachments' }, async (tx) => {
    const [row] = await tx.query<{ wrapped: Buffer; contact: string }>(
      sql`SELECT a.wrapped_key AS wrapped, c.contact_id AS contact FROM app.attachment a, app.conversation c WHERE a.id = ${id}::uuid AND c.id = ${conversationId}::uuid`,
    )
    if (!row) throw new Error('no file')
    const key = (await contactKey(tx, row.contact)).seal(tx.keys.open(row.wrapped, keyContext(id)), keyContext(id))
    await tx.query(
      sql`UPDATE app.attachment SET conversation_id = ${conversationId}::uuid, contact_id = ${row.contact}::uuid, key_contact_id = ${row.contact}::uuid, wrapped_key = ${key} WHERE id = ${id}::uuid`,
    )
    tx.touch({ resource: 'attachments', ids: [id], subjectIds: [row.contact] })
  })
  return id
}

t.test(
  'what was sealed for one of the two can be read, in the audit too, until they are erased together',
  async (t) => {
    const { service, connector, drain } = await startLanes(t)
    const { request } = service
    const ask = service.sql
    const channel = await connector()
    await channel.send(
      said('from anna', { from: { value: 'anna', displayName: 'Anna' } }),
      said('from ann', { from: { value: 'ann', displayName: 'Ann' } }),
    )
    await drain()
    const idOf = async (name: string): Promise<string> =>
      (await request('GET', `/v1/contacts?displayName=${name}`)).data[0]?.id ?? ''
    const [a, b] = [await idOf('Anna'), await idOf('Ann')]
    await done(service, 'PATCH', `/v1/contacts/${b}`, { company: 'First Ltd' })
    await done(service, 'PATCH', `/v1/contacts/${b}`, { company: 'Second Ltd' })
    await done(service, 'PATCH', `/v1/contacts/${a}`, { company: 'Own Ltd' })
    const { token: reader } = await service.member('privacy')
    await done(service, 'GET', `/v1/contacts/${b}`, undefined, reader)
    const payloads = async () => {
      const events = (await request('GET', '/v1/inbound-events')).data
      return Promise.all(
        events.map(async ({ id }) => (await request('GET', `/v1/inbound-events/${id}/payload`)).status),
      )
    }
    await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b })

    const history = async (id: string) => {
      const { data } = await done(service, 'GET', `/v1/contacts/${id}/history?limit=200`)
      return data.flatMap((one) =>
        (one.changes as { field: string; after?: unknown }[]).map(({ field, after }) => `${field}=${after}`),
      )
    }
    const both = await history(a)
    for (const one of ['company=First Ltd', 'company=Second Ltd', 'company=Own Ltd'])
      t.ok(both.includes(one), `the history of both: ${one}`)
    const report = await done(service, 'GET', `/v1/contacts/${a}/access-report?limit=200`)
    t.ok(JSON.stringify(report.body).includes('displayName'))
    const principals = report.body.principals as { principal: { kind: string } }[]
    t.ok(principals.length >= 2)
    const events = async (id: string) =>
      ((await done(service, 'GET', `/v1/contacts/${id}/access-report?limit=200`)).body.summary as { events: number })
        .events
    const [before] = await ask<{ n: number }>(
      'SELECT count(*)::int AS n FROM audit.readable_event WHERE subject_ids && $1::uuid[]',
      [[a, b]],
    )
    t.ok((await events(a)) >= Number(before?.n), 'the report is about both')

    await channel.send(said('again from ann', { from: { value: 'ann' } }))
    await drain()
    t.same(await payloads(), [200, 200, 200])
    await done(service, 'GET', `/v1/contacts/${a}/timeline`, undefined, reader)
    const sight = (
      await ask<{ id: string }>('SELECT event_id AS id FROM audit.event ORDER BY sequence DESC LIMIT 1')
    )[0]?.id
    await done(service, 'POST', `/v1/contacts/${a}/unmerge`, { mergeId: b })
    t.same(await payloads(), [200, 200, 200], 'also of what came meanwhile')
    const [own] = await ask<{ contacts: string[] }>(
      'SELECT array_agg(DISTINCT contact_id::text) AS contacts FROM app.inbound_event',
    )
    t.same([...(own?.contacts ?? [])].sort(), [a, b].sort())
    t.notOk((await history(a)).includes('company=First Ltd'), 'each has its own history again')
    t.ok((await history(b)).includes('company=First Ltd'))
    const back = await done(service, 'GET', `/v1/contacts/${b}/access-report?limit=200`)
    t.ok(
      (back.body.events as { eventId: string }[]).some((one) => one.eventId === sight),
      'whoever saw the one while they were one saw the other',
    )

    await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b })
    const erased = await request('POST', `/v1/contacts/${a}/erase`, { body: { reason: 'asked for it' } })
    t.equal(erased.status, 200, erased.text)
    t.equal((await request('GET', `/v1/contacts/${b}`)).code, 'erased')
    t.equal((await request('GET', `/v1/contacts/${a}`)).code, 'erased')
    t.same(await ask('SELECT FROM app.contact_key WHERE contact_id = ANY ($1)', [[a, b]]), [])
    t.same(await ask('SELECT FROM app.contact_merge WHERE contact_id = ANY ($1)', [[a, b]]), [])
    t.same(await ask('SELECT FROM app.inbound_event WHERE sealed_payload IS NOT NULL'), [])
  },
)

t.test('files stay readable through merging, parting, and what came meanwhile', async (t) => {
  const service = await startTestService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const [one, other] = [
    await talk(service, { channelId, kind: 'connector' }),
    await talk(service, { channelId, kind: 'connector' }),
  ]
  const files: string[] = []
  const send = async (conversationId: string, text: string): Promise<void> => {
    const made = await keptFile(service, conversationId, text)
    files.push(made)
  }
  const contents = async () =>
    Promise.all(
      files.map(async (id) => {
        const answer = await service.request('GET', `/v1/attachments/${id}/content`)
        return answer.status === 200 ? answer.text : answer.status
      }),
    )
  await send(other.conversationId, 'before')
  await done(service, 'POST', `/v1/contacts/${one.contactId}/merge`, { mergeId: other.contactId })
  await send(other.conversationId, 'meanwhile')
  t.same(await contents(), ['before', 'meanwhile'])
  await done(service, 'POST', `/v1/contacts/${one.contactId}/unmerge`)
  t.same(await contents(), ['before', 'meanwhile'])
  const sealed = await service.sql('SELECT FROM app.attachment WHERE key_contact_id <> contact_id')
  t.equal(sealed.length, 0, 'under its own key again')
  const rows = await service.sql('SELECT FROM app.attachment WHERE contact_id <> $1', [other.contactId])
  t.equal(rows.length, 0, 'both are the other’s again')
})

t.test('after a merge was taken back, nobody’s history tells what the other one’s values were', async (t) => {
  const service = await startTestService(t)
  const make = async (body: object) => (await done(service, 'POST', '/v1/contacts', body)).id
  const history = async (id: string) => (await done(service, 'GET', `/v1/contacts/${id}/history?limit=200`)).text
  const a = await make({ displayName: 'A', company: 'Own Ltd', tags: ['ours'] })
  const b = await make({
    displayName: 'B',
    phone: '+4915155512345',
    email: 'b-only@example.com',
    company: 'Theirs Ltd',
    address: { city: 'theirs-region' },
    tags: ['theirs-tag'],
    externalIds: [{ system: 'crm', id: 'theirs-id' }],
  })
  const c = await make({ displayName: 'C', jobTitle: 'deep-title' })
  await done(service, 'POST', `/v1/contacts/${b}/merge`, { mergeId: c })
  await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b, fields: { company: 'theirs' } })
  const theirs = /55512345|b-only@example|Theirs Ltd|theirs-region|theirs-tag|theirs-id|deep-title/g
  const found = (text: string) => [...new Set(text.match(theirs) ?? [])].sort()
  t.equal(found(await history(a)).length, 7, 'while they are one, the history tells all of it')
  t.match(await history(a), /Own Ltd/)
  await done(service, 'POST', `/v1/contacts/${a}/unmerge`, { mergeId: b })
  t.same(found(await history(a)), [])
  t.match(await history(a), /Own Ltd/)
  t.notMatch(await history(b), /Own Ltd/)
  t.match(await history(b), /deep-title/)
  await done(service, 'POST', `/v1/contacts/${b}/unmerge`, { mergeId: c })
  t.notMatch(await history(b), /deep-title/)
  const erased = await service.request('POST', `/v1/contacts/${b}/erase`, { body: { reason: 'asked for it' } })
  t.equal(erased.status, 200, erased.text)
  t.same(found(await history(a)), [])
  // What is kept of A's own changes opens under A's key alone: nothing of the other one's is in it.
  const caller = systemCaller(service.db, { tenantId: service.tenantId, region: 'default' }, null)
  const kept = await service.db.change(caller, { action: 'import', resource: 'contacts' }, async (tx) => {
    const keys = await keysOfContacts(tx, [a])
    tx.touch({ resource: 'contacts', ids: [a] })
    return (await pastChanges(tx, keys, null, 200)).changes
  })
  t.ok(kept.length > 0)
  t.same(found(JSON.stringify(kept)), [])
})
