import { randomUUID } from 'node:crypto'
import t from 'tap'
import { signWebhook } from '../../src/channels/standard-webhooks.ts'
import { json } from '../channels/local-server.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { done, send, until, wrote } from '../resources/conversations/fixtures.ts'
import { phoneNumberId, post, wabaId, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'
import { chatChannel, Page } from '../resources/webchat/chat.ts'
import { provider } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const graph = await provider(t, (_seen, response, count) =>
  json(response, 200, { messages: [{ id: `wamid.${count}` }] }),
)
const hook = await provider(t, (_seen, response, count) => json(response, 200, { externalId: `out-${count}` }))

const list = async (path: string): Promise<Row[]> => (await done(service, 'GET', path)).data
const statusOf = async (id: string): Promise<unknown> => (await done(service, 'GET', `/v1/messages/${id}`)).body.status
async function conversationOf(channelId: string): Promise<string> {
  const path = `/v1/conversations?channelId=${channelId}`
  await until(async () => (await list(path)).length === 1)
  return String((await list(path))[0]?.id)
}
const lastOf = async (conversationId: string) =>
  (await list(`/v1/conversations/${conversationId}/messages?sort=-occurredAt&limit=1`))[0]

const interactive = {
  buttons: [
    { id: 'size-m', title: 'Size M' },
    { id: 'size-l', title: 'Size L' },
  ],
}
const question = { type: 'interactive', text: 'Which size?', interactive }

t.test('WhatsApp: the button that is pressed brings its id back, and so does the row of a list', async (t) => {
  const apiBaseUrl = `${graph.url}/v24.0`
  const { id: channelId } = await done(service, 'POST', '/v1/channels', whatsappChannel({ apiBaseUrl }))
  await post(service, channelId, whatsappPost([{ id: 'wamid.in1', text: 'A shirt, please' }]))
  const conversationId = await conversationOf(channelId)
  await wrote(service, conversationId, 'now()')
  const made = await send(service, conversationId, question)
  t.equal(made.status, 201, made.text)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const body = JSON.parse(graph.seen.at(-1)?.body ?? '')
  t.same(
    body.interactive.action.buttons.map(({ reply }: { reply: unknown }) => reply),
    interactive.buttons,
  )
  const pressed = (id: string, interactive: object) =>
    post(
      service,
      channelId,
      JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: wabaId,
            changes: [
              {
                field: 'messages',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: { phone_number_id: phoneNumberId },
                  contacts: [{ wa_id: '4915112345678', profile: { name: 'Mina' } }],
                  messages: [
                    {
                      ...{ from: '4915112345678', id, timestamp: '1790000009', type: 'interactive', interactive },
                      context: { from: '49305557', id: 'wamid.1' },
                    },
                  ],
                },
              },
            ],
          },
        ],
      }),
    )
  const [button] = body.interactive.action.buttons
  await pressed('wamid.in2', { type: 'button_reply', button_reply: button.reply })
  await until(async () => (await list(`/v1/conversations/${conversationId}/messages`)).length === 3)
  const messages = async () => list(`/v1/conversations/${conversationId}/messages?direction=inbound`)
  t.match(
    (await messages()).find((one) => one.externalId === 'wamid.in2'),
    { type: 'interactive', text: 'Size M', content: { kind: 'button_reply', id: 'size-m', title: 'Size M' } },
  )
  const sections = [{ rows: [{ id: 'row-1', title: 'Red', description: 'deep' }] }]
  const offered = await send(service, conversationId, {
    type: 'interactive',
    text: 'Which colour?',
    interactive: { list: { button: 'Colours', sections } },
  })
  await until(async () => (await statusOf(offered.id)) === 'sent')
  const { interactive: sent } = JSON.parse(graph.seen.at(-1)?.body ?? '')
  await pressed('wamid.in3', { type: 'list_reply', list_reply: sent.action.sections[0].rows[0] })
  await until(async () => (await messages()).some((one) => one.externalId === 'wamid.in3'))
  t.match(
    (await messages()).find((one) => one.externalId === 'wamid.in3'),
    { content: { kind: 'list_reply', id: 'row-1', title: 'Red' } },
  )
})

t.test('a connector gets the neutral form, and posts what was chosen', async (t) => {
  const body = { type: 'connector', name: 'Connector', settings: { outboundUrl: hook.url } }
  const channel = await done(service, 'POST', '/v1/channels', body)
  const say = async (message: Record<string, unknown>) => {
    const events = [{ id: randomUUID(), type: 'message', from: { value: 'ada' }, message }]
    const raw = JSON.stringify({ events })
    const headers = signWebhook(randomUUID(), new Date(), raw, channel.string('secret'))
    t.equal(
      (await service.request('POST', `/v1/ingest/${channel.id}`, { token: null, body: raw, headers })).status,
      202,
    )
  }
  await say({ type: 'text', text: 'A shirt, please' })
  const conversationId = await conversationOf(channel.id)
  const made = await send(service, conversationId, question)
  await until(async () => (await statusOf(made.id)) === 'sent')
  const message = () => JSON.parse(hook.seen.at(-1)?.body ?? '').data.message
  t.same(message(), question)
  await say({ type: 'button', payload: 'size-l', title: 'Size L' })
  await until(async () => (await lastOf(conversationId))?.type === 'button')
  t.match(await lastOf(conversationId), { text: 'Size L', content: { payload: 'size-l', title: 'Size L' } })
  const location = { latitude: 52.5, longitude: 13.4, name: 'Our shop' }
  const place = await send(service, conversationId, { type: 'location', location })
  await until(async () => (await statusOf(place.id)) === 'sent')
  t.same(message(), { type: 'location', text: '[location] Our shop', location })
  const contacts = [{ name: 'Jo Berg', phones: ['+4917012345678'], emails: [] }]
  const cards = await send(service, conversationId, { type: 'contacts', contacts })
  await until(async () => (await statusOf(cards.id)) === 'sent')
  t.same(message(), { type: 'contacts', text: '[contacts] Jo Berg', contacts })
})

t.test('a visitor of a webchat sees the choices, and chooses', async (t) => {
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open({ name: 'Anna' })
  await page.say('m-1', 'A shirt, please')
  const conversationId = await conversationOf(channelId)
  const made = await send(service, conversationId, question)
  const location = { latitude: 52.5, longitude: 13.4 }
  await send(service, conversationId, { type: 'location', location })
  await until(async () => (await page.messages()).data.length === 3)
  const [own, asked, place] = (await page.messages()).data
  t.notOk('interactive' in (own ?? {}))
  t.match(asked, { id: made.id, type: 'interactive', text: 'Which size?', interactive })
  t.match(place, { type: 'location', location })
  const choose = (body: Record<string, unknown>) => page.ask('POST', '/messages', body)
  t.equal((await choose({ id: 'm-2', button: { id: 'size-m' }, text: 'and' })).status, 400)
  t.equal((await choose({ id: 'm-2', button: { id: 'size-m', title: 'Size M' } })).status, 202)
  await until(async () => (await lastOf(conversationId))?.type === 'button')
  t.match(await lastOf(conversationId), { direction: 'inbound', text: 'Size M', content: { payload: 'size-m' } })
})
