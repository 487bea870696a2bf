import t from 'tap'
import { MediaError } from '../../../src/channels/channel.ts'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import type { MediaRef } from '../../../src/channels/neutral.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { json, localServer } from '../local-server.ts'
import { settings } from './fixtures.ts'

const ref: MediaRef = { kind: 'image', externalId: 'M1', mediaType: 'image/png' }

async function fetched(
  t: Pick<typeof import('tap').t, 'teardown'>,
  answer: Parameters<typeof localServer>[0],
  wanted = ref,
) {
  const server = await localServer(answer)
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  const fetchMedia = whatsapp.fetchMedia
  if (fetchMedia === undefined) throw new Error('no fetchMedia')
  const result = await fetchMedia(wanted, { ...settings, apiBaseUrl: server.url }, http).catch(
    (error: unknown) => error,
  )
  return { server, result }
}

t.test('the id gives an address, the address the bytes, both with the token', async (t) => {
  const digest = 'ab'.repeat(32)
  const { server, result } = await fetched(t, (seen, response) => {
    if (seen.path.startsWith('/M1'))
      json(response, 200, {
        url: `http://${seen.headers.host}/file?x=1`,
        mime_type: 'image/jpeg',
        file_size: '5',
        sha256: digest,
        id: 'M1',
      })
    else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('bytes')
  })
  if (result instanceof Error) throw result
  const media = result as Awaited<ReturnType<NonNullable<typeof whatsapp.fetchMedia>>>
  t.strictSame([media.mediaType, media.sizeBytes, media.sha256], ['image/jpeg', 5, digest])
  let text = ''
  for await (const chunk of media.stream) text += chunk
  t.equal(text, 'bytes')
  t.strictSame(
    server.seen.map(({ path, headers }) => [path, headers.authorization]),
    [
      ['/M1?phone_number_id=700000000000001', 'Bearer an-access-token'],
      ['/file?x=1', 'Bearer an-access-token'],
    ],
  )
})

t.test('the token goes to no host that is neither the API nor Meta', async (t) => {
  const foreign = await localServer((_seen, response) => response.end('bytes'))
  t.teardown(() => foreign.close())
  const port = new URL(foreign.url).port
  const { result } = await fetched(t, (_seen, response) =>
    json(response, 200, { url: `http://localhost:${port}/file` }),
  )
  t.notOk(result instanceof Error)
  t.equal(foreign.seen.length, 1)
  t.equal(foreign.seen[0]?.headers.authorization, undefined)
})

t.test('errors have a code and tell neither token nor address', async (t) => {
  const cases: [number, MediaError['code'], boolean][] = [
    [404, 'gone', false],
    [400, 'gone', false],
    [401, 'unauthorised', false],
    [500, 'unavailable', true],
    [429, 'unavailable', true],
  ]
  for (const [status, code, retryable] of cases) {
    for (const step of ['locate', 'download']) {
      const { result } = await fetched(t, (seen, response) => {
        if (step === 'download' && seen.path.startsWith('/M1'))
          json(response, 200, { url: `http://${seen.headers.host}/file` })
        else json(response, status, { error: { message: 'secret an-access-token' } })
      })
      if (!(result instanceof MediaError)) throw new Error(`expected a MediaError, got ${String(result)}`)
      t.strictSame([result.code, result.retryable], [code, retryable], `${step} ${status}`)
      t.notMatch(`${result.message} ${JSON.stringify(result)} ${String(result.cause)}`, /token|127|http/)
    }
  }
})

t.test('a reference to nothing is told so', async (t) => {
  for (const wanted of [{ kind: 'image' }, { kind: 'image', url: 'nonsense' }] satisfies MediaRef[]) {
    const { server, result } = await fetched(t, (_seen, response) => json(response, 200, {}), wanted)
    t.match(result, { code: 'not_a_reference' })
    t.equal(server.seen.length, 0)
  }
  const { result } = await fetched(t, (_seen, response) => json(response, 200, { url: 'http://127.0.0.1:1/x' }))
  t.match(result, { code: 'unavailable', retryable: true })
})
