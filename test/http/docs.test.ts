import t from 'tap'
import { startTestService } from '../harness/service.ts'

t.test('the page of the contract comes from here, whole, and may fetch nothing from elsewhere', async (t) => {
  const { request } = await startTestService(t)
  const get = (path: string, headers = {}) => request('GET', path, { token: null, headers })
  const page = await get('/docs')
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], 'text/html')
  const policy = page.headers['content-security-policy'] ?? ''
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, /https?:/, 'no host is named')
  const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part = '']) => part)
  t.same(parts, ['docs/favicon-32x32.png', 'docs/swagger-ui.css', 'docs/swagger-ui-bundle.js', 'docs/page.js'])
  for (const part of parts) {
    const file = await get(`/${part}`)
    t.equal(file.status, 200, part)
    t.ok(file.text.length > 100, part)
    t.equal((await get(`/${part}`, { 'if-none-match': file.headers.etag })).status, 304, part)
  }
  t.match((await get('/docs/page.js')).text, /validatorUrl: null/)
  t.equal((await get('/docs/nothing.js')).status, 404)
})

t.test('the contract is public, and kept by who has it', async (t) => {
  const { request } = await startTestService(t)
  const first = await request('GET', '/openapi.json', { token: null })
  t.equal(first.status, 200)
  t.match(first.headers['content-type'], 'application/json')
  t.match(first.headers['cache-control'], 'public')
  t.match(first.body, { openapi: '3.1.0', servers: [{ url: 'http://hub.test' }] })
  const etag = first.headers.etag ?? ''
  const again = await request('GET', '/openapi.json', { token: null, headers: { 'if-none-match': etag } })
  t.equal(again.status, 304)
  t.equal(again.text, '')
})
