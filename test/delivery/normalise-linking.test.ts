import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import type { TestService } from '../harness/service.ts'
import { sized } from '../harness/size.ts'
import { post, whatsappChannel } from '../resources/ingest/posts.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

t.setTimeout(180_000)

const names = async ({ request }: TestService): Promise<unknown[]> =>
  (await request('GET', '/v1/contacts?limit=200')).data.map((one) => one.displayName)

/** A WhatsApp channel of a number, and what posts messages of people to it. */
async function number(lanes: Lanes, phoneNumberId: string) {
  const answer = await lanes.service.request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId }) })
  if (answer.status !== 201) throw new Error(answer.text)
  let count = 0
  return {
    id: answer.id,
    write: async (from: { wa_id?: string; user_id?: string }, text = 'hello') => {
      const message = {
        id: `wamid.${phoneNumberId}.${++count}`,
        timestamp: String(1_790_000_000 + count),
        type: 'text',
        text: { body: text },
        ...(from.wa_id === undefined ? {} : { from: from.wa_id }),
        ...(from.user_id === undefined ? {} : { from_user_id: from.user_id }),
      }
      const value = {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '1', phone_number_id: phoneNumberId },
        contacts: [{ ...from, profile: { name: 'Mina' } }],
        messages: [message],
      }
      const body = {
        object: 'whatsapp_business_account',
        entry: [{ id: '1', changes: [{ field: 'messages', value }] }],
      }
      const taken = await post(lanes.service, answer.id, JSON.stringify(body))
      if (taken.status !== 200) throw new Error(taken.text)
    },
  }
}

t.test('two events of one person at once in two processes make one contact', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const [one, other] = [await number(lanes, '700000000000011'), await number(lanes, '700000000000012')]
  const people = sized(20, 100, 5)
  for (let n = 0; n < people; n++) {
    const wa_id = String(4_915_200_000_000 + n)
    await one.write({ wa_id })
    await other.write({ wa_id, user_id: `DE.${n}` })
  }
  const { config, tenantId, ownerUrl } = service
  const waiting = await lanes.waiting()
  const start = async (channelId: string) => {
    const own = waiting.filter((lane) => lane.channelId === channelId)
    const all = own.map((lane) => ({ ...lane, tenantId, region: 'default' }))
    const child = spawn(process.execPath, [join(import.meta.dirname, 'linking/drain.ts'), JSON.stringify(all)], {
      env: {
        ...process.env,
        DATABASE_URL: ownerUrl,
        DATA_DIR: config.dataDir,
        MASTER_KEY: config.masterKey ?? '',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    return child
  }
  const children = await Promise.all([start(one.id), start(other.id)])
  const ends = children.map((child) => once(child, 'exit'))
  for (const child of children) child.stdin.write('go\n')
  t.same(await Promise.all(ends), [
    [0, null],
    [0, null],
  ])
  t.same(await service.sql(`SELECT count(*)::int AS n FROM app.inbound_event WHERE status = 'processed'`), [
    { n: 2 * people },
  ])
  t.equal((await names(service)).length, people, 'nobody is there twice')
  const [row] = await service.sql(
    `SELECT count(DISTINCT contact_id)::int AS contacts, count(*)::int AS all FROM app.identity WHERE kind = 'whatsapp' AND verified`,
  )
  t.same(row, { contacts: people, all: people })
})

t.test('the forms of one number are one person, and each provider is answered at its own', async (t) => {
  const lanes = await startLanes(t)
  const [one, other] = [await number(lanes, '700000000000021'), await number(lanes, '700000000000022')]
  const forms = [
    ['551187654321', '5511987654321'],
    ['5215512345678', '525512345678'],
    ['5491123456789', '541123456789'],
  ] as const
  for (const [old, now] of forms) {
    await one.write({ wa_id: old })
    await other.write({ wa_id: now })
  }
  await lanes.drain()
  t.equal((await names(lanes.service)).length, forms.length)
  const kept = await lanes.service.sql<{ value: string }>(
    `SELECT i.value FROM app.conversation c JOIN app.identity i ON i.id = c.identity_id ORDER BY c.created_at`,
  )
  t.ok(
    forms.every(([old]) => kept.some(({ value }) => value === old)),
    'the id that the provider gave is kept',
  )
})

t.test('a user id and the number that was met with it are one person, whichever comes first', async (t) => {
  const lanes = await startLanes(t)
  const { write } = await number(lanes, '700000000000031')
  await write({ user_id: 'DE.1349' })
  await write({ wa_id: '4915200000001', user_id: 'DE.1349' })
  await write({ wa_id: '4915200000001' })
  await lanes.drain()
  t.equal((await names(lanes.service)).length, 1)
})

t.test('an address without anything in it links nobody', async (t) => {
  const lanes = await startLanes(t)
  const { connector, drain, service } = lanes
  const { send } = await connector()
  for (const phone of ['', ' ', '+', '-', 'unknown'])
    for (const who of ['ada', 'bob'])
      await send(said('hello', { from: { value: who, phone, displayName: who } })).catch(() => {})
  for (const value of [' ', '\u00a0']) await send(said('hello', { from: { value } })).catch(() => {})
  for (const value of ['+', ' + ']) await send(said('hello', { from: { value, kind: 'phone' } })).catch(() => {})
  await drain()
  t.same((await names(service)).toSorted(), ['ada', 'bob'])
  const empty = await service.sql(
    `SELECT FROM app.identity WHERE match_value !~ '[[:alnum:]]' OR (kind IN ('phone', 'whatsapp') AND match_value !~ '[0-9]')`,
  )
  t.equal(empty.length, 0)
})

t.test('a claimed address links nobody', async (t) => {
  const { connector, drain, service } = await startLanes(t)
  const { send } = await connector()
  for (const who of ['ada', 'bob'])
    await send(
      said('hello', { from: { value: who, displayName: who, phone: '+4915112345678', email: 'x@example.com' } }),
    )
  await drain()
  t.equal((await names(service)).length, 2)
})

t.test('a shared address links nobody, and what comes from it alone is for whoever holds it', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { request } = service
  const [one, other] = [await number(lanes, '700000000000041'), await number(lanes, '700000000000042')]
  await one.write({ wa_id: '4915200000009' })
  await lanes.drain()
  const [family] = (await request('GET', '/v1/contacts')).data
  const addresses = (await request('GET', `/v1/contacts/${family?.id}/identities`)).data
  const whatsapp = addresses.find((row) => row.kind === 'whatsapp')
  const { token } = await service.member('agent')
  const body = { identifying: false }
  t.equal((await request('PATCH', `/v1/identities/${whatsapp?.id}`, { body, token })).status, 403)
  const marked = await request('PATCH', `/v1/identities/${whatsapp?.id}`, { body })
  t.match([marked.status, marked.body.identifying], [200, false], marked.text)
  const after = (await request('GET', `/v1/contacts/${family?.id}/identities`)).data
  t.same(
    after.map((row) => row.identifying),
    after.map(() => false),
    'one number, as whatever it is known',
  )
  await one.write({ wa_id: '4915200000009' }, 'the phone alone')
  await other.write({ wa_id: '4915200000009', user_id: 'DE.daughter' }, 'somebody of their own at it')
  await lanes.drain()
  const all = (await request('GET', '/v1/contacts')).data
  t.equal(all.length, 2, 'the number alone stays with its holder, whoever brings something of their own is themselves')
  const texts = async (id: unknown) =>
    (await request('GET', `/v1/contacts/${id}/timeline?kind=message`)).data.map((row) => row.record).length
  t.equal(await texts(family?.id), 2)

  const made = await request('POST', '/v1/contacts', { body: { displayName: 'Third', phone: '+4915200000009' } })
  const [claimed] = (await request('GET', `/v1/contacts/${made.id}/identities`)).data
  t.equal(claimed?.identifying, false, 'from the start')
  t.same((await request('GET', `/v1/contacts/${made.id}/merge-suggestions`)).data, [])

  t.equal((await request('PATCH', `/v1/identities/${whatsapp?.id}`, { body: { identifying: true } })).status, 200)
  t.same(
    (await request('GET', `/v1/contacts/${made.id}/merge-suggestions`)).data.map((row) => row.contactId),
    [family?.id],
  )
})
