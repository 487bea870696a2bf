import { lookup } from 'node:dns/promises'
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { createHttpClient, HttpClientError, type HttpRequest } from '../../src/channels/http-client.ts'
import { json, localServer } from './local-server.ts'

const get = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  timeoutMs: 5000,
  maxBytes: 1024 * 1024,
  ...more,
})

async function failureOf(promise: Promise<unknown>): Promise<HttpClientError> {
  const outcome = await promise.then(
    () => 'an answer',
    (error: unknown) => error,
  )
  if (outcome instanceof HttpClientError) return outcome
  throw new Error(`expected an HttpClientError, got ${String(outcome)}`)
}

t.test('a request carries method, headers and body, and every status is an answer', async (t) => {
  const server = await localServer((_seen, response) => json(response, 418, { short: 'stout' }, { 'x-a': 'b' }))
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  const answer = await client.request(
    get(`${server.url}/p?q=1`, { method: 'POST', headers: { 'x-mine': 'yes' }, body: 'hällo' }),
  )
  t.equal(answer.status, 418)
  t.equal(answer.headers['x-a'], 'b')
  t.strictSame(JSON.parse(answer.body.toString()), { short: 'stout' })
  t.match(server.seen, [{ method: 'POST', path: '/p?q=1', headers: { 'x-mine': 'yes' }, body: 'hällo' }])
})

t.test('without allowPrivate no private address is reached, by literal, by name or in plain http', async (t) => {
  const server = await localServer((_seen, response) => json(response, 200, {}))
  const client = createHttpClient({ allowPrivate: false })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  const port = new URL(server.url).port
  const { address } = await lookup('localhost')
  t.match(address, /^(127\.|::1)/, 'localhost is loopback here, so the name test tests something')
  for (const url of [
    server.url,
    `https://127.0.0.1:${port}`,
    `https://localhost:${port}`,
    `https://[::1]:${port}`,
    `https://[::ffff:127.0.0.1]:${port}`,
    `https://2130706433:${port}`,
    `https://0x7f.1:${port}`,
    'https://169.254.169.254/latest',
    'https://10.0.0.1',
    'http://example.com',
    'https://user:pass@example.com',
    'ftp://example.com',
    'not a url',
  ]) {
    const failure = await failureOf(client.request(get(url)))
    t.equal(failure.code, 'blocked_address', url)
    t.equal(failure.requestSent, false)
    t.notMatch(failure.message, /127|pass|latest/, 'the message does not repeat the address')
  }
  t.equal((await failureOf(client.download({ ...get(`https://localhost:${port}`) }))).code, 'blocked_address')
  t.strictSame(server.seen, [], 'nothing arrived')
})

t.test('a timeout tells whether the request had left', async (t) => {
  const silent = await localServer(() => {})
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([silent.close(), client.close()]))
  const after = await failureOf(client.request(get(silent.url, { timeoutMs: 100 })))
  t.equal(after.code, 'timeout_after_send')
  t.equal(after.requestSent, true)
  t.equal(silent.seen.length, 1)

  // A TLS handshake that never ends: connected, but nothing of the request was written.
  const sockets: Socket[] = []
  const mute = createServer((socket) => sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  t.teardown(() => mute.close())
  const address = mute.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const before = await failureOf(client.request(get(`https://127.0.0.1:${address.port}`, { timeoutMs: 100 })))
  t.equal(before.code, 'timeout_before_send')
  t.equal(before.requestSent, false)
  for (const socket of sockets) socket.destroy()
})

t.test('a request that was given up while waiting for the connection is never sent later', async (t) => {
  let release = () => {}
  const server = await localServer((seen, response) => {
    if (seen.path !== '/first') return json(response, 200, {})
    release = () => json(response, 200, {})
  })
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  const givenUp = await failureOf(client.request(get(`${server.url}/given-up`, { timeoutMs: 0 })))
  const first = client.request(get(`${server.url}/first`))
  const paths = (): string[] => server.seen.map(({ path }) => path)
  while (!paths().includes('/first')) await new Promise((resolve) => setTimeout(resolve, 5))
  release()
  await first
  await new Promise((resolve) => setTimeout(resolve, 100))
  // On a slow machine the connection may be there before the timer runs; then it says that the request left.
  t.equal(paths().includes('/given-up'), givenUp.requestSent)
})

t.test('a refused connection was not sent, a broken answer was', async (t) => {
  const server = await localServer((_seen, response) => response.destroy())
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => client.close())
  const broken = await failureOf(client.request(get(server.url, { method: 'POST', body: 'x' })))
  t.strictSame([broken.code, broken.requestSent], ['network', true])
  await server.close()
  const refused = await failureOf(client.request(get(server.url)))
  t.strictSame([refused.code, refused.requestSent], ['network', false])
})

t.test('an answer beyond maxBytes is cut off, declared or not', async (t) => {
  const server = await localServer((seen, response) => {
    response.writeHead(200, seen.path === '/declared' ? { 'content-length': '5000' } : {})
    response.write('x'.repeat(2500))
    setTimeout(() => response.end('x'.repeat(2500)), 10)
  })
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  for (const path of ['/declared', '/chunked']) {
    t.equal((await failureOf(client.request(get(server.url + path, { maxBytes: 4000 })))).code, 'too_large', path)
    const whole = await client.request(get(server.url + path, { maxBytes: 5000 }))
    t.equal(whole.body.length, 5000)
    const read = client.download(get(server.url + path, { maxBytes: 4000 })).then(async ({ stream }) => {
      for await (const _ of stream);
    })
    t.equal((await failureOf(read)).code, 'too_large', `${path} as a stream`)
  }
})

t.test('request follows no redirect; download follows three, and credentials stay at their origin', async (t) => {
  const other = await localServer((_seen, response) => response.end('the file'))
  const server = await localServer((seen, response) => {
    const hop = Number(seen.path.slice(1))
    response
      .writeHead(302, { location: Number.isNaN(hop) || hop === 0 ? `${other.url}/file` : `/${hop - 1}` })
      .end('moved')
  })
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close(), other.close()]))
  const headers = { Authorization: 'Bearer t', 'x-mine': '1' }
  t.equal((await client.request(get(`${server.url}/0`))).status, 302)
  t.strictSame(other.seen, [])

  const { status, stream } = await client.download(get(`${server.url}/2`, { headers }))
  let text = ''
  for await (const chunk of stream) text += chunk
  t.strictSame([status, text], [200, 'the file'])
  t.match(
    server.seen.slice(1).map((seen) => seen.headers.authorization),
    ['Bearer t', 'Bearer t', 'Bearer t'],
  )
  t.equal(other.seen.length, 1)
  t.equal(other.seen[0]?.headers.authorization, undefined)
  t.equal(other.seen[0]?.headers['x-mine'], '1')

  t.equal(
    (await failureOf(client.download(get(`${server.url}/3`, { headers })))).code,
    'network',
    'the fourth is too many',
  )
})

t.test('a large download arrives whole at a slow reader, longer than the timeout', async (t) => {
  const size = 8 * 1024 * 1024
  const server = await localServer((_seen, response) => response.end(Buffer.alloc(size, 7)))
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  const { stream } = await client.download(get(server.url, { timeoutMs: 150, maxBytes: size }))
  await new Promise((resolve) => setTimeout(resolve, 400))
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.length
  t.equal(bytes, size)
})

t.test('a download that falls silent fails, one that is abandoned frees its connection', async (t) => {
  const server = await localServer((_seen, response) => response.writeHead(200).write('half'))
  const client = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([client.close(), server.close()]))
  const silent = await client.download(get(server.url, { timeoutMs: 100 }))
  const read = (async () => {
    for await (const _ of silent.stream);
  })()
  t.equal((await failureOf(read)).code, 'timeout_after_send')
  const abandoned = await client.download(get(server.url))
  abandoned.stream.destroy()
  await client.close()
  t.pass('close does not wait for it')
})
