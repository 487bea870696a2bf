import t from 'tap'
import { basic, mail, mailbox, secret } from '../channels/email/fixtures.ts'
import { startMailServer } from '../channels/email/mail-server.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })
const server = await startMailServer(t)
const channel = await done(service, 'POST', '/v1/channels', {
  type: 'email',
  name: 'Mail',
  settings: {
    address: mailbox,
    inbound: { kind: 'raw', secret },
    smtp: { host: '127.0.0.1', port: server.port, secure: false },
  },
})

const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
/** Posts a mail, and returns its event as it is listed once it was looked at. */
async function comes(id: string, fields: Record<string, string | undefined>): Promise<Row> {
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: Buffer.from(mail({ 'Message-ID': `<${id}>`, ...fields }, `I am ${id}`)),
    token: null,
    headers: { ...basic(secret), 'content-type': 'message/rfc822' },
  })
  if (answer.status !== 200) throw new Error(answer.text)
  const before = seen.size
  await until(async () => {
    for (const row of await list('/v1/inbound-events?limit=100')) if (row.status !== 'stored') seen.set(row.id, row)
    return seen.size > before
  })
  const row = [...seen.values()].at(-1)
  if (row === undefined) throw new Error('no event')
  return row
}
const seen = new Map<string, Row>()

/** Answers in the conversation of a message, and returns to whom the mail went. */
async function answered(row: Row): Promise<unknown> {
  const before = server.taken.length
  const answer = await send(service, String(row.conversationId), { text: 'We will see.' })
  if (answer.status >= 300) throw new Error(answer.text)
  await until(async () => server.taken.length > before)
  return server.taken.at(-1)?.to
}

t.test('whoever writes by a form is a person of their own, and is answered', async (t) => {
  const From = 'Shop Form <noreply@shopform.example>'
  const anna = await comes('a1@shopform.example', { From, 'Reply-To': 'Anna Arndt <anna@example.org>' })
  const bert = await comes('b1@shopform.example', { From, 'Reply-To': 'bert@example.org' })
  const again = await comes('a2@shopform.example', { From, 'Reply-To': 'anna@example.org' })
  t.equal(again.contactId, anna.contactId)
  t.match(
    (await list('/v1/contacts?sort=email')).map(({ id, email, displayName }) => ({ id, email, displayName })),
    [
      { id: anna.contactId, email: 'anna@example.org', displayName: 'Anna Arndt' },
      { id: bert.contactId, email: 'bert@example.org', displayName: 'Shop Form' },
    ],
  )
  const [said] = await list(`/v1/conversations/${anna.conversationId}/messages`)
  t.match(said, { content: { from: { address: 'noreply@shopform.example', name: 'Shop Form' } } })
  t.strictSame(await answered(anna), ['anna@example.org'])
  t.strictSame(await answered(bert), ['bert@example.org'])
})

t.test('a list is who writes to us by it, and not where it wants answers', async (t) => {
  const listed = { 'List-Id': 'Talk <talk.lists.example>', 'List-Post': '<mailto:talk@lists.example>' }
  const row = await comes('l1@lists.example', { From: 'lena@example.org', 'Reply-To': 'talk@lists.example', ...listed })
  t.match(await done(service, 'GET', `/v1/contacts/${row.contactId}`), { body: { email: 'lena@example.org' } })
})

t.test('mail without a usable From is a message of who else it names', async (t) => {
  const replies = await comes('u1@x.example', { From: 'undisclosed', 'Reply-To': 'Uta <uta@example.org>' })
  t.strictSame(await answered(replies), ['uta@example.org'])
  const sent = await comes('u2@x.example', {
    From: undefined,
    Sender: 'sven@example.org',
    'Return-Path': '<b@x.example>',
  })
  t.match(await done(service, 'GET', `/v1/contacts/${sent.contactId}`), { body: { email: 'sven@example.org' } })
  const bare = await comes('q1@x.example', { From: '"john doe"@x.example' })
  const named = await comes('q2@x.example', { From: 'John Doe <"john doe"@x.example>' })
  t.equal(named.contactId, bare.contactId)
  t.match(await list(`/v1/contacts/${bare.contactId}/identities`), [{ kind: 'email', value: '"john doe"@x.example' }])
  // The mail server of these tests takes no space in an address.
  t.strictSame(await answered(await comes('q3@x.example', { From: '"a,b"@x.example' })), ['"a,b"@x.example'])
})

t.test('mail that names nobody is listed as failed, can be replayed, and holds nobody up', async (t) => {
  const row = await comes('n1@x.example', { From: 'a b c @@' })
  t.match(row, { status: 'failed', reason: 'no_sender', contactId: null })
  t.match(await list('/v1/inbound-events?status=failed'), [{ id: row.id, reason: 'no_sender' }])
  t.equal(
    (await comes('n1@x.example', { From: 'nina@example.org', 'Message-ID': '<n2@x.example>' })).status,
    'processed',
  )
  const replayed = await service.request('POST', `/v1/inbound-events/${row.id}/replay`, {})
  t.ok(replayed.status < 300, replayed.text)
  await until(async () => (await done(service, 'GET', `/v1/inbound-events/${row.id}`)).body.status === 'failed')
})
