import t from 'tap'
import { type Answer, startTestService } from '../../harness/service.ts'
import { done } from '../conversations/fixtures.ts'

const service = await startTestService(t, { env: { PUBLIC_URL: 'https://hub.test' } })

const meta = { appSecret: 'app-secret', verifyToken: 'verify', accessToken: 'the-access-token' }
const topicArn = 'arn:aws:sns:eu-west-1:123456789012:mail'
const bucket = {
  name: 'my-mail',
  region: 'eu-west-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'the-secret-access-key',
}
const address = 'support@example.com'
const all: Record<string, Record<string, unknown>[]> = {
  whatsapp: [{ phoneNumberId: '1', ...meta }],
  messenger: [{ pageId: '1', ...meta }],
  instagram: [{ accountId: '1', ...meta }],
  line: [{ channelSecret: 'the-channel-secret', channelAccessToken: 'the-token' }],
  telegram: [{ botToken: '1:AA-the-bot-token' }],
  email: [
    ...['raw', 'postmark', 'sendgrid'].map((kind) => ({ address, inbound: { kind } })),
    { address, inbound: { kind: 'mailgun', secret: 'the-signing-key' } },
    { address, inbound: { kind: 'ses', topicArn, bucket } },
  ],
  form: ['html', 'typeform', 'tally', 'jotform'].map((kind) => ({ kind })),
  webchat: [{ signingSecret: 'a-long-random-secret', allowedOrigins: ['https://shop.example'] }],
  connector: [{}],
}
const faultsOf = ({ body }: Answer): unknown => body.errors
const make = (type: string, settings: unknown, more: Record<string, unknown> = {}): Promise<Answer> =>
  service.request('POST', '/v1/channels', { body: { type, name: type, settings, ...more } })

t.test('every type is made with what its provider gave, and says where to paste what', async (t) => {
  for (const [type, list] of Object.entries(all))
    for (const settings of list) {
      const made = await make(type, settings)
      t.equal(made.status, 201, made.text)
      const setup = await done(service, 'GET', `/v1/channels/${made.id}/setup`)
      const steps = setup.body.steps as { name: string; hint: string; value: string }[]
      t.ok(
        steps.some(({ value }) => value.startsWith(`https://hub.test/v1/`) && value.includes(made.id)),
        `${type}: where to post`,
      )
      t.ok(
        steps.every(({ hint, value }) => hint !== '' && value !== ''),
        type,
      )
      t.notMatch(setup.text, /the-|app-secret|a-long-random/, `${type}: no secret`)
      t.match((await done(service, 'GET', `/v1/channels/${made.id}/health`)).body, { status: 'ok' })
    }
})

t.test('an address that no provider reaches is said to be none', async (t) => {
  const local = await startTestService(t, { env: { PUBLIC_URL: 'http://127.0.0.1:3000' } })
  const made = await done(local, 'POST', '/v1/channels', { type: 'line', name: 'LINE', settings: all.line?.[0] })
  const setup = await done(local, 'GET', `/v1/channels/${made.id}/setup`)
  t.match(setup.body.steps, [{ name: 'webhook_url' }, { name: 'public_url', value: 'http://127.0.0.1:3000' }])
})

t.test('what stands in the way is named, with its place', async (t) => {
  const taken = await make('whatsapp', all.whatsapp?.[0])
  t.match([taken.status, faultsOf(taken)], [409, [{ path: '/settings/phoneNumberId', code: 'already_exists' }]])
  const other = await done(service, 'POST', '/v1/channels', {
    type: 'whatsapp',
    name: 'other',
    settings: { ...all.whatsapp?.[0], phoneNumberId: '2' },
  })
  const { etag = '' } = (await service.request('GET', `/v1/channels/${other.id}`)).headers
  const body = { settings: { phoneNumberId: '1' } }
  const moved = await service.request('PATCH', `/v1/channels/${other.id}`, { body, headers: { 'if-match': etag } })
  t.match([moved.status, faultsOf(moved)], [409, [{ path: '/settings/phoneNumberId' }]])
  const nobody = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
  for (const name of ['teamId', 'businessUnitId']) {
    const answer = await make('connector', {}, { [name]: nobody })
    t.match([answer.status, faultsOf(answer)], [422, [{ path: `/${name}`, code: 'unknown_reference' }]])
  }
  const topic = await make('email', { address, inbound: { kind: 'ses', topicArn: 'mail' } })
  t.match(faultsOf(topic), [{ path: '/settings/inbound/topicArn', message: /arn:aws:sns/ }])
})

t.test('what fits none of several forms is told by the nearest of them, or by what they begin with', async (t) => {
  const rule = async (more: Record<string, unknown>) =>
    faultsOf(
      await service.request('POST', '/v1/routing-rules', {
        body: { name: 'r', position: 1, event: 'message_received', actions: [{ addTag: 'x' }], ...more },
      }),
    )
  t.match(await rule({ actions: [{ assign: { strategy: 'nobody' } }] }), [{ path: '/actions/0/assign/strategy' }])
  t.match(await rule({ when: { and: [{ eq: ['contact.country'] }] } }), [{ path: '/when/and/0/eq', code: 'too_small' }])
  for (const action of [{ dance: 1 }, { addTag: 'x', setStatus: 'open' }, { addTag: 'x', setStatus: 'open', dance: 1 }])
    t.match(await rule({ actions: [action] }), [
      { path: '/actions/0', message: /^Has exactly one of these: (?!.*dance).*assignTeam.*$/ },
    ])
  t.match(await rule({ when: { like: ['a', 'b'] } }), [{ path: '/when', message: /: eq, ne, lt/ }])
})

t.test('a page that may not use a chat is told why', async (t) => {
  const chat = await make('webchat', all.webchat?.[0])
  const open = (body: unknown, origin = 'https://shop.example'): Promise<Answer> =>
    service.request('POST', `/v1/webchat/${chat.id}/sessions`, { body, token: null, headers: { origin } })
  t.match((await open({}, 'https://evil.example')).body, { status: 403, detail: /allowedOrigins/ })
  t.match((await open({ userId: 'u-1' })).body, { status: 401, detail: /userHash/ })
  t.match((await open({ visitorToken: 'x' })).body, { status: 401, detail: /open a session/ })
})
