import t from 'tap'
import { claimMessage, nextMessage } from '../../src/delivery/send-claim.ts'
import { systemCaller } from '../../src/resources/tenants/create.ts'
import { said as event, startLanes, statuses } from '../delivery/lanes.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { connectorChannel, done, person, send, talk } from '../resources/conversations/fixtures.ts'

t.setTimeout(120_000)

const erase = (service: TestService, id: string) =>
  service.request('POST', `/v1/contacts/${id}/erase`, { body: { reason: 'Asked for it by email' } })

const belongings = [
  'contact_key',
  'external_id',
  'identity',
  'conversation',
  'message',
  'note',
  'attachment',
  'contact_custom_value',
]

/** What is left of a contact, by table. */
async function left({ sql }: TestService, contactId: string): Promise<string[]> {
  const found = await Promise.all(
    belongings.map(async (name) =>
      (await sql(`SELECT FROM app.${name} WHERE contact_id = $1`, [contactId])).map(() => name),
    ),
  )
  const named = await sql(
    'SELECT FROM app.contact WHERE id = $1 AND (state <> $2 OR num_nonnulls(display_name, email, phone, company) > 0)',
    [contactId, 'erased'],
  )
  return [...found.flat(), ...named.map(() => 'contact')]
}

/** Everything that the service does beside an erasure, started at once with it; each is done before it or refused. */
const beside: Record<
  string,
  (service: TestService, one: Awaited<ReturnType<typeof talk>>) => Promise<{ status: number; code?: string }>
> = {
  'a change': (service, one) =>
    ask(service, 'PATCH', `/v1/contacts/${one.contactId}`, {
      company: 'Late GmbH',
      email: 'late@example.com',
      externalIds: [{ system: 'crm', id: 'late' }],
      customFields: { late: 'yes' },
    }),
  'a new address': (service, one) =>
    ask(service, 'POST', `/v1/contacts/${one.contactId}/identities`, { kind: 'email', value: 'late@example.com' }),
  'a note': (service, one) => ask(service, 'POST', `/v1/conversations/${one.conversationId}/notes`, { text: 'late' }),
  'an answer': (service, one) =>
    ask(service, 'POST', `/v1/conversations/${one.conversationId}/messages`, { type: 'text', text: 'late' }),
  'a change of the subject': (service, one) =>
    ask(service, 'PATCH', `/v1/conversations/${one.conversationId}`, { subject: 'late' }),
  'a look at a masked field': (service, one) =>
    ask(service, 'POST', `/v1/contacts/${one.contactId}/reveal`, { fields: ['phone'], reason: 'late' }),
  'the trash': (service, one) => ask(service, 'DELETE', `/v1/contacts/${one.contactId}`),
  'another erasure': (service, one) => erase(service, one.contactId),
}

const ask = (service: TestService, method: string, path: string, body?: object) =>
  service.request(method, path, body ? { body } : {})

t.test('whatever happens at the moment of an erasure leaves nothing behind', async (t) => {
  const service = await startTestService(t)
  await done(service, 'POST', '/v1/custom-fields', {
    resource: 'contacts',
    key: 'late',
    type: 'text',
    labels: { en: 'Late' },
  })
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  let first = 0
  for (let round = 0; round < 6; round++)
    for (const [name, work] of Object.entries(beside)) {
      const one = await talk(service, { channelId, kind: 'connector' })
      const early = round % 3 === 0 ? work(service, one) : null
      const erased = erase(service, one.contactId)
      const [answer, other] = await Promise.all([erased, early ?? work(service, one)])
      // Of two erasures either may be the one.
      if (name === 'another erasure') t.same([answer.status, other.status].sort(), [200, 410], name)
      else {
        t.equal(answer.status, 200, `the erasure beside ${name}: ${answer.text}`)
        t.ok([200, 201, 204, 404, 410, 503].includes(other.status), `${name} answers ${other.status}`)
      }
      if (other.status < 300) first++
      t.same(await left(service, one.contactId), [], `beside ${name}`)
    }
  t.ok(first > 0, 'some came first')
})

t.test('a conversation that is begun while the person is erased is not', async (t) => {
  const service = await startTestService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  for (const isLate of [false, true]) {
    const { contactId, identityId } = await person(service, { kind: 'connector' })
    const begin = () =>
      service.request('POST', '/v1/conversations', { body: { contactId, identityId, channelId, subject: 'late' } })
    // Whoever holds the contact's row keeps both waiting, in the order in which they came.
    const held = await service.hold(`SELECT FROM app.contact WHERE id = '${contactId}' FOR UPDATE`)
    const first = isLate ? erase(service, contactId) : begin()
    await service.waiting()
    const second = isLate ? begin() : erase(service, contactId)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await held.release()
    const [a, b] = await Promise.all([first, second])
    const [erased, begun] = isLate ? [a, b] : [b, a]
    t.equal(erased.status, 200, erased.text)
    t.ok([201, 422].includes(begun.status), begun.text)
    t.same(await left(service, contactId), [])
  }
})

t.test('an erasure waits for whoever adds something to the person, and takes it along', async (t) => {
  const service = await startTestService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const { contactId } = await person(service, { kind: 'connector' })
  const { sql: text } = await import('../../src/db/sql.ts')
  const caller = systemCaller(service.db, { tenantId: service.tenantId, region: 'default' }, null)
  const { promise: isAdded, resolve: added } = Promise.withResolvers<void>()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const adding = service.db.change(caller, { action: 'create', resource: 'conversations' }, async (tx) => {
    const [row] = await tx.query<{ id: string }>(
      text`INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, channel_id, channel, subject, veiled)
        SELECT tenant_id, gen_random_uuid(), business_unit_id, id, ${channelId}::uuid, 'connector', 'late', '{}' FROM app.contact WHERE id = ${contactId}::uuid RETURNING id`,
    )
    added()
    await mayEnd
    tx.touch({ resource: 'conversations', ids: [String(row?.id)], subjectIds: [contactId] })
  })
  await isAdded
  const erasing = erase(service, contactId)
  await service.waiting()
  end()
  const [erased] = await Promise.all([erasing, adding])
  t.match([erased.status, erased.body.counts], [200, { conversations: 1 }])
  t.same(await left(service, contactId), [])
})

t.test('the database refuses a row for somebody who was erased a moment ago', async (t) => {
  const service = await startTestService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')
  const one = await talk(service, { channelId, kind: 'connector' })
  const caller = systemCaller(service.db, { tenantId: service.tenantId, region: 'default' }, null)
  const { sql: text } = await import('../../src/db/sql.ts')
  for (const statement of [
    text`INSERT INTO app.external_id (tenant_id, business_unit_id, system, value, contact_id) SELECT tenant_id, business_unit_id, 'crm', 'late', id FROM app.contact WHERE id = ${one.contactId}::uuid`,
    text`INSERT INTO app.contact_custom_value (tenant_id, business_unit_id, contact_id, field_id, text_value) SELECT c.tenant_id, c.business_unit_id, c.id, f.id, 'late' FROM app.contact c, app.custom_field f WHERE c.id = ${one.contactId}::uuid`,
    text`UPDATE app.contact SET display_name = 'late' WHERE id = ${one.contactId}::uuid`,
  ]) {
    if ((await service.sql('SELECT FROM app.custom_field')).length === 0)
      await done(service, 'POST', '/v1/custom-fields', {
        resource: 'contacts',
        key: 'late',
        type: 'text',
        labels: { en: 'Late' },
      })
    if ((await service.sql('SELECT FROM app.erasure')).length === 0)
      t.equal((await erase(service, one.contactId)).status, 200)
    const late = service.db.change(caller, { action: 'update', resource: 'contacts' }, async (tx) => {
      await tx.query(statement)
      tx.touch({ resource: 'contacts', ids: [one.contactId] })
    })
    await t.rejects(late, { code: 'unavailable' }, 'as a lost race: it is tried again and finds the tombstone')
  }
  t.same(await left(service, one.contactId), [])
})

t.test('a normaliser that runs at that moment comes before or finds nobody', async (t) => {
  const { service, connector, drain, waiting, run } = await startLanes(t)
  const { sql } = service
  const { send: post } = await connector()
  const seen = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const from = { value: `visitor-${round}`, displayName: 'Ada Lovelace', customFields: { note: `late ${round}` } }
    await post(event('first', { from }))
    await drain()
    const [ada] = await sql<{ id: string }>('SELECT contact_id AS id FROM app.identity WHERE value = $1', [from.value])
    await post(event('second', { from, id: `second-${round}` }), {
      type: 'edit',
      id: `edit-${round}`,
      from,
      messageId: `second-${round}`,
      message: { type: 'text', text: 'edited' },
    })
    const [lane] = await waiting()
    const [erased] = await Promise.all([erase(service, String(ada?.id)), lane ? run(lane) : null])
    t.equal(erased.status, 200, erased.text)
    await drain()
    t.same(await left(service, String(ada?.id)), [], `round ${round}`)
    const others = await sql('SELECT FROM app.contact WHERE state <> $1', ['erased'])
    t.equal(others.length, 0, 'and makes nobody of what came before')
    for (const status of await statuses(service)) seen.add(status)
  }
  t.same([...seen], ['suppressed'])
  t.equal((await sql('SELECT FROM app.inbound_event WHERE sealed_payload IS NOT NULL')).length, 0)
})

t.test('nothing leaves after an erasure', async (t) => {
  const service = await startTestService(t)
  const { db, tenantId, sql } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9')

  await t.test('what waits is never taken', async (t) => {
    const one = await talk(service, { channelId, kind: 'connector' })
    const { id } = await send(service, one.conversationId, { type: 'text', text: 'never' })
    const outbox = { tenantId, region: 'default', conversationId: one.conversationId }
    t.equal(await nextMessage(db, outbox), id)
    t.equal((await erase(service, one.contactId)).status, 200)
    t.equal(await nextMessage(db, outbox), null)
    t.equal(await claimMessage(db, outbox, id), 'taken', 'nor by whoever had found it before')
  })

  await t.test('what is with its provider is waited for', async (t) => {
    const one = await talk(service, { channelId, kind: 'connector' })
    const { id } = await send(service, one.conversationId, { type: 'text', text: 'under way' })
    t.match(await claimMessage(db, { tenantId, region: 'default', conversationId: one.conversationId }, id), { id })
    const refused = await erase(service, one.contactId)
    t.match([refused.status, refused.code], [409, 'conflict'])
    t.equal(refused.headers['retry-after'], '10')
    t.equal((await sql('SELECT FROM app.message WHERE id = $1', [id])).length, 1, 'nothing was done')
    const erasing = erase(service, one.contactId)
    await new Promise((resolve) => setTimeout(resolve, 400))
    await sql(`UPDATE app.message SET status = 'sent' WHERE id = $1`, [id])
    t.equal((await erasing).status, 200)
    t.same(await left(service, one.contactId), [])
  })
})

t.test('files of an erased person are noise at once, and go with the next job', async (t) => {
  const { service, connector, drain, context } = await startLanes(t)
  const { localServer } = await import('../channels/local-server.ts')
  const { fetchMedia } = await import('../../src/delivery/media.ts')
  const { removeFile } = await import('../../src/delivery/file-upkeep.ts')
  const { pdf, storedFiles } = await import('../resources/attachments/fixtures.ts')
  const files = await localServer((_seen, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end(pdf(1_000)),
  )
  t.teardown(() => files.close())
  const { send: post } = await connector()
  const message = { type: 'text', text: 'see', attachments: [{ url: `${files.url}/1`, name: 'offer.pdf' }] }
  await post(event('', { message }), event('', { message }))
  await drain()
  const [row, late] = await service.sql<{ id: string; contact_id: string }>(
    'SELECT id, contact_id FROM app.attachment ORDER BY id',
  )
  const payload = (id: string | undefined) => ({
    tenantId: service.tenantId,
    region: 'default',
    attachmentId: String(id),
  })
  await fetchMedia(context, payload(row?.id), { attempts: 1, maxAttempts: 25 })
  t.equal(storedFiles(service).length, 1)
  // Fetched and being written down at the moment of the erasure.
  const held = await service.hold(`SELECT FROM app.attachment WHERE id = '${late?.id}' FOR UPDATE`)
  const fetching = fetchMedia(context, payload(late?.id), { attempts: 1, maxAttempts: 25 })
  await service.waiting()
  const erasing = erase(service, String(row?.contact_id))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await held.release()
  const [erased] = await Promise.all([erasing, fetching])
  t.equal(erased.status, 200, erased.text)
  t.same(await left(service, String(row?.contact_id)), [])
  const jobs = await service.sql<{
    payload: Record<string, string>
  }>(`SELECT payload FROM graphile_worker._private_jobs j
    JOIN graphile_worker._private_tasks k ON k.id = j.task_id WHERE k.identifier = 'remove-file'`)
  t.equal(jobs.length, 2, 'one for each file')
  for (const job of jobs) await removeFile(context, job.payload, { attempts: 1, maxAttempts: 25 })
  for (const job of jobs) await removeFile(context, job.payload, { attempts: 2, maxAttempts: 25 })
  t.equal(storedFiles(service).length, 0)
})
