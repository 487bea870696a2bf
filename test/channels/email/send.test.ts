import { once } from 'node:events'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import type { OutboundFile, OutboundMessage, SendResult } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { mailbox, secret, settingsOf } from './fixtures.ts'
import { headerOf, startMailServer } from './mail-server.ts'

const id = '0199aaaa-bbbb-7ccc-8ddd-000011112222'
const http = createHttpClient({ allowPrivate: true })
t.teardown(() => http.close())

const toAda = { identities: [{ kind: 'email' as const, value: 'Ada@Example.org', verified: true }] }
const outbound = (more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id,
  recipient: toAda,
  content: { type: 'text', text: 'Grüße' },
  files: [],
  ...more,
})
const through = (port: number, more: Record<string, unknown> = {}) =>
  settingsOf({ kind: 'raw', secret }, { smtp: { host: '127.0.0.1', port, secure: false, ...more } })

t.test('an answer has the headers by which it is found again', async (t) => {
  const server = await startMailServer(t)
  const result = await email.send(
    outbound({
      subject: 'AW: Re: A question',
      replyTo: 'c@x',
      references: ['c@x', 'b@x', 'a@x'],
      content: { type: 'text', text: 'Grüße', html: '<p>Grüße</p>' },
    }),
    { ...through(server.port), displayName: 'Søren, Support' },
    http,
  )
  t.strictSame(result, { outcome: 'sent', externalId: `${id}@example.com`, recipientIds: [] })
  const [taken] = server.taken
  if (taken === undefined) throw new Error('nothing came')
  t.match(taken, { from: mailbox, to: ['ada@example.org'] })
  t.match(taken.mail, {
    messageId: `<${id}@example.com>`,
    inReplyTo: '<c@x>',
    references: '<a@x> <b@x> <c@x>',
    subject: 'Re: A question',
    from: { address: mailbox, name: 'Søren, Support' },
    replyTo: [{ address: `support+m-${id.replaceAll('-', '')}@example.com` }],
    text: 'Grüße\n',
    html: '<p>Grüße</p>\n',
  })
  t.ok(taken.mail.date)
  for (const name of ['auto-submitted', 'list-unsubscribe', 'list-unsubscribe-post', 'precedence'])
    t.equal(headerOf(taken, name), undefined, name)
})

t.test('what is automatic says so, and marketing can be unsubscribed from with one request', async (t) => {
  const server = await startMailServer(t)
  await email.send(
    outbound({ isAutomatic: true, unsubscribeUrl: 'https://hub.example/u/1', subject: 'News' }),
    through(server.port),
    http,
  )
  const [taken] = server.taken
  if (taken === undefined) throw new Error('nothing came')
  t.equal(headerOf(taken, 'auto-submitted'), 'auto-generated')
  t.equal(headerOf(taken, 'list-unsubscribe-post'), 'List-Unsubscribe=One-Click')
  t.match(
    headerOf(taken, 'list-unsubscribe'),
    /^<https:\/\/hub\.example\/u\/1>, <mailto:support\+u-[0-9a-f]{32}@example\.com\?subject=unsubscribe>$/,
  )
  t.equal(taken.mail.subject, 'News', 'a beginning is no answer')
})

t.test('files go along, whatever their names', async (t) => {
  const server = await startMailServer(t)
  const bytes = Buffer.alloc(300_000, 'abc')
  const file = (fileName: string | null): OutboundFile => ({
    kind: 'document',
    fileName,
    mediaType: 'application/pdf',
    sizeBytes: bytes.length,
    open: async () => Readable.from([bytes]),
    link: async () => 'unused',
  })
  const result = await email.send(outbound({ files: [file('Grüße "1".pdf'), file(null)] }), through(server.port), http)
  t.match(result, { outcome: 'sent' })
  const files = server.taken[0]?.mail.attachments ?? []
  t.strictSame(
    files.map(({ filename }) => filename),
    ['Grüße "1".pdf', 'file'],
  )
  t.ok(files.every(({ content }) => typeof content !== 'string' && content.byteLength === bytes.length))
})

t.test('nothing that a sender wrote becomes a header of ours', async (t) => {
  const server = await startMailServer(t)
  const evil = 'x\r\nBcc: victim@example.org\r\n'
  await email.send(outbound({ subject: evil, replyTo: evil, references: [evil] }), through(server.port), http)
  const [taken] = server.taken
  if (taken === undefined) throw new Error('nothing came')
  t.equal(headerOf(taken, 'bcc'), undefined)
  t.strictSame(taken.to, ['ada@example.org'])
})

t.test('what the server answers decides whether to try again', async (t) => {
  const server = await startMailServer(t)
  const send = async (): Promise<SendResult> => email.send(outbound(), through(server.port), http)
  server.behaviour = { recipient: '450 4.2.1 try later' }
  t.match(await send(), { outcome: 'retry', reason: '4.2.1', retryAfterMs: 60_000, pauses: undefined })
  server.behaviour = { recipient: '421 4.7.28 too much mail from you' }
  t.match(await send(), { outcome: 'retry', reason: '4.7.28', retryAfterMs: 60_000, pauses: 'account' })
  server.behaviour = { recipient: '550 5.1.1 nobody' }
  t.match(await send(), { outcome: 'failed', class: 'permanent', code: '5.1.1' })
  server.behaviour = { recipient: '530 5.7.0 log in first' }
  t.match(await send(), { outcome: 'failed', class: 'reauthorise' })
  server.behaviour = { data: '452 4.3.1 full' }
  t.match(await send(), { outcome: 'retry', reason: '4.3.1' })
  server.behaviour = { data: '554 5.7.1 spam' }
  t.match(await send(), { outcome: 'failed', class: 'permanent', code: '5.7.1' })
  server.behaviour = { hangUp: true }
  t.match(await send(), { outcome: 'unknown' }, 'it may have been taken')
  server.behaviour = {}
  t.match(await send(), { outcome: 'sent' })
})

t.test('logins', async (t) => {
  const server = await startMailServer(t, { allowInsecureAuth: true, authOptional: false })
  const send = (password: string) =>
    email.send(outbound(), through(server.port, { username: 'support', password }), http)
  t.match(await send('wrong'), { outcome: 'failed', class: 'reauthorise' })
  t.match(await send('right'), { outcome: 'sent' })
  t.equal(server.taken[0]?.user, 'support')
})

t.test('TLS from the first byte, and by STARTTLS', async (t) => {
  for (const secure of [true, false]) {
    const server = await startMailServer(t, { secure, disabledCommands: secure ? ['STARTTLS'] : [] })
    t.match(
      await email.send(outbound(), through(server.port, { secure }), http),
      { outcome: 'sent' },
      `secure: ${secure}`,
    )
    t.equal(server.taken[0]?.isTls, true)
  }
})

t.test('a server that is not there, not public, silent or no mail server at all', async (t) => {
  const closed = createServer()
  closed.listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const address = closed.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise((resolve) => closed.close(resolve))
  t.match(await email.send(outbound(), through(port), http), { outcome: 'retry' })

  const strict = createHttpClient({ allowPrivate: false })
  t.teardown(() => strict.close())
  for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]', '169.254.169.254'])
    t.match(
      await email.send(outbound(), through(port, { host }), strict),
      { outcome: 'failed', code: 'blocked_address' },
      host,
    )

  const garbage = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  garbage.listen(0, '127.0.0.1')
  await once(garbage, 'listening')
  t.teardown(() => new Promise<void>((resolve) => garbage.close(() => resolve())))
  const other = garbage.address()
  t.match(await email.send(outbound(), through(typeof other === 'object' && other !== null ? other.port : 0), http), {
    outcome: 'retry',
  })
})

t.test('what cannot be sent is said at once', async (t) => {
  const settings = through(1)
  const cases: [Partial<OutboundMessage>, string][] = [
    [{ content: { type: 'text', text: ' ' } }, 'text_empty'],
    [{ content: { type: 'text', text: 'x'.repeat(200_001) } }, 'text_too_long'],
    [{ recipient: { identities: [{ kind: 'phone', value: '+49', verified: true }] } }, 'no_address'],
    [{ recipient: { identities: [{ kind: 'email', value: mailbox, verified: true }] } }, 'own_address'],
  ]
  for (const [more, code] of cases)
    t.match(await email.send(outbound(more), settings, http), { outcome: 'failed', code })
  t.match(await email.send(outbound(), settingsOf(), http), { outcome: 'failed', code: 'no_smtp' })
})
