import { connect } from 'node:net'
import t from 'tap'
import { startTestService } from '../harness/service.ts'

t.test('a path that knows other methods answers 405 with them, and without looking at the body', async (t) => {
  const { request } = await startTestService(t)
  const ask = async (method: string, path: string, options = {}) => {
    const answer = await request(method, path, { token: null, ...options })
    return [answer.status, answer.headers.allow, method === 'OPTIONS' ? null : answer.code]
  }
  t.same(await ask('PUT', '/v1/contacts'), [405, 'GET, HEAD, OPTIONS, POST', 'method_not_allowed'])
  const body = Buffer.from('{')
  t.same(await ask('PUT', '/v1/contacts?x=1', { body }), [405, 'GET, HEAD, OPTIONS, POST', 'method_not_allowed'])
  t.same(
    await ask('POST', '/v1/contacts/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'),
    [405, 'DELETE, GET, HEAD, OPTIONS, PATCH', 'method_not_allowed'],
    'whatever the parameter is',
  )
  t.same(await ask('OPTIONS', '/v1/contacts'), [204, 'GET, HEAD, OPTIONS, POST', null])
  t.same(await ask('GET', '/v1/nothing'), [404, undefined, 'route_not_found'])
  t.same(await ask('POST', '/nothing', { body }), [404, undefined, 'route_not_found'])
})

t.test('what is no HTTP is answered as a problem too', async (t) => {
  const { url } = await startTestService(t, { listen: true })
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('NONSENSE\r\n\r\n')
  const text = (await socket.toArray()).join('')
  t.match(text, /^HTTP\/1\.1 400 Bad Request\r\n.*application\/problem\+json.*"code":"invalid_request"/s)
  t.match(text, /Request-Id: /)
})

t.test('only the origins that are allowed may ask from a browser', async (t) => {
  const preflight = { headers: { origin: 'https://app.example.com', 'access-control-request-method': 'PATCH' } }
  const closed = await startTestService(t)
  const none = await closed.request('OPTIONS', '/v1/contacts', { token: null, ...preflight })
  t.equal(none.headers['access-control-allow-origin'], undefined)
  const open = await startTestService(t, { env: { ALLOWED_ORIGINS: 'https://app.example.com' } })
  const allowed = await open.request('OPTIONS', '/v1/contacts', { token: null, ...preflight })
  t.equal(allowed.headers['access-control-allow-origin'], 'https://app.example.com')
  t.match(allowed.headers['access-control-allow-methods'], /PATCH/)
  const other = { ...preflight, headers: { ...preflight.headers, origin: 'https://elsewhere.example.com' } }
  const refused = await open.request('OPTIONS', '/v1/contacts', { token: null, ...other })
  t.equal(refused.headers['access-control-allow-origin'], undefined)
})
