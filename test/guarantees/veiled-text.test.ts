import t from 'tap'
import { veiledOf } from '../../src/privacy/detection.ts'
import { type Lanes, said, startLanes } from '../delivery/lanes.ts'
import type { TestService } from '../harness/service.ts'
import { done, eventsOf } from '../resources/conversations/fixtures.ts'

/** Digits and names that an agent never gets, in whatever form. */
const hidden = ['1234567', '34567', 'grace.hopper', 'race.hop', '41111111', '4111 1111']
const line = 'Order MT-12345: call 0170 1234567, write to grace.hopper@example.com, card 4111 1111 1111 1111.'
const veiled = 'Order MT-12345: call +49••••••••67, write to g•••@example.com, card ••••••••••••1111.'

interface World {
  contactId: string
  conversationId: string
  messageId: string
  plainId: string
  noteId: string
  fileId: string
}

/** What somebody wrote, what a colleague noted about it, and what it was named. */
async function world({ service, connector, drain }: Lanes): Promise<World> {
  const channel = await connector()
  const file = { url: 'https://files.example.com/x', name: 'call 0170 1234567.pdf', mediaType: 'application/pdf' }
  await channel.send(
    said(line, { id: 'm-1', from: { value: 'ada', displayName: 'Ada', phone: '+491709999999' } }),
    said('', { id: 'm-2', message: { type: 'text', text: 'Thank you', attachments: [file] } }),
  )
  await drain()
  const [row] = await service.sql<{ conversation_id: string; contact_id: string; id: string }>(
    "SELECT * FROM app.message WHERE external_id = 'm-1'",
  )
  if (!row) throw new Error('no message')
  const { conversation_id: conversationId, contact_id: contactId } = row
  await done(service, 'PATCH', `/v1/conversations/${conversationId}`, { subject: line })
  const note = await done(service, 'POST', `/v1/conversations/${conversationId}/notes`, { text: line })
  const [plain] = await service.sql<{ id: string }>("SELECT id FROM app.message WHERE external_id = 'm-2'")
  const [attachment] = await service.sql<{ id: string }>('SELECT id FROM app.attachment')
  if (!plain || !attachment) throw new Error('no file')
  return { contactId, conversationId, messageId: row.id, plainId: plain.id, noteId: note.id, fileId: attachment.id }
}

/** Every way to read what is there. */
const ways = ({
  contactId,
  conversationId,
  messageId,
  plainId,
  noteId,
  fileId,
}: World): [string, string, object?][] => [
  ['GET', `/v1/messages/${messageId}`],
  ['GET', `/v1/messages/${plainId}`],
  ['GET', `/v1/conversations/${conversationId}/messages`],
  ['POST', `/v1/conversations/${conversationId}/messages/search`, {}],
  ['GET', `/v1/conversations/${conversationId}?include=lastMessage,contact`],
  ['GET', '/v1/conversations?include=lastMessage'],
  ['POST', '/v1/conversations/search', { include: ['lastMessage'] }],
  ['GET', `/v1/notes/${noteId}`],
  ['GET', `/v1/conversations/${conversationId}/notes`],
  ['GET', `/v1/contacts/${contactId}/timeline`],
  ['GET', `/v1/attachments/${fileId}`],
  ['GET', '/v1/attachments'],
]

t.test('numbers, addresses and cards in what was written are hidden from an agent on every way', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { request } = service
  const one = await world(lanes)
  const agent = await service.member('agent')
  for (const [method, path, body] of ways(one)) {
    const { status, text } = await request(method, path, { token: agent.token, ...(body ? { body } : {}) })
    t.equal(status, 200, path)
    for (const part of hidden) t.notOk(text.includes(part), `${path} hides ${part}`)
    const clear = await request(method, path, body ? { body } : {})
    t.ok(clear.text.includes('1234567'), `${path} is clear to the owner`)
  }
  const get = async (path: string, token = agent.token) => (await done(service, 'GET', path, undefined, token)).body
  t.match(await get(`/v1/messages/${one.messageId}`), {
    text: veiled,
    content: { text: veiled },
    maskedFields: ['content', 'text'],
  })
  t.match(await get(`/v1/messages/${one.messageId}`, service.ownerToken), { text: line, content: { text: line } })
  t.notOk('maskedFields' in (await get(`/v1/messages/${one.messageId}`, service.ownerToken)))
  t.match(await get(`/v1/notes/${one.noteId}`), { text: veiled, maskedFields: ['text'] })
  t.match(await get(`/v1/conversations/${one.conversationId}`), { subject: veiled, maskedFields: ['subject'] })
  t.match(await get(`/v1/attachments/${one.fileId}`), {
    fileName: 'call +49••••••••67.pdf',
    maskedFields: ['fileName'],
  })
  for (const name of ['sales', 'privacy'] as const) {
    const { token } = await service.member(name)
    t.match(await get(`/v1/messages/${one.messageId}`, token), { text: name === 'sales' ? veiled : line }, name)
  }
})

t.test('a text in which nothing was found is shown, and the audit says so', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const one = await world(lanes)
  const { token } = await service.member('agent')
  const plain = await done(service, 'GET', `/v1/messages/${one.plainId}`, undefined, token)
  t.match(plain.body, { text: 'Thank you', content: { text: 'Thank you' } })
  t.notOk('maskedFields' in plain.body)
  const [shown] = (await eventsOf(service, plain))[0]?.touched ?? []
  t.ok(shown?.shown.includes('text') && shown.shown.includes('content') && shown.masked.length === 0)
  const other = await done(service, 'GET', `/v1/messages/${one.messageId}`, undefined, token)
  const [masked] = (await eventsOf(service, other))[0]?.touched ?? []
  t.same(masked?.masked.toSorted(), ['content', 'text'])
  t.notOk(masked?.shown.includes('text'))
})

t.test('nothing about what is hidden can be asked, and what is shown can', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { request } = service
  const one = await world(lanes)
  const { token } = await service.member('agent')
  const path = `/v1/conversations/${one.conversationId}/messages`
  const count = async (query: string, list = path): Promise<number> => {
    const answer = await request('GET', `${list}?${query}`, { token })
    t.equal(answer.status, 200, `${list}?${query}`)
    return answer.data.length
  }
  const search = (where: object): Promise<number> =>
    done(service, 'POST', `${path}/search`, { where }, token).then((answer) => answer.data.length)
  for (const part of hidden) {
    const q = `q=${encodeURIComponent(part)}`
    t.equal(await count(q), 0, part)
    t.equal(await count(q, '/v1/conversations'), 0, part)
    t.equal(await count(q, `/v1/conversations/${one.conversationId}/notes`), 0, part)
  }
  t.equal(await count('q=MT-12345'), 1)
  t.equal(await count('q=MT-12345', '/v1/conversations'), 1)
  t.equal(await search({ eq: ['text', line] }), 0, 'the clear text is not matched, not even whole')
  t.equal(await search({ eq: ['text', veiled] }), 1)
  t.equal(await search({ in: ['text', [line]] }), 0)
  t.equal(await count(`text[startsWith]=${encodeURIComponent(line.slice(0, 28))}`), 0)
  t.equal(await count(`text[startsWith]=${encodeURIComponent(veiled.slice(0, 28))}`), 1)
  t.equal(await search({ and: [{ gt: ['text', line.slice(0, 28)] }, { lt: ['text', `${line.slice(0, 28)}z`] }] }), 0)
  t.equal(await count('sort=text'), 2)
  const first = await request('GET', `${path}?sort=-text&limit=1`, { token })
  const rest = await request('GET', `${path}?sort=-text&limit=1&cursor=${first.string('nextCursor')}`, { token })
  t.same([first.data[0]?.text, rest.data[0]?.text], ['Thank you', veiled])
  t.equal(await count(`fileName=${encodeURIComponent('call 0170 1234567.pdf')}`, '/v1/attachments'), 0)
  // What is asked of what is shown anyway is not counted as if it were a hidden value.
  for (let i = 0; i < 80; i++) await count(`text=${i}`)
})

t.test('an edit is looked at anew, and what was taken back leaves nothing behind', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  const { token } = await service.member('agent')
  const edit = async (text: string): Promise<void> => {
    await channel.send(said('', { type: 'edit', messageId: 'm-1', message: { type: 'text', text } }))
    await lanes.drain()
  }
  await channel.send(said('hello', { id: 'm-1' }))
  await lanes.drain()
  const [{ id } = { id: '' }] = await service.sql<{ id: string }>('SELECT id FROM app.message')
  const seen = async () => (await done(service, 'GET', `/v1/messages/${id}`, undefined, token)).body
  t.match(await seen(), { text: 'hello' })
  await edit('I am at +49 151 12345678')
  t.match(await seen(), { text: 'I am at +49•••••••••78', content: { text: 'I am at +49•••••••••78' } })
  await edit('I am at +49 151 87654321')
  t.match(await seen(), { text: 'I am at +49•••••••••21' })
  await edit('I am not in')
  t.match(await seen(), { text: 'I am not in', content: { text: 'I am not in' } })
  await edit('call 0170 1234567 then')
  await channel.send(said('', { type: 'delete', messageId: 'm-1' }))
  await lanes.drain()
  t.match(await seen(), { text: '', content: {} })
  t.same(await service.sql('SELECT veiled FROM app.message'), [{ veiled: {} }])
})

t.test('who writes a number has it masked like the others, and may go on writing', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { request } = service
  const one = await world(lanes)
  const { token } = await service.member('agent')
  const notes = `/v1/conversations/${one.conversationId}/notes`
  const made = await request('POST', notes, { token, body: { text: line } })
  t.match([made.status, made.body], [201, { text: veiled, maskedFields: ['text'] }])
  t.match((await eventsOf(service, made))[0]?.touched, [{ resource: 'notes', masked: ['text'], changed: ['text'] }])
  const path = `/v1/notes/${made.id}`
  const change = (text: string) => request('PATCH', path, { token, body: { text } })
  t.match(await change(veiled), { status: 422, code: 'masked_value' })
  const plain = await change('They called.')
  t.match([plain.status, plain.body], [200, { text: 'They called.' }])
  t.notOk('maskedFields' in plain.body)
  t.equal((await change('They called.')).status, 200, 'what is not masked may be sent back')
  const rewritten = 'At Mein0170\n1234567, a (at) b.example'
  t.match((await change(rewritten)).body, { text: 'At Mein+49••••••••67, a••• (at) b.example' })
  t.match((await change('At 0170 1234567')).body, { text: 'At +49••••••••67' })
  t.match((await request('GET', path)).body, { text: 'At 0170 1234567' })

  const sent = await request('POST', `/v1/conversations/${one.conversationId}/messages`, {
    token,
    body: { text: line },
  })
  t.match([sent.status, sent.body], [201, { text: veiled, content: { text: veiled } }])
  t.match(
    (await eventsOf(service, sent))[0]?.touched.find(({ resource }) => resource === 'messages'),
    {
      masked: ['content', 'text'],
    },
  )
  t.match((await request('GET', `/v1/messages/${sent.id}`)).body, { text: line })
  const named = { subject: 'from 0170 1234567' }
  const patched = await request('PATCH', `/v1/conversations/${one.conversationId}`, { token, body: named })
  t.match([patched.status, patched.body], [200, { subject: 'from +49••••••••67', maskedFields: ['subject'] }])
  const emptied = await request('PATCH', `/v1/conversations/${one.conversationId}`, { token, body: { subject: null } })
  t.match([emptied.status, emptied.body], [200, { subject: null }])
})

/** Questions about every field that may be hidden, with words of both worlds and of what is shown. */
function questions(one: World, words: readonly string[]): [string, string, object?][] {
  const lists: [string, string][] = [
    [`/v1/conversations/${one.conversationId}/messages`, 'text'],
    [`/v1/conversations/${one.conversationId}/messages`, 'content'],
    [`/v1/conversations/${one.conversationId}/notes`, 'text'],
    ['/v1/conversations', 'subject'],
    ['/v1/attachments', 'fileName'],
  ]
  const all = ways(one)
  for (const [path, field] of lists) {
    for (const sort of [field, `-${field}`]) all.push(['GET', `${path}?sort=${sort}&limit=1`])
    for (const word of words) {
      const text = encodeURIComponent(word)
      all.push(['GET', `${path}?q=${text}`])
      for (const op of ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'startsWith'])
        all.push(['GET', `${path}?${field}[${op}]=${text}`])
      for (const op of ['eq', 'lt', 'gte'])
        all.push(['POST', `${path}/search`, { where: { not: { [op]: [field, word] } } }])
    }
    all.push(['GET', `${path}?${field}[exists]=true`])
  }
  return all
}

async function told({ request }: TestService, token: string, asked: ReturnType<typeof questions>): Promise<string[]> {
  const answers: string[] = []
  for (const [method, path, body] of asked) {
    const { status, headers, text } = await request(method, path, { token, ...(body ? { body } : {}) })
    const { date: _date, 'request-id': _id, 'content-length': _length, ...rest } = headers
    const bare = text.replace(/"requestId":"[^"]+"/, '').replace(/"nextCursor":"[^"]+"/, '"nextCursor":"…"')
    answers.push(JSON.stringify([method, path, body, status, rest, bare]))
  }
  return answers
}

t.test('two worlds whose texts differ in hidden digits only look the same to an agent', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const one = await world(lanes)
  const swaps: [string, string][] = [
    ['0170 1234567', '0176 5552267'],
    ['grace.hopper@', 'guido.v.r@'],
    ['4111 1111 1111 1111', '5508 0000 0000 1111'],
  ]
  // The second card is one too: a wrong check digit would be seen.
  const other = swaps.reduce((text, [before, after]) => text.replace(before, after), line)
  t.same(veiledOf({ text: other }, 'DE').text, veiledOf({ text: line }, 'DE').text, 'both look alike')
  const asked = questions(one, [
    'call',
    'call 0170 1',
    'call 0176 5',
    '1234567',
    '5552267',
    'hopper',
    'guido',
    line,
    other,
    veiled,
  ])
  t.ok(asked.length > 500, `${asked.length} questions`)
  const { token } = await service.member('agent')
  const mine = await told(service, token, asked)
  const clear = await told(service, service.ownerToken, asked.slice(0, 100))
  const change = (column: string): string =>
    swaps.reduce((sql, _, i) => `replace(${sql}, $${2 * i + 1}, $${2 * i + 2})`, column)
  for (const [table, columns] of [
    ['message', ['text', 'content']],
    ['note', ['text']],
    ['conversation', ['subject']],
    ['attachment', ['file_name']],
  ] as const) {
    // By hand: the API would count the version, which everybody here may read. The veils stay as they are.
    const sets = columns.map(
      (name) => `${name} = ${name === 'content' ? `${change('content::text')}::jsonb` : change(name)}`,
    )
    await service.sql(`UPDATE app.${table} SET ${sets.join()}`, swaps.flat())
  }
  const theirs = await told(service, token, asked)
  t.same(
    mine.filter((answer, i) => answer !== theirs[i]),
    [],
  )
  t.ok(mine.some((answer) => answer.includes(',200,')) && mine.some((answer) => answer.includes(veiled)))
  const seen = await told(service, service.ownerToken, asked.slice(0, 100))
  t.ok(clear.filter((answer, i) => answer !== seen[i]).length > 20, 'an owner sees two worlds')
})
