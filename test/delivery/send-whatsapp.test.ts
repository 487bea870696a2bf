import t from 'tap'
import { json } from '../channels/local-server.ts'
import { formOf } from '../channels/meta/provider.ts'
import { startTestService } from '../harness/service.ts'
import { png, upload } from '../resources/attachments/fixtures.ts'
import { done, send, talk, until, whatsappChannel, wrote } from '../resources/conversations/fixtures.ts'
import { provider, statusesOf } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const whatsapp = await provider(t, (seen, response, count) =>
  seen.path.endsWith('/media')
    ? json(response, 200, { id: 'MEDIA' })
    : json(response, 200, { messages: [{ id: `wamid.out${count}` }] }),
)
const channelId = await whatsappChannel(service, `${whatsapp.url}/v24.0`)
const { settings } = (await done(service, 'GET', `/v1/channels/${channelId}`)).body as {
  settings: { phoneNumberId: string }
}
const one = await talk(service, { channelId, kind: 'whatsapp' })
const sent = (count: number) =>
  until(async () => {
    const states = await statusesOf(service, one.conversationId)
    return states.length === count && states.every((state) => state === 'sent')
  })
const lastBody = () => JSON.parse(whatsapp.seen.at(-1)?.body ?? 'null')

t.test('a picture goes out with its caption, as an answer to what it answers', async (t) => {
  const file = await upload(service, png, { fileName: 'roses.png', type: 'image/png' })
  const made = await send(service, one.conversationId, { text: 'These?', attachmentIds: [file.id] })
  t.equal(made.status, 201, made.text)
  await sent(1)
  t.same(
    whatsapp.seen.map(({ path }) => path),
    [`/v24.0/${settings.phoneNumberId}/media`, `/v24.0/${settings.phoneNumberId}/messages`],
  )
  const form = await formOf(whatsapp.seen[0])
  t.match([form.get('messaging_product'), form.get('type')], ['whatsapp', 'image/png'])
  t.match(lastBody(), {
    to: one.phone.slice(1),
    type: 'image',
    image: { id: 'MEDIA', caption: 'These?' },
    biz_opaque_callback_data: made.id,
  })
})

t.test('after the window a template opens the conversation again, and nothing else', async (t) => {
  await wrote(service, one.conversationId, `now() - interval '30 hours'`)
  const refused = await send(service, one.conversationId, { text: 'Hello?' })
  t.match([refused.status, refused.code], [422, 'window_closed'])
  const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Mina' }] }]
  const template = { name: 'order_ready', language: 'de', components }
  const made = await send(service, one.conversationId, { type: 'template', text: 'Hallo Mina', template })
  t.equal(made.status, 201, made.text)
  await sent(2)
  t.match(lastBody(), {
    type: 'template',
    template: { name: 'order_ready', language: { code: 'de' }, components },
    biz_opaque_callback_data: made.id,
  })
})
