import { createHmac, randomUUID } from 'node:crypto'
import t from 'tap'
import { stopButton, stopWord } from '../../src/privacy/stop-words.ts'
import { done } from '../resources/conversations/fixtures.ts'
import { signed, whatsappPost } from '../resources/ingest/posts.ts'
import { startLanes } from './lanes.ts'

const lanes = await startLanes(t)
const { service } = lanes
const pageId = '300000000000001'
const psid = '6000000000000001'
const secret = 'an-app-secret-of-tests'
const start = 1_790_000_000_000

const page = (
  await done(service, 'POST', '/v1/channels', {
    type: 'messenger',
    name: 'Page',
    settings: { pageId, appSecret: secret, verifyToken: 'a-verify-token', accessToken: 'a-page-token' },
  })
).id

async function posted(...items: object[]): Promise<void> {
  const body = JSON.stringify({ object: 'page', entry: [{ id: pageId, time: start, messaging: items }] })
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const answer = await service.request('POST', `/v1/ingest/${page}`, {
    ...{ token: null, body, headers: { 'x-hub-signature-256': signature } },
  })
  if (answer.status !== 200) throw new Error(answer.text)
}

const hello = {
  sender: { id: psid },
  recipient: { id: pageId },
  timestamp: start,
  message: { mid: 'm_hello', text: 'Hi' },
}
const progress = (name: 'delivery' | 'read', watermark: number) => ({
  ...{ sender: { id: psid }, recipient: { id: pageId }, timestamp: watermark },
  [name]: { watermark },
})

const statuses = async () =>
  Object.fromEntries(
    (
      await service.sql<{ text: string; status: string }>(
        `SELECT text, status FROM app.message WHERE direction = 'outbound' ORDER BY occurred_at`,
      )
    ).map((row) => [row.text, row.status]),
  )

/** A message of ours as it was handed to the provider at a moment. */
async function ours(text: string, atMs: number, status: string): Promise<void> {
  await service.sql(
    `INSERT INTO app.message (tenant_id, id, business_unit_id, conversation_id, contact_id, identity_id, channel_id, direction, type, content, text, veiled, status, author_kind, external_id, dispatched_at, occurred_at)
     SELECT tenant_id, $1, business_unit_id, id, contact_id, identity_id, channel_id, 'outbound', 'text', '{}', $2, '{}', $4, 'member', $2, $3, $3 FROM app.conversation WHERE channel_id = $5`,
    [randomUUID(), text, new Date(atMs).toISOString(), status, page],
  )
}

t.test(
  'a watermark moves all that was sent until then, and in whatever order they come, nothing ever goes back',
  async (t) => {
    await posted(hello)
    await lanes.drain()
    for (const [i, text] of ['a', 'b', 'c', 'd'].entries()) await ours(text, start + (i + 1) * 1000, 'sent')
    await ours('failed', start + 500, 'failed')
    await ours('lost', start + 600, 'unknown')
    const rank = ['sent', 'delivered', 'read']
    let before = await statuses()
    const shuffled = [
      progress('read', start + 2000),
      progress('delivery', start + 1000),
      progress('delivery', start + 3000),
      progress('read', start + 1000),
      progress('delivery', start + 2000),
    ]
    for (const one of shuffled) {
      await posted(one)
      await lanes.drain()
      const now = await statuses()
      for (const [text, status] of Object.entries(now))
        t.ok(rank.indexOf(status) >= rank.indexOf(String(before[text])), `${text}: ${before[text]} -> ${status}`)
      before = now
    }
    t.same(before, { a: 'read', b: 'read', c: 'delivered', d: 'sent', failed: 'failed', lost: 'unknown' })
    const [conversation] = await service.sql(
      'SELECT read_up_to, delivered_up_to FROM app.conversation WHERE channel_id = $1',
      [page],
    )
    t.match(conversation, { read_up_to: new Date(start + 2000), delivered_up_to: new Date(start + 3000) })
  },
)

t.test('an echo that comes behind the watermark is read already', async (t) => {
  await posted({
    ...{ sender: { id: pageId }, recipient: { id: psid }, timestamp: start + 1500 },
    message: { mid: 'm_echo', is_echo: true, text: 'from the app' },
  })
  await lanes.drain()
  t.equal((await statuses())['from the app'], 'read')
})

t.test('who is nobody we know has come nowhere', async (t) => {
  await posted({ ...progress('read', start + 9000), sender: { id: '6999' } })
  await lanes.drain()
  const [event] = await service.sql('SELECT status, reason FROM app.inbound_event ORDER BY sequence DESC LIMIT 1')
  t.same(event, { status: 'ignored', reason: 'unknown_contact' })
})

t.test('a message that is a stop word and nothing else becomes a consent event, at once obeyed', async (t) => {
  const channel = await lanes.whatsapp()
  await channel.send(whatsappPost([{ id: 'wamid.1', text: 'Please stop by tomorrow' }]))
  await channel.send(whatsappPost([{ id: 'wamid.2', text: ' Stop! ' }]))
  await lanes.drain()
  const events = () =>
    service.sql(
      `SELECT e.category, e.state, e.source, i.kind FROM app.consent_event e JOIN app.inbound_event i ON i.id = e.evidence_event_id ORDER BY e.occurred_at, e.id`,
    )
  const stop = {
    category: 'marketing',
    state: 'stop',
    source: 'keyword',
    kind: 'messages.text',
  }
  t.same(await events(), [stop])
  const [{ id } = { id: '' }] = await service.sql<{ id: string }>(
    'SELECT id FROM app.conversation WHERE channel_id = $1',
    [channel.id],
  )
  await service.sql('UPDATE app.conversation SET last_inbound_at = now() WHERE id = $1', [id])
  const send = (purpose: string) =>
    service.request('POST', `/v1/conversations/${id}/messages`, { body: { text: 'x', purpose } })
  t.match((await send('marketing')).body, { errors: [{ code: 'opted_out' }] })
  t.equal((await send('support')).status, 201)
  await channel.send(whatsappPost([{ id: 'wamid.3', text: 'START' }]))
  await lanes.drain()
  t.equal((await events()).length, 2)
  t.equal((await send('marketing')).status, 201)
  t.ok(signed('x', 'y'))
})

t.test('stop is understood in the languages of the countries served, and in no sentence', async (t) => {
  for (const word of [
    'STOP',
    'stopall',
    'Arrêt',
    'BAJA',
    'sair',
    'Stopp.',
    '停止',
    '退订',
    '配信停止',
    '수신거부',
    'توقف',
    'إلغاء',
    'ＳＴＯＰ',
    '«Стоп»',
  ])
    t.equal(stopWord(word), 'stop', word)
  for (const word of ['start', 'UNSTOP', 'Suscribirme']) t.equal(stopWord(word), 'resume', word)
  for (const word of ['stop it now please', 'end of story', 'unstoppable', '', '1']) t.equal(stopWord(word), null, word)
  // Every chat with a bot begins so, and these stand in every menu.
  for (const word of ['/start', '/cancel', 'Voltar', 'Anmelden']) t.equal(stopWord(word), null, word)
  t.equal(stopWord('/stop'), 'stop')
  for (const name of ['Start', 'Voltar', 'Cancel', 'Cancelar', 'End']) t.equal(stopButton(name), null, name)
  for (const name of ['STOP', 'Unsubscribe', 'Stop promotions', '退订']) t.equal(stopButton(name), 'stop', name)
})
