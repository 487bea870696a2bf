import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { signWebhook } from '../../../src/channels/standard-webhooks.ts'
import { sweepFiles } from '../../../src/delivery/file-upkeep.ts'
import { tasks } from '../../../src/delivery/tasks.ts'
import { fileNameFor } from '../../../src/privacy/file-store.ts'
import { attached, basic, mailbox, multipart, part, secret } from '../../channels/email/fixtures.ts'
import { startMailServer } from '../../channels/email/mail-server.ts'
import { localServer } from '../../channels/local-server.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { answered, type Fault, type S3Double, s3Double } from '../../privacy/s3-double.ts'
import { done, send } from '../conversations/fixtures.ts'
import { content, pdf, upload } from './fixtures.ts'

/** The whole service with its worker, whose files lie in a bucket. */
async function startWithBucket(
  t: { teardown(end: () => Promise<void>): unknown },
  worker = true,
): Promise<{ service: TestService; bucket: S3Double }> {
  const bucket = await s3Double(t)
  const env = {
    ATTACHMENT_BUCKET_URL: bucket.url,
    ATTACHMENT_BUCKET_REGION: bucket.region,
    ATTACHMENT_BUCKET_KEY_ID: bucket.keyId,
    ATTACHMENT_BUCKET_SECRET: bucket.secret,
  }
  return { service: await startTestService(t, { env, listen: true, worker }), bucket }
}

async function until<Found>(find: () => Promise<Found | undefined> | Found | undefined): Promise<Found> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await find()
    if (found !== undefined) return found
    await sleep(50)
  }
  throw new Error('it did not come to that')
}

/** A connector whose customer has sent a file that lies on `url`. */
async function connectorPost(service: TestService, url: string): Promise<void> {
  const body = { type: 'connector', name: 'Connector', settings: {} }
  const channel = await service.request('POST', '/v1/channels', { body })
  const attachments = [{ url, filename: 'offer.pdf', mediaType: 'application/pdf' }]
  const message = { type: 'text', text: 'see this', attachments }
  const from = { value: 'ada', displayName: 'Ada Lovelace' }
  const event = { id: 'evt-1', type: 'message', occurredAt: new Date().toISOString(), from, message }
  const post = JSON.stringify({ events: [event] })
  const headers = signWebhook(randomUUID(), new Date(), post, channel.string('secret'))
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { token: null, body: post, headers })
  if (answer.status !== 202) throw new Error(answer.text)
}

const attachments = (service: TestService, status: string) => async () => {
  const rows = await service.sql<{ id: string; stored_as: string; contact_id: string | null }>(
    'SELECT id, stored_as, contact_id FROM app.attachment WHERE status = $1',
    [status],
  )
  return rows[0]
}

t.test('uploads, files of messages and erasing work with a bucket as with a disk', async (t) => {
  const { service, bucket } = await startWithBucket(t)
  const bytes = pdf(200_000)
  const uploaded = await upload(service, bytes)
  t.equal(uploaded.status, 201)
  t.equal(bucket.objects.size, 1)
  const got = await content(service, uploaded.id)
  t.equal(got.status, 200)
  t.ok(got.bytes.equals(bytes))
  const part = await content(service, uploaded.id, { headers: { range: 'bytes=100000-100009' } })
  t.same([part.status, part.headers.get('content-range')], [206, 'bytes 100000-100009/200000'])
  t.ok(part.bytes.equals(bytes.subarray(100_000, 100_010)))
  t.equal((await content(service, uploaded.id, { method: 'HEAD' })).status, 200)
  const link = await service.request('GET', `/v1/attachments/${uploaded.id}/link`)
  const linked = await fetch(link.string('url').replace('http://hub.test', service.url))
  t.ok(Buffer.from(await linked.arrayBuffer()).equals(bytes))

  const offer = pdf(150_000)
  const provider = await localServer((_seen, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end(offer),
  )
  t.teardown(() => provider.close())
  await connectorPost(service, `${provider.url}/offer.pdf`)
  const fetched = await until(async () => {
    const rows = await service.sql<{ id: string; contact_id: string; stored_as: string }>(
      "SELECT id, contact_id, stored_as FROM app.attachment WHERE status = 'stored' AND contact_id IS NOT NULL",
    )
    return rows[0]
  })
  t.ok((await content(service, fetched.id)).bytes.equals(offer))
  t.equal(bucket.objects.size, 2)
  for (const { bytes: stored } of bucket.objects.values()) t.notMatch(stored.toString('latin1'), /canary|%PDF/)
  const folder = service.config.dataDir
  t.notOk(existsSync(join(folder, 'attachments')), 'nothing lies on the disk')
  t.same(readdirSync(join(folder, 'spool')), [])

  const body = { reason: 'Asked for it by email' }
  t.equal((await service.request('POST', `/v1/contacts/${fetched.contact_id}/erase`, { body })).status, 200)
  await until(() => bucket.objects.size === 1 || undefined)
  t.notMatch([...bucket.objects.keys()].join(), fetched.stored_as)
  t.same(bucket.unsigned, [])
  t.notMatch(service.logs.join(''), bucket.secret)
})

/** Runs a job as the worker does. */
function jobs(t: { teardown(end: () => Promise<void>): unknown }, { db, config, log, tenantId }: TestService) {
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  return async (task: string, payload: Record<string, string>, attempts = 1): Promise<void> =>
    tasks[task]?.({ db, http, config, log }, { tenantId, region: 'default', ...payload }, { attempts, maxAttempts: 25 })
}

const lanes = (service: TestService) =>
  service.sql<{ lane: string; channelId: string }>(
    `SELECT encode(lane, 'hex') AS lane, channel_id::text AS "channelId" FROM app.inbound_event`,
  )

t.test('a bucket that is away loses nothing: what was not stored was not answered', async (t) => {
  const { service, bucket } = await startWithBucket(t, false)
  const bytes = pdf(70_000)
  const before = await upload(service, bytes)
  bucket.always = answered(503, 'ServiceUnavailable')
  const headers = { 'idempotency-key': 'once' }
  const refused = await upload(service, pdf(70_001), { headers })
  t.match([refused.status, refused.body.code, refused.headers['retry-after']], [503, 'unavailable', '5'])
  t.match(await content(service, before.id), { status: 503 })
  t.equal((await service.sql('SELECT FROM app.attachment')).length, 1)
  t.match(service.logs.join(''), /"code":"ServiceUnavailable"/, 'the log says why')
  t.notMatch(service.logs.join(''), /words of the bucket/)

  const provider = await localServer((_seen, response) => response.writeHead(200).end(bytes))
  t.teardown(() => provider.close())
  const run = jobs(t, service)
  await connectorPost(service, `${provider.url}/offer.pdf`)
  const [lane] = await lanes(service)
  await run('normalise', lane ?? {})
  const waiting = await until(attachments(service, 'pending'))
  for (const attempts of [1, 8, 20])
    await t.rejects(run('fetch-media', { attachmentId: waiting.id }, attempts), {
      name: 'FileStoreAway',
    })
  t.ok(await attachments(service, 'pending')(), 'however often it was tried')
  const stored = await until(attachments(service, 'stored'))
  const removal = { storedAs: stored.stored_as }
  await t.rejects(run('remove-file', removal), { name: 'FileStoreAway' })

  bucket.always = undefined
  t.equal((await upload(service, pdf(70_001), { headers })).status, 201)
  t.ok((await content(service, before.id)).bytes.equals(bytes))
  await run('fetch-media', { attachmentId: waiting.id })
  t.ok((await content(service, waiting.id)).bytes.equals(bytes))

  const orphan = fileNameFor(randomUUID())
  const at = new Date(Date.now() - 2 * 86_400_000)
  bucket.objects.set(`${service.tenantId}/${orphan.slice(34, 36)}/${orphan}`, { bytes: Buffer.from('left behind'), at })
  for (const one of bucket.objects.values()) one.at = at
  t.equal(await sweepFiles(service), 1, 'what no row names goes')
  t.equal(bucket.objects.size, 3)
  await run('remove-file', removal)
  t.equal(bucket.objects.size, 2)
})

t.test('a long mail waits for its bytes, and a message for its files, as long as the bucket is away', async (t) => {
  const { service, bucket } = await startWithBucket(t, false)
  const run = jobs(t, service)
  const server = await startMailServer(t)
  const settings = {
    address: mailbox,
    inbound: { kind: 'raw', secret },
    smtp: { host: '127.0.0.1', port: server.port, secure: false },
  }
  const channel = await done(service, 'POST', '/v1/channels', { type: 'email', name: 'Mail', settings })
  const bytes = randomBytes(300_000)
  const raw = multipart('mixed', [part('Content-Type: text/plain', 'Large'), attached('large.bin', bytes)], {
    From: 'big@example.org',
    'Message-ID': '<big@example.org>',
  })
  const headers = { ...basic(secret), 'content-type': 'message/rfc822' }
  const post = () => service.request('POST', `/v1/ingest/${channel.id}`, { token: null, body: raw, headers })
  const unreadable: Fault = (seen, response) =>
    seen.method === 'GET' && answered(503, 'SlowDown')(seen, response) !== false

  bucket.always = answered(503, 'SlowDown')
  t.equal((await post()).status, 503, 'so that it is delivered again')
  t.equal((await lanes(service)).length, 0)
  bucket.always = unreadable
  t.equal((await post()).status, 200)
  const [lane] = await lanes(service)
  for (const attempts of [1, 6, 24]) await t.rejects(run('normalise', lane ?? {}, attempts))
  t.match(await service.sql('SELECT status, attempts FROM app.inbound_event'), [{ status: 'stored', attempts: 0 }])
  bucket.always = undefined
  await run('normalise', lane ?? {}, 25)
  const file = await until(attachments(service, 'pending'))
  await run('fetch-media', { attachmentId: file.id })
  t.ok((await content(service, file.id)).bytes.equals(bytes))

  const [conversation] = (await done(service, 'GET', '/v1/conversations')).data
  const uploaded = await upload(service, pdf(90_000))
  const sent = await send(service, String(conversation?.id), { text: 'This one', attachmentIds: [uploaded.id] })
  const status = async () => (await done(service, 'GET', `/v1/messages/${sent.id}`)).body.status
  bucket.always = unreadable
  await run('send', { conversationId: String(conversation?.id) })
  t.same([await status(), server.taken.length], ['queued', 0], 'neither given up nor of unknown fate')
  bucket.always = undefined
  await until(async () => {
    await run('send', { conversationId: String(conversation?.id) })
    return (await status()) === 'sent' || undefined
  })
  t.equal(server.taken.length, 1)
  t.same(bucket.unsigned, [])
})
