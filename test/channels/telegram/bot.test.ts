import t from 'tap'
import { MediaError } from '../../../src/channels/channel.ts'
import type { Identity, MediaRef } from '../../../src/channels/neutral.ts'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { botApi, ok, refuse, type Said } from './bot-api.ts'
import { message, mina, settings, split, update } from './fixtures.ts'

const { connect, errand, fetchMedia, fetchProfile } = telegram
if (!connect || !errand || !fetchMedia || !fetchProfile) throw new Error('Telegram has all four')

const hook = 'https://hub.example/v1/ingest/1'

t.test('Telegram is told where to post, with which secret, and to tell of reactions', async (t) => {
  const { calls, own, http } = await botApi(t, (_call, response) => ok(response, true))
  t.strictSame(await connect(own, hook, http), { outcome: 'done' })
  t.match(calls, [{ method: 'setWebhook', body: { url: hook, secret_token: 'a-secret-token' } }])
  const asked = calls[0]?.body.allowed_updates
  for (const kind of [
    'message',
    'edited_message',
    'callback_query',
    'message_reaction',
    'my_chat_member',
    'business_message',
  ])
    t.ok(Array.isArray(asked) && asked.includes(kind), kind)
  t.match(telegram.setup(settings, hook), [{ name: 'webhook_url', value: hook }])
  t.notMatch(JSON.stringify(telegram.setup(settings, hook)), /a-bot-token|a-secret-token/)
})

t.test('a webhook that Telegram does not take is said by its reason', async (t) => {
  const outcome = async (said: Said) => {
    const { own, http } = await botApi(t, said)
    return connect(own, hook, http)
  }
  t.strictSame(
    await outcome((_call, response) =>
      refuse(response, 400, 'Bad Request: bad webhook: An HTTPS URL must be provided for webhook'),
    ),
    { outcome: 'failed', code: 'bad_webhook', class: 'permanent' },
  )
  t.strictSame(await outcome((_call, response) => refuse(response, 401, 'Unauthorized')), {
    outcome: 'failed',
    code: 'unauthorised',
    class: 'reauthorise',
  })
  t.strictSame(await outcome((_call, response) => refuse(response, 429, 'Too Many Requests', { retry_after: 2 })), {
    outcome: 'retry',
    reason: 'too_many_requests',
    retryAfterMs: 2000,
  })
  t.match(await outcome((_call, response) => refuse(response, 502, 'Bad Gateway')), { outcome: 'retry' })
  t.match(await outcome((_call, response) => response.destroy()), { outcome: 'retry' }, 'doing it twice does no harm')
})

t.test('a pressed button is answered, late or not', async (t) => {
  const [event] = split(update('callback_query', { id: '4382', from: mina, data: 'y', message: message({}) }))
  if (event === undefined) throw new Error('no event')
  const { calls, own, http } = await botApi(t, (_call, response, count) =>
    count === 1
      ? ok(response, true)
      : refuse(response, 400, 'Bad Request: query is too old and response timeout expired or query ID is invalid'),
  )
  t.strictSame(await errand(event, own, http), { outcome: 'done' })
  t.strictSame(await errand(event, own, http), { outcome: 'done' })
  t.strictSame(calls[0], { method: 'answerCallbackQuery', body: { callback_query_id: '4382' } })
  t.match(await errand({ kind: 'x', payload: {} }, own, http), { outcome: 'failed', code: 'no_query_id' })
})

const ref: MediaRef = { kind: 'document', externalId: 'AgAD', mediaType: 'application/pdf', sizeBytes: 5 }

t.test('a file is fetched by the path that its id gives', async (t) => {
  const { calls, others, own, http } = await botApi(t, (_call, response) =>
    ok(response, { file_id: 'AgAD', file_path: 'documents/file 7.pdf', file_size: 5 }),
  )
  const found = await fetchMedia(ref, own, http)
  t.match(found, { mediaType: 'application/pdf', sizeBytes: 5 })
  const chunks: Buffer[] = []
  for await (const chunk of found.stream) chunks.push(chunk)
  t.equal(Buffer.concat(chunks).toString(), 'bytes')
  t.strictSame(calls, [{ method: 'getFile', body: { file_id: 'AgAD' } }])
  t.equal(others[0]?.path, '/file/bot700001:a-bot-token/documents/file%207.pdf')
})

t.test('why a file cannot be had is said without an address or a token', async (t) => {
  const error = async (said: Said, wanted = ref) => {
    const { own, http } = await botApi(t, said)
    const found = await fetchMedia(wanted, own, http).catch((error: unknown) => error)
    if (!(found instanceof MediaError)) throw new Error('no error')
    t.notMatch(`${found.message} ${found.stack} ${JSON.stringify(found)}`, /a-bot-token|127\.0\.0\.1/)
    return `${found.code} ${found.retryable}`
  }
  const says =
    (code: number, description: string): Said =>
    (_call, response) =>
      refuse(response, code, description)
  const path =
    (file_path: unknown, file_size = 5): Said =>
    (_call, response) =>
      ok(response, { file_path, file_size })
  t.equal(await error(says(400, 'Bad Request: file is too big')), 'too_large false')
  t.equal(await error(path('a'), { ...ref, sizeBytes: 20 * 1024 * 1024 + 1 }), 'too_large false')
  t.equal(await error(path('a', 20 * 1024 * 1024 + 1)), 'too_large false')
  t.equal(
    await error(says(400, 'Bad Request: wrong file_id or the file is temporarily unavailable')),
    'unavailable true',
  )
  t.equal(await error(says(400, 'Bad Request: invalid file_id')), 'gone false')
  t.equal(await error(says(401, 'Unauthorized')), 'unauthorised false')
  t.equal(await error(says(429, 'Too Many Requests')), 'unavailable true')
  t.equal(await error(path('/var/lib/secret')), 'unavailable false')
  t.equal(await error(path('a/../../b')), 'unavailable false')
  t.equal(await error(path(undefined)), 'unavailable true')
  t.equal(await error(path('a'), { kind: 'image', url: 'https://elsewhere.example/' }), 'not_a_reference false')
  t.equal(await error((_call, response) => response.destroy()), 'unavailable true')
})

t.test('who somebody is, as far as Telegram says', async (t) => {
  const identity: Identity = { kind: 'telegram', value: '55', verified: true }
  const { calls, own, http } = await botApi(t, (_call, response, count) =>
    count === 1
      ? ok(response, { ...mina, type: 'private', bio: 'x' })
      : refuse(response, 400, 'Bad Request: chat not found'),
  )
  t.strictSame(await fetchProfile(identity, own, http), { displayName: 'Mina Adler', username: 'mina' })
  t.strictSame(calls, [{ method: 'getChat', body: { chat_id: '55' } }])
  t.equal(await fetchProfile(identity, own, http), null)
  t.equal(await fetchProfile({ ...identity, kind: 'phone' }, own, http), null)
  const down = await botApi(t, (_call, response) => refuse(response, 502, 'Bad Gateway'))
  await t.rejects(fetchProfile(identity, down.own, down.http), { name: 'HttpClientError' })
})
