import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'

export interface Mint {
  /** A token with other members in its header and claims, signed by our own key or by another; undefined removes one. */
  make(header: object, claims: object, key?: KeyObject): string
  /** A token of exactly these texts. */
  literal(header: string, claims: string): string
  header: Readonly<Record<string, unknown>>
  claims: Readonly<Record<string, unknown>>
}

const encode = (text: string | Buffer): string => Buffer.from(text).toString('base64url')
const json = (value: unknown): string => encode(JSON.stringify(value))

/** Makes tokens after the model of a good one. */
export function mintOf(token: string, privateKey: KeyObject): Mint {
  const read = (at: number): Record<string, unknown> =>
    JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString())
  const [header, claims] = [read(0), read(1)]
  const signed = (text: string, key: KeyObject): string =>
    `${text}.${sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(text), key).toString('base64url')}`
  return {
    header,
    claims,
    make: (more, of, key = privateKey) => signed(`${json({ ...header, ...more })}.${json({ ...claims, ...of })}`, key),
    literal: (head, body) => signed(`${encode(head)}.${encode(body)}`, privateKey),
  }
}

/**
 * Tokens of somebody who has seen a good one and our public key, and has not our private one.
 * RFC 8725 and the failures of libraries: confusion of algorithms, keys brought along, keys named by path, SQL or address.
 */
export function withoutOurKey(token: string, mint: Mint, publicKey: KeyObject): Record<string, string> {
  const [head = '', body = '', signature = ''] = token.split('.')
  const { header, claims } = mint
  const theirs = generateKeyPairSync('ed25519')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = theirs.publicKey.export({ format: 'jwk' })
  const forged: Record<string, string> = {}
  for (const alg of [
    'none',
    'None',
    'NONE',
    'nOnE',
    ' none',
    'none ',
    'none\0',
    '',
    null,
    0,
    [],
    ['EdDSA'],
    { alg: 'EdDSA' },
  ]) {
    const unsigned = `${json({ ...header, alg })}.${body}`
    forged[`alg ${JSON.stringify(alg)}`] = `${unsigned}.`
    forged[`alg ${JSON.stringify(alg)} under the signature`] = `${unsigned}.${signature}`
  }
  forged['no alg'] = `${json({ typ: 'JWT', kid: header.kid })}.${body}.${signature}`
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const shared: Record<string, string | Buffer> = {
    PEM: pem,
    'PEM without its last line end': pem.trim(),
    'PEM in one line': pem.replaceAll('\n', ''),
    DER: der,
    'DER in base64': der.toString('base64'),
    'the raw key': der.subarray(-32),
    'the raw key in base64url': der.subarray(-32).toString('base64url'),
    'the raw key in hex': der.subarray(-32).toString('hex'),
    JWK: JSON.stringify(publicKey.export({ format: 'jwk' })),
    'its name': String(header.kid),
    nothing: '',
  }
  for (const alg of ['HS256', 'HS384', 'HS512', 'hs256'])
    for (const [what, secret] of Object.entries(shared)) {
      const text = `${json({ ...header, alg })}.${body}`
      const mac = createHmac(`sha${alg.slice(2)}`, secret)
        .update(text)
        .digest('base64url')
      forged[`${alg} with the public key as ${what}`] = `${text}.${mac}`
    }
  for (const [alg, key] of Object.entries({
    RS256: rsa.privateKey,
    PS256: rsa.privateKey,
    ES256: ec.privateKey,
    EdDSA: theirs.privateKey,
    Ed25519: theirs.privateKey,
    HS256: theirs.privateKey,
  }))
    forged[`${alg} with a key of their own`] = mint.make({ alg }, {}, key)
  // Each way by which a token could bring or name the key that it is to be verified with.
  for (const [what, more] of Object.entries<object>({
    jwk: { jwk },
    'jwk under its own name': { jwk: { ...jwk, kid: 'mine' }, kid: 'mine' },
    jku: { jku: 'http://127.0.0.1:9/keys' },
    x5u: { x5u: 'http://127.0.0.1:9/certificate' },
    x5c: { x5c: [theirs.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
    x5t: { x5t: 'AAAA' },
    key: { key: theirs.publicKey.export({ format: 'pem', type: 'spki' }) },
    crit: { crit: ['exp'] },
    'crit and b64': { crit: ['b64'], b64: false },
    zip: { zip: 'DEF' },
    cty: { cty: 'JWT' },
    enc: { enc: 'A256GCM' },
  }))
    forged[`${what}, with a key of their own`] = mint.make(more, {}, theirs.privateKey)
  for (const kid of [
    '../../../../dev/null',
    '/dev/null',
    'C:\\nul',
    'file:///dev/null',
    'http://127.0.0.1:9/key',
    "' OR '1'='1",
    "x' UNION SELECT 'AA==' --",
    '$(id)',
    '\0',
    '',
    '__proto__',
    'constructor',
    'access-tokens',
    null,
    0,
    [header.kid],
    { eq: header.kid },
  ])
    forged[`kid ${JSON.stringify(kid)}, with a key of their own`] = mint.make({ kid }, {}, theirs.privateKey)
  const other = json({ ...claims, sub: randomUUID() })
  const parts: Record<string, string> = {
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'one part': head,
    'a fourth part': `${token}.${signature}`,
    'a fourth, empty part': `${token}.`,
    'five parts, as an encrypted token has': `${head}.${body}.${signature}.${body}.${signature}`,
    'an empty part in front': `.${token}`,
    'empty parts': '..',
    'twice, joined': `${token}${token}`,
    'no header': `.${body}.${signature}`,
    'no claims': `${head}..${signature}`,
    'claims that were not signed': `${head}.${other}.${signature}`,
    'a signature of zeros': `${head}.${body}.${'A'.repeat(86)}`,
    'half a signature': `${head}.${body}.${signature.slice(0, 43)}`,
    'a signature twice': `${head}.${body}.${signature}${signature}`,
    'cut short': token.slice(0, -1),
    lengthened: `${token}A`,
    padded: `${token}==`,
    'each part padded': `${head}==.${body}=.${signature}==`,
    'in base64 of the other alphabet': `${head}.${body}.${'-_'.repeat(43)}`.replaceAll('-', '+').replaceAll('_', '/'),
    'percent-encoded': token.replace('.', '%2E'),
    'in capitals': token.toUpperCase(),
    'huge claims': `${head}.${encode('{"a":"x"}'.repeat(400))}.${signature}`,
    'beyond every token': 'A'.repeat(6000),
    'deep claims': `${head}.${encode(`${'['.repeat(1000)}${']'.repeat(1000)}`)}.${signature}`,
  }
  return { ...forged, ...parts }
}

/** Tokens signed by our own key that nevertheless must not be let in: what they say does not hold. */
export function withOurKey(
  { make, literal, header, claims }: Mint,
  others: { tenantId: string; memberId: string; sessionId: string },
): Record<string, string> {
  const now = Math.floor(Date.now() / 1000)
  const [head, body] = [JSON.stringify(header), JSON.stringify(claims)]
  return {
    'an expired one': make({}, { exp: now - 1 }),
    'one that expires now': make({}, { exp: now }),
    'one from the future': make({}, { iat: now + 600 }),
    'one that is not good yet': make({}, { nbf: now + 600 }),
    'without an end': make({}, { exp: undefined }),
    'with an end that is null': make({}, { exp: null }),
    'with an end in words': make({}, { exp: String(claims.exp) }),
    'with an end in a list': make({}, { exp: [claims.exp] }),
    'without its time': make({}, { iat: undefined }),
    'of another issuer': make({}, { iss: 'somebody' }),
    'of several issuers': make({}, { iss: [claims.iss] }),
    'for another audience': make({}, { aud: 'somebody' }),
    'without a tenant': make({}, { tid: undefined }),
    'of another tenant': make({}, { tid: others.tenantId }),
    'of no tenant': make({}, { tid: randomUUID() }),
    'of the tenant in capitals': make({}, { tid: String(claims.tid).toUpperCase() }),
    'of several tenants': make({}, { tid: [claims.tid, others.tenantId] }),
    'of the empty tenant': make({}, { tid: '00000000-0000-0000-0000-000000000000' }),
    'of a tenant with more behind it': make({}, { tid: `${claims.tid}'; --` }),
    'without a member': make({}, { sub: undefined }),
    'of another member': make({}, { sub: others.memberId }),
    'of the member in capitals': make({}, { sub: String(claims.sub).toUpperCase() }),
    'of a member with everything': make({}, { sub: '*' }),
    'without a session': make({}, { sid: undefined }),
    'of another’s session': make({}, { sid: others.sessionId }),
    'of another member and their session, in the wrong tenant': make(
      {},
      { tid: others.tenantId, sub: others.memberId, sid: others.sessionId },
    ),
    'acting by a key that does not': make({}, { key: randomUUID() }),
    'acting by no key': make({}, { key: null }),
    'under another key’s name': make({ kid: 'other' }, {}),
    'under no key’s name': make({ kid: undefined }, {}),
    'under a list of names': make({ kid: [header.kid] }, {}),
    'with an extension that must be understood': make({ crit: ['exp'] }, {}),
    'with its claims left bare': make({ crit: ['b64'], b64: false }, {}),
    'with its algorithm told twice': literal(head.replace(/}$/, ',"alg":"none"}'), body),
    'with its tenant told twice': literal(head, body.replace(/}$/, `,"tid":"${others.tenantId}"}`)),
    'with its member told twice': literal(head, body.replace(/}$/, `,"sub":"${others.memberId}"}`)),
    'with its end told twice': literal(head, body.replace(/}$/, ',"exp":1}')),
    'with its member told twice, once in escapes': literal(
      head,
      body.replace(/}$/, `,"\\u0073ub":"${others.memberId}"}`),
    ),
    'with a byte-order mark': literal(`\ufeff${head}`, body),
    'with a mark before its claims': literal(head, `\ufeff${body}`),
    'with a comment': literal(head, `${body}/* */`),
    'whose claims are a list': literal(head, `[${body}]`),
    'whose claims are a text': literal(head, JSON.stringify(body)),
    'whose claims are null': literal(head, 'null'),
  }
}
