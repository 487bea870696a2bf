import t from 'tap'
import { isObject, type JsonValue, listAt, parseJson, textAt } from '../../../src/channels/json.ts'
import { webhookOf } from '../../channels/messenger/sample.ts'
import { samples, skip } from '../../channels/samples/table.ts'
import { accessToken, appSecret, signed, verifyToken } from '../../resources/ingest/posts.ts'
import { altered, type Posted, type SamplePost, takeIn } from './intake.ts'

const secrets = { appSecret, verifyToken, accessToken }

/** A sample for an account of its own, signed by the app. */
function samplePost(type: string, name: string, body: JsonValue, settings: Record<string, unknown>): SamplePost {
  const text = JSON.stringify(body)
  const by = (secret: string): Posted => ({
    body: text,
    headers: { 'content-type': 'application/json', ...signed(text, secret) },
  })
  const post = by(appSecret)
  return {
    name,
    type,
    settings: { ...settings, ...secrets },
    post,
    forged: [altered(post), by('another-secret')],
  }
}

t.test('what became of every real WhatsApp payload, over HTTP', { skip }, async (t) => {
  const posts = samples('whatsapp').map(({ name, bytes }, i) => {
    const account = `7000000${i}`
    const body = replaced(parseJson(bytes) ?? null, (key, value) => (key === 'phone_number_id' ? account : value))
    return samplePost('whatsapp', name, ownBusiness(body, `8000000${i}`), { phoneNumberId: account })
  })
  await takeIn(t, 'whatsapp', posts)
})

t.test('what became of every real Messenger payload, over HTTP', { skip }, async (t) => {
  const posts = samples('messenger').map(({ name, bytes }, i) => {
    const account = `9000000${i}`
    const webhook = webhookOf(parseJson(bytes) ?? null)
    const pages = new Set(listAt(webhook, 'entry').map((entry) => textAt(entry, 'id')))
    const isPage = (value: JsonValue) => typeof value === 'string' && pages.has(value)
    const body = replaced(webhook, (key, value) => (key === 'id' && isPage(value) ? account : value))
    return samplePost('messenger', name, body, { pageId: account })
  })
  await takeIn(t, 'messenger', posts)
})

/** The JSON with some of its members replaced, at any depth. */
function replaced(value: JsonValue, by: (key: string, value: JsonValue) => JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((one) => replaced(one, by))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, by(key, replaced(one, by))]))
}

/** Events about the whole business account are unique within it. */
function ownBusiness(body: JsonValue, id: string): JsonValue {
  if (!isObject(body)) return body
  return { ...body, entry: listAt(body, 'entry').map((entry) => (isObject(entry) ? { ...entry, id } : entry)) }
}
