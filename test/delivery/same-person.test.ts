import t from 'tap'
import type { JsonObject } from '../../src/channels/json.ts'
import { change, webhook } from '../channels/whatsapp/fixtures.ts'
import { done } from '../resources/conversations/fixtures.ts'
import { type Lanes, startLanes } from './lanes.ts'

let count = 0
/** A message of somebody, by those of their ids that the provider names. */
function written(ids: { wa_id?: string; user_id?: string }): JsonObject {
  const { wa_id: from, user_id: fromUserId } = ids
  return webhook(
    change('messages', {
      contacts: [{ ...ids, profile: { name: 'Mina' } }],
      messages: [
        {
          ...(from === undefined ? {} : { from }),
          ...(fromUserId === undefined ? {} : { from_user_id: fromUserId }),
          ...{ id: `w-${++count}`, timestamp: String(1_790_000_000 + count), type: 'text', text: { body: 'hello' } },
        },
      ],
    }),
  )
}
const idUpdate = (update: JsonObject): JsonObject =>
  webhook(change('user_id_update', { user_id_update: [{ timestamp: String(1_790_000_500 + ++count), ...update }] }))

async function take({ drain }: Lanes, channel: { send(body: object): Promise<void> }, ...bodies: JsonObject[]) {
  for (const body of bodies) {
    await channel.send(body)
    await drain()
  }
}
const holder = async ({ service }: Lanes, value: string): Promise<unknown> =>
  (
    await service.sql<{ id: string }>(
      `SELECT contact_id AS id FROM app.identity WHERE value = $1 AND state = 'active' AND kind <> 'phone'`,
      [value],
    )
  )[0]?.id
const suggested = async ({ service }: Lanes, id: unknown) =>
  (await done(service, 'GET', `/v1/contacts/${id}/merge-suggestions`)).data.map((one) => ({
    contactId: one.contactId,
    codes: (one.reasons as { code: string }[]).map(({ code }) => code),
  }))

t.test('who is named by a user id of one contact and the number of another is suggested as one person', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.whatsapp()
  await take(lanes, channel, written({ user_id: 'DE.1' }), written({ wa_id: '4915100000001' }))
  const [x, y] = [await holder(lanes, 'DE.1'), await holder(lanes, '4915100000001')]
  t.not(x, y)
  t.same(await suggested(lanes, x), [])

  const both = { user_id: 'DE.1', wa_id: '4915100000001' }
  await take(lanes, channel, written(both), written(both))
  t.same([await holder(lanes, 'DE.1'), await holder(lanes, '4915100000001')], [x, y], 'nobody is joined unasked')
  t.match(await suggested(lanes, x), [{ contactId: y, codes: ['provider_says_same'] }])
  t.match(await suggested(lanes, y), [{ contactId: x, codes: ['provider_says_same'] }])
  t.equal((await service.sql('SELECT FROM app.merge_hint')).length, 1, 'said once')

  const agent = await service.member('agent')
  const seen = await service.request('GET', `/v1/contacts/${x}/merge-suggestions`, { token: agent.token })
  t.notMatch(seen.text, /provider_says_same/, 'not for who sees addresses masked')

  await done(service, 'POST', `/v1/contacts/${x}/merge`, { mergeId: y })
  await take(lanes, channel, written(both))
  t.same(await suggested(lanes, x), [], 'one person by now')
  await done(service, 'POST', `/v1/contacts/${x}/unmerge`, {})
  t.match(await suggested(lanes, x), [{ contactId: y }])
  await done(service, 'POST', `/v1/contacts/${x}/erase`, { reason: 'asked for it' })
  t.same(await suggested(lanes, y), [])
})

t.test('a new user id joins the contact of the number, though the old one was never met', async (t) => {
  const lanes = await startLanes(t)
  const channel = await lanes.whatsapp()
  await take(lanes, channel, written({ wa_id: '4915100000001' }))
  const mina = await holder(lanes, '4915100000001')
  const named = idUpdate({ wa_id: '4915100000001', user_id: { previous: 'DE.old', current: 'DE.2' } })
  await take(lanes, channel, named, idUpdate({ wa_id: '4915100000001', user_id: { current: 'DE.3' } }))
  t.same([await holder(lanes, 'DE.2'), await holder(lanes, 'DE.3')], [mina, mina])
  t.match(await lanes.service.sql(`SELECT DISTINCT status FROM app.inbound_event`), [{ status: 'processed' }])
  await take(lanes, channel, written({ user_id: 'DE.2' }))
  t.equal((await done(lanes.service, 'GET', '/v1/contacts')).data.length, 1)
})

t.test(
  'an old user id of one contact and the number of another: the new id is one’s, and they may be one',
  async (t) => {
    const lanes = await startLanes(t)
    const channel = await lanes.whatsapp()
    await take(lanes, channel, written({ user_id: 'DE.4' }), written({ wa_id: '4915100000004' }))
    const [x, y] = [await holder(lanes, 'DE.4'), await holder(lanes, '4915100000004')]
    await take(lanes, channel, idUpdate({ wa_id: '4915100000004', user_id: { previous: 'DE.4', current: 'DE.5' } }))
    t.equal(await holder(lanes, 'DE.5'), x)
    t.match(await suggested(lanes, x), [{ contactId: y, codes: ['provider_says_same'] }])
  },
)

t.test('somebody’s new number that a stranger had makes them no stranger’s contact', async (t) => {
  const lanes = await startLanes(t)
  const channel = await lanes.whatsapp()
  await take(lanes, channel, written({ wa_id: '4915100000006' }))
  const system = { type: 'user_changed_number', wa_id: '4915100000006', body: 'User A changed' }
  const body = { from: '4915100000007', id: 'sys', timestamp: '1790001000', type: 'system', system }
  await take(lanes, channel, webhook(change('messages', { contacts: [], messages: [body] })))
  t.match(await lanes.service.sql(`SELECT reason FROM app.inbound_event WHERE status = 'ignored'`), [
    { reason: 'unknown_contact' },
  ])
})
