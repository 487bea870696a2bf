import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { connectorChannel, done, faultsOf, send, talk, whatsappChannel } from '../conversations/fixtures.ts'

// Without a worker: what is put into the outbox stays there to be looked at.
const service = await startTestService(t)
const whatsapp = { channelId: await whatsappChannel(service, 'http://127.0.0.1:9'), kind: 'whatsapp' as const }
const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/nowhere')
const one = await talk(service, whatsapp)
const other = await talk(service, { channelId, kind: 'connector' })

const buttons = [
  { id: 'size-m', title: 'Size M' },
  { id: 'size-l', title: 'Size L' },
]
const interactive = { buttons }
const location = { latitude: 52.520008, longitude: 13.404954, name: 'Our shop', address: 'Alexanderplatz 1' }
const contacts = [
  { name: 'Jo Berg', phones: ['0049 170 12345678'], emails: ['jo@example.com'], company: 'Outdoor GmbH' },
]
const queued = async () => (await service.sql('SELECT FROM app.message')).length

t.test('choices are stored as they were sent, under the text', async (t) => {
  const sent = await send(service, one.conversationId, { type: 'interactive', text: 'Which size?', interactive })
  t.equal(sent.status, 201, sent.text)
  t.match(sent.body, {
    type: 'interactive',
    text: 'Which size?',
    content: { kind: 'buttons', text: 'Which size?', buttons },
    status: 'queued',
  })
  const list = { button: 'Sizes', sections: [{ title: 'Shirts', rows: [{ id: 'm', title: 'M' }] }] }
  const listed = { header: 'Shirts', list }
  const second = await send(service, one.conversationId, { type: 'interactive', text: 'Which?', interactive: listed })
  t.match((await done(service, 'GET', `/v1/messages/${second.id}`)).body, {
    type: 'interactive',
    content: { kind: 'list', text: 'Which?', header: 'Shirts', list },
  })
})

t.test('places and cards read like those that come in', async (t) => {
  const place = await send(service, one.conversationId, { type: 'location', location })
  t.match(place.body, { type: 'location', text: '[location] Our shop, Alexanderplatz 1', content: location })
  const cards = await send(service, one.conversationId, { type: 'contacts', contacts })
  t.match(cards.body, {
    type: 'contacts',
    text: '[contacts] Jo Berg',
    content: {
      contacts: [
        {
          name: { formattedName: 'Jo Berg' },
          phones: [{ phone: '+4917012345678' }],
          emails: [{ email: 'jo@example.com' }],
          org: { company: 'Outdoor GmbH' },
        },
      ],
    },
  })
})

t.test('who has the content masked sees neither the numbers of a card nor those on a button', async (t) => {
  const { token } = await service.member('agent')
  const read = async (id: string) => (await done(service, 'GET', `/v1/messages/${id}`, undefined, token)).text
  const cards = await send(service, one.conversationId, { type: 'contacts', contacts })
  t.notMatch(await read(cards.id), /12345678|jo@example/)
  t.match(await read(cards.id), /Jo Berg/)
  const call = { buttons: [{ id: 'call +4917012345678', title: 'Call 0170 12345678' }] }
  const sent = await send(service, one.conversationId, { type: 'interactive', text: 'Call us?', interactive: call })
  t.equal(sent.status, 201, sent.text)
  t.notMatch(await read(sent.id), /12345678/)
})

t.test('what the channel does not take is refused with the place of it, and nothing is queued', async (t) => {
  const before = await queued()
  const refused = async (body: Record<string, unknown>, conversationId = one.conversationId) => {
    const answer = await send(service, conversationId, body)
    return [answer.status, answer.code, ...faultsOf(answer).map(({ code, path }) => `${code} ${path}`)]
  }
  const rule = (fault: string) => [422, 'unprocessable', fault]
  const asking = (changed: object, text = 'Which?') => refused({ type: 'interactive', text, interactive: changed })
  const four = Array.from({ length: 4 }, (_, i) => ({ id: `${i}`, title: `${i}` }))
  t.same(await asking({ buttons: four }), rule('too_many_parts /interactive/buttons'))
  t.same(
    await asking({ buttons: [buttons[0], { id: 'x', title: 'x'.repeat(21) }] }),
    rule('part_too_long /interactive/buttons/1/title'),
  )
  const long = await send(service, one.conversationId, {
    type: 'interactive',
    text: 'Which?',
    interactive: { buttons: [{ id: 'x', title: 'x'.repeat(21) }] },
  })
  t.match(long.body, { errors: [{ message: 'The channel takes at most 20 characters here; these are 21.' }] })
  t.same(await asking(interactive, 'x'.repeat(1025)), rule('text_too_long /text'))
  t.same(await refused({ type: 'interactive', interactive }), rule('text_empty /text'))
  t.same(await refused({ type: 'interactive', text: 'x' }), rule('part_missing /interactive'))
  t.same(await refused({ type: 'location', text: 'x', location }), rule('part_not_sendable /text'))
  t.same(await refused({ type: 'location' }), rule('part_missing /location'))
  t.same(await refused({ text: 'x', location }), rule('part_not_sendable /location'))
  t.same(
    await refused({ type: 'contacts', contacts, interactive }),
    rule('part_not_sendable /interactive'),
    'one part, that of the type',
  )
  t.same(
    await refused({ type: 'interactive', text: 'x', interactive, previewUrl: true }),
    rule('part_not_sendable /previewUrl'),
  )
  t.equal((await refused({ type: 'interactive', text: 'x', interactive: { ...interactive, list: {} } }))[0], 400)
  t.equal((await asking({ buttons: [] }))[0], 400)
  t.equal((await asking({ buttons: [{ title: 'neither' }] }))[0], 400)
  t.equal((await asking({ buttons: [{ id: 'both', title: 'x', url: 'https://a.example' }] }))[0], 400)
  t.equal((await asking({ buttons: [{ title: 'x', url: 'javascript:alert(1)' }] }))[0], 400)
  t.equal((await asking({ buttons: [{ id: ' x', title: 'x' }] }))[0], 400)
  t.equal((await asking({ buttons: [{ id: 'x', title: 'a\nb' }] }))[0], 400)
  t.equal((await refused({ type: 'location', location: { latitude: 91, longitude: 0 } }))[0], 400)
  t.equal((await refused({ type: 'contacts', contacts: [{ name: 'x', phones: ['12'] }] }))[0], 400)
  t.equal(await queued(), before)
})

t.test('a connector takes what others do not', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => ({ id: `${i}`, title: `Choice ${i}` }))
  const sent = await send(service, other.conversationId, {
    type: 'interactive',
    text: 'Which?',
    interactive: { header: 'Head', buttons: many },
  })
  t.equal(sent.status, 201, sent.text)
})

t.test('a channel whose limit is one of bytes refuses beforehand what has too many', async (t) => {
  const settings = {
    accountId: '17840000000000009',
    appSecret: 'app-secret',
    verifyToken: 'verify',
    accessToken: 'token',
  }
  const made = await done(service, 'POST', '/v1/channels', { type: 'instagram', name: 'Instagram', settings })
  await service.sql('UPDATE app.conversation SET channel_id = $2 WHERE id = $1', [other.conversationId, made.id])
  const answer = await send(service, other.conversationId, { text: 'ü'.repeat(501) })
  t.match([answer.status, ...faultsOf(answer)], [422, { code: 'text_too_long', path: '/text' }])
  t.match(answer.text, /at most 1000 bytes in UTF-8; these are 1002/)
  t.equal((await send(service, other.conversationId, { text: 'ü'.repeat(500) })).status, 201)
})
