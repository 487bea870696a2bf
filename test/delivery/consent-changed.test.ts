import { randomUUID } from 'node:crypto'
import t from 'tap'
import { signWebhook } from '../../src/channels/standard-webhooks.ts'
import { unsubscribeUrl } from '../../src/resources/unsubscribe/token.ts'
import { event, signed } from '../channels/line/fixtures.ts'
import { type Row, startTestService } from '../harness/service.ts'
import { connectorChannel, done, said, talk, until } from '../resources/conversations/fixtures.ts'
import { phoneNumberId, post, wabaId, whatsappChannel, whatsappPost } from '../resources/ingest/posts.ts'

const service = await startTestService(t, { worker: true })
const { request } = service
const connector = await connectorChannel(service, 'http://127.0.0.1:9/')
const stopped = 'leave alone'
const rule = (body: object) =>
  done(service, 'POST', '/v1/routing-rules', { name: 'Rule', position: 1, event: 'consent_changed', ...body })

const contacts = async (query: string): Promise<Row[]> => (await done(service, 'GET', `/v1/contacts?${query}`)).data
/** Waits until a rule has done its work on the one contact that is asked for. */
const is = (status: string, query: string): Promise<void> =>
  until(async () => {
    const [one] = await contacts(query)
    return one?.followUpStatus === status
  })
const isLeftAlone = (query: string): Promise<void> => is(stopped, query)
const last = async (contactId: unknown): Promise<Row | undefined> =>
  (await done(service, 'GET', `/v1/contacts/${contactId}/consent-events`)).data[0]

async function says(text: string, from: string): Promise<void> {
  const body = JSON.stringify({
    events: [
      {
        ...{ id: randomUUID(), type: 'message', occurredAt: new Date().toISOString() },
        ...{ from: { value: from, displayName: from }, message: { type: 'text', text } },
      },
    ],
  })
  const headers = signWebhook(randomUUID(), new Date(), body, connector.secret)
  const answer = await request('POST', `/v1/ingest/${connector.channelId}`, { token: null, body, headers })
  if (answer.status !== 202) throw new Error(answer.text)
}

/** A message of ours with its link to say stop. */
async function linked() {
  const one = await talk(service, { channelId: connector.channelId, kind: 'connector' })
  const messageId = await said(service, one, 'Hello')
  const { db, config, tenantId } = service
  const url = unsubscribeUrl(db.keyring, config.publicUrl, { tenantId, region: 'default', messageId })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const path = url.slice(config.publicUrl.length)
  const click = () => request('POST', path, { token: null, body: 'List-Unsubscribe=One-Click', headers })
  return { ...one, click }
}

t.test('whichever way a wish comes, the rules are asked about it', async (t) => {
  await rule({
    when: { eq: ['consent.state', 'stop'] },
    actions: [{ setFollowUpStatus: stopped }, { addTag: 'said stop' }],
  })

  await t.test('a word that says stop', async (t) => {
    await says('Hello', 'ada')
    await says('STOP', 'ada')
    await isLeftAlone('displayName=ada')
    const [ada] = await contacts('displayName=ada')
    t.match(await last(ada?.id), { source: 'keyword', messageId: /./ })
  })

  await t.test('a preference at the provider', async (t) => {
    const channel = await done(service, 'POST', '/v1/channels', whatsappChannel())
    await post(service, channel.id, whatsappPost([{ id: 'wamid.1', text: 'hi' }]))
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '1', phone_number_id: phoneNumberId },
      contacts: [{ wa_id: '4915112345678', profile: { name: 'Mina' } }],
      user_preferences: [
        { wa_id: '4915112345678', value: 'stop', category: 'marketing_messages', timestamp: '1790000009' },
      ],
    }
    const entry = [{ id: wabaId, changes: [{ field: 'user_preferences', value }] }]
    await post(service, channel.id, JSON.stringify({ object: 'whatsapp_business_account', entry }))
    await isLeftAlone('displayName=Mina')
    const [mina] = await contacts('displayName=Mina')
    const one = await last(mina?.id)
    t.match(one, { source: 'preference', category: 'marketing', identityId: /./, messageId: null })
    const words = await done(service, 'GET', `/v1/consent-events/${one?.id}/evidence`)
    t.match(words.body, { detail: /./ })
  })

  await t.test('a block', async (t) => {
    const channel = await done(service, 'POST', '/v1/channels', {
      type: 'line',
      name: 'LINE',
      settings: { channelSecret: 'a-channel-secret', channelAccessToken: 'token', apiBaseUrl: 'http://127.0.0.1:9' },
    })
    const unfollow = { ...event('unfollow', { replyToken: undefined }), timestamp: Date.now() }
    const { headers, rawBody } = signed({ destination: 'Ubot', events: [unfollow] })
    const answer = await request('POST', `/v1/ingest/${channel.id}`, {
      body: rawBody,
      token: null,
      headers: { 'content-type': 'application/json', 'x-line-signature': headers['X-Line-Signature'] ?? '' },
    })
    t.equal(answer.status, 200)
    await isLeftAlone('source=line')
    const [one] = await contacts('source=line')
    t.match(await last(one?.id), { source: 'preference', category: 'all', state: 'stop' })
  })

  await t.test('a box that was ticked in a form', async (t) => {
    await rule({ when: { eq: ['consent.state', 'resume'] }, actions: [{ setFollowUpStatus: 'agreed' }] })
    const site = 'https://www.example.com'
    const settings = { kind: 'html', allowedOrigins: [site], fieldMap: { news: 'consent.marketing' } }
    const channel = await done(service, 'POST', '/v1/channels', { type: 'form', name: 'Form', settings })
    const fields = { name: 'Fred', email: 'fred@example.com', news: 'yes, please', message: 'Hello', _nonce: 'one' }
    const answer = await request('POST', `/v1/ingest/${channel.id}`, {
      token: null,
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: site },
    })
    t.ok(answer.status < 400, answer.text)
    await is('agreed', 'displayName=Fred')
    const [fred] = await contacts('displayName=Fred')
    const one = await last(fred?.id)
    t.match(one, { source: 'form', state: 'resume', messageId: /./ })
    const words = await done(service, 'GET', `/v1/consent-events/${one?.id}/evidence`)
    t.match(words.body, { detail: { answer: 'yes, please' } })
  })

  await t.test('the one click of a mail, once', async (t) => {
    const one = await linked()
    t.equal((await one.click()).status, 200)
    await isLeftAlone(`id=${one.contactId}`)
    const conversation = await done(service, 'GET', `/v1/conversations/${one.conversationId}`)
    t.same(conversation.body.tags, ['said stop'], 'in the conversation of the message')
    const said = await last(one.contactId)
    t.match(said, { source: 'link', identityId: one.identityId, evidence: null })
    t.equal((await request('GET', `/v1/consent-events/${said?.id}/evidence`)).status, 410, 'its use says enough')
    await done(service, 'PATCH', `/v1/contacts/${one.contactId}`, { followUpStatus: 'open' })
    await one.click()
    const jobs = await service.sql(`SELECT 1 FROM graphile_worker._private_jobs WHERE key LIKE 'consent-changed/%'`)
    t.same(jobs, [], 'a second click says nothing new')
  })

  await t.test('what was told to somebody here', async (t) => {
    const one = await linked()
    const path = `/v1/contacts/${one.contactId}/consent-events`
    const agent = await service.member('agent')
    const body = { category: 'marketing', state: 'stop', evidence: 'By phone.', channelId: connector.channelId }
    const made = await done(service, 'POST', path, body, agent.token)
    await isLeftAlone(`id=${one.contactId}`)
    const conversation = await done(service, 'GET', `/v1/conversations/${one.conversationId}`)
    t.same(conversation.body.tags, ['said stop'], 'in the last conversation on the channel')
    const [event] = await service.sql<{ actor_kind: string; touched: { resource: string; ids: string[] }[] }>(
      `SELECT actor_kind, touched FROM audit.readable_event WHERE action = 'update' AND $1 = ANY (ids)`,
      [made.id],
    )
    t.equal(event?.actor_kind, 'system')
    t.ok(event?.touched.some(({ resource }) => resource === 'routing-rules'))

    const other = await linked()
    const { channelId: _all, ...everywhere } = body
    await done(service, 'POST', `/v1/contacts/${other.contactId}/consent-events`, everywhere)
    await isLeftAlone(`id=${other.contactId}`)
    const untouched = await done(service, 'GET', `/v1/conversations/${other.conversationId}`)
    t.same(untouched.body.tags, [], 'a wish about all channels happened in no conversation')
  })
})
