import t from 'tap'
import { basic, mail, mailbox, secret } from '../channels/email/fixtures.ts'
import { startMailServer } from '../channels/email/mail-server.ts'
import { postOf } from '../channels/post.ts'
import { type Answer, type Row, startTestService } from '../harness/service.ts'
import { done, send, until } from '../resources/conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })
const server = await startMailServer(t)
const smtp = { host: '127.0.0.1', port: server.port, secure: false }
const authservId = 'mx.example.com'
const vouched = { 'Authentication-Results': `${authservId}; dmarc=pass header.from=example.com` }

const channelOf = (address: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  done(service, 'POST', '/v1/channels', {
    type: 'email',
    name: 'Mail',
    settings: { address, inbound: { kind: 'raw', secret, ...more }, smtp },
  })
const channel = await channelOf(mailbox, { authservId })

async function comes(raw: string, channelId = channel.id): Promise<void> {
  const { rawBody } = postOf(raw)
  const headers = { ...basic(secret), 'content-type': 'message/rfc822' }
  const answer = await service.request('POST', `/v1/ingest/${channelId}`, { body: rawBody, token: null, headers })
  if (answer.status !== 200) throw new Error(answer.text)
  await until(
    async () => (await service.sql(`SELECT 1 FROM app.inbound_event WHERE status = 'stored'`)).length === 0,
    30_000,
  )
}
const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const messagesOf = (id: unknown): Promise<Row[]> => list(`/v1/conversations/${id}/messages?sort=occurredAt`)
const conversation = async (id: string): Promise<Record<string, unknown>> =>
  (await done(service, 'GET', `/v1/conversations/${id}`)).body
const conversationOf = async (externalId: string): Promise<string> => {
  const [row] = await service.sql<{ id: string }>(
    `SELECT conversation_id AS id FROM app.message WHERE external_id = '${externalId}'`,
  )
  return row?.id ?? ''
}
const lastReason = async (): Promise<unknown> =>
  (await service.sql<{ reason: unknown }>('SELECT reason FROM app.inbound_event ORDER BY sequence DESC LIMIT 1'))[0]
    ?.reason

/** A mail that a colleague writes with another program, from the mailbox's own address. */
const written = (fields: Record<string, string | undefined>, text?: string): string =>
  mail({ From: `Carla Colleague <${mailbox}>`, To: 'Ada Lovelace <ada@example.org>', ...fields }, text)

await comes(mail({ 'Message-ID': '<q@example.org>', Date: 'Sun, 22 Nov 2026 10:00:00 +0000' }, 'Where is it?'))
const talk = await conversationOf('q@example.org')
const [ada] = await list('/v1/contacts')

t.test('an answer that a colleague wrote elsewhere stands in its conversation, and settles it', async (t) => {
  t.match(await conversation(talk), { unreadCount: 1, waitingSince: String })
  const before = server.taken.length
  await comes(
    written(
      {
        'Message-ID': '<outlook-1@example.com>',
        'In-Reply-To': '<q@example.org>',
        References: '<q@example.org>',
        Date: 'Sun, 22 Nov 2026 10:05:00 +0000',
      },
      'On its way.\r\n\r\nOn Sunday Ada wrote:\r\n> Where is it?',
    ),
  )
  t.match(await messagesOf(talk), [
    { direction: 'inbound', text: 'Where is it?' },
    {
      direction: 'outbound',
      status: 'sent',
      text: 'On its way.',
      author: { kind: 'provider' },
      externalId: 'outlook-1@example.com',
      content: { from: { name: 'Carla Colleague', address: mailbox }, to: [{ address: 'ada@example.org' }] },
    },
  ])
  const [, echo] = await messagesOf(talk)
  t.match(echo?.content, { fromVerified: false, quoted: /Where is it/ }, 'nobody vouched for it')
  t.match(await conversation(talk), { unreadCount: 0, waitingSince: null })
  await comes(written({ 'Message-ID': '<outlook-1@example.com>', 'In-Reply-To': '<q@example.org>' }))
  t.equal((await messagesOf(talk)).length, 2, 'a second copy is none')
  t.equal(server.taken.length, before, 'nothing is sent because of it')
  t.equal((await list('/v1/contacts')).length, 1)
})

t.test('the word in our own address leads there as well, and the next answer of ours follows it', async (t) => {
  const answer = await send(service, talk, { text: 'Anything else?' })
  await until(async () => (await done(service, 'GET', `/v1/messages/${answer.id}`)).body.status === 'sent')
  const taken = server.taken.at(-1)
  t.match(taken?.mail.inReplyTo, /outlook-1@example\.com/)
  const word = taken?.mail.replyTo?.[0]?.address ?? ''
  t.match(word, /\+m-/)
  await comes(written({ 'Message-ID': '<outlook-2@example.com>', Cc: word, Subject: 'anew' }, 'One thing more.'))
  t.equal(await conversationOf('outlook-2@example.com'), talk)

  const count = (await messagesOf(talk)).length
  await comes(taken?.raw ?? '')
  const renamed = (taken?.raw ?? '').replace(/^Message-ID: .*$/im, 'Message-ID: <journal-1@relay.example>')
  await comes(renamed)
  t.equal((await messagesOf(talk)).length, count, 'our own mail, copied to us, is the message that it was')
})

t.test('without a thread it is a message to the one whom it went to', async (t) => {
  await comes(
    written(
      { 'Message-ID': '<first@example.com>', To: 'Ben <ben@example.net>', Subject: 'An offer', ...vouched },
      'Interested?',
    ),
  )
  const offer = await conversationOf('first@example.com')
  t.match(await list('/v1/conversations?include=contact&sort=-createdAt'), [
    { id: offer, subject: 'An offer', unreadCount: 0, waitingSince: null, contact: { displayName: 'Ben' } },
    { id: talk },
  ])
  t.match(await messagesOf(offer), [{ direction: 'outbound', content: { fromVerified: true } }])
  const results = { 'Authentication-Results': `${authservId}; dmarc=pass header.from=example.net` }
  const reply = { From: 'ben@example.net', 'In-Reply-To': '<first@example.com>', 'Message-ID': '<b@example.net>' }
  await comes(mail({ ...reply, ...results }, 'Yes.'))
  t.match(await messagesOf(offer), [{ text: 'Interested?' }, { direction: 'inbound', text: 'Yes.' }])
  await comes(written({ 'Message-ID': '<again@example.com>', To: 'ben@example.net' }, 'Unrelated'))
  t.not(await conversationOf('again@example.com'), offer, 'another thread')
  t.equal((await list('/v1/contacts?displayName=Ben')).length, 1, 'whoever has the address for certain is meant')
})

t.test('what went to others is not what the customer was told', async (t) => {
  await comes(
    mail({ Date: undefined, 'Message-ID': '<q2@example.org>', 'In-Reply-To': '<q@example.org>' }, 'Still nothing.'),
  )
  t.match(await conversation(talk), { waitingSince: String })
  const forwarded = { 'In-Reply-To': '<q2@example.org>', References: '<q@example.org> <q2@example.org>' }
  await comes(written({ 'Message-ID': '<fwd@example.com>', To: 'carrier@example.net', ...forwarded }, 'Please look.'))
  t.not(await conversationOf('fwd@example.com'), talk)
  t.match(await conversation(talk), { waitingSince: String })
  await comes(written({ 'Message-ID': '<s@example.com>', To: 'x@example.net, y@example.net', ...forwarded }))
  t.equal(await lastReason(), 'several_recipients')
  await comes(
    written(
      { 'Message-ID': '<all@example.com>', To: 'boss@example.net', Cc: 'ada@example.org', ...forwarded },
      'Soon!',
    ),
  )
  t.equal(await conversationOf('all@example.com'), talk, 'she was among them')
  t.match(
    (await messagesOf(talk)).find(({ text }) => text === 'Soon!'),
    { contactId: ada?.id },
  )
  t.strictSame(await list('/v1/contacts?displayName=boss'), [])
})

t.test('what went to the mailbox itself, to a list, or by a machine to a stranger is left alone', async (t) => {
  const before = (await list('/v1/conversations')).length
  const cases: [Record<string, string | undefined>, string][] = [
    [{ To: mailbox }, 'own_address'],
    [{ To: 'undisclosed-recipients:;' }, 'own_address'],
    [{ To: 'new@example.net', 'List-Id': '<news.example.com>' }, 'own_address'],
    [{ To: 'new@example.net', 'Auto-Submitted': 'auto-replied' }, 'own_automatic'],
    [{ To: 'new@example.net, other@example.net' }, 'several_recipients'],
  ]
  for (const [fields, reason] of cases) {
    await comes(written(fields))
    t.equal(await lastReason(), reason, JSON.stringify(fields))
  }
  t.equal((await list('/v1/conversations')).length, before)
  await comes(mail({ Date: undefined, 'Message-ID': '<q3@example.org>', 'In-Reply-To': '<q@example.org>' }, 'Hello?'))
  await comes(
    written({ 'Message-ID': '<ooo@example.com>', 'In-Reply-To': '<q3@example.org>', 'Auto-Submitted': 'auto-replied' }),
  )
  t.equal(await conversationOf('ooo@example.com'), talk, 'shown where it was said')
  t.match(await conversation(talk), { waitingSince: String }, 'and nobody has been answered by it')
})

t.test('two mailboxes that answer everything, and get a copy of all they send, stop after one answer', async (t) => {
  const names = ['left@example.com', 'right@example.com'] as const
  const boxes = await Promise.all(names.map((address) => channelOf(address)))
  const roles = await list('/v1/roles?name=owner')
  const key = (await done(service, 'POST', '/v1/api-keys', { name: 'machine', roleIds: [roles[0]?.id] })).string('key')
  let carried = server.taken.length
  const carry = async (): Promise<void> => {
    const fresh = server.taken.slice(carried)
    carried = server.taken.length
    for (const { from, to, raw } of fresh)
      for (const [i, name] of names.entries()) if (to.includes(name) || from === name) await comes(raw, boxes[i]?.id)
  }
  const answered = new Set<string>()
  const answerAll = async (): Promise<void> => {
    for (const box of boxes)
      for (const one of await list(`/v1/conversations?channelId=${box.id}`))
        for (const message of await messagesOf(one.id)) {
          if (answered.has(message.id) || message.author === undefined) continue
          answered.add(message.id)
          if (message.direction === 'inbound')
            await service.request('POST', `/v1/conversations/${one.id}/messages`, {
              body: { text: 'Away.' },
              token: key,
            })
        }
    await until(async () => (await service.sql(`SELECT 1 FROM app.message WHERE status = 'queued'`)).length === 0)
  }
  const before = server.taken.length
  const start = mail({ From: names[0], To: names[1], 'Message-ID': '<start@example.com>' })
  await comes(start, boxes[1]?.id)
  await comes(start, boxes[0]?.id)
  for (let round = 0; round < 6; round += 1) {
    await answerAll()
    await carry()
  }
  t.equal(server.taken.length - before, 1, 'the first mail is answered, the answer is not, copies of neither are')
})
