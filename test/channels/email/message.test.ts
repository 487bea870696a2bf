import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import {
  attached,
  fileOf,
  mail,
  mailbox,
  message,
  multipart,
  neutral,
  parsed,
  part,
  secret,
  settingsOf,
} from './fixtures.ts'

t.test('a mail is a message from its sender, whom nobody vouches for', async (t) => {
  const found = await message(mail({ 'Message-ID': '<one@example.org>' }, 'Good morning'))
  t.match(found, {
    externalId: 'one@example.org',
    direction: 'inbound',
    subject: 'A question',
    from: { displayName: 'Ada Lovelace', identities: [{ kind: 'email', value: 'ada@example.org', verified: false }] },
    message: { type: 'text', text: 'Good morning' },
    references: [],
  })
  t.equal(found.automated, undefined)
  t.equal(found.occurredAt?.toISOString(), '2026-11-22T10:00:00.000Z')
})

t.test('charsets: each text says what its sender wrote', async (t) => {
  const cases: [string, string, Buffer, string][] = [
    ['iso-8859-1', '8bit', Buffer.from('Grüße aus Köln', 'latin1'), 'Grüße aus Köln'],
    ['windows-1251', '8bit', Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]), 'Привет'],
    ['shift_jis', '8bit', Buffer.from([0x82, 0xb1, 0x82, 0xf1]), 'こん'],
    ['gb2312', '8bit', Buffer.from([0xc4, 0xe3, 0xba, 0xc3]), '你好'],
    ['iso-2022-jp', '7bit', Buffer.from('\x1b$B$3$s\x1b(B', 'latin1'), 'こん'],
    ['utf-8', 'base64', Buffer.from(Buffer.from('안녕 👋').toString('base64')), '안녕 👋'],
    ['utf-8', 'quoted-printable', Buffer.from('=E0=B8=AA=E0=B8=A7=E0=B8=B1=E0=B8=AA=E0=B8=94=E0=B8=B5'), 'สวัสดี'],
  ]
  for (const [charset, encoding, bytes, wanted] of cases) {
    const fields = { 'Content-Type': `text/plain; charset=${charset}`, 'Content-Transfer-Encoding': encoding }
    const raw = Buffer.concat([Buffer.from(mail(fields, '').trimEnd()), Buffer.from('\r\n\r\n'), bytes])
    t.equal((await message(raw)).message.text, wanted, charset)
  }
  const header = await message(
    mail({ Subject: '=?iso-8859-1?Q?Gr=FC=DFe?=', From: '=?utf-8?B?w4RubmU=?= <a@example.org>' }),
  )
  t.match(header, { subject: 'Grüße', from: { displayName: 'Änne' } })
  const bare = Buffer.from(mail({ Subject: 'Grüße' }), 'latin1')
  t.equal((await message(bare)).subject, 'Grüße', 'a header that is no UTF-8 was written on Windows')
})

t.test('HTML is made safe, its text is the message, its images are named and remote ones blocked', async (t) => {
  const html =
    '<p onclick="evil()">Hello <b>you</b></p><script>alert(1)</script><img src="cid:logo@x"><img src="https://tracker.example/p.gif">' +
    '<a href="javascript:evil()">x</a><a href="https://example.org">y</a><div style="background:url(https://t.example/x);color:red">z</div><form><input></form>'
  const found = await message(
    multipart('related', [
      part('Content-Type: text/html; charset=utf-8', html),
      attached('logo.png', Buffer.from('png'), 'image/png', '\r\nContent-ID: <logo@x>'),
    ]),
  )
  const shown = String(found.message.content.html)
  for (const never of ['script', 'onclick', 'javascript:', 'url(', '<form', '<input', ' src="https:'])
    t.notOk(shown.includes(never), `no ${never} in ${shown}`)
  t.match(shown, /<img src="cid:logo@x" data-content-id="logo@x"/)
  t.match(shown, /data-blocked-src="https:\/\/tracker\.example\/p\.gif"/)
  t.match(shown, /rel="noopener noreferrer nofollow"/)
  t.match(found.message.text, /Hello you/)
  t.match(found.media, [{ kind: 'image', contentId: 'logo@x', filename: 'logo.png', mediaType: 'image/png' }])
})

t.test('an invitation is told and stays a file', async (t) => {
  const ics =
    'BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:e1\r\nSUMMARY:Lunch\\, then\r\n  coffee\r\nDTSTART;TZID="Europe/Berlin":20261201T120000\r\n' +
    'DTEND:20261201T120000Z\r\nORGANIZER;CN="Ada: the boss":mailto:ada@example.org\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org\r\n' +
    'BEGIN:VALARM\r\nSUMMARY:not this\r\nEND:VALARM\r\nLOCATION:Here\r\nEND:VEVENT\r\nEND:VCALENDAR'
  const found = await message(
    multipart('alternative', [
      part('Content-Type: text/plain', 'You are invited'),
      part('Content-Type: text/calendar; method=REQUEST; charset=utf-8', ics),
    ]),
  )
  t.strictSame(found.message.content.calendar, {
    method: 'REQUEST',
    uid: 'e1',
    summary: 'Lunch, then coffee',
    location: 'Here',
    start: { dateTime: '2026-12-01T12:00:00', timezone: 'Europe/Berlin' },
    end: { dateTime: '2026-12-01T12:00:00Z' },
    organizer: { email: 'ada@example.org', name: 'Ada: the boss' },
    attendees: [{ email: 'bob@example.org', response: 'needs-action' }],
  })
  t.match(found.media, [{ kind: 'document', mediaType: 'text/calendar' }])
})

t.test('a mail in a mail is a file of its own, byte for byte', async (t) => {
  const inner = mail({ Subject: 'The inner one' }, 'Said by somebody else')
  const raw = multipart('mixed', [
    part('Content-Type: text/plain', 'See below'),
    part('Content-Type: message/rfc822', inner),
  ])
  const found = await message(raw)
  t.equal(found.message.text, 'See below')
  t.match(found.media, [{ mediaType: 'message/rfc822', filename: 'The inner one.eml' }])
  t.match((await fileOf(raw, 'The inner one.eml')).toString(), /Said by somebody else/)
})

t.test('large files are taken out of a mail without being parsed, byte for byte', async (t) => {
  const [one, two] = [randomBytes(3_000_000), randomBytes(200_001)]
  const inner = multipart('mixed', [part('Content-Type: text/plain', 'inner'), attached('deep.bin', two)]).replaceAll(
    '=_b',
    '=_c',
  )
  const raw = multipart('mixed', [
    part('Content-Type: text/plain', 'Here they are'),
    attached('one.bin', one),
    attached('small.txt', Buffer.from('small')),
    part('Content-Type: message/rfc822', inner),
  ])
  const found = await message(raw)
  t.equal(found.message.text, 'Here they are')
  t.equal(found.message.content.truncated, undefined)
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  t.equal(hash(await fileOf(raw, 'one.bin')), hash(one))
  t.equal((await fileOf(raw, 'small.txt')).toString(), 'small')
  const nested = await fileOf(raw, 'A question.eml')
  t.equal(hash(await fileOf(nested, 'deep.bin')), hash(two), 'what was cut out of the inner mail is put back')
})

t.test('a text beyond all reason is cut, and the mail goes along', async (t) => {
  const raw = mail({}, 'All work and no play.\r\n'.repeat(300_000))
  const found = await message(raw)
  t.ok(found.message.text.length > 190_000 && found.message.text.length <= 200_000)
  t.equal(found.message.content.truncated, true)
  t.equal((await fileOf(raw, 'message.eml')).toString(), raw)
})

t.test('mail made to take the memory away leaves it where it is', async (t) => {
  const header = 'From: a@example.org\r\nMessage-ID: <x@y>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n'
  const hostile: Record<string, string> = {
    'a million parts': `${header}${'--b\r\n\r\n'.repeat(1_000_000)}`,
    'five million empty lines': `${header}--b\r\n\r\n${'\r\n'.repeat(5_000_000)}`,
    'a line of ten million letters': `${header}--b\r\n\r\n${'x'.repeat(10_000_000)}`,
    'a header of five million letters': `X: ${'y'.repeat(5_000_000)}\r\n${header}`,
    'a thousand nested parts': Array.from(
      { length: 1_000 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
    ).join(''),
  }
  for (const [name, raw] of Object.entries(hostile)) {
    const before = process.memoryUsage().heapUsed
    const started = performance.now()
    const result = await parsed(raw)
    const used = process.memoryUsage().heapUsed - before
    // One of them names nobody.
    t.ok(result.outcome === 'events' || result.reason === 'no_sender', `${name}: ${result.outcome}`)
    t.ok(used < 80e6, `${name}: ${Math.round(used / 1e6)} MB`)
    t.ok(performance.now() - started < 15_000, `${name}: ${Math.round(performance.now() - started)} ms`)
  }
})

t.test('what machines write is marked, what people write is not', async (t) => {
  const cases: [Record<string, string>, string | undefined][] = [
    [{ 'Auto-Submitted': 'auto-replied' }, 'auto_reply'],
    [{ 'Auto-Submitted': 'auto-generated (a notice)' }, 'auto_reply'],
    [{ 'Auto-Submitted': 'no' }, undefined],
    [{ 'X-Auto-Response-Suppress': 'OOF, AutoReply' }, 'auto_reply'],
    [{ 'X-Auto-Response-Suppress': 'None' }, undefined],
    [{ Precedence: 'auto_reply' }, 'auto_reply'],
    [{ Precedence: 'bulk' }, 'bulk'],
    [{ Precedence: 'junk' }, 'bulk'],
    [{ 'List-Id': '<news.example.org>' }, 'bulk'],
    [{ 'Return-Path': '<>' }, 'report'],
    [{ 'Return-Path': '<ada@example.org>' }, undefined],
    [{ From: 'MAILER-DAEMON@example.org' }, 'report'],
    [{ 'X-Autoreply': 'yes' }, 'auto_reply'],
  ]
  for (const [fields, wanted] of cases) t.equal((await message(mail(fields))).automated, wanted, JSON.stringify(fields))
})

t.test('mail from the mailbox itself is left alone', async (t) => {
  for (const from of [mailbox, `Me <${mailbox.toUpperCase()}>`, 'support+m-1@example.com'])
    t.strictSame(await parsed(mail({ From: from })), { outcome: 'ignored', reason: 'own_address' }, from)
  t.strictSame(await parsed(mail({ From: undefined })), { outcome: 'failed', reason: 'no_sender' })
})

t.test('only what the receiving service found counts as proof of a sender', async (t) => {
  const verified = async (fields: Record<string, string>, inbound: Record<string, unknown>): Promise<unknown> =>
    (await message(mail(fields), settingsOf(inbound))).from.identities[0]?.verified
  const trusting = { kind: 'raw', secret, authservId: 'mx.example.com' }
  const results = (text: string) => ({ 'Authentication-Results': text })
  t.equal(await verified(results('mx.example.com; dmarc=pass header.from=example.org'), trusting), true)
  t.equal(await verified(results('mx.example.com; dkim=pass header.d=example.org'), trusting), true)
  t.equal(await verified(results('mx.example.com; spf=pass smtp.mailfrom=bounce@example.org'), trusting), true)
  t.equal(await verified(results('mx.example.com; dkim=pass header.d=evil.example'), trusting), false)
  t.equal(await verified(results('mx.example.com; dmarc=fail header.from=example.org'), trusting), false)
  t.equal(await verified(results('other.example; dmarc=pass header.from=example.org'), trusting), false)
  t.equal(await verified(results('mx.example.com; dmarc=pass header.from=example.org'), { kind: 'raw', secret }), false)
  const below = mail(results('mx.example.com; dmarc=fail')).replace(
    'Authentication-Results',
    'Authentication-Results: mx.example.com; none\r\nAuthentication-Results',
  )
  t.equal((await message(below, settingsOf(trusting))).from.identities[0]?.verified, false, 'the topmost counts')
})

t.test('a wish to hear no more, by the address made for it', async (t) => {
  const to = 'support+u-0199aaaabbbb7ccc8ddd000011112222@example.com'
  t.match(await neutral(mail({ To: to, Subject: 'unsubscribe' }, 'unsubscribe')), [
    { type: 'preference', category: 'marketing', state: 'stop', from: { email: 'ada@example.org' } },
  ])
  const both = await neutral(
    mail({ To: to }, 'And please tell me why you wrote to me at all, and where you have my address from.'),
  )
  t.strictSame(
    both.map(({ type }) => type),
    ['message', 'preference'],
  )
})
