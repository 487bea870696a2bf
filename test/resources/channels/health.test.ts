import t from 'tap'
import { json, localServer } from '../../channels/local-server.ts'
import { startTestService } from '../../harness/service.ts'
import { done, until, whatsappChannel } from '../conversations/fixtures.ts'

const service = await startTestService(t, { worker: true })

const telegramBody = (apiBaseUrl: string, bot: number) => ({
  type: 'telegram',
  name: 'Bot',
  settings: { botToken: `${bot}:AA-token`, secretToken: 'the-secret-token', apiBaseUrl },
})

t.test('a channel that connects by itself does so once it is made, and again when its settings change', async (t) => {
  let isOk = false
  const api = await localServer((_seen, response) =>
    isOk
      ? json(response, 200, { ok: true, result: true })
      : json(response, 401, { ok: false, error_code: 401, description: 'Unauthorized' }),
  )
  t.teardown(() => api.close())
  const made = await done(service, 'POST', '/v1/channels', telegramBody(api.url, 100))
  const health = async () => (await done(service, 'GET', `/v1/channels/${made.id}/health`)).body
  await until(async () => (await health()).status === 'error')
  t.match(await health(), { connect: { state: 'failed', connectedAt: null }, tokenTrouble: true })
  isOk = true
  const { version } = (await done(service, 'GET', `/v1/channels/${made.id}`)).body
  t.ok(version)
  const etag = (await service.request('GET', `/v1/channels/${made.id}`)).headers.etag ?? ''
  const changed = await service.request('PATCH', `/v1/channels/${made.id}`, {
    body: { settings: { secretToken: 'another-secret-token' } },
    headers: { 'if-match': etag },
  })
  t.equal(changed.status, 200)
  await until(async () => JSON.stringify((await health()).connect).includes('connected"'))
  const last = api.seen.at(-1)
  t.match(last?.path, /setWebhook$/)
  t.match(JSON.parse(last?.body ?? '{}'), {
    url: `${service.config.publicUrl}/v1/ingest/${made.id}`,
    secret_token: 'another-secret-token',
  })
  const [event] = await service.sql(
    `SELECT actor_kind, cause_id FROM audit.readable_event WHERE touched @> '[{"resource":"channels","changed":["connect"]}]' ORDER BY sequence DESC LIMIT 1`,
  )
  t.match(event, { actor_kind: 'system', cause_id: made.id })
})

t.test(
  'what is to be entered at the provider is shown to those who may change the channel, and to nobody else',
  async (t) => {
    const id = await whatsappChannel(service, 'http://127.0.0.1:1')
    const setup = await done(service, 'GET', `/v1/channels/${id}/setup`)
    t.match(setup.body, {
      webhookUrl: `${service.config.publicUrl}/v1/ingest/${id}`,
      isAutomatic: false,
      steps: [{ name: 'callback_url' }, { name: 'verify_token', value: 'verify' }],
    })
    t.notMatch(setup.text, /access-token|app-secret/)
    const agent = await service.member('agent')
    t.equal((await service.request('GET', `/v1/channels/${id}/setup`, { token: agent.token })).status, 403)
    const manager = await service.member('manager')
    t.equal(
      (await service.request('GET', `/v1/channels/${id}/setup`, { token: manager.token })).status,
      403,
      'who may rename it may not see its token',
    )
  },
)

t.test('health counts what waits and what has failed, for those who see the channel’s troubles', async (t) => {
  const id = await whatsappChannel(service, 'http://127.0.0.1:1')
  const health = async () => (await done(service, 'GET', `/v1/channels/${id}/health`)).body
  t.match(await health(), {
    status: 'ok',
    connect: null,
    inbound: { waiting: 0, lagSeconds: null, unrouted: 0, failed: 0 },
    outbound: { waiting: 0, failed: 0, unknown: 0, pausedUntil: null },
    media: { waiting: 0, failed: 0 },
  })
  await service.sql(
    `INSERT INTO app.inbound_event (tenant_id, id, channel_id, received_channel_id, business_unit_id, type, account, dedupe_hash, lane, kind, status)
     SELECT c.tenant_id, gen_random_uuid(), c.id, c.id, c.business_unit_id, 'whatsapp', c.account, decode(md5(s), 'hex'), '\\x01', 'x', s
       FROM app.channel c, unnest(ARRAY['failed', 'unrouted']) AS s WHERE c.id = $1`,
    [id],
  )
  t.match(await health(), { status: 'warning', inbound: { failed: 1, unrouted: 1 } })
  const agent = await service.member('agent')
  t.equal((await service.request('GET', `/v1/channels/${id}/health`, { token: agent.token })).status, 404)
})
