import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import t from 'tap'
import { email } from '../../src/channels/email/index.ts'
import { canonicalString } from '../../src/channels/email/sns.ts'
import { selfSigned } from '../channels/email/certificate.ts'
import { attached, mail, mailbox, multipart, part, settingsOf } from '../channels/email/fixtures.ts'
import { postOf } from '../channels/post.ts'
import { type Answer, type Row, startTestService } from '../harness/service.ts'
import { answered, type Fault, s3Double } from '../privacy/s3-double.ts'
import { done, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })
const s3 = await s3Double(t)
const topicArn = 'arn:aws:sns:eu-west-1:123456789012:mail'
const bucket = {
  name: 'files',
  region: s3.region,
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: s3.secret,
  apiBaseUrl: s3.url.replace('/files', ''),
}
s3.keyId = bucket.accessKeyId

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = selfSigned(privateKey, publicKey)
const SigningCertURL = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-bucket.pem'

/** What SNS posts of a mail that SES has put into the bucket. */
function told(objectKey: string, action: Record<string, unknown> = {}, messageId: string = randomUUID()): string {
  const Message = JSON.stringify({
    notificationType: 'Received',
    receipt: {
      recipients: [mailbox],
      spfVerdict: { status: 'PASS' },
      dkimVerdict: { status: 'PASS' },
      dmarcVerdict: { status: 'PASS' },
      action: { type: 'S3', topicArn, bucketName: 'files', objectKeyPrefix: 'in', objectKey, ...action },
    },
    mail: { source: 'ada@example.org', messageId: objectKey, destination: [mailbox] },
  })
  const body = {
    ...{ Type: 'Notification', MessageId: messageId, TopicArn: topicArn, Message },
    ...{ Timestamp: '2026-11-22T10:00:00.000Z', SignatureVersion: '2', SigningCertURL },
  }
  const Signature = sign('RSA-SHA256', Buffer.from(canonicalString(body)), privateKey).toString('base64')
  return JSON.stringify({ ...body, Signature })
}

// The certificate is Amazon's, and is fetched once: here it is known beforehand.
await email.prepare?.(postOf(told('x')), settingsOf({ kind: 'ses', topicArn }), {
  request: async () => ({ status: 200, headers: {}, body: certificate }),
  download: () => Promise.reject(new Error('not asked for')),
  connect: () => Promise.reject(new Error('not asked for')),
})

const channelOf = (more: Record<string, unknown> = { bucket }): Promise<Answer> =>
  done(service, 'POST', '/v1/channels', {
    type: 'email',
    name: 'Mail',
    settings: { address: mailbox, inbound: { kind: 'ses', topicArn, ...more } },
  })
const comes = async (channelId: string, body: string): Promise<void> => {
  const headers = { 'content-type': 'text/plain; charset=UTF-8' }
  const answer = await service.request('POST', `/v1/ingest/${channelId}`, { body, token: null, headers })
  if (answer.status !== 200) throw new Error(answer.text)
}
const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const eventsOf = (channelId: string): Promise<Row[]> =>
  list(`/v1/inbound-events?channelId=${channelId}&sort=receivedAt`)
const healthOf = async (channelId: string) => (await done(service, 'GET', `/v1/channels/${channelId}/health`)).body
const messagesOf = async (channelId: string): Promise<Row[]> => {
  const conversations = await list(`/v1/conversations?channelId=${channelId}`)
  return (await Promise.all(conversations.map(({ id }) => list(`/v1/conversations/${id}/messages`)))).flat()
}
const put = (key: string, raw: string): unknown => s3.objects.set(key, { bytes: Buffer.from(raw), at: new Date() })
const becomes = (channelId: string, reason: string): Promise<void> =>
  until(async () => (await eventsOf(channelId)).some((one) => one.status === 'failed' && one.reason === reason))

const channel = await channelOf()

t.test('a mail that SES keeps in a bucket is fetched from there and comes in as any other', async (t) => {
  const bytes = randomBytes(3_000_000)
  put(
    'in/large mail+1',
    multipart('mixed', [part('Content-Type: text/plain', 'Too long for a topic'), attached('plan.bin', bytes)], {
      'Message-ID': '<large@example.org>',
    }),
  )
  const first = randomUUID()
  await comes(channel.id, told('in/large mail+1', {}, first))
  await until(async () => JSON.stringify(await messagesOf(channel.id)).includes('"stored"'))
  t.match(await messagesOf(channel.id), [
    { text: 'Too long for a topic', externalId: 'large@example.org', attachments: [{ size: bytes.length }] },
  ])
  t.match(await eventsOf(channel.id), [
    { kind: 'events.ses', status: 'processed' },
    { kind: 'mail.mime', status: 'processed' },
  ])
  t.strictSame(s3.unsigned, [], 'every request was signed as S3 wants it')
  t.strictSame(
    s3.seen.map(({ path }) => path),
    ['/files/in/large%20mail%2B1'],
  )
  const [contact] = await service.sql(`SELECT verified FROM app.identity WHERE value = 'ada@example.org'`)
  t.match(contact, { verified: true }, 'what SES found of the sender came along')
  t.match(await healthOf(channel.id), { status: 'ok', lastError: null })

  const [notified, taken] = await eventsOf(channel.id)
  const [audited] = await service.sql(
    `SELECT actor_kind, action, cause_id FROM audit.readable_event WHERE resource = 'inbound-events' AND touched::text LIKE '%' || $1 || '%' ORDER BY sequence LIMIT 1`,
    [taken?.id],
  )
  t.match(audited, { actor_kind: 'connector', action: 'import', cause_id: notified?.id })

  await comes(channel.id, told('in/large mail+1', {}, first))
  await done(service, 'POST', `/v1/inbound-events/${notified?.id}/replay`)
  await until(() => s3.seen.length === 2)
  await comes(channel.id, told('in/large mail+1'))
  await until(() => s3.seen.length === 3)
  await until(async () => (await eventsOf(channel.id)).every((one) => one.status === 'processed'))
  t.equal((await messagesOf(channel.id)).length, 1, 'however often it is told of and fetched')
})

t.test('without credentials the mail waits, the health says so, and it comes once they are entered', async (t) => {
  const bare = await channelOf({})
  put('in/waits', mail({ 'Message-ID': '<waits@example.org>', From: 'eve@example.org' }, 'Is anybody there?'))
  const before = s3.seen.length
  await comes(bare.id, told('in/waits'))
  await becomes(bare.id, 'bucket_credentials_missing')
  t.match(await healthOf(bare.id), {
    status: 'error',
    tokenTrouble: true,
    lastError: 'bucket_credentials_missing',
    inbound: { failed: 1 },
  })
  t.equal(s3.seen.length, before)
  const { etag = '' } = (await service.request('GET', `/v1/channels/${bare.id}`)).headers
  const patched = await service.request('PATCH', `/v1/channels/${bare.id}`, {
    body: { settings: { inbound: { bucket } } },
    headers: { 'if-match': etag },
  })
  t.equal(patched.status, 200, patched.text)
  t.notMatch(patched.text, s3.secret, 'they go in and do not come out')
  const setup = await done(service, 'GET', `/v1/channels/${bare.id}/setup`)
  t.match(setup.text, /s3:GetObject.*arn:aws:s3:::files/)
  t.notMatch(setup.text, s3.secret)
  const [event] = await eventsOf(bare.id)
  await done(service, 'POST', `/v1/inbound-events/${event?.id}/replay`)
  await until(async () => (await messagesOf(bare.id)).some(({ text }) => text === 'Is anybody there?'))
  await until(async () => (await healthOf(bare.id)).lastError === null)
  t.match(await healthOf(bare.id), { status: 'ok', tokenTrouble: false, inbound: { failed: 0 } })
})

t.test('what cannot be fetched is failed with its reason, and what may pass is tried again', async (t) => {
  put('in/one', mail({ 'Message-ID': '<one@example.org>' }, 'After a while'))
  s3.faults.push(answered(503, 'SlowDown'))
  await comes(channel.id, told('in/one'))
  await until(async () => (await messagesOf(channel.id)).some(({ text }) => text === 'After a while'))

  const sealed: Fault = (_seen, response) =>
    response.writeHead(200, { 'x-amz-meta-x-amz-key-v2': 'AQ==', 'content-length': '5' }).end('noise')
  const large: Fault = (_seen, response) => response.writeHead(200, { 'content-length': '41943041' }).end()
  const cases: [string, Fault | null][] = [
    ['bucket_mail_gone', null],
    ['bucket_access_denied', answered(403, 'AccessDenied')],
    ['bucket_in_another_region', answered(400, 'AuthorizationHeaderMalformed')],
    ['bucket_mail_encrypted', sealed],
    ['bucket_mail_too_large', large],
    ['bucket_http_418', answered(418, 'Teapot')],
  ]
  for (const [reason, fault] of cases) {
    if (fault !== null) s3.faults.push(fault)
    await comes(channel.id, told(`in/${reason}`))
    await becomes(channel.id, reason)
    t.match(await healthOf(channel.id), {
      lastError: reason,
      status: reason === 'bucket_access_denied' ? 'error' : 'warning',
    })
  }
  t.strictSame(s3.unsigned, [])
})

t.test('nothing but the bucket of the settings is asked, and only for what the rule names', async (t) => {
  const before = s3.seen.length
  await comes(channel.id, told('in/one', { bucketName: 'another' }))
  await becomes(channel.id, 'bucket_is_another')
  await comes(channel.id, told('../another/one'))
  await becomes(channel.id, 'bucket_key_unusable')
  await comes(channel.id, told('x', { type: 'Bounce', bucketName: undefined, objectKey: undefined }))
  await until(async () => (await eventsOf(channel.id)).some(({ reason }) => reason === 'notification_unused'))
  t.equal(s3.seen.length, before)
  const wrong = await service.request('POST', '/v1/channels', {
    body: {
      type: 'email',
      name: 'Mail',
      settings: { address: mailbox, inbound: { kind: 'ses', topicArn, bucket: { name: 'files' } } },
    },
  })
  t.equal(wrong.status, 400)
  t.match(wrong.text, /\/settings\/inbound\/bucket\/secretAccessKey/)
})
