import t from 'tap'
import { MediaError } from '../../../src/channels/channel.ts'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { line } from '../../../src/channels/line/index.ts'
import type { Identity, MediaRef, Thread } from '../../../src/channels/neutral.ts'
import { json, localServer } from '../local-server.ts'
import { customer, settings } from './fixtures.ts'

const { fetchMedia, fetchProfile } = line
if (fetchMedia === undefined || fetchProfile === undefined) throw new Error('LINE has both')

async function double(t: Pick<typeof import('tap').t, 'teardown'>, answer: Parameters<typeof localServer>[0]) {
  const server = await localServer(answer)
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  const own = { ...settings, apiBaseUrl: server.url, dataApiBaseUrl: `${server.url}/data/` }
  return {
    server,
    media: (ref: MediaRef) => fetchMedia?.(ref, own, http).catch((error: unknown) => error),
    profile: (identity: Identity, thread?: Thread) => fetchProfile?.(identity, own, http, thread),
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test('content is fetched from LINE’s data host, with the token', async (t) => {
  const { server, media } = await double(t, (_seen, response) =>
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': '5' }).end('bytes'),
  )
  const found = await media({ kind: 'image', externalId: '4711' })
  if (found === undefined || found === null || typeof found !== 'object' || !('stream' in found)) throw found
  t.match(found, { mediaType: 'image/jpeg', sizeBytes: 5, sha256: null })
  t.equal(await textOf(found.stream as AsyncIterable<Buffer>), 'bytes')
  t.match(server.seen, [
    {
      method: 'GET',
      path: '/data/v2/bot/message/4711/content',
      headers: { authorization: 'Bearer a-channel-access-token' },
    },
  ])
})

t.test('what an app hosts is fetched there, without the token', async (t) => {
  const { server, media } = await double(t, (_seen, response) => response.writeHead(200).end('bytes'))
  const found = await media({ kind: 'video', url: `${server.url}/app/v.mp4` })
  t.notOk(found instanceof Error)
  t.equal(server.seen[0]?.path, '/app/v.mp4')
  t.equal(server.seen[0]?.headers.authorization, undefined)
})

t.test('content in preparation is asked for again, content that is gone is not', async (t) => {
  const error = async (status: number, state: string | null, ref: MediaRef) => {
    const { media } = await double(t, (seen, response) => {
      if (seen.path.endsWith('/transcoding')) json(response, state === null ? 404 : 200, { status: state })
      else json(response, status, { message: 'x' })
    })
    const found = await media(ref)
    if (!(found instanceof MediaError)) throw new Error('no error')
    return `${found.code} ${found.retryable}`
  }
  const video: MediaRef = { kind: 'video', externalId: '4711' }
  t.equal(await error(202, 'processing', video), 'unavailable true')
  t.equal(await error(404, 'processing', video), 'unavailable true')
  t.equal(await error(404, 'failed', video), 'gone false')
  t.equal(await error(404, null, video), 'gone false')
  t.equal(await error(404, 'processing', { kind: 'image', externalId: '4711' }), 'gone false')
  t.equal(await error(410, null, video), 'gone false')
  t.equal(await error(401, null, video), 'unauthorised false')
  t.equal(await error(429, null, video), 'unavailable true')
  t.equal(await error(500, null, video), 'unavailable true')
  t.equal(await error(200, null, { kind: 'image' }), 'not_a_reference false')
})

t.test('a profile is asked for by itself, then within the group', async (t) => {
  const { server, profile } = await double(t, (seen, response) => {
    if (seen.path === `/v2/bot/profile/${customer}`) json(response, 404, { message: 'Not found' })
    else if (seen.path === `/v2/bot/group/C1/member/${customer}`)
      json(response, 200, { displayName: 'Mina', language: 'pt-br' })
    else json(response, 404, {})
  })
  const identity: Identity = { kind: 'line', value: customer, verified: true }
  t.equal(await profile(identity), null)
  t.strictSame(await profile(identity, { id: 'C1', kind: 'group' }), { displayName: 'Mina', language: 'pt-BR' })
  t.equal(await profile(identity, { id: 'R1', kind: 'group' }), null)
  t.equal(server.seen.at(-1)?.path, `/v2/bot/room/R1/member/${customer}`)
  t.equal(await profile({ ...identity, kind: 'phone' }), null)
})

t.test('a provider in trouble is asked for a profile later', async (t) => {
  const { profile } = await double(t, (_seen, response) => json(response, 503, {}))
  await t.rejects(async () => profile({ kind: 'line', value: customer, verified: true }), { name: 'HttpClientError' })
})
