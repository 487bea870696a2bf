import t from 'tap'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { settings, signature } from './fixtures.ts'

const post = (rawBody: Buffer, header: string | undefined, name = 'x-hub-signature-256') => ({
  headers: { [name]: header },
  query: {},
  rawBody,
  receivedAt: new Date(),
})

t.test('the bytes on the wire are what is signed, \\uXXXX escapes and all', async (t) => {
  const escaped = Buffer.from('{"text":"caf\\u00e9 \\ud83c\\udf37"}')
  const reserialised = Buffer.from(JSON.stringify(JSON.parse(escaped.toString())))
  t.notSame(escaped, reserialised)
  t.strictSame(whatsapp.verify(post(escaped, signature(escaped)), settings), { ok: true })
  t.strictSame(whatsapp.verify(post(escaped, signature(reserialised)), settings), {
    ok: false,
    reason: 'signature_invalid',
  })
  t.strictSame(whatsapp.verify(post(escaped, signature(escaped), 'X-Hub-Signature-256'), settings), { ok: true })
})

t.test('a missing, wrong, truncated, unprefixed or doubled signature is refused', async (t) => {
  const body = Buffer.from('{}')
  const right = signature(body)
  t.strictSame(whatsapp.verify(post(body, undefined), settings), { ok: false, reason: 'signature_missing' })
  t.strictSame(whatsapp.verify(post(body, ''), settings), { ok: false, reason: 'signature_missing' })
  for (const header of [
    signature(body, 'another-secret'),
    signature(Buffer.from('{ }')),
    right.slice(0, 40),
    right.slice(7),
    `${right}00`,
    'sha256=',
    `${right}, ${right}`,
    right.replace('sha256', 'sha1'),
    'sha256=é',
  ])
    t.strictSame(whatsapp.verify(post(body, header), settings), { ok: false, reason: 'signature_invalid' }, header)
})

t.test('the handshake echoes the challenge as text for the right token only', async (t) => {
  const ask = (query: Record<string, string | undefined>) =>
    whatsapp.handshake?.(
      { 'hub.mode': 'subscribe', 'hub.verify_token': 'a-verify-token', 'hub.challenge': '<1158>', ...query },
      settings,
    )
  t.strictSame(ask({}), { status: 200, contentType: 'text/plain; charset=utf-8', body: '<1158>' })
  for (const query of [
    { 'hub.verify_token': 'wrong' },
    { 'hub.verify_token': undefined },
    { 'hub.verify_token': '' },
    { 'hub.mode': undefined },
  ]) {
    const answer = ask(query)
    t.equal(answer?.status, 403)
    t.notMatch(answer?.body ?? '', '1158')
  }
  t.equal(ask({ 'hub.challenge': undefined })?.status, 400)
})

t.test('settings are strict, and their secrets are named', async (t) => {
  t.strictSame(whatsapp.settings.parse(settings), settings)
  t.equal(whatsapp.settings.safeParse({ ...settings, extra: 1 }).success, false)
  t.equal(whatsapp.settings.safeParse({ ...settings, apiBaseUrl: 'file:///etc' }).success, false)
  t.equal(whatsapp.settings.safeParse({ ...settings, appSecret: '' }).success, false)
  t.equal(whatsapp.settings.safeParse({ ...settings, phoneNumberId: '../me' }).success, false)
  t.strictSame(whatsapp.secrets, ['appSecret', 'verifyToken', 'accessToken'])
  t.equal(whatsapp.account(settings), '700000000000001')
  t.equal(whatsapp.scope?.(settings), '800000000000001')
  t.equal(whatsapp.appSecret(settings), 'an-app-secret')
})
