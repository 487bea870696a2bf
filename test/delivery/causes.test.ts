import t from 'tap'
import { createHttpClient } from '../../src/channels/http-client.ts'
import { maintain } from '../../src/delivery/maintenance.ts'
import { tasks } from '../../src/delivery/tasks.ts'
import { wake } from '../../src/delivery/wake.ts'
import { startTestService } from '../harness/service.ts'
import { until } from '../resources/conversations/fixtures.ts'
import { post, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'
import { whatsappOutbox } from './outbox.ts'

/** What operators do has no cause inside: a tenant is made, a start brings roles up to date or makes the first key. */
const ofOperators = ['create tenants', 'update roles', 'administer audit-events']

t.test('what the service does by itself is on record under the system, with what caused it', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { sql, request, db, config, log } = service
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  const context = { db, http, config, log }
  const tenant = { tenantId: service.tenantId, region: 'default' }

  // Normalising and sending.
  const { channelId, whatsappTalk, settled } = await whatsappOutbox(t, service)
  const one = await whatsappTalk()
  const sent = await request('POST', `/v1/conversations/${one.conversationId}/messages`, { body: { text: 'Hello' } })
  t.same(await settled(one), ['sent'])
  const { id } = await request('POST', '/v1/channels', { body: whatsappChannel() })
  await post(service, id, whatsappPost([{ id: 'wamid.1', text: 'a' }]))
  await until(async () => (await sql(`SELECT FROM app.inbound_event WHERE status = 'processed'`)).length === 1)
  const [event] = await sql<{ id: string }>(`SELECT id FROM app.inbound_event`)

  // Waking.
  await request('PATCH', `/v1/conversations/${one.conversationId}`, {
    body: { status: 'snoozed', snoozedUntil: new Date(Date.now() + 3_600_000).toISOString() },
  })
  await sql(`UPDATE app.conversation SET snoozed_until = now() WHERE id = $1`, [one.conversationId])
  const attempt = { attempts: 1, maxAttempts: 25 }
  await wake(context, { ...tenant, conversationId: one.conversationId }, attempt)

  // Routing, and the upkeep with something to do of every kind.
  await tasks.route?.(context, { ...tenant, channelId: id }, attempt)
  await request('POST', '/v1/tags', { body: { name: 'old' }, headers: { 'idempotency-key': 'old' } })
  await sql(`UPDATE app.idempotency SET created_at = now() - interval '25 hours'`)
  await sql(
    `UPDATE app.inbound_event SET contact_id = NULL, received_at = now() - interval '91 days', sealed_payload = '\\x00'`,
  )
  await sql(
    `UPDATE app.message SET status = 'queued', created_at = now() - interval '1 hour', dispatched_at = NULL, retry_at = now() - interval '1 hour' WHERE id = $1`,
    [sent.id],
  )
  await maintain(context, {}, attempt)

  const events = await sql<{ what: string; cause: string | null }>(
    `SELECT action || ' ' || resource AS what, cause_id AS cause FROM audit.event WHERE actor_kind = 'system' ORDER BY sequence`,
  )
  const causes = (what: string): (string | null)[] => events.filter((row) => row.what === what).map((row) => row.cause)
  t.ok(causes('import inbound-events').includes(event?.id ?? ''), 'normalising: the event that came in')
  t.ok(causes('send messages').length >= 2, 'sending is on record')
  t.ok(
    causes('send messages').every((cause) => cause === sent.id),
    'sending: the message',
  )
  t.ok(causes('update conversations').includes(one.conversationId), 'waking: the conversation')
  t.ok(causes('update inbound-events').includes(id), 'routing: the channel')
  const [run] = causes('delete tenants')
  t.ok(run, 'the upkeep: its run')
  t.ok(causes('update inbound-events').includes(run ?? ''), 'one for all that it does')
  t.ok(causes('update messages').includes(run ?? ''))
  t.ok(
    service.logs.some((line) => line.includes(String(run))),
    'which the log names',
  )
  const without = [...new Set(events.filter((row) => row.cause === null).map((row) => row.what))]
  t.same(
    without.filter((what) => !ofOperators.includes(what)),
    [],
    'nothing else is without a cause',
  )
  t.ok(channelId)
})
