import { createHmac } from 'node:crypto'
import t from 'tap'
import { basic, mailbox } from '../channels/email/fixtures.ts'
import { localServer } from '../channels/local-server.ts'
import { done } from '../resources/conversations/fixtures.ts'
import { accessToken, appSecret, phoneNumberId, signed, verifyToken } from '../resources/ingest/posts.ts'
import { startLanes } from './lanes.ts'

/** How a provider signs a body. */
type Sign = (body: string) => Record<string, string>
interface Shape {
  body: unknown
  /** why it is listed; null: it is understood all the same */
  reason: string | null
}
interface Provider {
  type: string
  settings: Record<string, unknown>
  sign: Sign
  shapes: Record<string, Shape>
}

const secret = 'a-secret-of-tests'
const shape = (body: unknown, reason: string | null): Shape => ({ body, reason })
const metaSecrets = { appSecret, verifyToken, accessToken }
const meta: Sign = (body) => signed(body, appSecret)

/** A message of a page or an Instagram account, and what may go wrong around it. */
function messaging(object: 'page' | 'instagram', account: string): Record<string, Shape> {
  const item = (mid: string) => ({
    sender: { id: '6000000000000001' },
    recipient: { id: account },
    timestamp: 1_790_000_000_000,
    message: { mid, text: 'hello' },
  })
  const at = { id: account, time: 1_790_000_000_000 }
  return {
    'no object': shape({ entry: [{ ...at, messaging: [item('a')] }] }, 'event_unknown'),
    'another object': shape({ object: 'permissions', entry: [at] }, 'event_unknown'),
    'no entry': shape({ object }, 'event_unknown'),
    'an entry that is a text': shape({ object, entry: ['text'] }, 'event_unknown'),
    'an entry without its list': shape({ object, entry: { ...at, messaging: [item('b')] } }, null),
    'one item without its list': shape({ object, entry: [{ ...at, messaging: item('c') }] }, null),
    'items that are a text': shape({ object, entry: [{ ...at, messaging: 'text' }] }, 'event_unknown'),
    'an item that is none': shape({ object, entry: [{ ...at, messaging: [7] }] }, 'event_unknown'),
    'a new kind of item': shape(
      { object, entry: [{ ...at, messaging: [{ ...item('d'), message: undefined, hologram: { a: 1 } }] }] },
      'event_unknown',
    ),
    'a new list': shape({ object, entry: [{ ...at, messaging: [], holograms: [{ a: 1 }] }] }, 'event_unknown'),
    'a new field': shape(
      { object, entry: [{ ...at, changes: [{ field: 'brand_new', value: { a: 1 } }] }] },
      'field_unknown',
    ),
    'a change that is a text': shape({ object, entry: [{ ...at, changes: ['text'] }] }, 'event_unknown'),
  }
}

const whatsappValue = (id: string) => ({
  metadata: { phone_number_id: phoneNumberId },
  messages: { from: '4915112345678', id, timestamp: '1790000001', type: 'text', text: { body: 'hello' } },
})
const whatsapp = (entry: unknown) => ({ object: 'whatsapp_business_account', entry })

const providers: Provider[] = [
  { type: 'messenger', settings: { pageId: '300', ...metaSecrets }, sign: meta, shapes: messaging('page', '300') },
  {
    type: 'instagram',
    settings: { accountId: '178', ...metaSecrets },
    sign: meta,
    shapes: messaging('instagram', '178'),
  },
  {
    type: 'whatsapp',
    settings: { phoneNumberId, ...metaSecrets },
    sign: meta,
    shapes: {
      'no object': shape({ entry: [] }, 'unknown_shape'),
      'an entry that is a text': shape(whatsapp(['text']), 'unknown_shape'),
      'entries without a list': shape(
        whatsapp({ id: 'W', changes: { field: 'messages', value: whatsappValue('a') } }),
        null,
      ),
      'changes that are a text': shape(whatsapp([{ id: 'W', changes: 'text' }]), 'unknown_shape'),
      'a value that is a text': shape(
        whatsapp([{ id: 'W', changes: [{ field: 'messages', value: 'x' }] }]),
        'unknown_shape',
      ),
      'a new field': shape(whatsapp([{ id: 'W', changes: [{ field: 'new', value: { a: 1 } }] }]), 'field_unknown'),
      'a new list': shape(whatsapp([{ id: 'W', changes: [], holograms: [{ a: 1 }] }]), 'unknown_shape'),
      'messages that are a text': shape(
        whatsapp([{ id: 'W', changes: [{ field: 'messages', value: { ...whatsappValue('b'), messages: 'x' } }] }]),
        'field_unknown',
      ),
    },
  },
  {
    type: 'line',
    settings: { channelSecret: secret, channelAccessToken: 'token' },
    sign: (body) => ({ 'x-line-signature': createHmac('sha256', secret).update(body).digest('base64') }),
    shapes: {
      'no events': shape({ destination: 'U1' }, 'unknown_shape'),
      'events that are a text': shape({ destination: 'U1', events: 'text' }, 'unknown_shape'),
      'one event without its list': shape(
        {
          destination: 'U1',
          events: {
            type: 'message',
            mode: 'active',
            timestamp: 1_790_000_000_000,
            source: { type: 'user', userId: 'U2' },
            message: { id: '1', type: 'text', text: 'hello' },
          },
        },
        null,
      ),
      'an event that is a text': shape({ destination: 'U1', events: ['text'] }, 'not_an_object'),
      'a new type': shape({ destination: 'U1', events: [{ type: 'hologram', a: 1 }] }, 'unknown_type'),
    },
  },
  {
    type: 'telegram',
    settings: { botToken: '123456789:AAa-a-bot-token-of-tests-000000000', secretToken: secret },
    sign: () => ({ 'x-telegram-bot-api-secret-token': secret }),
    shapes: {
      'nothing but an id': shape({ update_id: 1 }, 'unknown_shape'),
      'a message that is a list': shape({ update_id: 2, message: [1] }, 'unknown_shape'),
      'a new kind': shape({ update_id: 3, hologram: { a: 1 } }, 'unknown_kind'),
      'a message from nobody': shape({ update_id: 4, message: { message_id: 1, date: 1, text: 'x' } }, 'no_message_id'),
    },
  },
  {
    type: 'email',
    settings: { address: mailbox, inbound: { kind: 'postmark', secret } },
    sign: () => basic(secret),
    shapes: {
      'a new notification': shape({ RecordType: 'Hologram', MessageID: '1' }, 'notification_unknown'),
    },
  },
  {
    type: 'form',
    settings: { kind: 'typeform', signingSecret: secret },
    sign: (body) => ({
      'typeform-signature': `sha256=${createHmac('sha256', secret).update(body).digest('base64')}`,
    }),
    shapes: {
      'a new event': shape({ event_id: '1', event_type: 'form_hologram' }, 'kind_unknown'),
    },
  },
]

for (const { type, settings, sign, shapes } of providers)
  t.test(`${type}: what is signed and not understood is kept, listed, counted and replayed`, async (t) => {
    const { service, drain } = await startLanes(t)
    const away = await localServer((_seen, response) => response.writeHead(503).end())
    t.teardown(() => away.close())
    const own = type === 'telegram' ? { ...settings, apiBaseUrl: away.url } : settings
    const channel = await done(service, 'POST', '/v1/channels', { type, name: type, settings: own })
    const events = async () => (await done(service, 'GET', '/v1/inbound-events?limit=200&sort=receivedAt')).data
    let failed = 0
    for (const [name, { body, reason }] of Object.entries(shapes)) {
      const known = new Set((await events()).map((one) => one.id))
      const text = JSON.stringify(body)
      const headers = { 'content-type': 'application/json', ...sign(text) }
      const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { body: text, token: null, headers })
      t.equal(answer.status, 200, `${name}: ${answer.text}`)
      await drain()
      const fresh = (await events()).filter((one) => !known.has(one.id))
      if (reason === null) {
        t.match(fresh, [{ status: 'processed', reason: null }], name)
        continue
      }
      failed++
      t.match(fresh, [{ status: 'failed', reason, channelId: channel.id }], name)
      t.equal(fresh.length, 1, name)
      const [event] = fresh
      t.equal((await done(service, 'GET', `/v1/inbound-events/${event?.id}/payload`)).status, 200, name)
      const again = await service.request('POST', `/v1/inbound-events/${event?.id}/replay`)
      t.equal(again.status, 202, again.text)
      await drain()
      t.match(
        await done(service, 'GET', `/v1/inbound-events/${event?.id}`),
        { body: { status: 'failed', reason } },
        name,
      )
    }
    const health = (await done(service, 'GET', `/v1/channels/${channel.id}/health`)).body
    t.match(health, { status: 'warning', inbound: { waiting: 0, failed } })
  })
