import t from 'tap'
import { type ChannelType, MediaError } from '../../../src/channels/channel.ts'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { instagram } from '../../../src/channels/instagram/index.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import { json, localServer } from '../local-server.ts'
import { instagramSettings, PSID, settings } from './fixtures.ts'

const http = createHttpClient({ allowPrivate: true })
t.teardown(() => http.close())

t.test('who somebody is, as Meta says it; nobody where it does not', async (t) => {
  let answer: { status: number; body: unknown } = { status: 200, body: {} }
  const server = await localServer((_seen, response) => json(response, answer.status, answer.body))
  t.teardown(() => server.close())
  const ask = (kind: 'messenger' | 'instagram', value = PSID) =>
    kind === 'messenger'
      ? messenger.fetchProfile?.({ kind, value, verified: true }, { ...settings, apiBaseUrl: server.url }, http)
      : instagram.fetchProfile?.(
          { kind, value, verified: true },
          { ...instagramSettings, apiBaseUrl: server.url },
          http,
        )
  answer = {
    status: 200,
    body: { first_name: 'Mina', last_name: 'Vogel', id: PSID, locale: 'pt_BR', timezone: -3, profile_pic: 'https://x' },
  }
  t.strictSame(
    await ask('messenger'),
    { displayName: 'Mina Vogel', givenName: 'Mina', familyName: 'Vogel', language: 'pt-BR' },
    'no picture, no offset, no country',
  )
  answer = { status: 200, body: { name: 'Mina 🌷', username: 'mina.vogel' } }
  t.strictSame(await ask('instagram'), { displayName: 'Mina 🌷', username: 'mina.vogel' })
  t.strictSame(
    server.seen.map(({ path, headers }) => [path, headers.authorization]),
    [
      [`/${PSID}?fields=name,first_name,last_name,locale`, 'Bearer a-page-token'],
      [`/${PSID}?fields=name,username`, 'Bearer a-page-token'],
    ],
  )
  for (const one of [
    { status: 400, body: { error: { code: 100 } } },
    { status: 401, body: { error: { code: 190 } } },
    { status: 200, body: {} },
  ]) {
    answer = one
    t.equal(await ask('messenger'), null)
  }
  for (const one of [
    { status: 500, body: 'x' },
    { status: 400, body: { error: { code: 613 } } },
  ]) {
    answer = one
    await t.rejects(Promise.resolve(ask('messenger')), { name: 'HttpClientError' }, 'to be asked again')
  }
  const asked = server.seen.length
  t.equal(await ask('messenger', 'user_ref:box-7'), null)
  t.equal(
    await instagram.fetchProfile?.({ kind: 'messenger', value: '1', verified: true }, instagramSettings, http),
    null,
  )
  t.equal(server.seen.length, asked)
})

t.test('without the permission for languages the name is asked for alone, and from then on at once', async (t) => {
  const server = await localServer((seen, response) =>
    seen.path.includes('locale')
      ? json(response, 400, { error: { code: 100, error_subcode: 2018247, message: 'Insufficient permission' } })
      : json(response, 200, { name: 'Mina' }),
  )
  t.teardown(() => server.close())
  const own = { ...settings, accessToken: 'a-token-without', apiBaseUrl: server.url }
  const identity = { kind: 'messenger', value: PSID, verified: true } as const
  for (let i = 0; i < 2; i++) t.strictSame(await messenger.fetchProfile?.(identity, own, http), { displayName: 'Mina' })
  t.strictSame(
    server.seen.map(({ path }) => path.includes('locale')),
    [true, false, false],
  )
})

t.test('a file is fetched from the address that the event names, without the token', async (t) => {
  const server = await localServer((seen, response) =>
    seen.path === '/photo'
      ? response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': '5' }).end('bytes')
      : response.writeHead(Number(seen.path.slice(1))).end(),
  )
  t.teardown(() => server.close())
  const fetch = (path: string) => messenger.fetchMedia?.({ kind: 'image', url: `${server.url}${path}` }, settings, http)
  const media = await fetch('/photo')
  let text = ''
  for await (const chunk of media?.stream ?? []) text += chunk
  t.strictSame([text, media?.mediaType, media?.sizeBytes], ['bytes', 'image/jpeg', 5])
  t.equal(server.seen[0]?.headers.authorization, undefined)
  for (const [status, code, retryable] of [
    [403, 'gone', false],
    [404, 'gone', false],
    [500, 'unavailable', true],
  ] as const) {
    const error = await fetch(`/${status}`)?.catch((thrown: unknown) => thrown)
    t.ok(error instanceof MediaError)
    t.match(error, { code, retryable }, String(status))
  }
  await t.rejects(Promise.resolve(messenger.fetchMedia?.({ kind: 'image' }, settings, http)), {
    code: 'not_a_reference',
  })
})

t.test('what is to be entered at Meta is said, step by step', async (t) => {
  const steps = <Settings>(channel: ChannelType<Settings>, of: Settings) =>
    Object.fromEntries(channel.setup(of, 'https://hub.example/v1/ingest/1').map(({ name, value }) => [name, value]))
  t.match(steps(messenger, settings), {
    callback_url: 'https://hub.example/v1/ingest/1',
    verify_token: 'a-verify-token',
    fields: /messages, message_echoes/,
    page: settings.pageId,
  })
  t.match(steps(instagram, instagramSettings), { callback_url: /^https/, fields: /messaging_seen/ })
})
