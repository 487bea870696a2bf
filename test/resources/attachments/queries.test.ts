import t from 'tap'
import type { Caller } from '../../../src/db/database.ts'
import { sql } from '../../../src/db/sql.ts'
import { sweepFiles } from '../../../src/delivery/file-upkeep.ts'
import { tasks } from '../../../src/delivery/tasks.ts'
import { credentialOf } from '../../../src/http/tokens.ts'
import { removeAttachmentFiles, takeAttachments } from '../../../src/resources/attachments/queries.ts'
import { systemCaller } from '../../../src/resources/tenants/create.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { content, conversationOf, events, pdf, png, storedFiles, upload } from './fixtures.ts'

async function callerOf(service: TestService, token = service.ownerToken): Promise<Caller> {
  const credential = credentialOf(service.app, token)
  const principal = credential && (await service.db.principal(credential))
  if (!principal) throw new Error('nobody has this token')
  return { principal, meta: { requestId: null, ip: null, purpose: null } }
}

async function take(
  service: TestService,
  ids: string[],
  where: Awaited<ReturnType<typeof conversationOf>>,
  token?: string,
) {
  return service.db.change(await callerOf(service, token), { action: 'send', resource: 'messages' }, (tx) =>
    takeAttachments(tx, where.messageId, where.contactId, where.conversationId, ids),
  )
}

t.test('a message takes uploads: they are its contact’s, and so is the key, while no byte moves', async (t) => {
  const service = await startTestService(t, { listen: true })
  const bytes = pdf(100_000)
  const one = (await upload(service, bytes)).id
  const two = (await upload(service, png)).id
  const before = storedFiles(service)
  const where = await conversationOf(service)
  await take(service, [two, one], where)
  for (const id of [one, two])
    t.match((await service.request('GET', `/v1/attachments/${id}`)).body, {
      contactId: where.contactId,
      conversationId: where.conversationId,
      messageId: where.messageId,
      status: 'stored',
      version: 2,
    })
  t.ok((await content(service, one)).bytes.equals(bytes))
  t.ok((await content(service, two)).bytes.equals(png))
  t.same(storedFiles(service), before)
  t.match((await events(service, one)).at(-1), { action: 'read', subject_ids: [where.contactId] })
  t.match((await events(service, one))[1], { action: 'send', subject_ids: [where.contactId] })

  // The tenant's key opens it no more: without the contact's it is gone for good.
  await service.sql('DELETE FROM app.contact_key WHERE contact_id = $1', [where.contactId])
  const got = await content(service, one)
  t.equal(got.status, 404)
  t.match(JSON.parse(got.bytes.toString()), { code: 'content_missing' })
})

t.test('what may not be taken is named, and then nothing is', async (t) => {
  const service = await startTestService(t, { listen: true })
  const north = (await service.request('POST', '/v1/business-units', { body: { name: 'North' } })).id
  const where = await conversationOf(service)
  const good = (await upload(service, png)).id
  const held = (await upload(service, png)).id
  await take(service, [held], where)
  const foreign = (await upload(service, png, { fields: { businessUnitId: north } })).id
  const trashed = (await upload(service, png)).id
  await service.request('DELETE', `/v1/attachments/${trashed}`)
  const pending = (await upload(service, png)).id
  await service.sql("UPDATE app.attachment SET status = 'pending' WHERE id = $1", [pending])
  const wrong = { held, foreign, trashed, pending, missing: where.messageId, twice: good }
  for (const [what, id] of Object.entries(wrong))
    await t.rejects(
      take(service, [good, id], where),
      { code: 'unprocessable', options: { errors: [{ path: '/attachmentIds/1', code: 'unknown_reference' }] } },
      what,
    )
  const blind = await service.member(
    await service.role([{ resource: 'messages', actions: ['read', 'send'], fields: { read: ['*'] } }]),
  )
  await t.rejects(
    take(service, [good], where, blind.token),
    { code: 'unprocessable' },
    'one that the sender does not see',
  )
  t.match((await service.request('GET', `/v1/attachments/${good}`)).body, { messageId: null, version: 1 })
  await take(service, [], where).catch(() => {})
  await take(service, [good], where)
})

t.test('two messages at once: one of them gets the file', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { id } = await upload(service, png)
  const wheres = [await conversationOf(service), await conversationOf(service)]
  const results = await Promise.allSettled(wheres.map((where) => take(service, [id], where)))
  t.same(results.map((one) => one.status).sort(), ['fulfilled', 'rejected'])
  t.ok((await content(service, id)).bytes.equals(png))
})

t.test('the files of a message that was taken back are gone: first the keys, then the bytes', async (t) => {
  const service = await startTestService(t, { listen: true })
  const where = await conversationOf(service)
  const { id } = await upload(service, png, { fileName: 'secret-name.png' })
  const other = (await upload(service, pdf(500))).id
  await take(service, [id], where)
  const tenant = { tenantId: service.tenantId, region: 'default' }
  await service.db.change(
    systemCaller(service.db, tenant, null),
    { action: 'delete', resource: 'messages' },
    async (tx) => {
      await removeAttachmentFiles(tx, sql`message_id = ${where.messageId}::uuid`)
      tx.touch({ resource: 'messages', ids: [where.messageId] })
    },
  )
  t.equal((await content(service, id)).status, 404)
  t.match((await service.request('GET', `/v1/attachments/${id}`)).body, {
    status: 'removed',
    fileName: null,
    size: null,
    contentUrl: null,
    messageId: where.messageId,
  })
  t.match(
    await service.sql('SELECT wrapped_key, content_hash, sealed_source FROM app.attachment WHERE id = $1', [id]),
    [{ wrapped_key: null, content_hash: null, sealed_source: null }],
  )
  const [job, ...others] = await service.sql<{ task_identifier: string; payload: Record<string, string> }>(
    `SELECT task_identifier, payload FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks k ON k.id = j.task_id AND k.identifier = 'remove-file'
     CROSS JOIN LATERAL (SELECT k.identifier AS task_identifier) AS n`,
  )
  t.same(others, [])
  if (!job) throw new Error('there is no job')
  t.notMatch(JSON.stringify(job), /secret-name/)
  t.equal(storedFiles(service).length, 2)
  const no = () => Promise.reject(new Error('no'))
  const http = { request: no, download: no, connect: no }
  const context = { db: service.db, http, config: service.config, log: service.log }
  await tasks['remove-file']?.(context, job.payload, { attempts: 1, maxAttempts: 25 })
  t.equal(storedFiles(service).length, 1)
  t.equal((await content(service, other)).status, 200)
  await service.db.change(
    systemCaller(service.db, tenant, null),
    { action: 'delete', resource: 'messages' },
    async (tx) => {
      await removeAttachmentFiles(tx, sql`message_id = ${where.messageId}::uuid`)
      tx.touch({ resource: 'messages', ids: [where.messageId] })
    },
  )
})

t.test('the upkeep sweeps what no row names, and nothing else', async (t) => {
  const service = await startTestService(t, { listen: true })
  const kept = (await upload(service, png)).id
  const orphan = (await upload(service, pdf(400))).id
  await service.sql('DELETE FROM app.attachment WHERE id = $1', [orphan])
  const context = { db: service.db, config: service.config, log: service.log }
  t.equal(await sweepFiles(context), 0, 'it is too young to be given up')
  t.equal(await sweepFiles(context, { draftMs: 0, orphanMs: -1 }), 1)
  t.equal(storedFiles(service).length, 1)
  t.ok((await content(service, kept)).bytes.equals(png))
})
