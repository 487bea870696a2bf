import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { signWebhook, verifyWebhook, webhookKey, webhookSecret } from '../../src/channels/standard-webhooks.ts'

const secret = webhookSecret(randomBytes(32))
const body = '{"events":[{"text":"grüße 😀"}]}'
const now = new Date(1_790_000_000_000)
const headers = signWebhook('msg_1', now, body, secret)
const verify = (changed: Record<string, string | undefined>, at = now, bytes = Buffer.from(body), key = secret) =>
  verifyWebhook({ ...headers, ...changed }, bytes, at, key)

t.test('what we sign, the reference library accepts, and the other way round', async (t) => {
  const current = new Date()
  const library = new Webhook(secret)
  t.strictSame(library.verify(body, signWebhook('msg_2', current, body, secret)), JSON.parse(body))
  const theirs = {
    'webhook-id': 'msg_3',
    'webhook-timestamp': String(Math.floor(current.getTime() / 1000)),
    'webhook-signature': library.sign('msg_3', current, body),
  }
  t.strictSame(verifyWebhook(theirs, Buffer.from(body), current, secret), { ok: true })
})

t.test('one right signature among others is enough, other versions do not count', async (t) => {
  const right = headers['webhook-signature'] ?? ''
  const wrong = `v1,${randomBytes(32).toString('base64')}`
  t.strictSame(verify({}), { ok: true })
  t.strictSame(verify({ 'webhook-signature': `${wrong} v1a,xyz ${right}` }), { ok: true })
  t.strictSame(verify({ 'webhook-signature': right.replace('v1,', 'v2,') }), { ok: false, reason: 'signature_invalid' })
})

t.test('a wrong, truncated or empty signature, another body, id or secret is refused', async (t) => {
  const right = headers['webhook-signature'] ?? ''
  const invalid = { ok: false, reason: 'signature_invalid' }
  t.strictSame(verify({ 'webhook-signature': right.slice(0, 12) }), invalid)
  t.strictSame(verify({ 'webhook-signature': 'v1,' }), invalid)
  t.strictSame(verify({ 'webhook-signature': `v1,${randomBytes(32).toString('base64')}` }), invalid)
  t.strictSame(verify({ 'webhook-id': 'msg_other' }), invalid)
  t.strictSame(verify({}, now, Buffer.from(`${body} `)), invalid)
  t.strictSame(verify({}, now, Buffer.from(body), webhookSecret(randomBytes(32))), invalid)
})

t.test('a missing header is told apart from a wrong one', async (t) => {
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    t.strictSame(verify({ [name]: undefined }), { ok: false, reason: 'signature_missing' }, name)
  }
})

t.test('a time beyond five minutes either way is refused, though well signed', async (t) => {
  const minute = 60_000
  for (const offset of [-5, 5]) t.strictSame(verify({}, new Date(now.getTime() + offset * minute)), { ok: true })
  for (const offset of [-5.1, 5.1]) {
    t.strictSame(verify({}, new Date(now.getTime() + offset * minute)), { ok: false, reason: 'timestamp_out_of_range' })
  }
  for (const timestamp of ['hello', '-1', '1e9', '1790000000.5', '9'.repeat(20)]) {
    t.strictSame(verify({ 'webhook-timestamp': timestamp }), { ok: false, reason: 'timestamp_invalid' }, timestamp)
  }
})

t.test('a secret is whsec_ and base64 of 24 to 64 bytes, nothing else', async (t) => {
  for (const bytes of [24, 32, 64]) t.equal(webhookKey(webhookSecret(randomBytes(bytes)))?.length, bytes)
  for (const bytes of [0, 8, 23, 65]) t.equal(webhookKey(webhookSecret(randomBytes(bytes))), undefined, String(bytes))
  for (const text of ['', 'whsec_', 'whsec_???', secret.slice(6), `${secret} `]) t.equal(webhookKey(text), undefined)
  t.strictSame(verify({}, now, Buffer.from(body), 'nonsense'), { ok: false, reason: 'secret_missing' })
})
