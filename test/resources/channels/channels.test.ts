import t from 'tap'
import { type Answer, startTestService, type TestService } from '../../harness/service.ts'
import { accessToken, appSecret, phoneNumberId, verifyToken, whatsappChannel } from '../ingest/posts.ts'

t.test('secrets go in and never come out', async (t) => {
  const service = await startTestService(t)
  const { request, sql, logs } = service
  const made = await request('POST', '/v1/channels', { body: whatsappChannel(), headers: { 'idempotency-key': 'one' } })
  t.equal(made.status, 201)
  t.same(made.body.settings, { phoneNumberId })
  t.equal(made.body.webhookUrl, `http://hub.test/v1/ingest/${made.id}`)
  t.equal(made.body.secret, undefined, 'none was made')
  const answers: Answer[] = [
    made,
    await request('POST', '/v1/channels', { body: whatsappChannel(), headers: { 'idempotency-key': 'one' } }),
    await request('GET', `/v1/channels/${made.id}`),
    await request('GET', '/v1/channels'),
    await request('POST', '/v1/channels/search', { body: { where: { eq: ['type', 'whatsapp'] } } }),
    await patch(service, made.id, { settings: { accessToken: 'another-access-token' } }),
    await request('GET', '/v1/audit-events?limit=200'),
  ]
  for (const answer of answers) {
    t.ok(answer.status < 300, answer.text)
    t.notMatch(answer.text, secrets)
  }
  t.match(answers[3]?.data[0]?.webhookUrl, /^http:\/\/hub\.test\/v1\/ingest\//)
  t.notMatch(logs.join(''), secrets)
  const dump = await sql(`SELECT c::text AS row FROM app.channel c UNION ALL SELECT i::text FROM app.idempotency i
    UNION ALL SELECT e::text FROM audit.readable_event e UNION ALL SELECT j.payload::text FROM graphile_worker._private_jobs j`)
  t.notMatch(JSON.stringify(dump), secrets)
  t.notMatch(JSON.stringify(dump), Buffer.from(appSecret).toString('hex'))
})

t.test('a secret that is left out is made and shown once', async (t) => {
  const { request } = await startTestService(t)
  const made = await request('POST', '/v1/channels', { body: { type: 'connector', name: 'Shop', settings: {} } })
  t.match(made.string('secret'), /^whsec_[A-Za-z0-9+/]{43}=$/)
  t.same(made.body.settings, {})
  t.equal((await request('GET', `/v1/channels/${made.id}`)).body.secret, undefined)
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  const given = await request('POST', '/v1/channels', {
    body: { type: 'connector', name: 'Own', settings: { secret } },
  })
  t.equal(given.status, 201)
  t.equal(given.body.secret, undefined, 'the client knows its own')
})

t.test('settings are held against their type', async (t) => {
  const { request } = await startTestService(t)
  const refused = async (body: unknown, status: number, path: string, code: string): Promise<void> => {
    const answer = await request('POST', '/v1/channels', { body })
    t.equal(answer.status, status, answer.text)
    t.match(Array.isArray(answer.body.errors) && answer.body.errors[0], { path, code })
  }
  await refused(whatsappChannel({ colour: 'green' }), 400, '/settings/colour', 'unknown_field')
  await refused(whatsappChannel({ phoneNumberId: 5 }), 400, '/settings/phoneNumberId', 'invalid_type')
  await refused(whatsappChannel({ appSecret: undefined }), 400, '/settings/appSecret', 'invalid_type')
  await refused({ type: 'telegram', name: 'T', settings: {} }, 400, '/settings/botToken', 'invalid_type')
  await refused({ type: 'pigeon', name: 'P', settings: {} }, 400, '/type', 'invalid_value')
  await refused({ type: 'whatsapp', name: 'W' }, 400, '/settings', 'invalid_type')
})

t.test(
  'settings are patched: what is left out stays, also secrets; null removes; the unknown is refused',
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    const { id } = await request('POST', '/v1/channels', { body: whatsappChannel({ wabaId: '800000000000001' }) })
    const patched = await patch(service, id, {
      settings: { apiBaseUrl: 'https://graph.example.com/v24.0', wabaId: null },
    })
    t.equal(patched.status, 200, patched.text)
    t.same(patched.body.settings, { phoneNumberId, apiBaseUrl: 'https://graph.example.com/v24.0' })
    t.match(patched.body.webhookUrl, /^http:\/\/hub\.test/)
    t.equal((await patch(service, id, { settings: { colour: 'green' } })).status, 400)
    t.equal((await patch(service, id, { settings: { accessToken: null } })).status, 400, 'it cannot be without')
    t.equal((await patch(service, id, { settings: { appSecret: '' } })).status, 400)
    t.equal((await patch(service, id, { settings: { outboundUrl: 'https://a.test' } })).status, 422, 'those of another')
    t.equal((await patch(service, id, { type: 'connector' })).status, 400, 'the type stays')
    const handshake = `/v1/ingest/${id}?hub.mode=subscribe&hub.challenge=7&hub.verify_token=`
    t.equal((await request('GET', handshake + verifyToken, { token: null })).text, '7', 'the verify token was kept')
    t.equal((await patch(service, id, { settings: { verifyToken: 'a-new-one' } })).status, 200)
    t.equal((await request('GET', handshake + verifyToken, { token: null })).status, 403)
    t.equal((await request('GET', `${handshake}a-new-one`, { token: null })).text, '7')
  },
)

t.test('a change needs If-Match, which an event coming in does not void', async (t) => {
  const { request, sql } = await startTestService(t)
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  t.equal((await request('PATCH', `/v1/channels/${id}`, { body: { name: 'X' } })).status, 428)
  t.equal((await request('DELETE', `/v1/channels/${id}`)).status, 428)
  const etag = (await request('GET', `/v1/channels/${id}`)).headers.etag ?? ''
  await sql('UPDATE app.channel SET last_event_at = now(), last_error = $1, last_error_at = now()', ['reauthorise'])
  const health = await request('GET', `/v1/channels/${id}`)
  t.equal(health.headers.etag, etag)
  t.equal(health.body.lastError, 'reauthorise')
  const changed = await request('PATCH', `/v1/channels/${id}`, { body: { name: 'X' }, headers: { 'if-match': etag } })
  t.equal(changed.status, 200)
  t.equal(
    (await request('PATCH', `/v1/channels/${id}`, { body: { name: 'Y' }, headers: { 'if-match': etag } })).status,
    412,
  )
})

t.test('an account is connected once per tenant, however it comes', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const first = await request('POST', '/v1/channels', { body: whatsappChannel() })
  t.equal((await request('POST', '/v1/channels', { body: whatsappChannel() })).status, 409)
  const second = await request('POST', '/v1/channels', { body: whatsappChannel({ phoneNumberId: '2' }) })
  t.equal(second.status, 201)
  t.equal((await patch(service, second.id, { settings: { phoneNumberId } })).status, 409)
  t.equal((await remove(service, first.id)).status, 204)
  t.equal((await patch(service, second.id, { settings: { phoneNumberId } })).status, 200)
  t.equal((await request('POST', `/v1/channels/${first.id}/restore`)).status, 409)
  const other = await service.tenant()
  const elsewhere = await request('POST', '/v1/channels', { token: other.ownerToken, body: whatsappChannel() })
  t.equal(elsewhere.status, 201, 'another tenant neither knows nor minds')
})

t.test('an agent sees which channels there are, a manager may rename, neither sees or sets settings', async (t) => {
  const service = await startTestService(t)
  const { request, member } = service
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  const agent = await member('agent')
  const seen = (await request('GET', `/v1/channels/${id}`, { token: agent.token })).body
  t.same(Object.keys(seen).sort(), ['businessUnitId', 'id', 'name', 'status', 'teamId', 'type'])
  t.equal((await request('POST', '/v1/channels', { token: agent.token, body: whatsappChannel() })).status, 403)
  const manager = await member('manager')
  const headers = { 'if-match': '*' }
  const rename = await request('PATCH', `/v1/channels/${id}`, {
    token: manager.token,
    headers,
    body: { name: 'Renamed' },
  })
  t.equal(rename.body.name, 'Renamed')
  const body = { settings: { appSecret: 'mine-now' } }
  t.equal((await request('PATCH', `/v1/channels/${id}`, { token: manager.token, headers, body })).status, 403)
})

const secrets = new RegExp([appSecret, verifyToken, accessToken, 'another-access-token'].join('|'))

const patch = ({ request }: TestService, id: string, body: unknown): Promise<Answer> =>
  request('PATCH', `/v1/channels/${id}`, { body, headers: { 'if-match': '*' } })
const remove = ({ request }: TestService, id: string): Promise<Answer> =>
  request('DELETE', `/v1/channels/${id}`, { headers: { 'if-match': '*' } })
