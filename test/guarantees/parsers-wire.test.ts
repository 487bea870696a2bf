import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { everything } from '../http/raw.ts'
import { parserWorld, secret } from './parsers-world.ts'

/** Sends bytes as they are and gives back every answer that comes until the server closes or has nothing more to say. */
async function answersOf(url: string, bytes: string): Promise<{ status: number; body: string }[]> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  // A server that refuses early closes while we still write.
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  // A request that is never whole is one that nobody answers: it is given up here.
  socket.setTimeout(700, () => socket.destroy())
  socket.write(Buffer.from(bytes, 'latin1'))
  await closed
  return Buffer.concat(chunks)
    .toString()
    .split(/^HTTP\/1\.1 /m)
    .slice(1)
    .map((text) => ({
      status: Number(text.slice(0, 3)),
      body: text
        .slice(text.indexOf('\r\n\r\n') + 4)
        .replace(/"requestId":"[^"]+"/, '')
        .replace(/"nextCursor":"[^"]+"/, ''),
    }))
}

t.test('however a request lies on the wire, it is the plain one or none', { timeout: 240_000 }, async (t) => {
  const { service, id, hidden, token } = await parserWorld(t, { listen: true })
  const { url, ownerToken } = service
  const before = await everything(service)
  const body = '{"where":{"eq":["country","DE"]}}'
  const size = body.length
  const chunked = `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const head = `host: x\r\nauthorization: Bearer ${token}\r\n`
  const post = (lines: string[], sent: string, first = 'POST /v1/contacts/search HTTP/1.1') =>
    `${first}\r\n${head}content-type: application/json\r\n${lines.map((line) => `${line}\r\n`).join('')}connection: close\r\n\r\n${sent}`
  const get = (target: string, lines: string[] = [], version = 'HTTP/1.1') =>
    `GET ${target} ${version}\r\n${head}${lines.map((line) => `${line}\r\n`).join('')}connection: close\r\n\r\n`

  const [search] = await answersOf(url, post([`content-length: ${size}`], body))
  const [one] = await answersOf(url, get(`/v1/contacts/${id}`))
  t.match(
    [search, one],
    [
      { status: 200, body: new RegExp(id) },
      { status: 200, body: new RegExp(id) },
    ],
  )
  t.same(await answersOf(url, post(['transfer-encoding: chunked'], chunked)), [search], 'in chunks it is the same')

  const check = async (what: string, bytes: string, plain: typeof one): Promise<void> => {
    const answers = await answersOf(url, bytes)
    const [answer] = answers
    if (answers.length > 1) t.fail(`${what}: ${answers.length} answers to one request`)
    if (answer && answer.status === 200) t.same(answer, plain, what)
    else
      t.ok(
        !answer || (answer.status >= 400 && answer.status <= 501 && answer.status !== 500),
        `${what}: ${answer?.status}`,
      )
    t.notMatch(answer?.body, secret, what)
  }
  // What stands behind a body that has two ends would be the next request, to whoever believes the other end.
  const next = `GET /v1/contacts/${id} HTTP/1.1\r\n${head}\r\n`
  for (const [what, lines, sent] of [
    ['chunks and a length', ['transfer-encoding: chunked', `content-length: ${size}`], chunked],
    ['a length and chunks', [`content-length: ${chunked.length}`, 'transfer-encoding: chunked'], chunked],
    ['a length short of the chunks', ['content-length: 4', 'transfer-encoding: chunked'], `0\r\n\r\n${next}`],
    ['two lengths', [`content-length: ${size}`, `content-length: ${size + next.length}`], body + next],
    ['the same length twice', [`content-length: ${size}`, `content-length: ${size}`], body],
    ['two lengths in one', [`content-length: ${size}, ${size}`], body],
    ['a length with a sign', [`content-length: +${size}`], body],
    ['a length in hex', [`content-length: 0x${size.toString(16)}`], body],
    ['a length with zeros', [`content-length: 000${size}`], body],
    ['a length with space', [`content-length: \t${size} \t`], body],
    ['a length of nothing', ['content-length:'], body],
    ['a length far too long', ['content-length: 99999999999999999999'], body],
    ['no length', [], body],
    ['a name with space', [`content-length : ${size}`, 'transfer-encoding: chunked'], chunked],
    ['chunked with space before', ['transfer-encoding : chunked'], chunked],
    ['an underscore', ['transfer_encoding: chunked'], chunked],
    ...[
      'Chunked',
      ' chunked ',
      'chunked\t',
      'xchunked',
      'chunkedx',
      'chunked, identity',
      'identity, chunked',
      'identity',
      'gzip, chunked',
      'chunked, chunked',
      'chunked;q=1',
      '"chunked"',
      '\x0bchunked',
      'chunked\x0b',
      ',chunked',
      'chunked,',
      '',
    ].map((coding): [string, string[], string] => [
      JSON.stringify(coding),
      [`transfer-encoding: ${coding}`],
      chunked + next,
    ]),
    ['two codings', ['transfer-encoding: chunked', 'transfer-encoding: identity'], chunked],
    ['two codings, the other way round', ['transfer-encoding: identity', 'transfer-encoding: chunked'], chunked],
    ['a folded coding', ['transfer-encoding:\r\n chunked'], chunked],
    ['a chunk with an extension', ['transfer-encoding: chunked'], chunked.replace('\r\n', ';x="y\r\n"\r\n')],
    ['a chunk with a sign', ['transfer-encoding: chunked'], `+${chunked}`],
    ['a chunk in 0x', ['transfer-encoding: chunked'], `0x${chunked}`],
    ['a chunk with zeros', ['transfer-encoding: chunked'], `0000${chunked}`],
    ['a chunk with space', ['transfer-encoding: chunked'], ` ${chunked}`],
    ['a chunk with bare line ends', ['transfer-encoding: chunked'], chunked.replaceAll('\r\n', '\n')],
    ['a chunk that is longer than told', ['transfer-encoding: chunked'], `5\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk that overflows', ['transfer-encoding: chunked'], `fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`],
    [
      'a rewritten length at the end',
      ['transfer-encoding: chunked', 'trailer: content-length'],
      chunked.replace(/0\r\n\r\n$/, '0\r\ncontent-length: 1\r\n\r\n'),
    ],
    ['a compressed body that is none', [`content-length: ${size}`, 'content-encoding: gzip'], body],
    ['a type twice', [`content-length: ${size}`, 'content-type: text/plain'], body],
    ['a wait that is not meant', [`content-length: ${size}`, 'expect: 200-maybe'], body],
  ] as [string, string[], string][])
    await check(what, post(lines, sent), search)

  await t.test('a token behind the body is none', async (t) => {
    const bare = post(['transfer-encoding: chunked', 'trailer: authorization'], '').replace(
      /authorization: Bearer .*\r\n/,
      '',
    )
    const [answer] = await answersOf(
      url,
      `${bare}${chunked.replace(/\r\n$/, `authorization: Bearer ${ownerToken}\r\n\r\n`)}`,
    )
    t.equal(answer?.status, 401)
    const [mixed] = await answersOf(
      url,
      post(['transfer-encoding: chunked'], chunked.replace(/\r\n$/, `authorization: Bearer ${ownerToken}\r\n\r\n`)),
    )
    t.same(mixed, search, 'nor does it raise whoever has asked')
  })

  for (const target of [
    `http://x/v1/contacts/${id}`,
    `https://example.com:1/v1/contacts/${id}`,
    `//x/v1/contacts/${id}`,
    `//v1/contacts/${id}`,
    `/v1/./contacts/${id}`,
    `/v1/contacts/./${id}`,
    `/v1/contacts/%2e/${id}`,
    `/v1/tags/../contacts/${id}`,
    `/v1/tags/%2e%2e/contacts/${id}`,
    `/v1/tags/..%2fcontacts/${id}`,
    `/v1/tags/..;/contacts/${id}`,
    `/health/live/../../v1/contacts/${id}`,
    `/docs/..%2fv1/contacts/${id}`,
    `/v1;x/contacts/${id}`,
    `/v1/contacts;x/${id}`,
    `/v1\\contacts\\${id}`,
    `\\v1\\contacts\\${id}`,
    `/v1/contacts/${id}#/../${hidden}`,
    `/v1/contacts/${id}?#`,
    `/v1/contacts/${id}??company=${secret.slice(0, 3)}`,
    `/v1/contacts/${id}\t`,
    `/v1/contacts/${id}%0d%0ahost:y`,
    `/v1/contacts /${id}`,
    `v1/contacts/${id}`,
    `/%76%31/%63%6f%6e%74%61%63%74%73/${id}`,
    `/v1/CONTACTS/${id}`,
    '*',
    '',
  ]) {
    await check(`GET ${target}`, get(target), one)
    // Where dots lead somewhere, they must not lead past the guard.
    const other = await answersOf(url, get(target.replaceAll(id, hidden)))
    if (target.includes(id))
      t.notOk(
        other.some(({ status }) => status === 200),
        target,
      )
  }
  for (const [what, bytes] of Object.entries({
    'HTTP/1.0': get(`/v1/contacts/${id}`, [], 'HTTP/1.0'),
    'HTTP/0.9': get(`/v1/contacts/${id}`, [], ''),
    'HTTP/2.0': get(`/v1/contacts/${id}`, [], 'HTTP/2.0'),
    'HTTP/1.10': get(`/v1/contacts/${id}`, [], 'HTTP/1.10'),
    'two hosts': get(`/v1/contacts/${id}`, ['host: y']),
    'a header of bare line ends': get(`/v1/contacts/${id}`).replaceAll('\r\n', '\n'),
    'a carriage return alone': get(`/v1/contacts/${id}`, ['x: a\rauthorization: Bearer y']),
    'a tag twice': get(`/v1/contacts/${id}`, ['if-none-match: "x"', 'if-none-match: "y"']),
    'a purpose twice': get(`/v1/contacts/${id}`, ['custodia-purpose: a', 'custodia-purpose: b']),
    'a body with GET': `${get(`/v1/contacts/${id}`, ['content-type: application/json', 'content-length: 9'])}{"id":"x"}`,
    'a line before it': `\r\n${get(`/v1/contacts/${id}`)}`,
    'a tab for a space': get(`/v1/contacts/${id}`).replace('GET ', 'GET\t'),
    'a method in small letters': get(`/v1/contacts/${id}`).replace('GET', 'get'),
    'a method of two': get(`/v1/contacts/${id}`).replace('GET', 'GET,DELETE'),
  }))
    await check(what, bytes, one)
  t.equal(await everything(service), before)
})
