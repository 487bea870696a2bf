import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { canonicalString, certificateUrl, SnsCertificates } from '../../../src/channels/email/sns.ts'
import type { JsonObject } from '../../../src/channels/json.ts'
import { postOf } from '../post.ts'
import { selfSigned } from './certificate.ts'
import {
  basic,
  eventsOf,
  fileOfEvent,
  formPost,
  mail,
  mailbox,
  mailgunKey,
  mailgunSigned,
  secret,
  settingsOf,
  understood,
} from './fixtures.ts'

const raw = settingsOf()
const postmark = settingsOf({ kind: 'postmark', secret })
const mailgun = settingsOf({ kind: 'mailgun', secret: mailgunKey })
const sendgrid = settingsOf({ kind: 'sendgrid', secret })
const topicArn = 'arn:aws:sns:eu-west-1:123456789012:mail'
const ses = settingsOf({ kind: 'ses', topicArn })

t.test('a secret in the address: as basic auth, bearer, header or parameter, and nothing else', async (t) => {
  const body = mail()
  const ok = [
    postOf(body, basic(secret)),
    postOf(body, { Authorization: `bearer ${secret}` }),
    postOf(body, { 'X-Webhook-Secret': secret }),
    postOf(body, {}, { secret }),
  ]
  for (const post of ok) t.strictSame(email.verify(post, raw), { ok: true })
  t.strictSame(email.verify(postOf(body), raw), { ok: false, reason: 'signature_missing' })
  for (const post of [
    postOf(body, basic('wrong')),
    postOf(body, { authorization: 'Basic ????' }),
    postOf(body, {}, { secret: 'x' }),
  ])
    t.equal(email.verify(post, raw).ok, false)
  t.strictSame(email.generate?.(settingsOf({ kind: 'raw' })).inbound.secret?.length, 32, 'made where it is left out')
})

const inbound = (more: Record<string, unknown> = {}) =>
  JSON.stringify({
    FromFull: { Email: 'ada@example.org', Name: 'Ada' },
    ToFull: [{ Email: mailbox }],
    OriginalRecipient: mailbox,
    Subject: 'A question',
    MessageID: 'postmark-1',
    TextBody: 'Good morning',
    Date: 'Sun, 22 Nov 2026 10:00:00 +0000',
    Headers: [
      { Name: 'X-Spam-Tests', Value: 'DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,SPF_PASS' },
      { Name: 'Message-ID', Value: '<pm@example.org>' },
    ],
    ...more,
  })

t.test('Postmark: a mail with files of any size, whose sender is vouched for', async (t) => {
  const [small, large] = [Buffer.from('small file'), randomBytes(500_000)]
  const body = inbound({
    HtmlBody: '<p>Good morning</p>',
    Attachments: [
      { Name: 'small.txt', Content: small.toString('base64'), ContentType: 'text/plain', ContentLength: 10 },
      {
        Name: 'large.bin',
        Content: large.toString('base64'),
        ContentType: 'application/octet-stream',
        ContentID: 'c1',
      },
    ],
  })
  const [event] = eventsOf(postOf(body), postmark)
  if (event === undefined) throw new Error('no event')
  t.ok(JSON.stringify(event.payload).length < 5_000, 'files are not in the payload')
  t.match(await understood(event), {
    outcome: 'events',
    events: [
      {
        externalId: 'pm@example.org',
        from: { displayName: 'Ada', identities: [{ value: 'ada@example.org', verified: true }] },
        message: { text: 'Good morning', content: { html: '<p>Good morning</p>' } },
        media: [{ filename: 'small.txt' }, { filename: 'large.bin', contentId: 'c1' }],
      },
    ],
  })
  t.ok((await fileOfEvent(event, 'small.txt')).equals(small))
  t.ok((await fileOfEvent(event, 'large.bin')).equals(large))
  t.match(email.split(postOf('{'), postmark), { malformed: 'invalid_json' })
})

t.test('Postmark: what became of our mail comes to the same address', async (t) => {
  const told = async (event: object) => {
    const [one] = eventsOf(postOf(JSON.stringify(event)), postmark)
    return one === undefined ? undefined : understood(one)
  }
  const Metadata = { 'message-id': '<0199aaaa-bbbb-7ccc-8ddd-000011112222@example.com>' }
  t.match(await told({ RecordType: 'Bounce', Type: 'HardBounce', Email: 'a@example.org', ID: 1, Metadata }), {
    events: [{ type: 'bounce', isPermanent: true, messageId: '0199aaaa-bbbb-7ccc-8ddd-000011112222' }],
  })
  t.match(await told({ RecordType: 'Delivery', Recipient: 'a@example.org', Metadata }), {
    events: [{ status: 'delivered' }],
  })
  t.match(await told({ RecordType: 'SpamComplaint', Email: 'a@example.org' }), { events: [{ type: 'preference' }] })
  t.match(await told({ RecordType: 'SubscriptionChange', Recipient: 'a@example.org', SuppressSending: true }), {
    events: [{ type: 'preference', state: 'stop' }],
  })
})

t.test('Mailgun: a token counts for the body that it came with first', async (t) => {
  const fields = (token: string, text: string, atMs?: number): Post =>
    formPost({ ...mailgunSigned(token, atMs), sender: 'ada@example.org', recipient: mailbox, 'body-plain': text })
  const first = fields('token-1', 'Good morning')
  t.strictSame(email.verify(first, mailgun), { ok: true })
  t.strictSame(email.verify(first, mailgun), { ok: true }, 'a redelivery')
  t.strictSame(email.verify(fields('token-1', 'Something else'), mailgun), { ok: false, reason: 'signature_invalid' })
  t.strictSame(email.verify(fields('token-2', 'x', Date.now() - 6 * 60_000), mailgun), {
    ok: false,
    reason: 'timestamp_out_of_range',
  })
  t.strictSame(email.verify(formPost({ token: 'x' }), mailgun), { ok: false, reason: 'signature_missing' })
  const forged = formPost({ ...mailgunSigned('token-3'), token: 'token-4', 'body-plain': 'x' })
  t.strictSame(email.verify(forged, mailgun), { ok: false, reason: 'signature_invalid' })
  const keys = ['Good morning', 'Something else'].map(
    (text) => eventsOf(fields('token-5', text), mailgun)[0]?.dedupeKey,
  )
  t.equal(keys[0], keys[1], 'and beyond this process it is one event')
})

t.test('Mailgun: fields with files, or the mail itself', async (t) => {
  const headers = JSON.stringify([
    ['X-Mailgun-Dkim-Check-Result', 'Pass'],
    ['Dkim-Signature', 'v=1; a=rsa-sha256; d=example.org; s=x'],
    ['Message-Id', '<mg@example.org>'],
    ['From', 'Ada <ada@example.org>'],
    ['In-Reply-To', '<before@x>'],
  ])
  const bytes = randomBytes(100_000)
  const post = formPost(
    {
      ...mailgunSigned('t1'),
      sender: 'bounce@example.org',
      recipient: mailbox,
      'message-headers': headers,
      'body-plain': 'Hi',
      subject: 'Files',
    },
    [{ field: 'attachment-1', name: 'a.bin', type: 'application/octet-stream', bytes }],
  )
  const [event] = eventsOf(post, mailgun)
  if (event === undefined) throw new Error('no event')
  t.match(await understood(event), {
    events: [
      {
        externalId: 'mg@example.org',
        subject: 'Files',
        references: ['before@x'],
        from: { displayName: 'Ada', identities: [{ value: 'ada@example.org', verified: true }] },
        media: [{ filename: 'a.bin', sizeBytes: 100_000 }],
      },
    ],
  })
  t.ok((await fileOfEvent(event, 'a.bin')).equals(bytes))
  const whole = mail({ 'Message-ID': '<mime@example.org>' }, 'Grüße + 100%')
  const mime = new URLSearchParams({ ...mailgunSigned('t2'), recipient: mailbox, 'body-mime': whole }).toString()
  const [asMail] = eventsOf(postOf(mime, { 'content-type': 'application/x-www-form-urlencoded' }), mailgun)
  if (asMail === undefined) throw new Error('no event')
  t.match(await understood(asMail), { events: [{ externalId: 'mime@example.org', message: { text: 'Grüße + 100%' } }] })
})

t.test('SendGrid: the mail itself, or fields each in its own charset', async (t) => {
  const [whole] = eventsOf(
    formPost({ email: mail({ 'Message-ID': '<sg@example.org>' }), dkim: '{@example.org : pass}', SPF: 'pass' }),
    sendgrid,
  )
  if (whole === undefined) throw new Error('no event')
  t.match(await understood(whole), {
    events: [{ externalId: 'sg@example.org', from: { identities: [{ verified: true }] } }],
  })
  const post = formPost({
    headers: 'From: Ada <ada@example.org>\nMessage-ID: <sg2@example.org>',
    from: 'Ada <ada@example.org>',
    charsets: '{"text":"iso-8859-1"}',
    text: 'TEXT',
  })
  const latin = { ...post, rawBody: Buffer.from(post.rawBody.toString('latin1').replace('TEXT', 'Grüße'), 'latin1') }
  const [fields] = eventsOf(latin, sendgrid)
  if (fields === undefined) throw new Error('no event')
  t.match(await understood(fields), {
    events: [
      { externalId: 'sg2@example.org', message: { text: 'Grüße' }, from: { identities: [{ verified: false }] } },
    ],
  })
  const told = eventsOf(
    postOf(
      '[{"event":"bounce","email":"a@example.org","status":"5.0.0","sg_event_id":"1"},{"event":"open","email":"a@example.org","smtp-id":"<x@y>"},{"event":"click","email":"a@example.org"}]',
    ),
    sendgrid,
  )
  t.match(await Promise.all(told.map(understood)), [
    { events: [{ type: 'bounce', isPermanent: true }] },
    { events: [{ type: 'status', status: 'read' }] },
    { outcome: 'ignored' },
  ])
})

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = selfSigned(privateKey, publicKey)
const certUrl = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem'

function notification(message: JsonObject, version = '2', more: JsonObject = {}): Post {
  const body: JsonObject = {
    Type: 'Notification',
    MessageId: 'm-1',
    TopicArn: topicArn,
    Message: JSON.stringify(message),
    Timestamp: '2026-11-22T10:00:00.000Z',
    SignatureVersion: version,
    SigningCertURL: certUrl,
    ...more,
  }
  const algorithm = version === '1' ? 'RSA-SHA1' : 'RSA-SHA256'
  const Signature = sign(algorithm, Buffer.from(canonicalString(body)), privateKey).toString('base64')
  return postOf(JSON.stringify({ ...body, Signature }))
}

const serving = (status: number, body: Buffer) => {
  const asked: string[] = []
  return {
    asked,
    request: async ({ url }: { url: string }) => {
      asked.push(url)
      return { status, headers: {}, body }
    },
  }
}

t.test('SNS: the canonical string is the one that Amazon documents', async (t) => {
  const message = {
    Type: 'Notification',
    MessageId: 'id',
    Message: 'the text',
    Subject: 'S',
    Timestamp: 'T',
    TopicArn: 'A',
    Token: 'no',
  }
  t.equal(
    canonicalString(message),
    'Message\nthe text\nMessageId\nid\nSubject\nS\nTimestamp\nT\nTopicArn\nA\nType\nNotification\n',
  )
  t.equal(
    canonicalString({ ...message, Type: 'SubscriptionConfirmation', SubscribeURL: 'U' }),
    'Message\nthe text\nMessageId\nid\nSubscribeURL\nU\nTimestamp\nT\nToken\nno\nTopicArn\nA\nType\nSubscriptionConfirmation\n',
  )
})

t.test('SNS: both signature versions, only of the pinned topic, only by Amazon’s certificates', async (t) => {
  const certificates = new SnsCertificates()
  const http = serving(200, certificate)
  const verdict = async (post: Post) => {
    await certificates.prepare(post, topicArn, http)
    return certificates.verify(post, topicArn)
  }
  t.strictSame(await verdict(notification({ a: 1 })), { ok: true })
  t.strictSame(await verdict(notification({ a: 1 }, '1')), { ok: true })
  t.strictSame(http.asked, [certUrl], 'fetched once')
  t.equal((await verdict(notification({ a: 1 }, '3'))).ok, false)
  t.equal((await verdict(notification({}, '2', { TopicArn: 'arn:aws:sns:eu-west-1:123456789012:other' }))).ok, false)
  const good = notification({ a: 1 })
  const altered = postOf(good.rawBody.toString().replace('\\"a\\":1', '\\"a\\":2'))
  t.strictSame(await verdict(altered), { ok: false, reason: 'signature_invalid' })
  for (const url of [
    'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem',
    'https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem',
    'https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem',
    'https://snsxeu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.eu-west-1.amazonaws.com/other/file.pem',
  ]) {
    t.equal(certificateUrl({ SigningCertURL: url }), undefined, url)
    t.equal((await verdict(notification({}, '2', { SigningCertURL: url }))).ok, false, url)
  }
  t.strictSame(http.asked, [certUrl], 'and nothing else was fetched')
  t.equal(certificateUrl({ SigningCertURL: certUrl.replace('.com/', '.com.cn/') }) === undefined, false)
})

t.test(
  'SES: a mail in a notification, with what SES found; a subscription is confirmed for the one topic only',
  async (t) => {
    const received = (encoding: 'BASE64' | 'UTF8') => ({
      notificationType: 'Received',
      mail: { source: 'ada@example.org', messageId: 'x' },
      receipt: { recipients: [mailbox], dmarcVerdict: { status: 'PASS' }, action: { type: 'SNS', encoding } },
      content:
        encoding === 'BASE64'
          ? Buffer.from(mail({ 'Message-ID': '<ses@x>' })).toString('base64')
          : mail({ 'Message-ID': '<ses@x>' }),
    })
    for (const encoding of ['BASE64', 'UTF8'] as const) {
      const [event] = eventsOf(notification(received(encoding)), ses)
      if (event === undefined) throw new Error('no event')
      t.match(
        await understood(event),
        { events: [{ externalId: 'ses@x', from: { identities: [{ verified: true }] } }] },
        encoding,
      )
    }
    const SubscribeURL = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y'
    const subscription = (more: JsonObject = {}) =>
      notification({}, '2', { Type: 'SubscriptionConfirmation', Token: 'y', SubscribeURL, ...more })
    const [event] = eventsOf(subscription(), ses)
    if (event === undefined || email.errand === undefined) throw new Error('no errand')
    t.match(await understood(event), { events: [{ type: 'errand', kind: 'confirm_subscription' }] })
    const http = {
      ...serving(200, Buffer.from('ok')),
      download: () => Promise.reject(new Error('no')),
      connect: () => Promise.reject(new Error('no')),
    }
    t.strictSame(await email.errand(event, ses, http), { outcome: 'done' })
    t.strictSame(http.asked, [SubscribeURL])
    const others: JsonObject[] = [
      { TopicArn: 'arn:aws:sns:eu-west-1:123456789012:other' },
      { SubscribeURL: 'https://evil.example/?Action=ConfirmSubscription' },
    ]
    for (const more of others) {
      const [other] = eventsOf(subscription(more), ses)
      t.match(other && (await email.errand(other, ses, http)), { outcome: 'failed' })
    }
    t.equal(http.asked.length, 1, 'nothing else was asked')
  },
)

t.test('settings are refused where they cannot work', async (t) => {
  const bad = [
    { address: 'no address', inbound: { kind: 'raw' } },
    { address: mailbox, inbound: { kind: 'pigeon' } },
    { address: mailbox, inbound: { kind: 'mailgun' } },
    { address: mailbox, inbound: { kind: 'ses', topicArn: 'x' } },
    { address: mailbox, inbound: { kind: 'raw', secret: 'short' } },
    { address: mailbox, inbound: { kind: 'raw' }, smtp: { host: 'a b', port: 25, secure: false } },
    { address: mailbox, inbound: { kind: 'raw' }, other: 1 },
  ]
  for (const one of bad) t.equal(email.settings.safeParse(one).success, false, JSON.stringify(one))
  for (const one of [raw, postmark, mailgun, sendgrid, ses])
    t.match(email.setup(one, 'https://hub.example/v1/ingest/1')[0], {
      name: 'callback_url',
      value: 'https://hub.example/v1/ingest/1',
    })
})
