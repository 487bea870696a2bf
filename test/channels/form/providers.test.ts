import { createHmac } from 'node:crypto'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { form } from '../../../src/channels/form/index.ts'
import type { FormSettings } from '../../../src/channels/form/settings.ts'

import { at, eventOf, jsonPost, message, parsed } from './form-posts.ts'

const typeform = {
  event_id: 'ev1',
  event_type: 'form_response',
  form_response: {
    form_id: 'f1',
    token: 'tok1',
    submitted_at: '2026-02-01T10:00:00Z',
    hidden: { utm_source: 'ad' },
    definition: { title: 'Quote', fields: [{ id: 'a', ref: 'r-a', title: 'Your first name?', type: 'short_text' }] },
    answers: [
      { type: 'text', text: 'Ada', field: { id: 'a', type: 'short_text', ref: 'r-a' } },
      { type: 'email', email: 'ada@example.com', field: { id: 'gone', type: 'email', ref: 'mail' } },
      {
        type: 'phone_number',
        phone_number: '+442071838750',
        field: { id: 'p', type: 'phone_number', ref: '22babd80-a80c-47c1-9213-9bc0161f3668' },
      },
      {
        type: 'choices',
        choices: { labels: ['X', 'Y'], other: 'Z' },
        field: { id: 'c', type: 'multiple_choice', ref: 'topics' },
      },
      { type: 'boolean', boolean: true, field: { id: 'l', type: 'legal', ref: 'newsletter' } },
      { type: 'file_url', file_url: 'https://files.example.com/a/photo.jpg', field: { id: 'f', type: 'file_upload' } },
      { type: 'hologram', hologram: { x: 1 }, field: { id: 'h', type: 'hologram' } },
    ],
  },
}

t.test('Typeform: answers name fields that the definition lacks; unknown kinds are kept', async (t) => {
  const settings: FormSettings = { kind: 'typeform', fieldMap: { newsletter: 'consent.marketing' } }
  const said = message(jsonPost(typeform), settings)
  t.match(said.from, { email: 'ada@example.com', phone: '+442071838750', fields: { givenName: 'Ada' } })
  t.equal(said.externalId, 'tok1')
  t.equal(said.subject, 'Quote')
  t.strictSame(said.occurredAt, new Date('2026-02-01T10:00:00Z'))
  t.match(
    said.message.text,
    /^Your first name\?: Ada\nmail: ada@example\.com\np: \+442071838750\ntopics: X, Y, Z\nnewsletter: Yes\n/,
  )
  t.match(said.media, [{ kind: 'image', url: 'https://files.example.com/a/photo.jpg', filename: 'photo.jpg' }])
  t.match(said.wishes, [{ category: 'marketing', state: 'resume' }])
  t.match(parsed(jsonPost({ ...typeform, event_type: 'form_response_partial' }), settings), { outcome: 'ignored' })
  t.not(
    eventOf(jsonPost({ ...typeform, event_type: 'form_response_partial' }), settings).dedupeKey,
    eventOf(jsonPost(typeform), settings).dedupeKey,
    'a partial response does not stand in the way of the whole one',
  )
})

const tally = {
  eventId: 'e1',
  eventType: 'FORM_RESPONSE',
  createdAt: '2026-02-02T09:00:00.000Z',
  data: {
    responseId: 'r1',
    submissionId: 's1',
    respondentId: 'visitor1',
    formName: 'Kontakt',
    fields: [
      { key: 'q1', label: 'Telefon', type: 'INPUT_PHONE_NUMBER', value: '0171 7654321' },
      {
        key: 'q2',
        label: 'Land',
        type: 'DROPDOWN',
        value: ['o2'],
        options: [
          { id: 'o1', text: 'Österreich' },
          { id: 'o2', text: 'Deutschland' },
        ],
      },
      { key: 'q3', label: 'Themen', type: 'CHECKBOXES', value: ['t1'], options: [{ id: 't1', text: 'Rad' }] },
      { key: 'q3_t1', label: 'Themen (Rad)', type: 'CHECKBOXES', value: true },
      {
        key: 'q4',
        label: 'Datei',
        type: 'FILE_UPLOAD',
        value: [{ id: 'x', name: 'a.pdf', url: 'https://f.example.com/x', mimeType: 'application/pdf', size: 5 }],
      },
      { key: 'q5', label: 'Nichts', type: 'INPUT_TEXT', value: null },
      {
        key: 'q6',
        label: 'Matrix',
        type: 'MATRIX',
        value: { r: ['c'] },
        rows: [{ id: 'r', text: 'Zeile' }],
        columns: [{ id: 'c', text: 'Spalte' }],
      },
    ],
  },
}

t.test('Tally: national phones by the country that was answered, else by the form’s own', async (t) => {
  const said = message(jsonPost(tally), { kind: 'tally' })
  t.match(said.from, { phone: '+491717654321', fields: { country: 'DE' } })
  t.match(said.from.identities, [{ kind: 'form', value: 'respondent:visitor1', verified: false }, { kind: 'phone' }])
  t.equal(said.message.text, 'Telefon: 0171 7654321\nLand: Deutschland\nThemen: Rad\nDatei: a.pdf\nMatrix: Spalte')
  t.match(said.media, [{ filename: 'a.pdf', mediaType: 'application/pdf' }])
  const without = { ...tally, data: { ...tally.data, fields: tally.data.fields.slice(0, 1) } }
  t.match(message(jsonPost(without), { kind: 'tally', defaultCountry: 'AT' }).from, { phone: '+431717654321' })
  t.match(message(jsonPost(without), { kind: 'tally' }).from, {
    phoneAsGiven: '0171 7654321',
    identities: [{ kind: 'form' }],
  })
})

t.test('Jotform: rawRequest within a multipart post', async (t) => {
  const data = new FormData()
  data.append('formID', '1')
  data.append('submissionID', '4711')
  data.append('formTitle', 'Order')
  data.append('pretty', 'Full Name:Ada Lovelace, Your e-mail:ada@example.com, Wishes:one, two')
  data.append(
    'rawRequest',
    JSON.stringify({
      slug: 'submit/1/',
      q3_name: { first: 'Ada', last: 'Lovelace' },
      q4_email: 'ada@example.com',
      q5_phoneNumber: { full: '(020) 7183-8750' },
      q6_typeA: ['one', 'two'],
      fileUpload: ['https://www.jotform.com/uploads/x/1/4711/plan.pdf'],
      path: '/submit/1',
    }),
  )
  const response = new Response(data)
  const post: Post = {
    headers: { 'content-type': response.headers.get('content-type') ?? '' },
    query: { secret: 'address-secret' },
    rawBody: Buffer.from(await response.arrayBuffer()),
    receivedAt: at,
  }
  const settings: FormSettings = { kind: 'jotform', signingSecret: 'address-secret', defaultCountry: 'GB' }
  t.strictSame(form.verify(post, settings), { ok: true })
  t.strictSame(form.verify({ ...post, query: {} }, settings), { ok: false, reason: 'signature_missing' })
  t.strictSame(form.verify({ ...post, query: { secret: 'x' } }, settings), { ok: false, reason: 'signature_invalid' })
  const said = message(post, settings)
  t.equal(said.externalId, '4711')
  t.match(said.from, {
    displayName: 'Ada Lovelace',
    email: 'ada@example.com',
    phone: '+442071838750',
    fields: { givenName: 'Ada', familyName: 'Lovelace' },
  })
  t.match(said.message.text, /^Full Name: Ada Lovelace\nYour e-mail: ada@example\.com\n/)
  t.match(said.media, [{ url: 'https://www.jotform.com/uploads/x/1/4711/plan.pdf', filename: 'plan.pdf' }])
  t.match(form.setup(settings, 'https://hub.example/v1/ingest/x'), [
    { name: 'webhook_url', value: 'https://hub.example/v1/ingest/x?secret=address-secret' },
  ])
})

t.test('signed posts: Typeform and Tally, each altered byte refused', async (t) => {
  const signingSecret = 'shared-secret'
  const rawBody = Buffer.from(JSON.stringify(typeform))
  const mac = createHmac('sha256', signingSecret).update(rawBody).digest('base64')
  for (const [kind, name, value] of [
    ['typeform', 'Typeform-Signature', `sha256=${mac}`],
    ['tally', 'tally-signature', mac],
  ] as const) {
    const post: Post = { headers: { [name]: value }, query: {}, rawBody, receivedAt: at }
    const settings: FormSettings = { kind, signingSecret }
    t.strictSame(form.verify(post, settings), { ok: true }, kind)
    t.strictSame(form.verify({ ...post, headers: {} }, settings), { ok: false, reason: 'signature_missing' }, kind)
    for (let index = 0; index < rawBody.length; index += 37) {
      const altered = Buffer.from(rawBody)
      altered[index] = (altered[index] ?? 0) ^ 1
      t.equal(form.verify({ ...post, rawBody: altered }, settings).ok, false)
    }
    t.equal(form.verify(post, { ...settings, signingSecret: 'another-secret' }).ok, false)
  }
})

t.test('settings: origins are origins, targets are fields', async (t) => {
  const ok = (value: unknown) => form.settings.safeParse(value).success
  t.ok(ok({ kind: 'html', allowedOrigins: ['https://a.example', 'http://localhost:3000'] }))
  for (const origin of ['a.example', 'https://a.example/', 'https://a.example/x', '*', 'null', 'https://A.example'])
    t.notOk(ok({ kind: 'html', allowedOrigins: [origin] }), origin)
  t.ok(ok({ kind: 'tally', fieldMap: { a: 'customFields.size', b: 'consent.marketing', c: 'ignore' } }))
  for (const target of ['ownerId', 'id', 'customFields.', 'customFields.__proto__', 'consent.all'])
    t.notOk(ok({ kind: 'tally', fieldMap: { a: target } }), target)
  t.notOk(ok({ kind: 'tally', defaultCountry: 'XX' }))
})
