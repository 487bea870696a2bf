import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../harness/service.ts'
import { everything, raw, refusal } from './raw.ts'

t.test('a path or a query that is no good is refused', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { url, ownerToken } = service
  const { id } = await service.request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const before = await everything(service)
  const get = (path: string, method = 'GET') =>
    raw(
      url,
      `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ownerToken}\r\nconnection: close\r\n\r\n`,
    )
  t.equal((await get(`/v1/contacts/${id}`)).status, 200)
  t.equal((await get(`/v1/contacts/${id.toUpperCase()}`)).status, 200, 'a UUID in capitals is the same one')
  for (const path of [
    ...[
      '/v1/contacts/',
      '/v1//contacts',
      '/V1/contacts',
      '/v1/Contacts',
      '/v1/contacts;x=1',
      '/v2/contacts',
      '/v1',
      '/',
      '//',
      '/v1/contacts//',
      '/v1/unknown',
    ],
    ...[
      `/v1/contacts/${id}/`,
      `/v1/contacts/${id}%00`,
      `/v1/contacts/${id}%0a`,
      `/v1/contacts/${id};`,
      `/v1/contacts/${id}/..`,
      `/v1/contacts/%20${id}`,
      `/v1/contacts/{${id}}`,
      `/v1/contacts/urn:uuid:${id}`,
      `/v1/contacts/${id.replaceAll('-', '')}`,
    ],
    ...[
      '/v1/contacts/x',
      '/v1/contacts/1',
      '/v1/contacts/null',
      '/v1/contacts/__proto__',
      '/v1/contacts/constructor',
      `/v1/contacts/${'a'.repeat(300)}`,
      `/v1/contacts/${'a'.repeat(10_000)}`,
    ],
    ...[
      '/v1/contacts/%',
      '/v1/contacts/%zz',
      '/v1/contacts/%c0%80',
      '/v1/contacts/%ff',
      '/v1/contacts/%ed%a0%80',
      '/v1/contacts/%2e%2e/roles',
      '/v1/contacts/..%2froles',
      '/v1/contacts/%252e',
      '/v1\\contacts',
      '/v1/contacts/..\\roles',
      '/%76%31/contacts%2f',
    ],
    ...[
      '?limit=1&limit=2',
      '?limit[]=1',
      '?limit[gt]=1',
      '?sort=displayName&sort=country',
      '?q=a&q=b',
      '?displayName=a&displayName=b',
      '?displayName[eq]=a&displayName[eq]=b',
      '?displayName[]=a',
      '?displayName[0]=a',
      '?displayName[eq][0]=a',
      '?displayName[__proto__]=a',
      '?displayName[constructor]=a',
      '?displayName.eq=a',
      '?address.city=x',
      '?address[city]=x',
      '?toString=x',
      '?constructor=x',
      '?hasOwnProperty=x',
      '?__defineGetter__=x',
      '?display%00Name=x',
      '?displayName=%00',
      '?displayName=%ff',
      '?displayName=%ed%a0%80',
      '?displayName=%',
      '?include=owner',
      '?trashed=maybe',
      '?unknown',
      '?=x',
      '?ownerId=x',
      '?createdAt[gt]=yesterday',
      `?displayName=${'x'.repeat(3000)}`,
    ].map((query) => `/v1/contacts${query}`),
  ])
    t.equal(refusal(await get(path)), 'refused', path.slice(0, 80))
  for (const query of ['?__proto__=x', '?__proto__[held]=true']) {
    const answer = await get(`/v1/contacts${query}`)
    t.ok(refusal(answer) === 'refused', `${query} ${answer.status}`)
  }
  for (const method of ['PUT', 'TRACE', 'FOO', 'get', 'PROPFIND', 'SEARCH', 'QUERY'])
    t.equal(refusal(await get('/v1/contacts', method)), 'refused', method)
  t.equal(refusal(await get(`/v1/contacts/${randomUUID()}`)), 'refused', 'an id of nobody')
  t.equal(refusal(await get('/v1/contacts/00000000-0000-0000-0000-000000000000')), 'refused', 'nor of nothing')
  t.equal(await everything(service), before)
})

t.test('what is hardly HTTP is refused, and the next one served', { timeout: 120_000 }, async (t) => {
  const service = await startTestService(t, { listen: true })
  const { url, ownerToken } = service
  const before = await everything(service)
  const head = `host: x\r\nauthorization: Bearer ${ownerToken}\r\n`
  const json = 'content-type: application/json\r\n'
  const body = '{"displayName":"x"}'
  const cases: Record<string, string | Buffer> = {
    'a huge header': `GET /v1/contacts HTTP/1.1\r\n${head}x-large: ${'x'.repeat(100_000)}\r\n\r\n`,
    'a thousand headers': `GET /v1/contacts HTTP/1.1\r\n${head}${Array.from({ length: 3000 }, (_, i) => `x-${i}: 1\r\n`).join('')}\r\n`,
    'a huge path': `GET /v1/contacts/${'x'.repeat(100_000)} HTTP/1.1\r\n${head}\r\n`,
    'a huge token': `GET /v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${'x'.repeat(10_000)}\r\n\r\n`,
    'no HTTP': 'hello\r\n\r\n',
    TLS: Buffer.from('160301020001000001fc0303', 'hex'),
    'another protocol': 'GET /v1/contacts SMTP/1.0\r\n\r\n',
    'a header without a name': `GET /v1/contacts HTTP/1.1\r\n${head}: x\r\n\r\n`,
    'a header with a NUL': `GET /v1/contacts HTTP/1.1\r\n${head}x-y: a\0b\r\n\r\n`,
    'a folded header': `GET /v1/contacts HTTP/1.1\r\n${head}x-y: a\r\n b\r\n\r\n`,
    'two lengths': `POST /v1/contacts HTTP/1.1\r\n${head}${json}content-length: 19\r\ncontent-length: 5\r\n\r\n${body}`,
    'a length and chunks': `POST /v1/contacts HTTP/1.1\r\n${head}${json}content-length: 19\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'a negative length': `POST /v1/contacts HTTP/1.1\r\n${head}${json}content-length: -1\r\n\r\n${body}`,
    'a length that is none': `POST /v1/contacts HTTP/1.1\r\n${head}${json}content-length: many\r\n\r\n${body}`,
    'a bad chunk': `POST /v1/contacts HTTP/1.1\r\n${head}${json}transfer-encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
    'an unknown coding': `POST /v1/contacts HTTP/1.1\r\n${head}${json}transfer-encoding: gzip\r\n\r\n${body}`,
    'ten megabytes announced': `POST /v1/contacts HTTP/1.1\r\n${head}${json}content-length: ${10 * 2 ** 20}\r\n\r\n`,
    'ten megabytes in chunks': Buffer.concat([
      Buffer.from(`POST /v1/contacts HTTP/1.1\r\n${head}${json}transfer-encoding: chunked\r\n\r\n`),
      ...Array.from({ length: 160 }, () => Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`)),
    ]),
    'a tag that is too long': `PATCH /v1/contacts/${randomUUID()} HTTP/1.1\r\n${head}${json}if-match: ${'x'.repeat(600)}\r\ncontent-length: 2\r\n\r\n{}`,
    'a purpose with signs': `GET /v1/contacts HTTP/1.1\r\n${head}custodia-purpose: <script>\r\n\r\n`,
    'a purpose that is too long': `GET /v1/contacts HTTP/1.1\r\n${head}custodia-purpose: ${'x'.repeat(101)}\r\n\r\n`,
  }
  for (const [what, bytes] of Object.entries(cases)) t.equal(refusal(await raw(url, bytes)), 'refused', what)
  // Node answers this one itself, before anything of ours, with an empty body.
  t.equal((await raw(url, 'GET /v1/contacts HTTP/1.1\r\n\r\n')).status, 400, 'no host')
  t.equal(await everything(service), before)
  t.equal((await fetch(`${url}/health/ready`)).status, 200)

  await t.test('a request id is taken only when it is a UUID', async (t) => {
    for (const [id, taken] of [
      ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11', true],
      ['abc-1234:5.6_7', false],
      ['short', false],
      ['x'.repeat(65), false],
      ['with space 123', false],
      ['"quoted"12345', false],
      ['<script>alert(1)</script>', false],
      ['ünïcödé-1234', false],
    ] as const) {
      const answer = await raw(
        url,
        Buffer.from(`GET /v1/contacts HTTP/1.1\r\n${head}request-id: ${id}\r\nconnection: close\r\n\r\n`, 'latin1'),
      )
      t.equal(answer.status, 200, id)
      t.equal(answer.headers.get('request-id') === id, taken, id)
      t.match(answer.headers.get('request-id'), /^[0-9a-f-]{36}$/)
      t.equal(answer.headers.get('x-request-id') === id, id === 'abc-1234:5.6_7', 'a harmless one comes back')
    }
  })
})
