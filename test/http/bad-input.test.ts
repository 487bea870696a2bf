import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../harness/service.ts'
import { everything, raw, refusal } from './raw.ts'

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
