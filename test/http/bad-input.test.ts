import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Answer, startTestService, type TestService } from '../harness/service.ts'
import { type RawAnswer, raw } from './raw.ts'

/** Everything that the tenants have, to see that a refused request has left nothing. */
async function everything({ sql }: TestService): Promise<string> {
  const tables = await sql<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'app'::regnamespace ORDER BY 1`,
  )
  const all = await Promise.all(tables.map(({ name }) => sql(`SELECT * FROM ${name} ORDER BY 1, 2`)))
  return JSON.stringify(all)
}

/** A refusal as every one is: a problem with its code and the request's id. */
function refusal(answer: Answer | RawAnswer): string {
  const header = (name: string): string | undefined =>
    answer.headers instanceof Map ? answer.headers.get(name) : (answer as Answer).headers[name]
  if (answer.status < 400 || answer.status > 499) return `${answer.status} ${answer.text.slice(0, 200)}`
  if (!header('content-type')?.startsWith('application/problem+json'))
    return `${answer.status} as ${header('content-type')}`
  const body: Record<string, unknown> = JSON.parse(answer.text)
  const { code, requestId, status } = body
  if (status !== answer.status || typeof code !== 'string' || typeof requestId !== 'string') return answer.text
  const said = header('request-id')
  return said === undefined || said === requestId ? 'refused' : `${said} is not ${requestId}`
}

t.test(
  'a body that is no good is refused, whatever is wrong with it, and leaves nothing',
  { timeout: 240_000 },
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
    const before = await everything(service)
    const deep = (open: string, close: string, depth: number, core = '1'): string =>
      open.repeat(depth) + core + close.repeat(depth)
    const bytes = (...parts: (string | number[])[]): Buffer =>
      Buffer.concat(parts.map((part) => Buffer.from(part as string)))
    const bodies: Record<string, string | Buffer> = {
      nothing: '',
      space: ' ',
      'half an object': '{"displayName":"x"',
      'an open text': '{"displayName":"x',
      'no value': '{"displayName":}',
      'single quotes': "{'displayName':'x'}",
      'no quotes': '{displayName:"x"}',
      'a comma too many': '{"displayName":"x",}',
      'a comment': '{"displayName":"x"/* */}',
      'two objects': '{"displayName":"x"}{"displayName":"y"}',
      'something behind': '{"displayName":"x"};',
      null: 'null',
      'a list': '[{"displayName":"x"}]',
      'a text': '"displayName"',
      'a number': '1',
      true: 'true',
      NaN: '{"intentScore":NaN}',
      Infinity: '{"intentScore":Infinity}',
      'a number beyond all': '{"intentScore":1e999}',
      'a fraction': '{"intentScore":1.5}',
      'too much': '{"intentScore":101}',
      'a very long number': `{"intentScore":${'9'.repeat(400)}}`,
      'text for a number': '{"intentScore":"1"}',
      'a number for text': '{"displayName":1}',
      'a list for text': '{"displayName":["x"]}',
      'an object for text': '{"displayName":{"toString":"x"}}',
      'text for a list': '{"tags":"vip"}',
      'a list of lists': '{"tags":[["vip"]]}',
      'null in a list': '{"tags":[null]}',
      'an unknown field': '{"displayName":"x","color":"red"}',
      'an unknown field within': '{"address":{"planet":"Mars"}}',
      'a field in another case': '{"DisplayName":"x"}',
      'an empty name': '{"":"x"}',
      'a dotted name': '{"address.city":"x"}',
      __proto__: '{"__proto__":{"held":true}}',
      '__proto__ within': '{"address":{"__proto__":{"x":1}}}',
      '__proto__ escaped': '{"\\u005f\\u005fproto__":{"held":true}}',
      'a constructor': '{"constructor":{"prototype":{"held":true}}}',
      'a constructor escaped': '{"\\u0063onstructor":{"prototype":{}}}',
      'a NUL': '{"displayName":"a\\u0000b"}',
      'a NUL in a name': '{"a\\u0000":"b"}',
      'a NUL within': '{"tags":["a\\u0000"]}',
      'a raw NUL': '{"displayName":"a\0b"}',
      'a raw control character': '{"displayName":"a\nb"}',
      'half a pair': '{"displayName":"\\ud83d"}',
      'the other half': '{"displayName":"\\ude00"}',
      'a pair the wrong way round': '{"displayName":"\\ude00\\ud83d"}',
      'half a pair in a name': '{"\\ud83d":"x"}',
      'half a pair within': '{"externalIds":[{"system":"crm","id":"\\ud83d"}]}',
      'half a pair in UTF-8': bytes('{"displayName":"', [0xed, 0xa0, 0x80], '"}'),
      'a NUL in two bytes': bytes('{"displayName":"', [0xc0, 0x80], '"}'),
      'Latin-1': bytes('{"displayName":"M', [0xfc], 'ller"}'),
      'a cut character': bytes('{"displayName":"', [0xf0, 0x9f, 0x98], '"}'),
      'beyond Unicode': bytes('{"displayName":"', [0xf4, 0x90, 0x80, 0x80], '"}'),
      'UTF-16': Buffer.from('{"displayName":"x"}', 'utf16le'),
      'deep lists': deep('[', ']', 20_000),
      'deep objects': deep('{"a":', '}', 20_000),
      'deep and never closed': '['.repeat(500_000),
      'deep in a field': `{"address":${deep('{"city":', '}', 100)}}`,
      'a long text': JSON.stringify({ displayName: 'x'.repeat(201) }),
      'a very long text': JSON.stringify({ displayName: 'x'.repeat(900_000) }),
      'a long list': JSON.stringify({ tags: Array.from({ length: 100_000 }, (_, i) => `${i}`) }),
      'many names': JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`n${i}`, 1]))),
      'more than is taken': JSON.stringify({ displayName: 'x'.repeat(2_000_000) }),
      'ten megabytes': Buffer.alloc(10 * 2 ** 20, 0x20),
      'an email that is none': '{"email":"a@b"}',
      'an email with a line end': '{"email":"a@example.com\\nbcc:b@example.com"}',
      'a phone that is none': '{"phone":"call me"}',
      'a country that is none': '{"country":"Germany"}',
      'a date that is none': '{"birthDate":"2026-02-30"}',
      'a year 0': '{"birthDate":"0000-01-01"}',
      'a language that is none': '{"language":"x_y z"}',
      'an id that is none': '{"ownerId":"me"}',
      'an id of nobody': JSON.stringify({ ownerId: randomUUID() }),
      'a compressed body': Buffer.from('1f8b0800000000000003ab5652d2b1d2b02d010000ffff', 'hex'),
    }
    for (const [what, body] of Object.entries(bodies)) {
      t.equal(refusal(await request('POST', '/v1/contacts', { body })), 'refused', `a creation of ${what}`)
      if (what !== 'nothing')
        t.equal(refusal(await request('PATCH', `/v1/contacts/${id}`, { body })), 'refused', `a change to ${what}`)
      if (what !== 'nothing')
        t.equal(refusal(await request('POST', '/v1/contacts/search', { body })), 'refused', `a search by ${what}`)
      t.equal(refusal(await request('POST', '/v1/sessions', { body, token: null })), 'refused', `a login by ${what}`)
    }
    t.equal(await everything(service), before, 'nothing has changed')

    await t.test('as are conditions', async (t) => {
      const wide = { or: Array.from({ length: 60 }, () => ({ eq: ['country', 'DE'] })) }
      for (const where of [
        null,
        [],
        'x',
        1,
        {},
        { eq: 1 },
        { eq: [] },
        { eq: ['country'] },
        { eq: ['country', 'DE', 'FR'] },
        { eq: ['__proto__', 'x'] },
        { __proto__: null, constructor: ['country', 'DE'] },
        { or: [] },
        { not: null },
        { in: ['country', Array(501).fill('DE')] },
        wide,
        { eq: ['country', 'x'.repeat(1001)] },
        { eq: [['country'], 'DE'] },
        { regex: ['country', '.*'] },
      ])
        t.equal(
          refusal(await request('POST', '/v1/contacts/search', { body: { where } })),
          'refused',
          JSON.stringify(where)?.slice(0, 60),
        )
    })
    await t.test('and roles', async (t) => {
      const good = { resource: 'contacts', actions: ['read'], fields: { read: ['displayName'] } }
      for (const grants of [
        null,
        {},
        'x',
        [null],
        [{}],
        [[]],
        [{ ...good, resource: 'nothing' }],
        [{ ...good, resource: '__proto__' }],
        [{ ...good, actions: ['all'] }],
        [{ ...good, fields: { read: ['color'] } }],
        [{ ...good, fields: { read: ['__proto__'] } }],
        [{ ...good, fields: ['displayName'] }],
        [{ ...good, when: { eq: ['color', 'x'] } }],
        [{ ...good, when: { eq: ['birthDate', '2026-02-30'] } }],
        [{ ...good, when: null }],
        [{ ...good, extra: 1 }],
        Array(201).fill(good),
      ])
        t.equal(
          refusal(await request('POST', '/v1/roles', { body: { name: 'x', grants } })),
          'refused',
          JSON.stringify(grants)?.slice(0, 80),
        )
    })
    t.equal((await request('GET', `/v1/contacts/${id}`)).status, 200, 'and the service is well')
  },
)

t.test('only JSON is read, and nothing about its type turns the checks off', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { request, url, ownerToken } = service
  const before = await everything(service)
  const post = (type: string | null, body = '{"color":"red"}') =>
    raw(
      url,
      `POST /v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ownerToken}\r\n${type === null ? '' : `content-type: ${type}\r\n`}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  for (const type of [
    null,
    '',
    'json',
    'text/plain',
    'text/json',
    'application/xml',
    'application/jsonx',
    'application/json+xml',
    'application/vnd.api+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    '*/*',
    'application/*',
    'application/json, text/plain',
    'text/plain; application/json',
    'application/ json',
  ])
    t.match(
      [refusal(await post(type, '{"displayName":"x"}')), (await post(type, '{"displayName":"x"}')).status],
      ['refused', 415],
      `${type}`,
    )
  // However the type of JSON is written, an invalid body stays invalid.
  for (const type of [
    'application/json',
    'APPLICATION/JSON',
    'Application/Json; Charset=UTF-8',
    'application/json;charset=utf-8',
    'application/json ; x=y',
    'application/json;',
    'application/json\t',
    'application/json\t;x',
    '\tapplication/json',
    ' application/json ',
    'application/json; charset="utf-8"',
    'application/json;;;',
    'application/merge-patch+json',
    'application/json;q=',
    'application/json\u00a0',
    'application/json\u000b',
  ])
    t.equal(refusal(await post(type)), 'refused', JSON.stringify(type))
  const twice = `POST /v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ownerToken}\r\ncontent-type: text/plain\r\ncontent-type: application/json\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{"color":"red"}`
  t.equal(refusal(await raw(url, twice)), 'refused', 'two types')
  t.equal(await everything(service), before)
  t.equal(
    (
      await request('POST', '/v1/contacts', {
        body: '{"displayName":"x"}',
        headers: { 'content-type': 'application/json; charset=utf-8' },
      })
    ).status,
    201,
  )
})

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

  await t.test('a request id is taken only when it is harmless', async (t) => {
    for (const [id, taken] of [
      ['abc-1234:5.6_7', true],
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
    }
  })
})
