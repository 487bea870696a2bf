import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { secondProcess } from '../../guarantees/second-process.ts'
import { done, faultsOf } from '../conversations/fixtures.ts'

t.test('of twenty answers to one message exactly one goes out, whatever the process that takes it', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector({ settings: { outboundUrl: 'http://127.0.0.1:9/' } })
  const other = await secondProcess(t, service)
  await channel.send(said('hello'))
  await lanes.drain()
  const talk = (await done(service, 'GET', '/v1/conversations')).data[0]
  const path = `/v1/conversations/${talk?.id}/messages`
  for (let round = 0; round < 3; round++) {
    const { lastMessageId } = (await done(service, 'GET', `/v1/conversations/${talk?.id}`)).body
    const body = { text: 'an answer', expectedLastMessageId: lastMessageId }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? service.request : other)('POST', path, { body })),
    )
    const won = answers.filter(({ status }) => status === 201)
    t.equal(won.length, 1)
    const lost = answers.filter(({ status }) => status !== 201)
    t.same([...new Set(lost.map(({ status }) => status))], [409])
    for (const one of lost) t.same(faultsOf(one), [{ path: '/expectedLastMessageId', code: 'newer_message' }])
    t.equal((await done(service, 'GET', `/v1/conversations/${talk?.id}`)).body.lastMessageId, won[0]?.id)
  }
  const sent = await service.sql(`SELECT FROM app.message WHERE direction = 'outbound'`)
  t.equal(sent.length, 3)
})

t.test(
  'an answer to what is no longer the last word is refused, also where the customer wrote in the same second',
  async (t) => {
    const lanes = await startLanes(t)
    const { service } = lanes
    const channel = await lanes.connector()
    await channel.send(said('one'))
    await lanes.drain()
    const talk = (await done(service, 'GET', '/v1/conversations')).data[0]
    const path = `/v1/conversations/${talk?.id}/messages`
    const answer = (expectedLastMessageId: unknown) =>
      service.request('POST', path, { body: { text: 'an answer', expectedLastMessageId } })
    await channel.send(said('two'))
    await lanes.drain()
    t.equal((await answer(talk?.lastMessageId)).status, 409, 'the customer wrote meanwhile')
    const now = (await done(service, 'GET', `/v1/conversations/${talk?.id}`)).body.lastMessageId
    const first = await answer(now)
    t.equal(first.status, 201)
    t.equal((await answer(now)).status, 409, 'a colleague did')
    // Providers that name whole seconds: what came behind our answer seems to have been said before it.
    const second = new Date(Math.floor(Date.parse(first.string('occurredAt')) / 1000) * 1000).toISOString()
    await channel.send(said('three', { occurredAt: second }))
    await lanes.drain()
    t.equal((await answer(first.id)).status, 409, 'in the same second')
    const { body } = await done(service, 'GET', `/v1/conversations/${talk?.id}`)
    t.match(body, { unreadCount: 1, waitingSince: /./ })
    t.equal((await answer(body.lastMessageId)).status, 201)
  },
)
