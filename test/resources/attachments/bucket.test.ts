import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { signWebhook } from '../../../src/channels/standard-webhooks.ts'
import { sweepFiles } from '../../../src/delivery/file-upkeep.ts'
import { tasks } from '../../../src/delivery/tasks.ts'
import { fileNameFor } from '../../../src/privacy/file-store.ts'
import { localServer } from '../../channels/local-server.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { answered, type S3Double, s3Double } from '../../privacy/s3-double.ts'
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
  const { db, config, log, tenantId } = service
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  const run = (task: string, payload: Record<string, string>, attempts = 1) =>
    tasks[task]?.({ db, http, config, log }, { tenantId, region: 'default', ...payload }, { attempts, maxAttempts: 25 })
  await connectorPost(service, `${provider.url}/offer.pdf`)
  const [lane] = await service.sql<{ lane: string; channelId: string }>(
    `SELECT encode(lane, 'hex') AS lane, channel_id::text AS "channelId" FROM app.inbound_event`,
  )
  await run('normalise', lane ?? {})
  const waiting = await until(attachments(service, 'pending'))
  for (const attempts of [1, 8, 20])
    await t.rejects(run('fetch-media', { attachmentId: waiting.id }, attempts) ?? Promise.resolve(), {
      name: 'FileStoreAway',
    })
  t.ok(await attachments(service, 'pending')(), 'however often it was tried')
  const stored = await until(attachments(service, 'stored'))
  const removal = { storedAs: stored.stored_as }
  await t.rejects(run('remove-file', removal) ?? Promise.resolve(), { name: 'FileStoreAway' })

  bucket.always = undefined
  t.equal((await upload(service, pdf(70_001), { headers })).status, 201)
  t.ok((await content(service, before.id)).bytes.equals(bytes))
  await run('fetch-media', { attachmentId: waiting.id })
  t.ok((await content(service, waiting.id)).bytes.equals(bytes))

  const orphan = fileNameFor(randomUUID())
  const at = new Date(Date.now() - 2 * 86_400_000)
  bucket.objects.set(`${tenantId}/${orphan.slice(34, 36)}/${orphan}`, { bytes: Buffer.from('left behind'), at })
  for (const one of bucket.objects.values()) one.at = at
  t.equal(await sweepFiles({ db, config, log }), 1, 'what no row names goes')
  t.equal(bucket.objects.size, 3)
  await run('remove-file', removal)
  t.equal(bucket.objects.size, 2)
})
