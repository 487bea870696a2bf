import t from 'tap'
import { tokenAddress } from '../../src/channels/email/token.ts'
import { basic, mail, mailbox, secret } from '../channels/email/fixtures.ts'
import { startMailServer } from '../channels/email/mail-server.ts'
import { postOf } from '../channels/post.ts'
import { startTestService } from '../harness/service.ts'
import { done, faultsOf, until } from '../resources/conversations/fixtures.ts'

const proved = { 'Authentication-Results': 'mx.example.com; dmarc=pass header.from=example.org' }

/** A service with a mailbox, and what posts mails to it. */
async function mailed(t: Parameters<typeof startTestService>[0] & Parameters<typeof startMailServer>[0]) {
  const service = await startTestService(t, { worker: true })
  const server = await startMailServer(t)
  const channel = await done(service, 'POST', '/v1/channels', {
    type: 'email',
    name: 'Mail',
    settings: {
      address: mailbox,
      inbound: { kind: 'raw', secret, authservId: 'mx.example.com' },
      smtp: { host: '127.0.0.1', port: server.port, secure: false },
    },
  })
  const comes = async (raw: string): Promise<void> => {
    const { headers, rawBody } = postOf(raw, { ...basic(secret), 'content-type': 'message/rfc822' })
    const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
      body: rawBody,
      token: null,
      headers: Object.fromEntries(Object.entries(headers).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
    })
    if (answer.status !== 200) throw new Error(answer.text)
    await until(async () => (await service.sql(`SELECT 1 FROM app.inbound_event WHERE status = 'stored'`)).length === 0)
  }
  return { service, comes }
}

t.test('a stop by mail is that of whom we wrote to, whether their address was ever proved or not', async (t) => {
  const { service, comes } = await mailed(t)
  const last = async () =>
    (await service.sql('SELECT status, reason FROM app.inbound_event ORDER BY sequence DESC LIMIT 1'))[0]
  const contacts = async () => (await done(service, 'GET', '/v1/contacts')).data

  await comes(mail({ 'Message-ID': '<first@example.org>' }, 'Where is my order?'))
  const [conversation] = (await done(service, 'GET', '/v1/conversations')).data
  const path = `/v1/conversations/${conversation?.id}/messages`
  const news = () => service.request('POST', path, { body: { text: 'Our news', purpose: 'marketing' } })
  const sent = await news()
  t.equal(sent.status, 201, sent.text)
  await until(async () => (await done(service, 'GET', `/v1/messages/${sent.id}`)).body.status === 'sent')

  const to = tokenAddress(mailbox, 'unsubscribe', sent.id)
  await comes(mail({ 'Message-ID': '<stop@example.org>', To: to, Subject: 'unsubscribe', ...proved }, 'unsubscribe'))
  t.match(await last(), { status: 'processed' })
  t.equal((await contacts()).length, 1, 'nobody is made by a wish')
  const refused = await news()
  t.match([refused.status, faultsOf(refused)], [422, [{ code: 'opted_out' }]], refused.text)

  const from = {
    'Message-ID': '<nobody@example.org>',
    From: 'nobody@example.org',
    To: `${mailbox.replace('@', '+u-00000000000040008000000000000000@')}`,
  }
  await comes(mail({ ...from, Subject: 'unsubscribe', ...proved }, 'unsubscribe'))
  t.match(await last(), { status: 'ignored', reason: 'unknown_person' })
  t.equal((await contacts()).length, 1)
  const [event] = (await done(service, 'GET', '/v1/inbound-events?sort=-receivedAt&limit=1')).data
  t.equal((await service.request('GET', `/v1/inbound-events/${event?.id}/payload`)).status, 200, 'what came stays')
})

t.test('a stop by mail that names no mail of ours is that of everybody with the address, once each', async (t) => {
  const { service, comes } = await mailed(t)
  const ids = ['One', 'Two'].map(async (displayName) => {
    const made = await done(service, 'POST', '/v1/contacts', { displayName, email: 'shared@example.org' })
    return made.id
  })
  const [one, two] = await Promise.all(ids)
  const from = {
    'Message-ID': '<both@example.org>',
    From: 'shared@example.org',
    To: mailbox.replace('@', '+u-00000000000040008000000000000000@'),
  }
  await comes(mail({ ...from, Subject: 'unsubscribe', ...proved }, 'unsubscribe'))
  const said = async (id: string | undefined) =>
    (await done(service, 'GET', `/v1/contacts/${id}/consent-events`)).data.map(({ state, source }) => [state, source])
  t.same([await said(one), await said(two)], [[['stop', 'preference']], [['stop', 'preference']]])
  await done(service, 'POST', `/v1/contacts/${one}/merge`, { mergeId: two })
  const [event] = (await done(service, 'GET', '/v1/inbound-events')).data
  await done(service, 'POST', `/v1/inbound-events/${event?.id}/replay`)
  await until(async () => (await service.sql(`SELECT 1 FROM app.inbound_event WHERE status = 'stored'`)).length === 0)
  t.equal((await said(one)).length, 2, 'and not again, when one stands for both')
})
