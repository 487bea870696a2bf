import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { signWebhook } from '../../../src/channels/standard-webhooks.ts'
import { json, type LocalServer, localServer } from '../../channels/local-server.ts'
import { ownerEmail, type TestService } from '../../harness/service.ts'
import { pdf } from '../../resources/attachments/fixtures.ts'
import { done, until } from '../../resources/conversations/fixtures.ts'

/** Somebody every value of whom holds a word, or a number, that nobody else has. */
export interface Canary {
  contactId: string
  conversationId: string
  /** letters and digits, in both cases */
  word: string
  phone: string
  number: number
  email: string
  /** as the connector knows them */
  address: string
}

export interface Population {
  channelId: string
  /** Everybody, with all that is known of them. */
  people: Canary[]
  /** Posts events to the connector, as `send` of people's own address would. */
  post(...events: object[]): Promise<void>
  /** What the connector was asked to send. */
  sent: () => string[]
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'
const word = (): string => `Zq${Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join('')}`
const at = (offsetMs: number): string => new Date(Date.now() - 3_600_000 + offsetMs).toISOString()

/** Fields of every type, which each person has. */
async function defineFields(service: TestService): Promise<void> {
  const options = [{ value: 'gold' }, { value: 'silver' }]
  for (const field of [
    { key: 'motto', type: 'text', classification: 'personal' },
    { key: 'handle', type: 'text', format: 'email', classification: 'sensitive' },
    { key: 'luckyNumber', type: 'number', classification: 'personal' },
    { key: 'tier', type: 'choice', options, classification: 'general' },
    { key: 'since', type: 'date', classification: 'personal' },
    { key: 'member', type: 'boolean', classification: 'general' },
  ])
    await done(service, 'POST', '/v1/custom-fields', { resource: 'contacts', labels: { en: field.key }, ...field })
}

/**
 * Makes people through HTTP, as they come: by what they write to a connector, with a file; then a member fills in the
 * contact, writes notes and answers, reveals, searches. The service must run its worker.
 */
export async function populate(
  t: { teardown(end: () => unknown): unknown },
  service: TestService,
  count: number,
): Promise<Population> {
  await defineFields(service)
  await done(service, 'PATCH', `/v1/members/${service.ownerId}`, { revealQuota: 10_000 })
  const files = await filesOf(t)
  const settings = { outboundUrl: `${files.url}/out` }
  const channel = await done(service, 'POST', '/v1/channels', { type: 'connector', name: 'Connector', settings })
  const post = async (...events: object[]): Promise<void> => {
    const body = JSON.stringify({ events })
    const headers = signWebhook(randomUUID(), new Date(), body, channel.string('secret'))
    const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { token: null, body, headers })
    if (answer.status !== 202) throw new Error(answer.text)
  }
  const people = Array.from({ length: count }, (_, i): Canary => {
    const own = word()
    const phone = `+4915${String(700_000_000 + i * 7919)}`
    const number = 10_000_000 + i * 104_729
    const named = { word: own, phone, number, email: `${own}@canary.example`, address: `visitor-${own}` }
    return { ...named, contactId: '', conversationId: '' }
  })
  for (const one of people) await post(...firstEvents(one, files))
  const waiting = `SELECT count(*)::int AS n FROM app.inbound_event WHERE status = 'stored'`
  const fetching = `SELECT count(*)::int AS n FROM app.attachment WHERE status = 'pending'`
  await until(async () => {
    // What waits for a message that never comes need not wait long.
    await service.sql(`SET session_replication_role = replica; UPDATE app.inbound_event SET retry_at = now() WHERE retry_at > now();
      UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now(); SET session_replication_role = DEFAULT`)
    await sleep(300)
    return (await service.sql(waiting))[0]?.n === 0
  }, 600_000)
  await until(async () => (await service.sql(fetching))[0]?.n === 0, 300_000)
  for (const [i, one] of people.entries()) {
    // A token does not live as long as the long form takes.
    if (i % 25 === 0) service.ownerToken = (await service.login(ownerEmail)).token
    await fillIn(service, one)
  }
  const queued = `SELECT count(*)::int AS n FROM app.message WHERE status = 'queued' AND retry_at IS NULL`
  await until(async () => (await service.sql(queued))[0]?.n === 0, 300_000)
  const sent = () => files.seen.filter(({ path }) => path === '/out').map(({ body }) => body)
  return { channelId: channel.id, people, post, sent }
}

/** Gives files, and takes what is sent: every message but the first of a person is put off. */
async function filesOf(t: { teardown(end: () => unknown): unknown }): Promise<LocalServer> {
  const server = await localServer(({ path, body }, response) => {
    if (path === '/out')
      return body.includes('second answer')
        ? json(response, 500, {}, { 'retry-after': '3000' })
        : json(response, 200, { externalId: `out-${randomUUID()}` })
    return response.writeHead(200, { 'content-type': 'application/pdf' }).end(pdf(2_000, decodeURIComponent(path)))
  })
  t.teardown(() => server.close())
  return server
}

function firstEvents({ word, phone, number, email, address }: Canary, { url }: LocalServer): object[] {
  const from = {
    value: address,
    displayName: `Käthe ${word}`,
    email,
    phone,
    customFields: { discovered: `form ${word}` },
  }
  const attachments = [{ url: `${url}/file-${word}`, name: `invoice-${word}.pdf`, mediaType: 'application/pdf' }]
  const common = { type: 'message', from, thread: `thread-${word}` }
  return [
    {
      ...common,
      id: `m1-${word}`,
      occurredAt: at(0),
      message: { type: 'text', text: `I am ${word}, call ${phone}`, attachments },
    },
    {
      ...common,
      id: `m2-${word}`,
      occurredAt: at(1_000),
      replyTo: `m1-${word}`,
      message: { type: 'text', text: `My number is ${number}` },
    },
    { type: 'reaction', id: `r1-${word}`, from, occurredAt: at(2_000), messageId: `m1-${word}`, emoji: `👍 ${word}` },
    // About a message that never comes: kept raw, it leads to nobody.
    {
      type: 'edit',
      id: `e1-${word}`,
      from,
      occurredAt: at(3_000),
      messageId: `none-${word}`,
      message: { type: 'text', text: `lost ${word}` },
    },
  ]
}

async function fillIn(service: TestService, one: Canary): Promise<void> {
  const { word, number, email } = one
  const found = await done(service, 'POST', '/v1/contacts/search', { where: { eq: ['email', email] } })
  one.contactId = String(found.data[0]?.id)
  const path = `/v1/contacts/${one.contactId}`
  await done(service, 'PATCH', path, {
    givenName: `Käthe ${word}`,
    familyName: `Müller-${word}`,
    company: `Canary & Söhne ${word}`,
    jobTitle: `Singer ${word}`,
    residence: { country: 'DE', subdivision: 'DE-NW', source: `said ${word}` },
    address: { street: `${word}-Straße 1`, city: `Köln ${word}`, postalCode: word.slice(0, 9), region: word },
    birthDate: '1988-04-01',
    followUpStatus: `call ${word}`,
    intent: `renewal ${word}`,
    intentScore: 70,
    source: `fair ${word}`,
    tags: [`tag-${word}`, 'everybody'],
    externalIds: [{ system: 'crm', id: `C-${word}` }],
    customFields: {
      motto: `Ähm ${word}`,
      handle: `second-${email}`,
      luckyNumber: number,
      tier: 'gold',
      since: '2020-01-01',
      member: true,
    },
  })
  const former = await done(service, 'POST', `${path}/identities`, { kind: 'email', value: `former-${email}` })
  await done(service, 'DELETE', `/v1/identities/${former.id}`)
  const [talk] = (await done(service, 'GET', `/v1/conversations?contactId=${one.contactId}`)).data
  one.conversationId = String(talk?.id)
  const talkPath = `/v1/conversations/${one.conversationId}`
  await done(service, 'PATCH', talkPath, { subject: `About ${word}`, tags: [`talk-${word}`] })
  const note = await service.request('POST', `${talkPath}/notes`, {
    body: { text: `Sounds like ${word}` },
    headers: { 'idempotency-key': `note-${word}` },
    token: service.ownerToken,
  })
  if (note.status !== 201) throw new Error(note.text)
  for (const text of [`first answer to ${word}`, `second answer to ${word}`])
    await done(service, 'POST', `${talkPath}/messages`, { type: 'text', text })
  await done(service, 'POST', `${path}/reveal`, { fields: ['phone'], reason: `to call ${word}` })
  await done(service, 'GET', `/v1/contacts?q=${word}`)
  await done(service, 'GET', `${path}/timeline`)
}
