import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Post } from '../../src/channels/channel.ts'
import { sweepFiles } from '../../src/delivery/file-upkeep.ts'
import {
  attached,
  basic,
  formPost,
  mail,
  mailbox,
  mailgunKey,
  mailgunSigned,
  multipart,
  part,
  secret,
} from '../channels/email/fixtures.ts'
import { headerOf, startMailServer } from '../channels/email/mail-server.ts'
import { postOf } from '../channels/post.ts'
import { type Answer, type Row, startTestService } from '../harness/service.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })
const server = await startMailServer(t)
const smtp = { host: '127.0.0.1', port: server.port, secure: false }

const channelOf = async (inbound: Record<string, unknown>, address = mailbox): Promise<Answer> =>
  done(service, 'POST', '/v1/channels', { type: 'email', name: 'Mail', settings: { address, inbound, smtp } })
const channel = await channelOf({ kind: 'raw', secret })

const post = (channelId: string, { headers, rawBody }: Post): Promise<Answer> =>
  service.request('POST', `/v1/ingest/${channelId}`, {
    body: rawBody,
    token: null,
    headers: Object.fromEntries(Object.entries(headers).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
  })
async function comes(raw: string, channelId = channel.id): Promise<void> {
  const answer = await post(channelId, postOf(raw, { ...basic(secret), 'content-type': 'message/rfc822' }))
  if (answer.status !== 200) throw new Error(answer.text)
  await until(async () => (await waiting()) === 0)
}
const waiting = async (): Promise<number> =>
  (await service.sql(`SELECT 1 FROM app.inbound_event WHERE status = 'stored'`)).length
const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const messagesOf = (id: unknown): Promise<Row[]> => list(`/v1/conversations/${id}/messages?sort=occurredAt`)
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
const conversationOf = async (externalId: string): Promise<string> => {
  const [row] = await service.sql<{ id: string }>(
    `SELECT conversation_id AS id FROM app.message WHERE external_id = '${externalId}'`,
  )
  return row?.id ?? ''
}

t.test('a channel keeps its passwords, and makes the one that was left out', async (t) => {
  t.notMatch(channel.text, secret)
  const made = await channelOf({ kind: 'raw' })
  t.equal(made.string('secret').length, 32)
  const login = { ...smtp, username: 'support', password: 'the-smtp-password' }
  const answer = await done(service, 'POST', '/v1/channels', {
    type: 'email',
    name: 'Mail',
    settings: { address: 'other@example.com', inbound: { kind: 'mailgun', secret: mailgunKey }, smtp: login },
  })
  t.notMatch(answer.text, /the-smtp-password|mailgun-signing-key/)
  t.match(answer.body.settings, { smtp: { username: 'support' } })
})

t.test('what is not signed as its service signs is refused, and nothing is kept', async (t) => {
  const bad = postOf(mail(), basic('wrong'))
  t.equal((await post(channel.id, bad)).status, 401)
  const mailgun = await channelOf({ kind: 'mailgun', secret: mailgunKey })
  t.equal((await post(mailgun.id, formPost({ ...mailgunSigned('x'), signature: '0'.repeat(64) }))).status, 401)
  t.equal((await post(channel.id, postOf('', basic(secret)))).status, 400)
  t.strictSame(await list('/v1/inbound-events'), [])
})

t.test('somebody writes, is answered, answers again: one contact, one conversation', async (t) => {
  const bytes = randomBytes(100_000)
  await comes(
    multipart('mixed', [part('Content-Type: text/plain', 'Where is my order?'), attached('slip.bin', bytes)], {
      'Message-ID': '<first@example.org>',
    }),
  )
  const conversationId = await conversationOf('first@example.org')
  const [conversation] = await list('/v1/conversations?include=contact')
  t.match(conversation, {
    id: conversationId,
    channel: 'email',
    unreadCount: 1,
    contact: { displayName: 'Ada Lovelace' },
  })
  await until(async () => JSON.stringify(await messagesOf(conversationId)).includes('"stored"'))
  const [first] = await messagesOf(conversationId)
  t.match(first, {
    text: 'Where is my order?',
    content: { subject: 'A question' },
    attachments: [{ fileName: 'slip.bin', size: 100_000 }],
  })

  const answer = await send(service, conversationId, { text: 'On its way.' })
  await until(async () => (await statusOf(answer.id)) === 'sent')
  const taken = server.taken.at(-1)
  if (taken === undefined) throw new Error('nothing was sent')
  t.match(taken.mail, {
    to: [{ address: 'ada@example.org' }],
    subject: 'Re: A question',
    references: '<first@example.org>',
    text: 'On its way.\n',
  })
  t.equal(headerOf(taken, 'auto-submitted'), undefined, 'a person wrote it')

  const ours = taken.mail.messageId ?? ''
  const replyTo = taken.mail.replyTo?.[0]?.address ?? ''
  await comes(
    mail(
      { 'Message-ID': '<second@example.org>', 'In-Reply-To': ours, References: `<first@example.org> ${ours}` },
      'Thanks!\r\n\r\nOn Sunday, 22 Nov 2026, Support wrote:\r\n> On its way.',
    ),
  )
  await comes(mail({ 'Message-ID': '<third@example.org>', To: replyTo, Subject: 'something else' }, 'One more thing'))
  t.equal(await conversationOf('second@example.org'), conversationId)
  t.equal(await conversationOf('third@example.org'), conversationId, 'by the word in the address alone')
  t.match(
    (await messagesOf(conversationId)).find(({ externalId }) => externalId === 'second@example.org'),
    { text: 'Thanks!', content: { quoted: /On its way/ } },
  )

  await comes(mail({ 'Message-ID': '<fourth@example.org>', Subject: 'Re: A question' }))
  t.not(await conversationOf('fourth@example.org'), conversationId, 'a subject brings nobody together')
  t.equal((await list('/v1/contacts')).length, 1)
  await comes(mail({ 'Message-ID': '<fourth@example.org>', Subject: 'Re: A question' }))
  t.equal((await list('/v1/conversations')).length, 2, 'a redelivery is none')
})

t.test('each service posts in its own way', async (t) => {
  const postmark = await channelOf({ kind: 'postmark', secret })
  const mailgun = await channelOf({ kind: 'mailgun', secret: mailgunKey })
  const sendgrid = await channelOf({ kind: 'sendgrid', secret })
  const file = Buffer.from('a file')
  const body = JSON.stringify({
    FromFull: { Email: 'pia@example.org', Name: 'Pia' },
    TextBody: 'by Postmark',
    Headers: [{ Name: 'Message-ID', Value: '<pm@x>' }],
    Attachments: [{ Name: 'a.txt', ContentType: 'text/plain', Content: file.toString('base64') }],
  })
  t.equal((await post(postmark.id, postOf(body, basic(secret)))).status, 200)
  const fields = {
    ...mailgunSigned('http-1'),
    sender: 'max@example.org',
    'body-plain': 'by Mailgun',
    'Message-Id': '<mg@x>',
    from: 'Max <max@example.org>',
  }
  t.equal(
    (
      await post(
        mailgun.id,
        formPost(fields, [{ field: 'attachment-1', name: 'a.txt', type: 'text/plain', bytes: file }]),
      )
    ).status,
    200,
  )
  const form = formPost({
    email: multipart(
      'mixed',
      [part('Content-Type: text/plain', 'by SendGrid'), attached('a.txt', file, 'text/plain')],
      { 'Message-ID': '<sg@x>', From: 'sue@example.org' },
    ),
  })
  t.equal((await post(sendgrid.id, { ...form, headers: { ...form.headers, ...basic(secret) } })).status, 200)
  await until(async () => (await waiting()) === 0)
  for (const [id, text] of [
    ['pm@x', 'by Postmark'],
    ['mg@x', 'by Mailgun'],
    ['sg@x', 'by SendGrid'],
  ] as const) {
    const conversationId = await conversationOf(id)
    await until(async () => JSON.stringify(await messagesOf(conversationId)).includes('"stored"'))
    t.match(await messagesOf(conversationId), [{ text, attachments: [{ fileName: 'a.txt', size: file.length }] }], text)
  }
  const ses = await channelOf({ kind: 'ses', topicArn: 'arn:aws:sns:eu-west-1:123456789012:mail' })
  t.equal((await post(ses.id, postOf('{"Type":"Notification"}'))).status, 401)
})

t.test('a bounce marks the address and fails the message', async (t) => {
  await comes(mail({ From: 'gone@example.org', 'Message-ID': '<gone@example.org>' }))
  const conversationId = await conversationOf('gone@example.org')
  const answer = await send(service, conversationId, { text: 'Hello?' })
  await until(async () => (await statusOf(answer.id)) === 'sent')
  const ours = server.taken.at(-1)?.mail.messageId ?? ''
  await comes(
    multipart(
      'report; report-type=delivery-status',
      [
        part('Content-Type: text/plain', 'No.'),
        part(
          'Content-Type: message/delivery-status',
          'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; gone@example.org\r\nAction: failed\r\nStatus: 5.1.1',
        ),
        part('Content-Type: text/rfc822-headers', `Message-ID: ${ours}`),
      ],
      {
        From: 'mailer-daemon@example.org',
        'Return-Path': '<>',
        Date: new Date().toUTCString(),
      },
    ),
  )
  await until(async () => (await statusOf(answer.id)) === 'failed')
  t.equal((await messagesOf(conversationId)).length, 2, 'a report is no message')
  const again = await send(service, conversationId, { text: 'Hello again?' })
  t.match({ status: again.status, code: again.code }, { status: 422 })
})

t.test('the whole of a long mail is a sealed file beside its event, and goes with its person', async (t) => {
  const bytes = randomBytes(2_000_000)
  const raw = multipart('mixed', [part('Content-Type: text/plain', 'Large'), attached('large.bin', bytes)], {
    From: 'big@example.org',
    'Message-ID': '<big@example.org>',
  })
  await comes(raw)
  const conversationId = await conversationOf('big@example.org')
  await until(async () => JSON.stringify(await messagesOf(conversationId)).includes('"stored"'))
  const [message] = await messagesOf(conversationId)
  const [file] = (message?.attachments ?? []) as { id: string }[]
  const content = await service.request('GET', `/v1/attachments/${file?.id}/content`)
  t.equal(content.status, 200)
  t.equal(content.headers['content-length'], String(bytes.length))
  const [row] = await service.sql<{ id: string; stored_as: string; contact_id: string }>(
    `SELECT id, stored_as, contact_id FROM app.inbound_event WHERE message_id = '${message?.id}'`,
  )
  if (row === undefined) throw new Error('no event')
  const path = join(service.config.dataDir, 'attachments', service.tenantId, row.stored_as.slice(34, 36), row.stored_as)
  t.ok(existsSync(path))
  t.match((await done(service, 'GET', `/v1/inbound-events/${row.id}/payload`)).body, { bytes: { size: raw.length } })
  await sweepFiles({ db: service.db, config: service.config, log: service.log }, { draftMs: 0, orphanMs: -1 })
  t.ok(existsSync(path), 'the sweep leaves it')
  const erased = await service.request('POST', `/v1/contacts/${row.contact_id}/erase`, {
    body: { reason: 'asked for it', ticket: 'T-1' },
  })
  t.ok(erased.status < 300, erased.text)
  await until(async () => !existsSync(path))
  t.strictSame(await service.sql(`SELECT stored_as, sealed_payload FROM app.inbound_event WHERE id = '${row.id}'`), [
    { stored_as: null, sealed_payload: null },
  ])
})

t.test('two mailboxes whose programs answer everything stop after one answer', async (t) => {
  const names = ['left@example.com', 'right@example.com'] as const
  const boxes = await Promise.all(names.map((address) => channelOf({ kind: 'raw', secret }, address)))
  const roles = await list('/v1/roles?name=owner')
  const key = (
    await done(service, 'POST', '/v1/api-keys', { name: 'answering machine', roleIds: [roles[0]?.id] })
  ).string('key')
  /** What is sent to one of them is posted to it, as its mail server would. */
  let carried = server.taken.length
  const carry = async (): Promise<number> => {
    const fresh = server.taken.slice(carried)
    carried = server.taken.length
    for (const { to, raw } of fresh) {
      const box = boxes[names.findIndex((name) => to.includes(name))]
      if (box !== undefined) await comes(raw, box.id)
    }
    return fresh.length
  }
  const answered = new Set<string>()
  /** Answers whatever came in, and looks at nothing. */
  const answerAll = async (): Promise<void> => {
    for (const box of boxes)
      for (const conversation of await list(`/v1/conversations?channelId=${box.id}`))
        for (const message of await messagesOf(conversation.id))
          if (message.direction === 'inbound' && !answered.has(message.id)) {
            answered.add(message.id)
            await service.request('POST', `/v1/conversations/${conversation.id}/messages`, {
              body: { text: 'I am away.' },
              token: key,
            })
          }
    await until(async () => (await service.sql(`SELECT 1 FROM app.message WHERE status = 'queued'`)).length === 0)
  }
  const before = server.taken.length
  await comes(mail({ From: names[0], To: names[1], 'Message-ID': '<start@example.com>' }), boxes[1]?.id)
  for (let round = 0; round < 6; round += 1) {
    await answerAll()
    await carry()
  }
  const sent = server.taken.slice(before)
  t.equal(sent.length, 1, 'the first mail is answered, the answer is not')
  t.equal(sent[0] && headerOf(sent[0], 'auto-submitted'), 'auto-generated')
  t.equal(answered.size, 2, 'both had come in')
})
