import { Readable } from 'node:stream'
import t from 'tap'
import { createHttpClient, HttpClientError } from '../../src/channels/http-client.ts'
import { type FilePart, multipartForm } from '../../src/channels/multipart.ts'
import { json, localServer } from './local-server.ts'

const file = (text: string, more: Partial<FilePart> = {}): FilePart => ({
  name: 'file',
  fileName: 'a.txt',
  mediaType: 'text/plain',
  sizeBytes: Buffer.byteLength(text),
  open: async () => Readable.from([Buffer.from(text)]),
  ...more,
})

t.test('a form is read back by another implementation, with fields, files, and names of any kind', async (t) => {
  const server = await localServer((_seen, response) => json(response, 200, {}))
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  const { headers, body } = multipartForm({ kind: 'Grüße\r\n🌷' }, [
    file('eins'),
    file('zwei 🌷', { name: 'second', fileName: 'Böse "Datei"\r\nx: y.txt', mediaType: 'text/plain\r\nx-evil: 1' }),
  ])
  const answer = await http.request({
    method: 'POST',
    url: server.url,
    headers,
    body,
    timeoutMs: 5_000,
    maxBytes: 1_000,
  })
  t.equal(answer.status, 200)
  const [seen] = server.seen
  if (!seen) throw new Error('nothing arrived')
  t.equal(Number(seen.headers['content-length']), Buffer.byteLength(seen.body))
  t.equal(seen.headers['x-evil'], undefined)
  const form = await new Response(seen.body, {
    headers: { 'content-type': String(seen.headers['content-type']) },
  }).formData()
  t.equal(form.get('kind'), 'Grüße\r\n🌷')
  const files = ['file', 'second'].map((name) => form.get(name))
  const [first, second] = files
  if (!(first instanceof File) || !(second instanceof File)) throw new Error('no files')
  t.strictSame([first.name, first.type, await first.text()], ['a.txt', 'text/plain', 'eins'])
  t.equal(second.name, 'Böse "Datei"\r\nx: y.txt')
  t.equal(await second.text(), 'zwei 🌷')
})

t.test('a file that cannot be opened, or is not as long as it was said to be, fails the request', async (t) => {
  const server = await localServer((_seen, response) => json(response, 200, {}))
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  for (const broken of [
    file('x', { open: () => Promise.reject(new Error('gone')) }),
    file('short', { sizeBytes: 100 }),
    file('too long', { sizeBytes: 2 }),
  ]) {
    const { headers, body } = multipartForm({}, [broken])
    const failure = await http
      .request({ method: 'POST', url: server.url, headers, body, timeoutMs: 5_000, maxBytes: 1_000 })
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    t.ok(failure instanceof HttpClientError, String(failure))
    t.ok(body.destroyed)
  }
  t.equal(server.seen.length, 0, 'no whole request has arrived')
})

t.test('a request that never leaves opens no file, and lets go of its body', async (t) => {
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => http.close())
  let opened = 0
  const { headers, body } = multipartForm({}, [
    file('x', {
      open: async () => {
        opened += 1
        return Readable.from(['x'])
      },
    }),
  ])
  await t.rejects(
    http.request({ method: 'POST', url: 'http://127.0.0.1:1', headers, body, timeoutMs: 5_000, maxBytes: 10 }),
    { name: 'HttpClientError', requestSent: false },
  )
  t.equal(opened, 0)
  t.ok(body.destroyed)
})
