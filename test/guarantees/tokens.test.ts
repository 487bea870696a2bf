import { randomUUID } from 'node:crypto'
import t from 'tap'
import { allRoutes } from '../harness/routes.ts'
import { Answer, startTestService, type TestService } from '../harness/service.ts'
import { raw } from '../http/raw.ts'
import { type Mint, mintOf, withOurKey, withoutOurKey } from './forgeries.ts'

/** All that can be told from an answer; only its date, its id and the length of that differ from one to the next. */
function told({ status, headers, text }: Pick<Answer, 'status' | 'headers' | 'text'>): string {
  const { date: _date, 'request-id': id = '', ...rest } = headers
  return JSON.stringify([status, Object.entries(rest), text.replaceAll(id, '…')])
}

const bearer = (token: string) => ({ token: null, headers: { authorization: `Bearer ${token}` } })

function own(service: TestService): Mint & { forged: Record<string, string> } {
  const { privateKey, publicKey } = service.db.keyring.signingKey('access-tokens')
  const mint = mintOf(service.ownerToken, privateKey)
  return { ...mint, forged: withoutOurKey(service.ownerToken, mint, publicKey) }
}

async function strangers(service: TestService) {
  const agent = await service.member('agent')
  const second = await service.tenant()
  const { sid } = mintOf(agent.token, service.db.keyring.signingKey('access-tokens').privateKey).claims
  return { agent, second, others: { tenantId: second.tenantId, memberId: agent.id, sessionId: String(sid) } }
}

t.test('no forged token is let in, and none is told from another, or from none at all', async (t) => {
  const service = await startTestService(t)
  const { request, logs } = service
  const { others } = await strangers(service)
  const mint = own(service)
  const none = told(await request('GET', '/v1/contacts', { token: null }))
  t.equal((await request('GET', '/v1/contacts', bearer(mint.make({}, {})))).status, 200, 'made like ours, it is ours')
  const all = { ...mint.forged, ...withOurKey(mint, others) }
  t.ok(Object.keys(all).length > 150, `${Object.keys(all).length} of them`)
  const loggedBefore = logs.length
  for (const [what, token] of Object.entries(all)) {
    const answer = await request('GET', '/v1/contacts', bearer(token))
    t.equal(told(answer), none, what)
  }

  await t.test('each is counted and logged, and none of it is repeated there', async (t) => {
    const lines = logs.slice(loggedBefore)
    const refused = lines.filter((line) => line.includes('"code":"unauthenticated"') && line.includes('"level":"info"'))
    t.equal(refused.length, Object.keys(all).length)
    for (const [what, token] of Object.entries(all))
      for (const part of token.split('.').filter((each) => each.length > 20))
        t.notOk(
          lines.some((line) => line.includes(part)),
          what,
        )
    const { text } = await request('GET', '/metrics', { token: null })
    const counted =
      /custodia_http_request_duration_seconds_count\{method="GET",route="\/v1\/contacts",status="401"\} (\d+)/.exec(
        text,
      )
    t.equal(Number(counted?.[1]), Object.keys(all).length + 1)
  })
})

t.test('on every guarded route a forged token is answered like none', async (t) => {
  const service = await startTestService(t)
  const { app, request } = service
  const { others, agent } = await strangers(service)
  const mint = own(service)
  const owned = withOurKey(mint, others)
  const some = [
    mint.forged['alg "none"'],
    mint.forged['HS256 with the public key as PEM'],
    mint.forged['jwk, with a key of their own'],
    owned['an expired one'],
    owned['of another tenant'],
    agent.refreshToken,
    `cak_${'A'.repeat(86)}`,
  ]
  let guarded = 0
  for (const { method, url } of allRoutes(app)) {
    const path = url.replaceAll(/:\w+/g, randomUUID())
    const none = await request(method, path, { token: null })
    // Which routes are open to everybody is held by routes.test.ts.
    if (none.status !== 401 || none.headers['www-authenticate'] === undefined) continue
    guarded++
    for (const token of some) {
      if (token === undefined) throw new Error('there is no such forgery any more')
      t.equal(told(await request(method, path, bearer(token))), told(none), `${method} ${url}`)
    }
  }
  t.ok(guarded > 60, `${guarded} routes`)
})

t.test('of a good token or key no single character may be another', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const roleId = await service.role([{ resource: 'tags', actions: ['read'], fields: { read: ['name'] } }])
  const key = (await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId] } })).string('key')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const none = told(await request('GET', '/v1/tags', { token: null }))
  for (const good of [service.ownerToken, key]) {
    const works = async (): Promise<number> => (await request('GET', '/v1/tags', bearer(good))).status
    t.equal(await works(), 200)
    const wrong: string[] = []
    for (let i = 0; i < good.length; i++) {
      const at = alphabet.indexOf(good.charAt(i))
      // The neighbour differs in the lowest bit, which at the end of a part stands for nothing; so do the next three.
      const bits = i === good.length - 1 || good.charAt(i + 1) === '.' ? [1, 2, 4, 8, 16, 32] : [1]
      const instead = at < 0 ? ['A'] : bits.map((bit) => alphabet.charAt(at ^ bit))
      for (const character of instead) {
        const answer = await request('GET', '/v1/tags', bearer(good.slice(0, i) + character + good.slice(i + 1)))
        if (told(answer) !== none) wrong.push(`${i}: ${answer.status}`)
      }
      const swapped =
        good.charAt(i) === good.charAt(i).toLowerCase() ? good.charAt(i).toUpperCase() : good.charAt(i).toLowerCase()
      const answer = await request('GET', '/v1/tags', bearer(good.slice(0, i) + swapped + good.slice(i + 1)))
      if (swapped !== good.charAt(i) && told(answer) !== none) wrong.push(`${i} in the other case: ${answer.status}`)
    }
    t.same(wrong, [])
    // What is remembered of a good token is given to nothing else, and of bad ones to no good one.
    t.equal(await works(), 200)
  }
})

t.test('a key, a refresh token, a link and an access token do one thing each', async (t) => {
  const service = await startTestService(t)
  const { request, role } = service
  const { agent, second } = await strangers(service)
  const everything = { resource: 'members', actions: ['read', 'impersonate'], fields: { read: ['id'] } }
  const roleId = await role([everything])
  const key = await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId] } })
  const other = await request('POST', '/v1/api-keys', { token: second.ownerToken, body: { name: 'CRM', roleIds: [] } })
  const invited = await request('POST', '/v1/members', {
    body: { email: `${randomUUID()}@example.com`, displayName: 'Mei', roleIds: [] },
  })
  const link = String((invited.body.invitation as { token?: string }).token)
  const exchanged = await request('POST', '/v1/sessions/exchange', {
    token: key.string('key'),
    body: { memberId: agent.id },
  })
  t.equal(exchanged.status, 201)
  const acting = exchanged.string('accessToken')
  const mint = mintOf(acting, service.db.keyring.signingKey('access-tokens').privateKey)
  const bytes = (token: string): Buffer => Buffer.from(token.slice(4), 'base64url')
  const [mine, theirs] = [bytes(key.string('key')), bytes(other.string('key'))]
  const cak = (...parts: Buffer[]): string => `cak_${Buffer.concat(parts).toString('base64url')}`
  const none = told(await request('GET', '/v1/me', { token: null }))
  for (const [what, token] of Object.entries({
    'a refresh token': agent.refreshToken,
    'a link': link,
    'the beginning of a key': key.string('key').slice(0, 12),
    'what is stored as its beginning': key.string('prefix'),
    'a key cut short': key.string('key').slice(0, -1),
    'a key in capitals': key.string('key').toUpperCase(),
    'a key without its prefix': key.string('key').slice(4),
    'a key with the prefix of a refresh token': key.string('key').replace('cak', 'crt'),
    'a refresh token with the prefix of a key': agent.refreshToken.replace('crt', 'cak'),
    'a link with the prefix of a key': link.replace('cin', 'cak'),
    'a key with the secret of another': cak(mine.subarray(0, 32), theirs.subarray(32)),
    'a key in another tenant': cak(theirs.subarray(0, 16), mine.subarray(16)),
    'a key of another tenant in this one': cak(mine.subarray(0, 16), theirs.subarray(16)),
    'a key of zeros': cak(mine.subarray(0, 32), Buffer.alloc(32)),
    'a key of a member': cak(mine.subarray(0, 16), Buffer.from(agent.id.replaceAll('-', ''), 'hex'), mine.subarray(32)),
    'a token that acts for a member, without its key': mint.make({}, { key: undefined }),
    'one that names another key': mint.make({}, { key: other.id }),
    'one that names the member as the key': mint.make({}, { key: agent.id }),
    'one that acts for somebody else': mint.make({}, { sub: service.ownerId }),
    'a member’s own that names the key': mintOf(
      agent.token,
      service.db.keyring.signingKey('access-tokens').privateKey,
    ).make({}, { key: key.id }),
  }))
    t.equal(told(await request('GET', '/v1/me', bearer(token))), none, what)

  const refused = new Set<string>()
  for (const token of [agent.token, acting, key.string('key'), link, 'crt_', `crt_${'A'.repeat(86)}`, 'x'])
    refused.add(told(await request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken: token } })))
  const password = 'another-password-1'
  for (const token of [agent.token, acting, key.string('key'), agent.refreshToken, `cin_${'A'.repeat(86)}`, 'x'])
    refused.add(told(await request('POST', '/v1/invitations/accept', { token: null, body: { token, password } })))
  t.same([...refused], [none], 'where tokens are given in a body, in the same words')

  await t.test('nobody acts for others but a key that may', async (t) => {
    const act = async (token: string, memberId: string): Promise<number> =>
      (await request('POST', '/v1/sessions/exchange', { token, body: { memberId } })).status
    t.same(
      [
        await act(agent.token, agent.id),
        await act(acting, service.ownerId),
        await act(other.string('key'), second.ownerId),
        await act(key.string('key'), second.ownerId),
        await act(key.string('key'), key.id),
        await act(key.string('key'), '*'),
      ],
      [403, 403, 403, 404, 404, 400],
    )
  })
})

t.test('however the header is written, a token is good or it is none', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { url, ownerToken: good } = service
  const get = async (...lines: string[]) => {
    const answer = await raw(
      url,
      `GET /v1/tags HTTP/1.1\r\nhost: x\r\n${lines.map((line) => `${line}\r\n`).join('')}connection: close\r\n\r\n`,
    )
    return told(new Answer(answer.status, Object.fromEntries(answer.headers), answer.text))
  }
  const none = await get()
  t.match(none, /^\[401/)
  const let_in = await get(`authorization: Bearer ${good}`)
  t.match(let_in, /^\[200/)
  // RFC 9110: the case of names and schemes, and space around a value, mean nothing.
  for (const line of [
    `AUTHORIZATION: bearer ${good}`,
    `Authorization:BEARER ${good}`,
    `authorization: \t Bearer ${good} \t`,
  ])
    t.equal(await get(line), let_in, line.replace(good, '…'))
  for (const lines of [
    [`authorization: Bearer ${good}`, `authorization: Bearer ${good}`],
    [`authorization: Bearer ${good}`, 'authorization: Bearer x'],
    ['authorization: Bearer x', `Authorization: Bearer ${good}`],
    [`authorization: Bearer ${good}`, 'authorization:'],
    [`authorization: Basic ${good}`, `authorization: Bearer ${good}`],
    [`authorization: Bearer ${good}, Bearer ${good}`],
    [`authorization: Bearer ${good},`],
    [`authorization: ,Bearer ${good}`],
    [`authorization: Bearer x, ${good}`],
    [`authorization: Bearer\t${good}`],
    [`authorization: Bearer  ${good}`],
    [`authorization: Bearer${good}`],
    [`authorization: Bearer: ${good}`],
    [`authorization: Bearer "${good}"`],
    [`authorization: Bearer token=${good}`],
    [`authorization: Bearer%20${good}`],
    [`authorization: Bearer ${good} x`],
    [`authorization: Bearer ${good};`],
    [`authorization: Bearer Bearer ${good}`],
    [`authorization: ${good}`],
    [`authorization: Token ${good}`],
    [`authorization: JWT ${good}`],
    [`authorization: DPoP ${good}`],
    [`authorization: Basic ${Buffer.from(`x:${good}`).toString('base64')}`],
    ['authorization: Bearer'],
    ['authorization: null'],
    [`proxy-authorization: Bearer ${good}`],
    [`x-authorization: Bearer ${good}`],
    [`cookie: authorization=Bearer ${good}`],
    [`connection: authorization`, `x: ${good}`],
    [`forwarded: for=127.0.0.1;by=${good.slice(0, 10)}`],
    ['x-forwarded-user: owner@example.com', 'x-remote-user: owner', 'x-tenant-id: 1', 'x-original-url: /health/live'],
  ])
    t.equal(await get(...lines), none, lines.join(' | ').replaceAll(good, '…'))
  for (const folded of [
    `authorization: Bearer\r\n ${good}`,
    `authorization : Bearer ${good}`,
    ` authorization: Bearer ${good}`,
  ])
    t.match(await get(folded), /^\[40[01]/, 'what is no header is no token')
})
