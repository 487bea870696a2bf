import t from 'tap'
import { type Row, startTestService, type TestService } from '../../harness/service.ts'
import { done, until } from '../conversations/fixtures.ts'
import { accessToken, appSecret, phoneNumberId, post, verifyToken, wabaId, whatsappPost } from './posts.ts'

const pageId = '300000000000001'
const accountId = '17840000000000001'
const customer = '6000000000000001'

type Product = 'messenger' | 'instagram' | 'whatsapp'

/** Accounts of the three products, all behind one app unless said otherwise. */
const settingsOf: Record<Product, Record<string, string>> = {
  messenger: { pageId },
  instagram: { accountId },
  whatsapp: { phoneNumberId, wabaId },
}

async function channel(service: TestService, type: Product, more: Record<string, string> = {}): Promise<string> {
  const settings = { ...settingsOf[type], appSecret, verifyToken, accessToken, ...more }
  return (await done(service, 'POST', '/v1/channels', { type, name: type, settings })).id
}

const direct = (object: 'page' | 'instagram', mid: string, account = object === 'page' ? pageId : accountId): string =>
  JSON.stringify({
    object,
    entry: [
      {
        id: account,
        time: 1_790_000_000_000,
        messaging: [
          {
            sender: { id: customer },
            recipient: { id: account },
            timestamp: 1_790_000_000_000,
            message: { mid, text: `by ${object}` },
          },
        ],
      },
    ],
  })

const events = async (service: TestService): Promise<Row[]> =>
  (await done(service, 'GET', '/v1/inbound-events?sort=receivedAt')).data
const settled = async (service: TestService, count: number): Promise<Row[]> => {
  await until(async () => (await events(service)).filter((one) => one.status === 'processed').length === count)
  return events(service)
}

t.test('events of each product of a Meta app reach their channel by the address of any other', async (t) => {
  const service = await startTestService(t, { worker: true })
  const ids: Record<Product, string> = {
    messenger: await channel(service, 'messenger'),
    instagram: await channel(service, 'instagram'),
    whatsapp: await channel(service, 'whatsapp'),
  }
  // Each body goes to the addresses of the two others, and the same once more to its own: it is one event.
  const bodies: [Product, string, Product[]][] = [
    ['messenger', direct('page', 'm_1'), ['instagram', 'whatsapp', 'messenger']],
    ['instagram', direct('instagram', 'ig_1'), ['whatsapp', 'messenger', 'instagram']],
    ['whatsapp', whatsappPost([{ id: 'wamid.1', text: 'by whatsapp' }]), ['messenger', 'instagram', 'whatsapp']],
  ]
  for (const [, body, addresses] of bodies)
    for (const address of addresses) t.equal((await post(service, ids[address], body)).status, 200, address)
  const all = await settled(service, 3)
  t.match(
    all,
    bodies.map(([type, , [first = type]]) => ({ type, channelId: ids[type], receivedChannelId: ids[first] })),
  )
  t.equal(all.length, 3, 'each is one event, wherever it was posted')
  const talks = (await done(service, 'GET', '/v1/conversations?include=lastMessage')).data
  t.same(talks.map((one) => [one.channel, one.channelId]).sort(), Object.entries(ids).sort(), 'each on its own channel')
  // A notice of the larger account names no number: it is for the channel of that account.
  const change = { field: 'account_update', value: { event: 'DISABLED_UPDATE' } }
  const notice = { object: 'whatsapp_business_account', entry: [{ id: wabaId, time: 1, changes: [change] }] }
  t.equal((await post(service, ids.instagram, JSON.stringify(notice))).status, 200)
  await until(async () => (await done(service, 'GET', `/v1/channels/${ids.whatsapp}`)).body.lastError !== null)
  t.match((await done(service, 'GET', '/v1/inbound-events?kind=account_update')).data, [
    { type: 'whatsapp', channelId: ids.whatsapp, receivedChannelId: ids.instagram },
  ])
})

t.test('events of a product without a channel wait, are counted, and flow in when it is made', async (t) => {
  const service = await startTestService(t, { worker: true })
  const messenger = await channel(service, 'messenger')
  for (const body of [direct('instagram', 'ig_1'), direct('instagram', 'ig_2'), whatsappPost([{ id: 'w', text: 'x' }])])
    t.equal((await post(service, messenger, body)).status, 200)
  t.match(await events(service), [
    { type: 'instagram', status: 'unrouted', channelId: null, receivedChannelId: messenger },
    { type: 'instagram', status: 'unrouted' },
    { type: 'whatsapp', status: 'unrouted' },
  ])
  const health = async () => (await done(service, 'GET', `/v1/channels/${messenger}/health`)).body
  t.match(await health(), { status: 'warning', inbound: { unrouted: 3 } })
  // The same account of another app is another app's.
  const other = await channel(service, 'instagram', { appSecret: 'the-secret-of-another-app' })
  t.equal((await events(service)).filter((one) => one.status === 'unrouted').length, 3)
  await service.request('DELETE', `/v1/channels/${other}`, { headers: { 'if-match': '*' } })
  const instagram = await channel(service, 'instagram')
  const after = await settled(service, 2)
  t.match(
    after.map((one) => [one.type, one.status, one.channelId]),
    [
      ['instagram', 'processed', instagram],
      ['instagram', 'processed', instagram],
      ['whatsapp', 'unrouted', null],
    ],
  )
  const [talk] = (await done(service, 'GET', '/v1/conversations?include=lastMessage')).data
  t.match(talk, { channel: 'instagram', unreadCount: 2, lastMessage: { text: 'by instagram' } })
  t.match(await health(), { inbound: { unrouted: 1 } })
})

t.test('the address’s own secret decides, and what one app cannot place is not lost to another', async (t) => {
  const service = await startTestService(t, { worker: true })
  const whatsapp = await channel(service, 'whatsapp')
  const messenger = await channel(service, 'messenger', { appSecret: 'the-secret-of-another-app' })
  const body = direct('page', 'm_1')
  t.equal((await post(service, whatsapp, body, 'the-secret-of-another-app')).status, 401)
  t.equal((await post(service, messenger, body)).status, 401)
  t.equal((await post(service, whatsapp, body)).status, 200)
  t.match(await events(service), [{ type: 'messenger', status: 'unrouted', channelId: null }], 'its app has no page')
  t.equal((await post(service, messenger, body, 'the-secret-of-another-app')).status, 200)
  t.equal((await post(service, messenger, direct('page', 'm_2', '9'), 'the-secret-of-another-app')).status, 200)
  t.match(
    (await settled(service, 1)).map((one) => [one.receivedChannelId, one.status]),
    [
      [whatsapp, 'unrouted'],
      [messenger, 'processed'],
      [messenger, 'unrouted'],
    ],
  )
})

t.test('what waits for another product is replayed to its channel by hand, too', async (t) => {
  const service = await startTestService(t, { worker: true })
  const messenger = await channel(service, 'messenger')
  t.equal((await post(service, messenger, direct('instagram', 'ig_1'))).status, 200)
  const [event] = await events(service)
  const replay = () => service.request('POST', `/v1/inbound-events/${event?.id}/replay`)
  t.equal((await replay()).status, 422)
  const instagram = await channel(service, 'instagram')
  await service.sql(`UPDATE app.inbound_event SET status = 'unrouted', channel_id = NULL, business_unit_id = NULL`)
  t.equal((await replay()).status, 202)
  t.match(await settled(service, 1), [{ type: 'instagram', channelId: instagram }])
})
