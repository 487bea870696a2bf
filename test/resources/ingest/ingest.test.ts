import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import {
  appSecret,
  phoneNumberId,
  post,
  signed,
  wabaId,
  webhookHeaders,
  whatsappChannel,
  whatsappPost,
} from './posts.ts'

t.test('a provider’s handshake is answered with its challenge, and only with the right token', async (t) => {
  const { request, id } = await withChannel(t)
  const get = (query: string) => request('GET', `/v1/ingest/${id}?${query}`, { token: null })
  const right = await get('hub.mode=subscribe&hub.verify_token=the-verify-token-of-tests&hub.challenge=1158201444')
  t.equal(right.status, 200)
  t.equal(right.text, '1158201444')
  t.match(right.headers['content-type'], /^text\/plain/)
  const wrong = await get('hub.mode=subscribe&hub.verify_token=other&hub.challenge=1')
  t.equal(wrong.status, 403)
  t.equal(wrong.code, 'forbidden')
  t.equal((await get('hub.mode=subscribe&hub.verify_token=the-verify-token-of-tests')).status, 400)
  t.equal((await get('')).status, 403)
  t.equal((await get('hub.verify_token=a&hub.verify_token=b')).status, 403)
})

t.test('what is posted is stored before the answer, sealed, with its job and its audit event', async (t) => {
  const { request, sql, id, service } = await withChannel(t)
  const body = whatsappPost([
    { id: 'wamid.1', text: 'a secret wish' },
    { id: 'wamid.2', text: 'another', from: '33612345678' },
  ])
  const answer = await post(service, id, body)
  t.equal(answer.status, 200)
  t.equal(answer.text, '')
  const { data } = await request('GET', '/v1/inbound-events?sort=occurredAt')
  t.equal(data.length, 2)
  t.match(data[0], { channelId: id, receivedChannelId: id, type: 'whatsapp', kind: 'messages.text', status: 'stored' })
  const rows = await sql('SELECT e::text AS row FROM app.inbound_event e')
  t.notMatch(JSON.stringify(rows), /4915112345678|33612345678|secret wish|wamid/)
  t.notMatch(JSON.stringify(rows), Buffer.from('secret wish').toString('hex'))
  const payload = await request('GET', `/v1/inbound-events/${data[0]?.id}/payload`)
  t.match(payload.text, /a secret wish|another/)
  const jobs = await sql<{ payload: Record<string, string> }>(
    `SELECT payload FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks t ON t.id = j.task_id WHERE t.identifier = 'normalise'`,
  )
  t.equal(jobs.length, 2, 'one per customer')
  for (const job of jobs) {
    t.same(Object.keys(job.payload).sort(), ['channelId', 'lane', 'region', 'tenantId'])
    t.match(job.payload.lane, /^[0-9a-f]{64}$/)
  }
  const [event] = (await request('GET', '/v1/audit-events?action=import')).data
  t.match(event, {
    actor: { kind: 'connector', id },
    resource: 'inbound-events',
    outcome: 'allowed',
    rowCount: 2,
    touched: [{ resource: 'inbound-events', ids: { length: 2 } }],
  })
})

t.test('a wrong, missing or foreign signature is refused, audited, and stores nothing', async (t) => {
  const { request, sql, id, service } = await withChannel(t)
  const body = whatsappPost([{ id: 'wamid.1', text: 'hi' }])
  const other = signed(body, 'another-secret')
  for (const headers of [{}, other, { 'x-hub-signature-256': 'sha256=zz' }, signed(`${body} `, appSecret)]) {
    const answer = await request('POST', `/v1/ingest/${id}`, { token: null, body, headers })
    t.equal(answer.status, 401)
    t.equal(answer.code, 'invalid_signature')
  }
  t.same(await sql('SELECT FROM app.inbound_event'), [])
  const denied = (await request('GET', '/v1/audit-events?outcome=denied&action=import')).data
  t.equal(denied.length, 1, 'once for all of an address within a minute')
  t.match(denied[0], {
    actor: { kind: 'connector', id },
    resource: 'channels',
    code: 'invalid_signature',
    touched: [{ ids: [id] }],
  })
  t.notMatch(service.logs.join(''), /another-secret|wamid/)
})

t.test('a flood of bad signatures is refused without a commit each, and valid posts still pass', async (t) => {
  const { sql, id, service } = await withChannel(t)
  const body = whatsappPost([{ id: 'wamid.1', text: 'hi' }])
  const bad = async (remoteAddress: string) =>
    (
      await service.app.inject({
        method: 'POST',
        url: `/v1/ingest/${id}`,
        headers: { 'content-type': 'application/json', ...signed(body, 'another-secret') },
        payload: body,
        remoteAddress,
      })
    ).statusCode
  for (let i = 0; i < 100; i++) t.equal(await bad('203.0.113.7'), 401)
  for (let i = 0; i < 100; i++) t.equal(await bad(`198.51.100.${i}`), 401)
  const [denials] = await sql(`SELECT count(*)::int AS n FROM audit.readable_event WHERE code = 'invalid_signature'`)
  t.same(denials, { n: 60 }, 'the first of an address, of sixty addresses')
  t.equal((await post(service, id, body)).status, 200)
  await service.stop()
  const summed = service.logs.filter((line) => line.includes('more posts to a channel were refused'))
  t.equal(summed.length, 1)
  t.match(JSON.parse(summed[0] ?? ''), { channelId: id, unrecorded: 140 })
})

t.test('a changed secret counts at once, also where many posts were refused before', async (t) => {
  const { request, id, service } = await withChannel(t)
  const body = whatsappPost([{ id: 'wamid.1', text: 'hi' }])
  const other = { token: null, body, headers: signed(body, 'another-secret-of-tests') }
  for (let i = 0; i < 30; i++) await request('POST', `/v1/ingest/${id}`, other)
  const settings = whatsappChannel({ appSecret: 'another-secret-of-tests' }).settings
  const changed = await request('PATCH', `/v1/channels/${id}`, { body: { settings }, headers: { 'if-match': '*' } })
  t.equal(changed.status, 200, changed.text)
  t.equal((await request('POST', `/v1/ingest/${id}`, other)).status, 200)
  t.equal((await post(service, id, body)).status, 401)
})

t.test('the unknown, the malformed and the too large are each told apart', async (t) => {
  const { request, id, service } = await withChannel(t)
  const body = whatsappPost([{ id: 'wamid.1', text: 'hi' }])
  t.equal((await post(service, randomUUID(), body)).status, 404)
  t.equal((await post(service, 'nonsense', body)).status, 400)
  t.equal((await post(service, id, '{"object"')).code, 'malformed_json')
  t.equal((await post(service, id, '[]')).code, 'invalid_request')
  t.equal((await post(service, id, '')).status, 400)
  t.equal((await post(service, id, Buffer.alloc(5 * 1024 * 1024, 32))).status, 413)
  const large = whatsappPost([{ id: 'wamid.big', text: 'x'.repeat(3 * 1024 * 1024) }])
  t.equal((await post(service, id, large)).status, 200, '3 MB is what WhatsApp may send')
  const form = { ...signed(body, appSecret), 'content-type': 'application/x-www-form-urlencoded' }
  t.equal(
    (await request('POST', `/v1/ingest/${id}`, { token: null, body, headers: form })).status,
    200,
    'bytes are bytes',
  )
})

t.test('hostile content is stored as it is or refused, never a fault', async (t) => {
  const { sql, id, service } = await withChannel(t)
  const bodies = [
    whatsappPost([{ id: 'wamid.nul', text: 'a\0b' }]),
    whatsappPost([{ id: 'wamid.cut', text: '\ud800' }]),
    whatsappPost([{ id: 'w'.repeat(9000), text: 'long id' }]),
    whatsappPost(
      [{ id: 'wamid.account', text: 'x' }],
      Array.from({ length: 5000 }, () => Math.random().toString(36)[3]).join(''),
    ),
    whatsappPost([{ id: 'wamid.time', text: 'x' }]).replaceAll('1790000001', '99999999999999999999'),
    '{"object":"whatsapp_business_account","entry":[{"__proto__":{"a":1},"id":5,"changes":[null,{"field":7,"value":{}}]}]}',
    `{"object":"whatsapp_business_account","entry":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    '"text"',
    'null',
  ]
  for (const body of bodies) {
    const answer = await post(service, id, body)
    t.ok(answer.status === 200 || answer.status === 400, `${answer.status} ${body.slice(0, 40)}`)
  }
  t.ok((await sql('SELECT FROM app.inbound_event')).length >= 6)
})

t.test('repetitions change nothing: the same post, shuffled, in parts, and many at once', async (t) => {
  const { sql, id, service } = await withChannel(t)
  for (let round = 0; round < 3; round++) {
    const messages = Array.from({ length: 200 }, (_, i) => ({
      id: `wamid.${round}.${i}`,
      text: `text ${i}`,
      from: `49151000000${10 + (i % 50)}`,
    }))
    const body = whatsappPost(messages)
    const shuffled = () => whatsappPost([...messages].sort(() => Math.random() - 0.5))
    const bodies = [body, body, body, body, ...Array.from({ length: 8 }, shuffled)]
    const atOnce = await Promise.all(bodies.map((one) => post(service, id, one)))
    t.same(
      atOnce.map((answer) => answer.status),
      bodies.map(() => 200),
      'also those that meet',
    )
    for (const one of [body, shuffled(), whatsappPost(messages.slice(3, 5))])
      t.equal((await post(service, id, one)).status, 200)
  }
  const [row] = await sql('SELECT count(*)::int AS n, count(DISTINCT lane)::int AS lanes FROM app.inbound_event')
  t.same(row, { n: 600, lanes: 50 })
  const [counted] = await sql(
    `SELECT sum(row_count)::int AS n FROM audit.readable_event WHERE action = 'import' AND resource = 'inbound-events'`,
  )
  t.same(counted, { n: 600 }, 'each is in the audit once')
})

t.test(
  'rows and jobs are made in the order of their hashes, so that posts that meet never wait in a circle',
  async (t) => {
    const { sql, id, service } = await withChannel(t)
    const messages = Array.from({ length: 40 }, (_, i) => ({
      id: `wamid.${i}`,
      text: 'x',
      from: `491510000000${10 + i}`,
    }))
    t.equal((await post(service, id, whatsappPost(messages))).status, 200)
    const rows = await sql<{ hash: string }>(
      `SELECT encode(dedupe_hash, 'hex') AS hash FROM app.inbound_event ORDER BY ctid`,
    )
    const hashes = rows.map((row) => row.hash)
    t.equal(hashes.length, 40)
    t.same(hashes, hashes.toSorted())
    const jobs = await sql<{ key: string }>(
      `SELECT key FROM graphile_worker.jobs WHERE task_identifier = 'normalise' ORDER BY id`,
    )
    const keys = jobs.map((job) => job.key)
    t.equal(keys.length, 40)
    t.same(keys, keys.toSorted())
  },
)

t.test('a lane’s sequence follows the order of the post', async (t) => {
  const { sql, id, service } = await withChannel(t)
  const messages = Array.from({ length: 30 }, (_, i) => ({ id: `wamid.${i}`, text: `${i}` }))
  await post(service, id, whatsappPost(messages))
  const rows = await sql<{ id: string }>('SELECT id FROM app.inbound_event ORDER BY sequence')
  const texts = await Promise.all(
    rows.map(async (row) => (await service.request('GET', `/v1/inbound-events/${row.id}/payload`)).text),
  )
  t.same(
    texts.map((text) => Number(/"body":"(\d+)"/.exec(text)?.[1])),
    messages.map((_, i) => i),
  )
})

t.test('one provider app, several numbers: each event goes to its own, in its own business unit', async (t) => {
  const { request, id, service } = await withChannel(t)
  const unit = await request('POST', '/v1/business-units', { body: { name: 'Other brand', region: 'default' } })
  const second = await request('POST', '/v1/channels', {
    body: whatsappChannel({ phoneNumberId: '2', wabaId }, { businessUnitId: unit.id }),
  })
  t.equal(second.status, 201, second.text)
  const stranger = await request('POST', '/v1/channels', {
    body: whatsappChannel({ phoneNumberId: '3', appSecret: 'another-app' }),
  })
  const mine = whatsappPost([{ id: 'wamid.1', text: 'one' }])
  const others = whatsappPost([{ id: 'wamid.2', text: 'two' }], '2')
  const theirs = whatsappPost([{ id: 'wamid.3', text: 'three' }], '3')
  for (const body of [mine, others, theirs]) t.equal((await post(service, id, body)).status, 200)
  t.equal((await post(service, second.id, others)).status, 200, 'the same event at the other address')
  const all = (await request('GET', '/v1/inbound-events?sort=receivedAt')).data
  t.match(all, [
    { channelId: id, receivedChannelId: id, status: 'stored' },
    { channelId: second.id, receivedChannelId: id, businessUnitId: unit.id, status: 'stored' },
    { channelId: null, receivedChannelId: id, businessUnitId: null, status: 'unrouted' },
  ])
  t.equal(all.length, 3)
  t.not(all[2]?.channelId, stranger.id, 'a channel with another secret is another app’s')
  const notice = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      { id: wabaId, time: 1790000000, changes: [{ field: 'account_update', value: { event: 'DISABLED_UPDATE' } }] },
    ],
  })
  await post(service, id, notice)
  const [last] = (await request('GET', '/v1/inbound-events?kind=account_update')).data
  t.equal(last?.channelId, second.id, 'an event of the larger account goes to the channel that names it')
})

t.test('an event for a channel that is not there waits until it is', async (t) => {
  const { request, sql, id, service } = await withChannel(t)
  await post(
    service,
    id,
    whatsappPost(
      [
        { id: 'wamid.1', text: 'early' },
        { id: 'wamid.2', text: 'bird' },
      ],
      '2',
    ),
  )
  const foreign = await service.tenant()
  await request('POST', '/v1/channels', { token: foreign.ownerToken, body: whatsappChannel({ phoneNumberId: '2' }) })
  const other = await request('POST', '/v1/channels', {
    body: whatsappChannel({ phoneNumberId: '2', appSecret: 'another-app' }),
  })
  t.match((await request('GET', '/v1/inbound-events')).data, [{ status: 'unrouted' }, { status: 'unrouted' }])
  await request('DELETE', `/v1/channels/${other.id}`, { headers: { 'if-match': '*' } })
  const made = await request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId: '2' }) })
  const routed = (await request('GET', '/v1/inbound-events')).data
  t.match(routed, [
    { status: 'stored', channelId: made.id },
    { status: 'stored', channelId: made.id },
  ])
  t.equal((await sql(`SELECT FROM graphile_worker.jobs WHERE task_identifier = 'normalise'`)).length, 1)
  t.match((await request('GET', `/v1/audit-events?recordId=${routed[0]?.id}&action=create`)).data, [
    { resource: 'channels' },
  ])
})

t.test('disabled, trashed and back: what comes for a channel meanwhile is kept for it', async (t) => {
  const { request, id, service } = await withChannel(t)
  const second = await request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId: '2' }) })
  const settle = async () => (await request('GET', '/v1/inbound-events?sort=receivedAt')).data.map((one) => one.status)
  const change = (body: unknown) =>
    request('PATCH', `/v1/channels/${second.id}`, { headers: { 'if-match': '*' }, body })
  await post(service, second.id, whatsappPost([{ id: 'wamid.0', text: 'x' }], '2'))
  t.equal((await change({ status: 'disabled' })).status, 200)
  t.equal((await post(service, second.id, whatsappPost([{ id: 'wamid.1', text: 'x' }], '2'))).status, 404)
  t.equal((await request('GET', `/v1/ingest/${second.id}?hub.mode=subscribe`, { token: null })).status, 404)
  await post(service, id, whatsappPost([{ id: 'wamid.1', text: 'x' }], '2'))
  t.same(await settle(), ['stored', 'unrouted'])
  await change({ status: 'active' })
  t.same(await settle(), ['stored', 'stored'])
  await request('DELETE', `/v1/channels/${second.id}`, { headers: { 'if-match': '*' } })
  t.equal((await post(service, second.id, whatsappPost([{ id: 'wamid.2', text: 'x' }], '2'))).status, 404)
  await post(service, id, whatsappPost([{ id: 'wamid.2', text: 'x' }], '2'))
  t.same(await settle(), ['stored', 'stored', 'unrouted'])
  t.equal((await request('POST', `/v1/channels/${second.id}/restore`)).status, 200)
  t.same(await settle(), ['stored', 'stored', 'stored'])
  t.equal((await post(service, second.id, whatsappPost([{ id: 'wamid.3', text: 'x' }], '2'))).status, 200)
})

t.test('a changed secret counts at the very next post', async (t) => {
  const { request, id, service } = await withChannel(t)
  await post(service, id, whatsappPost([{ id: 'wamid.1', text: 'x' }]))
  await request('PATCH', `/v1/channels/${id}`, {
    headers: { 'if-match': '*' },
    body: { settings: { appSecret: 'the-new-secret' } },
  })
  const body = whatsappPost([{ id: 'wamid.2', text: 'x' }])
  t.equal((await post(service, id, body)).status, 401, 'the old one is known from before, and void')
  t.equal((await post(service, id, body, 'the-new-secret')).status, 200)
  t.equal((await request('GET', '/v1/inbound-events')).data.length, 2)
})

t.test('the connector answers what became of each event', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const made = await request('POST', '/v1/channels', { body: { type: 'connector', name: 'Shop', settings: {} } })
  const secret = made.string('secret')
  const event = (id: string, text?: string) => ({
    id,
    type: 'message',
    occurredAt: '2026-11-22T09:00:00Z',
    from: { value: 'anna@example.com' },
    message: { type: 'text', text },
  })
  const send = (events: unknown, headers?: Record<string, string>) => {
    const body = JSON.stringify({ events })
    return request('POST', `/v1/ingest/${made.id}`, {
      token: null,
      body,
      headers: headers ?? webhookHeaders(body, secret),
    })
  }
  const first = await send([event('1', 'a'), event('2'), 7, event('1', 'a'), event('3', 'c')])
  t.equal(first.status, 202)
  t.same(first.body, {
    accepted: 2,
    duplicates: 1,
    rejected: [
      { id: '2', code: 'text_missing' },
      { id: null, code: 'not_an_object' },
    ],
  })
  t.same((await send([event('1', 'a'), event('4', 'd')])).body, { accepted: 1, duplicates: 1, rejected: [] })
  t.same((await send([])).body, { accepted: 0, duplicates: 0, rejected: [] })
  t.equal((await send('none')).status, 400)
  const old = JSON.stringify({ events: [] })
  t.equal((await send([], webhookHeaders(old, secret, new Date(Date.now() - 6 * 60_000)))).code, 'invalid_signature')
  t.equal((await request('GET', `/v1/ingest/${made.id}`, { token: null })).status, 405)
  const second = await request('POST', '/v1/channels', {
    body: { type: 'connector', name: 'Other shop', settings: {} },
  })
  const body = JSON.stringify({ events: [event('1', 'a')] })
  const headers = webhookHeaders(body, second.string('secret'))
  const elsewhere = await request('POST', `/v1/ingest/${second.id}`, { token: null, body, headers })
  t.equal(elsewhere.body.accepted, 1, 'ids are unique per connector')
  t.equal((await sql('SELECT FROM app.inbound_event')).length, 4)
})

async function withChannel(t: Parameters<typeof startTestService>[0]) {
  const service: TestService = await startTestService(t)
  const { id } = await service.request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId }) })
  return { service, request: service.request, sql: service.sql, id }
}
