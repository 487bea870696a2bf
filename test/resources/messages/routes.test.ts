import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import {
  connectorChannel,
  done,
  eventsOf,
  faultsOf,
  said,
  send,
  talk,
  whatsappChannel,
  wrote,
} from '../conversations/fixtures.ts'

// Without a worker: what is put into the outbox stays there to be looked at.
const service = await startTestService(t)
const connector = {
  ...(await connectorChannel(service, 'http://127.0.0.1:9/nowhere')),
  kind: 'connector' as const,
}
const whatsapp = { channelId: await whatsappChannel(service, 'http://127.0.0.1:9'), kind: 'whatsapp' as const }

const jobsOf = (conversationId: string) =>
  service.sql<{ task_identifier: string; payload: Record<string, string> }>(
    `SELECT task_identifier, (SELECT p.payload FROM graphile_worker._private_jobs p WHERE p.id = j.id) AS payload
       FROM graphile_worker.jobs j WHERE key LIKE '%' || $1 || '%'`,
    [conversationId],
  )

t.test('an answer is a queued message, an answered conversation and a job, in one change', async (t) => {
  const one = await talk(service, connector)
  const question = await said(service, one, 'Is my order on its way?')
  const agent = await service.member('agent')
  const answer = await send(
    service,
    one.conversationId,
    { text: 'Yes.\r\nIt left\u0007 today. ', replyToId: question },
    { token: agent.token },
  )
  t.equal(answer.status, 201)
  t.equal(answer.headers.location, `/v1/messages/${answer.id}`)
  t.match(answer.body, {
    direction: 'outbound',
    type: 'text',
    text: 'Yes.\nIt left today.',
    content: { text: 'Yes.\nIt left today.' },
    status: 'queued',
    replyToId: question,
    author: { kind: 'member', id: agent.id, apiKeyId: null },
    contactId: one.contactId,
    identityId: one.identityId,
  })
  const conversation = await done(service, 'GET', `/v1/conversations/${one.conversationId}`)
  t.match(conversation.body, { lastMessageId: answer.id, unreadCount: 0, waitingSince: null })
  t.equal(conversation.body.lastMessageAt, answer.body.occurredAt)
  const jobs = await jobsOf(one.conversationId)
  t.same(
    jobs.map(({ task_identifier }) => task_identifier),
    ['send'],
  )
  t.same(Object.keys(jobs[0]?.payload ?? {}).sort(), ['conversationId', 'region', 'tenantId'], 'ids only')
  const [event] = await eventsOf(service, answer)
  t.match(event, { action: 'send', resource: 'messages', outcome: 'allowed', subject_ids: [one.contactId] })
  t.same(
    event?.touched.map(({ resource, ids }) => [resource, ids]),
    [
      ['messages', [answer.id]],
      ['conversations', [one.conversationId]],
    ],
    'what was sent stands first',
  )
})

t.test('the messages of a conversation come newest first, by when they were said', async (t) => {
  const one = await talk(service, connector)
  const late = await said(service, one, 'second', `'2026-02-01'`)
  const early = await said(service, one, 'first', `'2026-01-01'`)
  const third = (await send(service, one.conversationId, { text: 'third' })).id
  const path = `/v1/conversations/${one.conversationId}/messages`
  const page = await done(service, 'GET', `${path}?limit=2`)
  t.same(
    page.data.map(({ id }) => id),
    [third, late],
  )
  const rest = await done(service, 'GET', `${path}?limit=2&cursor=${page.body.nextCursor}`)
  t.same(
    rest.data.map(({ id }) => id),
    [early],
  )
  t.equal(rest.body.nextCursor, null)
  const found = await done(service, 'POST', `${path}/search`, { where: { eq: ['direction', 'inbound'] }, q: 'FIRST' })
  t.same(
    found.data.map(({ id }) => id),
    [early],
  )
  t.equal((await done(service, 'GET', `/v1/messages/${early}`)).body.text, 'first')
})

t.test('a repeated key sends once, also when both come at the same moment', async (t) => {
  const one = await talk(service, connector)
  const options = { headers: { 'idempotency-key': randomUUID() } }
  const [a, b] = await Promise.all([
    send(service, one.conversationId, { text: 'once' }, options),
    send(service, one.conversationId, { text: 'once' }, options),
  ])
  const made = [a, b].filter(({ status }) => status === 201)
  t.ok(made.length >= 1)
  for (const other of [a, b]) t.ok(other.status === 201 || other.code === 'idempotency_in_flight')
  const again = await send(service, one.conversationId, { text: 'once' }, options)
  t.match([again.status, again.id, again.headers['idempotent-replayed']], [201, made[0]?.id, 'true'])
  t.equal((await send(service, one.conversationId, { text: 'other' }, options)).code, 'idempotency_mismatch')
  const stored = await service.sql('SELECT FROM app.message WHERE conversation_id = $1', [one.conversationId])
  t.equal(stored.length, 1)
})

t.test('who answers an older state of the conversation is told', async (t) => {
  const one = await talk(service, connector)
  t.equal((await send(service, one.conversationId, { text: 'a', expectedLastMessageId: null })).status, 201)
  const last = await said(service, one, 'wait')
  const refused = await send(service, one.conversationId, { text: 'b', expectedLastMessageId: null })
  t.match(
    [refused.status, refused.code, faultsOf(refused)],
    [409, 'conflict', [{ path: '/expectedLastMessageId', code: 'newer_message' }]],
  )
  t.equal((await send(service, one.conversationId, { text: 'b', expectedLastMessageId: last })).status, 201)
})

t.test('the gate refuses with its reason, and nothing is queued', async (t) => {
  const one = await talk(service, whatsapp)
  const path = { contact: `/v1/contacts/${one.contactId}`, channel: `/v1/channels/${one.channelId}` }
  const refused = async (body: Record<string, unknown> = { text: 'x' }) => {
    const answer = await send(service, one.conversationId, body)
    return [answer.status, answer.code, ...faultsOf(answer).map((fault) => fault.code)]
  }
  t.same(await refused({ text: 'x'.repeat(4097) }), [422, 'unprocessable', 'text_too_long'])
  t.same(await refused({ text: 'x', type: 'image' }), [422, 'unprocessable', 'type_not_sendable'])
  t.same(await refused({ text: 'x', attachmentIds: [randomUUID()] }), [422, 'unprocessable', 'unknown_reference'])
  t.same(await refused({ text: 'x', replyToId: randomUUID() }), [422, 'unprocessable', 'unknown_reference'])
  const other = await talk(service, whatsapp)
  t.same(await refused({ text: 'x', replyToId: await said(service, other, 'y') }), [
    422,
    'unprocessable',
    'unknown_reference',
  ])
  await service.sql(`INSERT INTO app.consent_event (tenant_id, id, business_unit_id, contact_id, category, state, source, occurred_at)
    SELECT tenant_id, gen_random_uuid(), business_unit_id, id, 'marketing', 'stop', 'whatsapp', now() FROM app.contact WHERE id = '${one.contactId}'`)
  t.same(await refused({ text: 'x', purpose: 'marketing' }), [422, 'unprocessable', 'opted_out'])
  t.equal((await send(service, other.conversationId, { text: 'x', purpose: 'marketing' })).status, 201, 'others get it')
  await wrote(service, one.conversationId, `now() - interval '24 hours'`)
  t.same(await refused(), [422, 'window_closed', 'window_closed'])
  await wrote(service, one.conversationId, 'now()')
  await service.sql('UPDATE app.contact SET restricted = true WHERE id = $1', [one.contactId])
  t.same(await refused(), [422, 'unprocessable', 'contact_restricted'])
  await service.sql('UPDATE app.contact SET restricted = false WHERE id = $1', [one.contactId])
  await done(service, 'DELETE', path.contact)
  t.same(await refused(), [422, 'unprocessable', 'contact_trashed'])
  await done(service, 'POST', `${path.contact}/restore`)
  await service.sql(`UPDATE app.channel SET status = 'disabled' WHERE id = $1`, [one.channelId])
  t.same(await refused(), [422, 'unprocessable', 'channel_disabled'])
  await service.sql(`UPDATE app.channel SET status = 'active' WHERE id = $1`, [one.channelId])
  t.same(await service.sql('SELECT FROM app.message WHERE conversation_id = $1', [one.conversationId]), [])
  t.same(await jobsOf(one.conversationId), [])
  t.equal((await send(service, one.conversationId, { text: 'x' })).status, 201)
})

t.test('text that is none, or that cannot be kept, is not taken', async (t) => {
  const { conversationId } = await talk(service, connector)
  for (const text of ['', '  \n', '\u0000', '\ud83d', '\u0007', 'x'.repeat(65_537), 7, null])
    t.equal((await send(service, conversationId, { text })).status, 400, JSON.stringify(text)?.slice(0, 20))
  t.equal((await send(service, conversationId, { text: 'x', direction: 'inbound' })).status, 400)
  t.equal((await send(service, randomUUID(), { text: 'x' })).status, 404)
})

t.test('sending is a right of its own, for the rows that the role names', async (t) => {
  const [one, other] = [await talk(service, connector), await talk(service, whatsapp)]
  const reads = ['conversations', 'messages'].map((resource) => ({
    resource,
    actions: ['read'],
    fields: { read: ['*'] },
  }))
  const reader = await service.member(await service.role(reads))
  t.equal((await send(service, one.conversationId, { text: 'x' }, { token: reader.token })).status, 403)
  const oneChannel = { resource: 'messages', actions: ['send'], when: { eq: ['channelId', one.channelId] } }
  const sender = await service.member(await service.role([...reads, oneChannel]))
  t.equal((await send(service, one.conversationId, { text: 'x' }, { token: sender.token })).status, 201)
  t.equal((await send(service, other.conversationId, { text: 'x' }, { token: sender.token })).status, 403)
  const mute = await service.member(
    await service.role([...reads.slice(0, 1), { resource: 'messages', actions: ['send'] }]),
  )
  const sent = await send(service, one.conversationId, { text: 'x' }, { token: mute.token })
  t.same([sent.status, Object.keys(sent.body)], [201, ['id']], 'who may not read messages learns the id')
})

t.test('a member who writes through a key is the author, and the key is named', async (t) => {
  const one = await talk(service, connector)
  const agent = await service.member('agent')
  const roles = (await done(service, 'GET', '/v1/roles?name=owner')).data
  const key = await done(service, 'POST', '/v1/api-keys', { name: 'front end', roleIds: [roles[0]?.id] })
  const exchanged = await done(service, 'POST', '/v1/sessions/exchange', { memberId: agent.id }, key.string('key'))
  const sent = await send(service, one.conversationId, { text: 'x' }, { token: exchanged.string('accessToken') })
  t.same(sent.body.author, { kind: 'member', id: agent.id, apiKeyId: key.id })
  const own = await send(service, one.conversationId, { text: 'x' }, { token: key.string('key') })
  t.same(own.body.author, { kind: 'apiKey', id: key.id, apiKeyId: null })
})

t.test('a provider’s id, which may hold the number, is not shown to whoever sees numbers masked', async (t) => {
  const one = await talk(service, whatsapp)
  const id = await said(service, one, 'hello')
  const wamid = `wamid.${Buffer.from(`\u001d\u000b${one.phone.slice(1)}`).toString('base64')}`
  await service.sql('UPDATE app.message SET external_id = $2 WHERE id = $1', [id, wamid])
  const list = `/v1/conversations/${one.conversationId}/messages`
  const paths = [
    list,
    `/v1/messages/${id}`,
    `/v1/contacts/${one.contactId}/timeline`,
    `/v1/conversations/${one.conversationId}?include=lastMessage`,
  ]
  for (const role of ['agent', 'sales']) {
    const { token } = await service.member(role)
    for (const path of paths) {
      const answer = await done(service, 'GET', path, undefined, token)
      t.match(answer.text, 'hello', `${role} reads ${path}`)
      t.notMatch(answer.text, wamid, `${role} does not read the id in ${path}`)
    }
    const filtered = await service.request('GET', `${list}?externalId=${wamid}`, { token })
    t.equal(filtered.status, 400, 'nor asks for it')
  }
  t.match((await done(service, 'GET', `/v1/messages/${id}`)).body, { externalId: wamid }, 'the owner does')
})

t.test('a message shows its attachments as their own rights do, and the audit names them', async (t) => {
  const one = await talk(service, connector)
  const id = await said(service, one, 'with a file')
  const fileId = randomUUID()
  await service.sql(
    `INSERT INTO app.attachment (tenant_id, id, business_unit_id, conversation_id, contact_id, message_id, file_name, veiled, media_type, size, status)
     SELECT tenant_id, $2, business_unit_id, conversation_id, contact_id, id, 'passport.pdf', '{}', 'application/pdf', 7, 'pending' FROM app.message WHERE id = $1`,
    [id, fileId],
  )
  const read = async (token: string) => {
    const paths = [
      `/v1/messages/${id}`,
      `/v1/conversations/${one.conversationId}/messages`,
      `/v1/conversations/${one.conversationId}?include=lastMessage`,
      `/v1/contacts/${one.contactId}/timeline?kind=message`,
    ]
    const answers = await Promise.all(paths.map((path) => done(service, 'GET', path, undefined, token)))
    const [single, list, opened, timeline] = answers.map(({ body }) => body)
    const inList = (body: unknown) => Object(Object(body).data)[0]
    const records = [single, inList(list), Object(opened).lastMessage, inList(timeline)?.record]
    const touched = await Promise.all(
      answers.map(async (answer) =>
        (await eventsOf(service, answer))[0]?.touched.find(({ resource }) => resource === 'attachments'),
      ),
    )
    return { records, touched }
  }
  const brief = { id: fileId, fileName: 'passport.pdf', mediaType: 'application/pdf', size: 7, status: 'pending' }
  const { token } = await service.member('agent')
  const seen = await read(token)
  t.equal(seen.records.length, 4)
  for (const record of seen.records) t.same(record?.attachments, [brief])
  for (const part of seen.touched) {
    t.match(part, { ids: [fileId] })
    t.same(part?.shown.toSorted(), Object.keys(brief).sort())
  }

  const rest = ['contacts', 'conversations', 'messages'].map((resource) => ({
    resource,
    actions: ['read'],
    fields: { read: ['*'] },
  }))
  const without = await read((await service.member(await service.role(rest))).token)
  for (const record of without.records) t.ok(record?.text && !('attachments' in record), 'not there without the right')
  t.same(without.touched, [undefined, undefined, undefined, undefined])
  const some = { resource: 'attachments', actions: ['read'], fields: { read: ['messageId', 'size'] } }
  const part = await read((await service.member(await service.role([...rest, some]))).token)
  for (const record of part.records) t.same(record?.attachments, [{ id: fileId, size: 7 }], 'field by field')
  const unlinked = { ...some, fields: { read: ['size'] } }
  const loose = await read((await service.member(await service.role([...rest, unlinked]))).token)
  for (const record of loose.records) t.notOk(record && 'attachments' in record, 'not told whose they are')
  const images = { ...some, fields: { read: ['*'] }, when: { eq: ['mediaType', 'image/png'] } }
  const others = await read((await service.member(await service.role([...rest, images]))).token)
  for (const record of others.records) t.same(record?.attachments, [], 'row by row')
})
