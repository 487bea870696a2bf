import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString())

/** The service's own key, to forge with: what a token says must hold even when its signature does. */
function ownKey({ db }: TestService): { privateKey: KeyObject; publicKey: KeyObject } {
  return db.keyring.signingKey('access-tokens')
}

t.test('no forged token is let in, and none is told why', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { request, ownerToken } = service
  const { privateKey, publicKey } = ownKey(service)
  const [head, body, signature] = ownerToken.split('.')
  const [header, claims] = [decode(head), decode(body)]
  const now = Math.floor(Date.now() / 1000)
  const make = (with_: object, of: object, key: KeyObject = privateKey): string => {
    const signed = `${encode({ ...header, ...with_ })}.${encode({ ...claims, ...of })}`
    return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
  }
  const without = (...names: string[]): string => {
    const rest = Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))
    const signed = `${encode(header)}.${encode(rest)}`
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
  }
  const hmac = (alg: string, secret: string | Buffer): string => {
    const signed = `${encode({ ...header, alg })}.${body}`
    return `${signed}.${createHmac(`sha${alg.slice(2)}`, secret)
      .update(signed)
      .digest('base64url')}`
  }
  t.equal(
    (await request('GET', '/v1/me', { token: make({}, {}) })).status,
    200,
    'a token made like ours is one of ours',
  )
  t.same(
    Object.keys(claims).sort(),
    ['aud', 'exp', 'iat', 'iss', 'sid', 'sub', 'tid'],
    'it names the principal, never its rights',
  )

  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const other = generateKeyPairSync('ed25519')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const unsigned = `${encode({ ...header, alg: 'none' })}.${body}`
  const rs256 = `${encode({ ...header, alg: 'RS256' })}.${body}`
  const member = await service.member('agent')
  const second = await service.tenant()
  const forged: Record<string, string> = {
    'no signature': `${head}.${body}.`,
    'no signature at all': `${head}.${body}`,
    'alg none': `${unsigned}.`,
    'alg none, signed': `${unsigned}.${signature}`,
    'alg None': `${encode({ ...header, alg: 'None' })}.${body}.`,
    'no alg': `${encode({ typ: 'JWT', kid: header.kid })}.${body}.${signature}`,
    'HS256 with the public key as PEM': hmac('HS256', spki),
    'the same without its last line end': hmac('HS256', spki.trim()),
    'HS512 with the public key as DER': hmac('HS512', der),
    'HS256 with the raw public key': hmac('HS256', der.subarray(-32)),
    'HS256 with an empty key': hmac('HS256', ''),
    'RS256 with a key of their own': `${rs256}.${sign('sha256', Buffer.from(rs256), rsa.privateKey).toString('base64url')}`,
    'EdDSA with a key of their own': make({}, {}, other.privateKey),
    'that key brought along': make({ jwk: other.publicKey.export({ format: 'jwk' }) }, {}, other.privateKey),
    'that key at an address': make({ jku: 'https://example.com/keys' }, {}, other.privateKey),
    'another key’s name': make({ kid: 'other' }, {}),
    'a path as the key’s name': make({ kid: '../../etc/passwd' }, {}),
    'no key’s name': make({ kid: undefined }, {}),
    'a critical extension': make({ crit: ['exp'] }, {}, other.privateKey),
    'another issuer': make({}, { iss: 'somebody' }),
    'another audience': make({}, { aud: 'somebody' }),
    expired: make({}, { exp: now - 1 }),
    'of the future': make({}, { iat: now + 600 }),
    'not yet': make({}, { nbf: now + 600 }),
    forever: without('exp'),
    'without its time': without('iat'),
    'without a member': without('sub'),
    'without a session': without('sid'),
    'without a tenant': without('tid'),
    'another tenant': make({}, { tid: second.tenantId }),
    'a tenant that is none': make({}, { tid: randomUUID() }),
    'a tenant in capitals': make({}, { tid: String(claims.tid).toUpperCase() }).replace(/.$/, ''),
    'another member’s session': make({}, { sub: member.id }),
    'another member': make({}, { sub: member.id, sid: randomUUID() }),
    'a key acting that does not': make({}, { key: randomUUID() }),
    'no UUID': make({}, { sub: "x' OR true --" }),
    'another body under the signature': `${head}.${encode({ ...claims, sub: member.id })}.${signature}`,
    'cut short': ownerToken.slice(0, -1),
    'cut in half': ownerToken.slice(0, ownerToken.length / 2),
    lengthened: `${ownerToken}A`,
    'a fourth part': `${ownerToken}.${signature}`,
    twice: `${ownerToken}.${ownerToken}`,
    padded: `${ownerToken}==`,
    'a line end': `${ownerToken}\n`,
    'empty parts': '..',
    nonsense: 'nonsense',
    'a very long one': 'A'.repeat(5000),
    'an API key of nobody': `cak_${'A'.repeat(86)}`,
    'half an API key': 'cak_',
  }
  const answers = new Set<string>()
  for (const [what, token] of Object.entries(forged)) {
    const answer = await request('GET', '/v1/me', { token: null, headers: { authorization: `Bearer ${token}` } })
    t.equal(answer.status, 401, what)
    answers.add(answer.text.replace(/"requestId":"[^"]+"/, ''))
  }
  t.equal(answers.size, 1, 'all in the same words')

  await t.test('in any other place or number', async (t) => {
    for (const [what, headers] of Object.entries<Record<string, string>>({
      'another scheme': { authorization: `Basic ${ownerToken}` },
      'no scheme': { authorization: ownerToken },
      'two schemes': { authorization: `Bearer Bearer ${ownerToken}` },
      'two tokens in one': { authorization: `Bearer ${ownerToken}, Bearer ${ownerToken}` },
      'a cookie': { cookie: `access_token=${ownerToken}` },
      'another header': { 'x-access-token': ownerToken },
      'a proxy’s header': { 'proxy-authorization': `Bearer ${ownerToken}` },
      empty: { authorization: '' },
      'nothing behind the scheme': { authorization: 'Bearer ' },
    }))
      t.equal((await request('GET', '/v1/me', { token: null, headers })).status, 401, what)
    t.equal((await request('GET', `/v1/contacts?access_token=${ownerToken}`, { token: null })).status, 401, 'the query')
    t.equal(await overSocket(service, [`Bearer ${ownerToken}`, `Bearer ${ownerToken}`]), 401, 'two headers')
    t.equal(await overSocket(service, [`Bearer ${ownerToken}`, 'Bearer x']), 401, 'of which one is another')
    t.equal(await overSocket(service, [`bearer ${ownerToken}`]), 200, 'the scheme’s case does not matter')
  })

  await t.test('and a token that was good once is not remembered as good', async (t) => {
    const end = Math.floor(Date.now() / 1000) + 3
    const short = make({}, { exp: end })
    t.equal((await request('GET', '/v1/me', { token: short })).status, 200)
    while (Date.now() / 1000 < end + 0.05) await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal((await request('GET', '/v1/me', { token: short })).status, 401)
  })
})

t.test('tokens of one installation mean nothing to another', async (t) => {
  const [one, two] = [await startTestService(t), await startTestService(t)]
  t.equal((await two.request('GET', '/v1/me', { token: one.ownerToken })).status, 401)
  const key = (await one.request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [] } })).string('key')
  t.equal((await two.request('GET', '/v1/me', { token: key })).status, 401)
  t.ok(createPrivateKey(ownKey(one).privateKey.export({ format: 'pem', type: 'pkcs8' })))
})

/** The status over a real connection, where a header may stand twice. */
async function overSocket({ url }: TestService, authorization: string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = ['host', 'hub.test', ...authorization.flatMap((value) => ['authorization', value])]
    const sent = httpRequest(`${url}/v1/me`, { headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject).end()
  })
}
