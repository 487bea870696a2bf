import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLog, errorFields } from '../../src/log.ts'
import { localServer } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { startWire, type Wire } from '../harness/wire.ts'
import { post, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'

/** Words that nobody else uses: wherever one of them appears, a value has got out. */
class Canaries {
  readonly #words: string[] = []

  word(of: string): string {
    const word = `Canary${of}${randomBytes(6).toString('hex')}`
    this.#words.push(word)
    return word
  }

  digits(count: number): string {
    const digits = Array.from(randomBytes(count), (byte) => byte % 10).join('')
    this.#words.push(digits)
    return digits
  }

  keep(secret: string): string {
    this.#words.push(secret)
    return secret
  }

  /** The words that stand in the lines, with the line. */
  found(lines: readonly string[]): string[] {
    return lines.flatMap((line) =>
      this.#words.filter((word) => line.toLowerCase().includes(word.toLowerCase())).map((word) => `${word}: ${line}`),
    )
  }
}

/** A person with a canary in every field that takes free text. */
function person(canaries: Canaries) {
  const text = (of: string): string => canaries.word(of)
  return {
    displayName: text('DisplayName'),
    givenName: text('GivenName'),
    familyName: text('FamilyName'),
    email: `${text('Email')}@${text('Domain')}.example`,
    phone: `+49170${canaries.digits(8)}`,
    company: text('Company'),
    jobTitle: text('JobTitle'),
    followUpStatus: text('FollowUp'),
    intent: text('Intent'),
    source: text('Source'),
    tags: [text('Tag')],
    address: { street: text('Street'), city: text('City') },
    residence: { country: 'DE', source: text('Residence') },
    externalIds: [{ system: text('System'), id: text('ExternalId') }],
  }
}

t.test('no personal value and no secret is ever logged', { timeout: 120_000 }, async (t) => {
  let wire: Wire | undefined
  const service = await startTestService(t, {
    worker: true,
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    through: async (url) => {
      wire = await startWire(t, url)
      return wire.url
    },
  })
  const canaries = new Canaries()
  const { request, logs } = service
  canaries.keep(service.ownerToken)

  await t.test('of contacts, in what succeeds and in what fails', async () => {
    const anna = person(canaries)
    const { id } = await request('POST', '/v1/contacts', { body: anna })
    const secrets = Object.values(anna).filter((value) => typeof value === 'string')
    for (const value of secrets) {
      await request('GET', `/v1/contacts?q=${encodeURIComponent(value)}`)
      for (const field of ['displayName', 'email', 'phone', value])
        await request('GET', `/v1/contacts?${encodeURIComponent(field)}=${encodeURIComponent(value)}`)
      await request('GET', `/v1/contacts?sort=${encodeURIComponent(value)}`)
      await request('GET', `/v1/contacts/${encodeURIComponent(value)}`)
      await request('GET', `/v1/${encodeURIComponent(value)}`)
      await request('GET', `/v1/contacts/%ff${encodeURIComponent(value)}`)
      await request('GET', `/v1/contacts?cursor=${encodeURIComponent(value)}`)
      await request('POST', '/v1/contacts/search', { body: { where: { eq: ['displayName', value] }, q: value } })
      await request('POST', '/v1/contacts/search', { body: { where: { [value]: [value, value] } } })
      await request('PATCH', `/v1/contacts/${id}`, {
        body: { [value]: value, birthDate: value, ownerId: value, tags: [value, value] },
      })
      await request('PATCH', `/v1/contacts/${id}`, { body: `{"displayName": "${value}\n    at ${value}` })
      await request('PATCH', `/v1/contacts/${id}`, { body: value })
      await request('POST', `/v1/contacts/${id}/reveal`, { body: { fields: ['phone', value], reason: value } })
      await request('GET', '/v1/contacts', {
        headers: {
          'custodia-purpose': value,
          'idempotency-key': value,
          'if-none-match': value,
          'request-id': `${value} `,
          'user-agent': value,
          cookie: value,
          'x-forwarded-for': value,
        },
      })
      await request('POST', '/v1/contacts', { body: anna, headers: { 'content-type': value } })
    }
    await request('POST', `/v1/contacts/${id}/reveal`, { body: { fields: ['phone'], reason: canaries.word('Reason') } })
    await request('POST', '/v1/contacts', { body: anna })
    await request('POST', '/v1/contacts', { body: { ...anna, externalIds: [], ownerId: randomUUID() } })
    await request('DELETE', `/v1/contacts/${id}`)
    await request('POST', `/v1/contacts/${id}/restore`)
  })

  await t.test('when the database repeats the row in its error', async (t) => {
    const refuse = (code: string): string =>
      `CREATE OR REPLACE FUNCTION public.repeat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION E'no: %\\n    at %', NEW, NEW USING ERRCODE = '${code}', DETAIL = NEW::text, HINT = NEW::text, COLUMN = NEW::text, DATATYPE = NEW::text; END $$`
    await service.sql(refuse('P0001'))
    await service.sql(
      'CREATE TRIGGER repeat BEFORE INSERT OR UPDATE ON app.contact FOR EACH ROW EXECUTE FUNCTION public.repeat()',
    )
    for (const code of ['P0001', '22000', '23505', '23503', '23514', '42501', 'XX000', '40001', '57014']) {
      await service.sql(refuse(code))
      const answer = await request('POST', '/v1/contacts', { body: { ...person(canaries), externalIds: [] } })
      t.ok(answer.status >= 400, `${code}: ${answer.status}`)
      t.same(canaries.found([answer.text]), [], 'nor is it answered')
    }
    await service.sql('DROP TRIGGER repeat ON app.contact')
    await service.sql(`ALTER TABLE app.contact ADD CONSTRAINT short CHECK (length(company) < 5) NOT VALID`)
    const checked = await request('POST', '/v1/contacts', { body: { ...person(canaries), externalIds: [] } })
    t.equal(checked.status, 400, 'the whole row stands in the detail of this one')
    await service.sql('ALTER TABLE app.contact DROP CONSTRAINT short')
  })

  await t.test('of members, sessions and keys', async (t) => {
    const secret = `${canaries.word('Password')}-1`
    const email = `${canaries.word('Login')}@example.com`
    const login = (body: object) => request('POST', '/v1/sessions', { token: null, body })
    await request('POST', '/v1/members', { body: { email, displayName: canaries.word('Member'), password: secret } })
    await request('POST', '/v1/members', { body: { email, displayName: canaries.word('Member'), password: secret } })
    await login({ email, password: canaries.word('WrongPassword') })
    await login({ email: `${canaries.word('Nobody')}@example.com`, password: secret })
    await login({ email, password: secret, tenant: canaries.word('Tenant') })
    await login({ email, password: secret, remember: canaries.word('Extra') })
    await request('POST', '/v1/sessions', { token: null, body: `{"email":"${email}","password":"${secret}` })
    const session = await login({ email, password: secret })
    const token = canaries.keep(session.string('accessToken'))
    const refreshToken = canaries.keep(session.string('refreshToken'))
    const next = `${canaries.word('NewPassword')}-2`
    await request('POST', '/v1/me/password', { token, body: { currentPassword: `${secret}x`, newPassword: next } })
    await request('POST', '/v1/me/password', { token, body: { currentPassword: secret, newPassword: next } })
    for (let i = 0; i < 2; i++) await request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken } })
    const invited = await request('POST', '/v1/members', {
      body: { email: `${canaries.word('Invited')}@example.com`, displayName: 'x' },
    })
    const link = canaries.keep((invited.body.invitation as { token: string }).token)
    for (let i = 0; i < 2; i++)
      await request('POST', '/v1/invitations/accept', { token: null, body: { token: link, password: next } })
    const key = canaries.keep(
      (await request('POST', '/v1/api-keys', { body: { name: canaries.word('KeyName'), roleIds: [] } })).string('key'),
    )
    for (const one of [key, `${key}x`, token, refreshToken, link, secret]) {
      t.ok((await request('GET', '/v1/contacts', { token: one })).status >= 400)
      await request('GET', `/v1/contacts?access_token=${one}`, { token: null })
      await request('POST', '/v1/sessions/refresh', { token: null, body: { refreshToken: one } })
    }
  })

  await t.test('of channels, what comes in through them, and what goes out', async (t) => {
    const provider = await localServer((_seen, response) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: canaries.word('ProviderSays'), code: 131000 } }))
    })
    t.teardown(() => provider.close())
    const settings = {
      appSecret: canaries.word('AppSecret'),
      accessToken: canaries.word('AccessToken'),
      verifyToken: canaries.word('VerifyToken'),
      apiBaseUrl: `${provider.url}/${canaries.word('Path')}`,
    }
    const channel = await request('POST', '/v1/channels', { body: whatsappChannel(settings) })
    t.equal(channel.status, 201, channel.text)
    await request('POST', '/v1/channels', { body: whatsappChannel({ ...settings, [canaries.word('Setting')]: 1 }) })
    const from = canaries.digits(11)
    const body = whatsappPost([{ id: canaries.word('Wamid'), text: canaries.word('Text'), from }])
    for (const secret of [settings.appSecret, 'wrong']) await post(service, channel.id, body, secret)
    await post(service, channel.id, `${body}${canaries.word('Garbage')}`, settings.appSecret)
    await request(
      'GET',
      `/v1/ingest/${channel.id}?hub.mode=subscribe&hub.verify_token=${settings.verifyToken}x&hub.challenge=1`,
      { token: null },
    )
    await request(
      'GET',
      `/v1/ingest/${channel.id}?hub.mode=subscribe&hub.verify_token=${settings.verifyToken}&hub.challenge=${canaries.digits(12)}`,
      { token: null },
    )
    const conversation = await soon(async () => (await request('GET', '/v1/conversations')).data[0]?.id)
    await request('POST', `/v1/conversations/${conversation}/notes`, { body: { text: canaries.word('Note') } })
    await service.sql('UPDATE app.conversation SET last_inbound_at = now()')
    const text = canaries.word('Answer')
    const sent = await request('POST', `/v1/conversations/${conversation}/messages`, {
      body: { type: 'text', text },
    })
    t.equal(sent.status, 201, sent.text)
    await soon(async () => (provider.seen.length > 0 ? true : undefined))
    const file = `--x\r\ncontent-disposition: form-data; name="file"; filename="${canaries.word('File')}.txt"\r\ncontent-type: text/plain\r\n\r\n${canaries.word('Content')}\r\n--x--\r\n`
    await request('POST', '/v1/attachments', {
      body: file,
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    })
  })

  await t.test('while the database is away', async (t) => {
    if (!wire) return
    const asItIs = wire.fromClient
    wire.fromClient = (bytes, cut) => {
      cut()
      return bytes
    }
    for (const [method, path] of [
      ['GET', '/v1/contacts?q='],
      ['POST', '/v1/contacts'],
    ] as const) {
      const word = canaries.word('Away')
      const answer = await request(
        method,
        path === '/v1/contacts' ? path : `${path}${word}`,
        method === 'POST' ? { body: { displayName: word } } : {},
      )
      t.equal(answer.status, 503)
    }
    wire.fromClient = asItIs
    await soon(async () => ((await request('GET', '/v1/contacts')).status === 200 ? true : undefined))
  })

  await service.stop()
  t.ok(logs.length > 100, `${logs.length} lines were logged`)
  for (const level of ['trace', 'debug', 'warn', 'error'].slice(1))
    t.ok(
      logs.some((line) => line.includes(`"level":"${level}"`)),
      level,
    )
  for (const line of logs) t.doesNotThrow(() => JSON.parse(line))
  t.same(canaries.found(logs), [])
})

t.test('of an error only its kind, its code and its place are told', async (t) => {
  const word = `Canary${randomBytes(6).toString('hex')}`
  const nasty = Object.assign(new Error(`no: ${word}\n    at ${word} (file.ts:1:1)`, { cause: new TypeError(word) }), {
    code: 'P0001',
    detail: word,
    hint: word,
    where: word,
    internalQuery: word,
    query: word,
    parameters: [word],
    column: word,
    dataType: word,
    config: { headers: { authorization: word } },
  })
  const told = errorFields(nasty)
  t.notMatch(JSON.stringify(told), word)
  t.match(told, { type: 'Error', code: 'P0001', cause: { type: 'TypeError' } })
  t.ok(JSON.stringify(told).includes('logs.test.ts'), 'and where it was')
  for (const thrown of [word, { message: word }, [word], null, undefined, 1])
    t.notMatch(JSON.stringify(errorFields(thrown)), word)
  const loop = new Error('loop')
  loop.cause = loop
  t.ok(errorFields(loop), 'an error that is its own cause ends')
})

t.test('what libraries log keeps to that as well', async (t) => {
  const lines: string[] = []
  const log = createLog({ logLevel: 'trace', logPretty: false }, false, { write: (line) => void lines.push(line) })
  const word = `Canary${randomBytes(6).toString('hex')}`
  const error = new Error(`no: ${word}`)
  log.error(error)
  log.error(error, error.message)
  log.error({ err: error }, error.message)
  log.error({ err: error, code: 'E1' })
  log.child({ reqId: 'r1' }).warn({ error }, 'said so')
  log.info({ headers: { authorization: word }, list: [word], count: 2 }, 'an upload')
  log.info('%s of %d', 'one', 2)
  t.same(
    lines.filter((line) => line.includes(word)),
    [],
  )
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { msg: 'an error', err: { type: 'Error' } },
      { msg: 'an error' },
      { msg: 'an error' },
      { msg: 'an error', code: 'E1' },
      { msg: 'said so', reqId: 'r1', error: { type: 'Error' } },
      { msg: 'an upload', count: 2 },
      { msg: 'one of 2' },
    ],
  )
})

/** What `look` finds, once it finds something. */
async function soon<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(25)
  }
  throw new Error('it did not come')
}
