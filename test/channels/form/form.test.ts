import { createHmac } from 'node:crypto'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { form } from '../../../src/channels/form/index.ts'
import type { FormSettings } from '../../../src/channels/form/settings.ts'

import { at, eventOf, html, keptEvent, message, pagePost, parsed } from './form-posts.ts'

t.test('a contact form without a map gives a person, their answers and a text', async (t) => {
  const said = message(
    pagePost({
      'your-name': 'Анна Müller',
      'your-email': ' Anna@Example.COM ',
      'your-phone': '+49 170 1234567',
      message: 'Hello\r\nthere',
      _subject: 'Contact',
    }),
  )
  t.match(said.from, { displayName: 'Анна Müller', email: 'anna@example.com', phone: '+491701234567' })
  t.ok(
    said.from.identities.every(({ verified }) => !verified),
    'whatever a form says is a claim',
  )
  t.strictSame(
    said.from.identities.map(({ kind }) => kind),
    ['form', 'email', 'phone'],
  )
  t.equal(said.message.type, 'form')
  t.equal(
    said.message.text,
    'Your name: Анна Müller\nYour email:  Anna@Example.COM \nYour phone: +49 170 1234567\nMessage:\nHello\nthere'.replace(
      '  Anna@Example.COM ',
      ' Anna@Example.COM',
    ),
  )
  t.match(said.message.content.answers, [
    { id: 'your-name', label: 'Your name', type: 'text', value: 'Анна Müller' },
    {},
    {},
    {},
  ])
  t.equal(said.subject, 'Contact')
})

t.test('common names in several languages are recognised, and long questions are not guessed at', async (t) => {
  for (const [fields, expected] of [
    [
      { Vorname: 'Max', Nachname: 'Muster', 'E-Mail': 'm@example.de', Firma: 'ACME' },
      {
        fields: { givenName: 'Max', familyName: 'Muster', company: 'ACME' },
        displayName: 'Max Muster',
        email: 'm@example.de',
      },
    ],
    [
      { nombre: 'Ana', apellidos: 'García', 'correo electrónico': 'a@example.es', país: 'España' },
      { fields: { givenName: 'Ana', familyName: 'García', country: 'ES' }, email: 'a@example.es' },
    ],
    [
      { nom: 'Dupont', prénom: 'Luc', courriel: 'l@example.fr', téléphone: '+33 6 12 34 56 78' },
      { fields: { givenName: 'Luc' }, email: 'l@example.fr', phone: '+33612345678' },
    ],
    [
      { 氏名: '山田 太郎', メールアドレス: 'y@example.jp', 電話番号: '+81 90 1234 5678' },
      { displayName: '山田 太郎', email: 'y@example.jp', phone: '+819012345678' },
    ],
    [
      { 'form_fields[email]': 'x@example.com', 'user[first_name]': 'X', user_last_name: 'Y' },
      { fields: { givenName: 'X', familyName: 'Y' }, email: 'x@example.com' },
    ],
    [
      { Имя: 'Иван', Фамилия: 'Петров', Телефон: '+7 912 345-67-89' },
      { fields: { givenName: 'Иван', familyName: 'Петров' }, phone: '+79123456789' },
    ],
  ] as const)
    t.match(message(pagePost(fields)).from, expected, Object.keys(fields).join())
  const { from } = message(
    pagePost({ 'What is the name of the company whose products you would like to compare with': 'x' }),
  )
  t.strictSame(from.fields, undefined)
  t.equal(message(pagePost({ mail: 'call me', q: 'x' })).from.email, undefined, 'what is no address is none')
})

t.test('a field map decides, also against the names; ignore keeps a field out of the contact', async (t) => {
  const settings: FormSettings = {
    kind: 'html',
    defaultCountry: 'DE',
    fieldMap: {
      a1: 'email',
      budget: 'customFields.budget',
      Email: 'ignore',
      what: 'intent',
      tel: 'phone',
      news: 'consent.marketing',
    },
  }
  const said = message(
    pagePost({ a1: 'right@example.com', email: 'wrong@example.com', budget: '500', what: 'buy', tel: '0170 1234567' }),
    settings,
  )
  t.match(said.from, {
    email: 'right@example.com',
    customFields: { budget: '500' },
    fields: { intent: 'buy' },
    phone: '+491701234567',
  })
  t.notOk(said.wishes, 'an empty box says nothing')
  const ticked = message(
    pagePost({ a1: 'x@example.com', news: 'on', '_label.news': 'Yes, send me the newsletter.' }),
    settings,
  )
  t.match(ticked.wishes, [
    { category: 'marketing', state: 'resume', detail: { question: 'Yes, send me the newsletter.', answer: 'on' } },
  ])
  for (const value of ['no', 'off', 'false', 'Nein, danke', ''])
    t.notOk(message(pagePost({ a1: 'x@example.com', news: value }), settings).wishes, `"${value}" is no consent`)
})

t.test('spam is told by a honeypot, a filling time, an origin, links and a signed time; it never fails', async (t) => {
  const strict: FormSettings = { kind: 'html', allowedOrigins: ['https://www.example.com'] }
  const reason = (post: Post, settings: FormSettings) => {
    const result = parsed(post, settings)
    return 'reason' in result ? result.reason : result.outcome
  }
  const shown = (msBefore: number): string => String(at.getTime() - msBefore)
  t.equal(reason(pagePost({ name: 'x', _gotcha: 'http://spam' }), html), 'spam_honeypot')
  t.equal(reason(pagePost({ name: 'x', url2: 'x' }), { ...html, honeypot: 'url2' }), 'spam_honeypot')
  t.equal(reason(pagePost({ name: 'x', _t: shown(500) }), html), 'spam_too_fast')
  t.equal(reason(pagePost({ name: 'x', _t: shown(5_000) }), html), 'events')
  t.equal(reason(pagePost({ name: 'x', _t: shown(5_000) }), { ...html, fillSecondsMin: 10 }), 'spam_too_fast')
  t.equal(reason(pagePost({ name: 'x' }, { origin: 'https://evil.example' }), strict), 'spam_origin')
  t.equal(reason(pagePost({ name: 'x' }, { origin: 'null' }), strict), 'spam_origin')
  t.equal(reason(pagePost({ name: 'x' }, { referer: 'https://evil.example/a?b' }), strict), 'spam_origin')
  t.equal(reason(pagePost({ name: 'x' }, { origin: 'https://www.example.com' }), strict), 'events')
  t.equal(reason(pagePost({ name: 'x' }), strict), 'events')
  t.equal(reason(pagePost({ text: 'https://a https://b http://c [url=x] <a href= https://d' }), html), 'spam_links')
  const signed = { ...html, signingSecret: 'the-page-server-secret' }
  const mac = (time: string) => `${time}.${createHmac('sha256', signed.signingSecret).update(time).digest('hex')}`
  t.equal(reason(pagePost({ name: 'x' }), signed), 'spam_form_token')
  t.equal(reason(pagePost({ name: 'x', _t: shown(9_000) }), signed), 'spam_form_token')
  t.equal(reason(pagePost({ name: 'x', _t: `${shown(9_000)}.${'0'.repeat(64)}` }), signed), 'spam_form_token')
  t.equal(reason(pagePost({ name: 'x', _t: mac(shown(9_000)) }), signed), 'events')
  t.equal(reason(pagePost({ name: 'x', _t: mac(shown(100)) }), signed), 'spam_too_fast')
  t.equal(reason(pagePost({}), html), 'empty_form')
})

t.test('the same submission has the same key: by nonce, else by what was said at about the same time', async (t) => {
  const key = (post: Post) => eventOf(post, html).dedupeKey
  const later = (post: Post, ms: number): Post => ({ ...post, receivedAt: new Date(at.getTime() + ms) })
  const one = pagePost({ name: 'x', email: 'a@example.com' })
  t.equal(key(one), key(later(one, 1_000)))
  t.not(key(one), key(later(one, 3_600_000)), 'an hour later it is said again')
  t.not(key(one), key(pagePost({ name: 'x', email: 'b@example.com' })))
  const nonce = pagePost({ name: 'x', _nonce: 'n1' })
  t.equal(key(nonce), key(later(pagePost({ name: 'changed', _nonce: 'n1' }), 86_400_000)))
  t.not(key(nonce), key(pagePost({ name: 'x', _nonce: 'n2' })))
  const view = pagePost({ name: 'x', _t: String(at.getTime() - 60_000) })
  t.equal(key(view), key(later(view, 3_600_000)), 'one view of the page is one submission')
})

t.test('multipart: files are parts of the event, and what was not chosen is none', async (t) => {
  const data = new FormData()
  data.append('name', 'Zoë')
  data.append('topics', 'a')
  data.append('topics', 'b')
  data.append('cv', new File(['%PDF-1.4 text'], 'Lebenslauf "neu".pdf', { type: 'application/pdf' }))
  data.append('photo', new File([], ''))
  const response = new Response(data)
  const post: Post = {
    headers: { 'content-type': response.headers.get('content-type') ?? '' },
    query: {},
    rawBody: Buffer.from(await response.arrayBuffer()),
    receivedAt: at,
  }
  const said = message(post)
  t.match(said.media, [
    { kind: 'document', filename: 'Lebenslauf "neu".pdf', mediaType: 'application/pdf', part: 'files/0' },
  ])
  t.equal(said.media.length, 1)
  t.equal(said.message.text, 'Name: Zoë\nTopics: a, b\nCv: Lebenslauf "neu".pdf')
  const [ref] = said.media
  if (!ref) throw new Error('no file')
  const file = await form.mediaPart?.(keptEvent(post), ref)
  t.equal((await file?.stream.toArray())?.join(''), '%PDF-1.4 text')
  await t.rejects(async () => form.mediaPart?.(keptEvent(post), { ...ref, part: 'files/9' }), {
    code: 'not_a_reference',
  })
})

t.test('old pages: another charset, and bytes that are none', async (t) => {
  const raw = (body: Buffer): Post => ({ ...pagePost({}), rawBody: body })
  t.match(message(raw(Buffer.from('name=J%F6rg'))).from, { displayName: 'Jörg' })
  t.match(message(raw(Buffer.from('_charset_=Shift_JIS&name=%8ER%93c'))).from, { displayName: '山田' })
  t.match(message(raw(Buffer.from('name=a%00b%zz'))).from, { displayName: 'ab%zz' })
})

t.test('the answer: back to an allowed page, a word of thanks, or JSON', async (t) => {
  const counts = { accepted: 1, duplicates: 0, rejected: [] }
  const settings: FormSettings = { kind: 'html', allowedOrigins: ['https://www.example.com'] }
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  const answer = (fields: Record<string, string>, headers = {}, more: Partial<FormSettings> = {}) =>
    form.answer?.(counts, pagePost(fields, headers), { ...settings, ...more })
  const thanks = 'https://www.example.com/thanks?x=1'
  t.match(answer({ _redirect: thanks }, browser), { status: 303, headers: { location: thanks } })
  t.match(answer({}, browser, { redirectUrl: thanks }), { status: 303, headers: { location: thanks } })
  for (const bad of [
    'https://evil.example/',
    '//evil.example',
    'javascript:alert(1)',
    'https://www.example.com@evil.example/',
    'https://www.example.com.evil.example/',
  ])
    t.match(answer({ _redirect: bad }, browser), { status: 200, headers: { 'content-type': /text\/html/ } }, bad)
  t.match(answer({}, browser, { redirectUrl: 'https://evil.example/' }), { status: 200 })
  t.match(answer({ _redirect: thanks }, { accept: 'application/json' }), { status: 200, body: { accepted: 1 } })
  t.match(answer({}, {}), { status: 200, body: { accepted: 1, duplicates: 0, rejected: [] } })
})
