import { createHmac } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { until } from '../webchat/chat.ts'

const site = 'https://www.example.com'

async function formChannel({ request }: TestService, settings: Record<string, unknown>): Promise<string> {
  const made = await request('POST', '/v1/channels', { body: { type: 'form', name: 'Form', settings } })
  if (made.status !== 201) throw new Error(made.text)
  return `/v1/ingest/${made.id}`
}

const browser = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'content-type': 'application/x-www-form-urlencoded',
  origin: site,
  referer: `${site}/contact?utm=x`,
}

const encoded = (fields: Record<string, string>): string => new URLSearchParams(fields).toString()

t.test('a page posts its form: back to the site, and a person with their answers', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request } = service
  const path = await formChannel(service, {
    kind: 'html',
    allowedOrigins: [site],
    fieldMap: { budget: 'customFields.budget', news: 'consent.marketing', what: 'intent' },
    defaultCountry: 'DE',
  })
  const fields = {
    name: 'Anna Müller',
    email: 'Anna@Example.com',
    tel: '0170 1234567',
    land: 'Österreich',
    firma: 'ACME',
    budget: '500',
    what: 'buy',
    news: 'on',
    '_label.news': 'Yes, send me news.',
    message: 'Hello\nthere',
    _subject: 'Contact',
    _redirect: `${site}/thanks`,
    _nonce: 'view-1',
  }
  const posted = await request('POST', path, { token: null, body: encoded(fields), headers: browser })
  t.match([posted.status, posted.headers.location], [303, `${site}/thanks`])
  t.equal(posted.headers['access-control-allow-origin'], site)
  const again = await request('POST', path, { token: null, body: encoded(fields), headers: browser })
  t.equal(again.status, 303, 'a second click is answered alike')
  await until('there is a conversation', async () => (await request('GET', '/v1/conversations')).data.length === 1)
  t.equal((await request('GET', '/v1/inbound-events')).data.length, 1)
  const [contact] = (await request('GET', '/v1/contacts')).data
  t.match(contact, {
    displayName: 'Anna Müller',
    email: 'anna@example.com',
    phone: '+431701234567',
    country: 'AT',
    company: 'ACME',
    intent: 'buy',
    customFields: { budget: '500' },
    source: 'form',
  })
  const consents = await service.sql(
    'SELECT category, state, source, evidence_event_id IS NOT NULL AS proven FROM app.consent_event',
  )
  t.match(consents, [{ category: 'marketing', state: 'resume', source: 'form', proven: true }])
  t.equal(consents.length, 1)
  const identities = (await request('GET', `/v1/contacts/${contact?.id}/identities`)).data
  t.ok(identities.length === 3 && identities.every((one) => one.verified === false), 'claims, all of them')
  const [conversation] = (await request('GET', '/v1/conversations')).data
  const [message] = (await request('GET', `/v1/conversations/${conversation?.id}/messages`)).data
  t.match(message, { type: 'form', direction: 'inbound', text: /^Name: Anna Müller\nEmail: Anna@Example\.com\n/ })
  t.match(message?.content, { page: `${site}/contact`, answers: [{ id: 'name', label: 'Name', value: 'Anna Müller' }] })
  const refused = await request('POST', `/v1/conversations/${conversation?.id}/messages`, { body: { text: 'x' } })
  t.equal(refused.status, 422, 'nobody can be answered through a form')
})

t.test('scripts of the site read the answer, others do not; a preflight says so', async (t) => {
  const service = await startTestService(t, { env: { ALLOWED_ORIGINS: 'https://crm.example' } })
  const path = await formChannel(service, { kind: 'html', allowedOrigins: [site] })
  const asked = (origin: string) =>
    service.request('OPTIONS', path, {
      token: null,
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })
  t.match((await asked(site)).headers, {
    'access-control-allow-origin': site,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': /content-type/,
  })
  for (const origin of ['https://evil.example', 'https://crm.example', 'null'])
    t.notOk((await asked(origin)).headers['access-control-allow-origin'], origin)
  const post = (origin: string) =>
    service.request('POST', path, { token: null, body: { name: 'x' }, headers: { origin, accept: 'application/json' } })
  const own = await post(site)
  t.match([own.status, own.body], [200, { accepted: 1, duplicates: 0 }])
  t.equal(own.headers['access-control-allow-origin'], site)
  const other = await post('https://evil.example')
  t.equal(other.status, 200, 'it learns nothing')
  t.notOk(other.headers['access-control-allow-origin'])
  const page = await service.request('POST', path, { token: null, body: encoded({ a: 'b' }), headers: browser })
  t.match([page.status, page.headers['content-type']], [200, /text\/html/])
  t.match(page.text, /Thank you/)
})

t.test('spam is answered like everything else, kept as ignored with its reason, and never a contact', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request } = service
  const path = await formChannel(service, { kind: 'html', allowedOrigins: [site] })
  const post = (fields: Record<string, string>, headers = browser) =>
    request('POST', path, { token: null, body: encoded(fields), headers })
  const statuses = [
    await post({ name: 'bot', _gotcha: 'x' }),
    await post({ name: 'fast', _t: String(Date.now()) }),
    await post({ name: 'elsewhere' }, { ...browser, origin: 'https://evil.example' }),
    await post({ text: 'http://a http://b http://c http://d http://e http://f' }),
    await post({}),
  ].map((answer) => answer.status)
  t.strictSame(statuses, [200, 200, 200, 200, 200])
  await until('all are settled', async () =>
    (await request('GET', '/v1/inbound-events')).data.every((one) => one.status === 'ignored'),
  )
  t.strictSame((await request('GET', '/v1/inbound-events')).data.map((one) => one.reason).sort(), [
    'empty_form',
    'spam_honeypot',
    'spam_links',
    'spam_origin',
    'spam_too_fast',
  ])
  t.equal((await request('GET', '/v1/contacts')).data.length, 0)
})

t.test('files that come with a form are kept', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request } = service
  const path = await formChannel(service, { kind: 'html' })
  const data = new FormData()
  data.append('name', 'Zoë')
  const pdf = Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(3_000_000, 'x')])
  data.append('cv', new File([pdf], 'CV Zoë.pdf', { type: 'application/pdf' }))
  data.append('second', new File(['plain words'], 'notes.txt', { type: 'text/plain' }))
  const response = new Response(data)
  const body = Buffer.from(await response.arrayBuffer())
  const headers = { 'content-type': response.headers.get('content-type') ?? '' }
  t.equal((await request('POST', path, { token: null, body, headers })).status, 200)
  await until(
    'both are stored',
    async () => (await request('GET', '/v1/attachments')).data.filter((one) => one.status === 'stored').length === 2,
  )
  const files = (await request('GET', '/v1/attachments?sort=size')).data
  t.match(files, [
    { fileName: 'notes.txt', mediaType: 'text/plain', size: 11 },
    { fileName: 'CV Zoë.pdf', mediaType: 'application/pdf', size: pdf.length },
  ])
  const content = await service.app.inject({
    url: `/v1/attachments/${files[1]?.id}/content`,
    headers: { authorization: `Bearer ${service.ownerToken}` },
  })
  t.ok(content.rawPayload.equals(pdf), 'the very bytes')
})

t.test('Typeform, Tally, Jotform: what is signed is taken, what is not is refused', async (t) => {
  const service = await startTestService(t, { worker: true })
  const { request } = service
  const signingSecret = 'shared-secret-1'
  const sign = (body: string): string => createHmac('sha256', signingSecret).update(body).digest('base64')
  const typeform = await formChannel(service, {
    kind: 'typeform',
    signingSecret,
    fieldMap: { size: 'customFields.size' },
  })
  const tally = await formChannel(service, { kind: 'tally', signingSecret, defaultCountry: 'FR' })
  const jotform = await formChannel(service, { kind: 'jotform', signingSecret })
  const first = JSON.stringify({
    event_id: 'e1',
    event_type: 'form_response',
    form_response: {
      token: 'tok1',
      submitted_at: '2026-01-02T03:04:05Z',
      definition: { title: 'Quote', fields: [] },
      answers: [
        { type: 'email', email: 't@example.com', field: { id: 'x', type: 'email', ref: 'mail' } },
        { type: 'number', number: 42, field: { id: 'y', type: 'number', ref: 'size' } },
      ],
    },
  })
  const second = JSON.stringify({
    eventId: 'e2',
    eventType: 'FORM_RESPONSE',
    data: {
      submissionId: 's2',
      fields: [{ key: 'a', label: 'Téléphone', type: 'INPUT_PHONE_NUMBER', value: '06 12 34 56 78' }],
    },
  })
  const third = new URLSearchParams({
    submissionID: '77',
    formTitle: 'Order',
    rawRequest: JSON.stringify({ q1_name: { first: 'Jo', last: 'Form' }, q2_email: 'j@example.com' }),
  }).toString()
  const post = (path: string, body: string, headers: Record<string, string>) =>
    request('POST', path, { token: null, body, headers: { 'content-type': 'application/json', ...headers } })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal((await post(typeform, first, { 'typeform-signature': `sha256=${sign(first)}` })).status, 200)
  t.equal((await post(tally, second, { 'tally-signature': sign(second) })).status, 200)
  t.equal((await post(`${jotform}?secret=${signingSecret}`, third, form)).status, 200)
  t.equal((await post(typeform, `${first} `, { 'typeform-signature': `sha256=${sign(first)}` })).status, 401)
  t.equal((await post(typeform, first, {})).status, 401)
  t.equal((await post(tally, second, { 'tally-signature': sign(first) })).status, 401)
  t.equal((await post(jotform, third, form)).status, 401)
  t.equal((await post(`${jotform}?secret=x`, third, form)).status, 401)
  await until('three people', async () => (await request('GET', '/v1/contacts')).data.length === 3)
  const contacts = (await request('GET', '/v1/contacts')).data
  t.match(contacts.find((one) => one.email === 't@example.com')?.customFields, { size: 42 })
  t.ok(contacts.some((one) => one.phone === '+33612345678'))
  t.ok(contacts.some((one) => one.displayName === 'Jo Form'))
  for (const one of contacts) t.notMatch(JSON.stringify(one), new RegExp(signingSecret))
  const channels = await request('GET', '/v1/channels')
  t.notMatch(channels.text, new RegExp(signingSecret))
})
