import fc from 'fast-check'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { liftedRange, liftJson } from '../../../src/channels/email/json-lift.ts'
import { folded } from '../../../src/channels/email/quote.ts'
import { tnefFiles } from '../../../src/channels/email/tnef.ts'
import { fromBase64, fromQuotedPrintable } from '../../../src/channels/email/transfer-encoding.ts'
import type { JsonValue } from '../../../src/channels/json.ts'
import { sized } from '../../harness/size.ts'
import { postOf } from '../post.ts'
import { settingsOf, understood } from './fixtures.ts'

const runs = { numRuns: sized(200, 5_000) }
const line = fc.oneof(
  fc.constantFrom(
    '',
    '--b',
    '--b--',
    'From: a@example.org',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Type: message/rfc822',
    'Content-Type: text/html; charset=utf-16',
    'Content-Type: application/ms-tnef',
    'Content-Type: text/calendar; method=REQUEST',
    'Content-Transfer-Encoding: base64',
    "Content-Disposition: attachment; filename*0*=utf-8''%ff; filename*1=x",
    'Message-ID: <a@b>',
    'References: <a@b> <<c>',
    'Auto-Submitted: auto-replied',
    'BEGIN:VEVENT',
    'DTSTART:20260101',
    'Final-Recipient: rfc822; x@example.org',
    'Action: failed',
    'On Monday somebody wrote:',
    '> quoted',
    ' folded',
    'eJ8+IgAAAAA=',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const mailText = fc.array(line, { maxLength: 30 }).map((lines) => lines.join('\r\n'))

const settings = [
  settingsOf(),
  settingsOf({ kind: 'postmark', secret: 'a-secret-1' }),
  settingsOf({ kind: 'mailgun', secret: 'a-secret-1' }),
  settingsOf({ kind: 'sendgrid', secret: 'a-secret-1' }),
  settingsOf({ kind: 'ses', topicArn: 'arn:aws:sns:eu-west-1:123456789012:mail' }),
]

t.test('whatever is posted, splitting and parsing never throw, and what is split is storable', async (t) => {
  const outcomes = new Set<string>()
  const body = fc.oneof(
    mailText.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
  )
  const type = fc.constantFrom(
    'message/rfc822',
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
  )
  await fc.assert(
    fc.asyncProperty(body, type, fc.nat(settings.length - 1), async (bytes, contentType, which) => {
      const own = settings[which] ?? settingsOf()
      const post: Post = postOf(bytes, { 'content-type': contentType })
      const split = email.split(post, own)
      outcomes.add('malformed' in split ? 'malformed' : 'split')
      email.verify(post, own)
      for (const event of 'malformed' in split ? [] : split.events) {
        const stored = JSON.stringify([event.dedupeKey, event.lane, event.kind, event.payload])
        if (!stored.isWellFormed() || stored.includes('\\u0000') || !/^[a-z0-9_.]+$/.test(event.kind)) return false
        const parsed = await understood(event)
        outcomes.add(parsed.outcome)
        const said = JSON.stringify(parsed)
        if (!said.isWellFormed() || said.includes('\\u0000')) return false
        const again = email.split(post, own)
        if (JSON.stringify(again) !== JSON.stringify(split)) return false
      }
      return true
    }),
    // One that is a mail for certain: what chance makes of headers seldom says who wrote.
    { ...runs, examples: [[Buffer.from('From: ada@example.com\r\n\r\nHello'), 'message/rfc822', 0]] },
  )
  for (const one of ['malformed', 'split', 'events', 'failed']) t.ok(outcomes.has(one), one)
})

t.test('parse never throws on any payload under any kind', async (t) => {
  const kind = fc.constantFrom(
    'mail.mime',
    'mail.fields',
    'events.postmark',
    'events.mailgun',
    'events.sendgrid',
    'events.ses',
    'sns.subscription',
    'x',
  )
  const payload = fc.oneof(
    fc.jsonValue(),
    fc.record({
      provider: fc.constantFrom('raw', 'postmark', 'mailgun'),
      mailbox: fc.constant('a@b'),
      externalId: fc.string(),
      form: fc.jsonValue(),
      files: fc.jsonValue(),
      event: fc.jsonValue(),
    }),
  ) as fc.Arbitrary<JsonValue>
  let tried = 0
  await fc.assert(
    fc.asyncProperty(kind, payload, async (name, value) => {
      tried += 1
      return ['events', 'ignored', 'failed'].includes((await email.parse({ kind: name, payload: value })).outcome)
    }),
    runs,
  )
  t.ok(tried >= runs.numRuns)
})

t.test('folding loses nothing and takes no time', async (t) => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      const whole = lines.join('\n').replaceAll('\r', '')
      const { text, quoted = '' } = folded(whole)
      const bare = (one: string): string => one.replaceAll(/\s/g, '')
      return [bare(text + quoted), bare(quoted + text)].includes(bare(whole))
    }),
    runs,
  )
  const long = [
    `${'On '.repeat(50_000)}wrote`,
    '> '.repeat(100_000),
    `From: ${'a '.repeat(50_000)}\nTo: x\nSent: y`,
    `${'-'.repeat(100_000)}x`,
    'a\n'.repeat(200_000),
  ]
  for (const one of long) {
    const started = performance.now()
    folded(one)
    t.ok(performance.now() - started < 2_000, `${one.slice(0, 10)}: ${Math.round(performance.now() - started)} ms`)
  }
})

t.test('transfer encodings: in pieces of any size the same comes out as at once', async (t) => {
  const inPieces = async function* (bytes: Buffer, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const all = async (source: AsyncIterable<Buffer>): Promise<Buffer> => {
    const pieces: Buffer[] = []
    for await (const piece of source) pieces.push(piece)
    return Buffer.concat(pieces)
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.integer({ min: 1, max: 90 }), async (given, size) => {
      const bytes = Buffer.from(given)
      const base64 = Buffer.from(bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n'))
      const quoted = Buffer.from(
        [...bytes]
          .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
          .join('')
          .replaceAll(/.{72}/g, '$&=\r\n'),
      )
      return (
        (await all(fromBase64(inPieces(base64, size)))).equals(bytes) &&
        (await all(fromQuotedPrintable(inPieces(quoted, size)))).equals(bytes)
      )
    }),
    { numRuns: sized(60, 500) },
  )
  t.pass('all the same')
})

t.test('long strings of JSON are left where they are, and nothing else changes', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const lifted = liftJson(Buffer.from(JSON.stringify(value)))
      return (
        JSON.stringify(lifted) === JSON.stringify(JSON.parse(JSON.stringify(value))) ||
        JSON.stringify(value).includes('\\u0000') ||
        !JSON.stringify(value).isWellFormed() ||
        /\\ud[89a-f]/.test(JSON.stringify(value))
      )
    }),
    runs,
  )
  const long = `x"\\${'é'.repeat(70_000)}`
  const bytes = Buffer.from(JSON.stringify({ a: [long, 'short'], b: long }))
  const lifted = liftJson(bytes) as { a: JsonValue[]; b: JsonValue }
  for (const one of [lifted.a[0], lifted.b]) {
    const range = liftedRange(one)
    t.equal(range && JSON.parse(`"${bytes.toString('utf8', range.start, range.end)}"`), long)
  }
  t.equal(lifted.a[1], 'short')
})

t.test('winmail.dat: its files, and from damaged ones what there is', async (t) => {
  const attribute = (level: number, id: number, data: Buffer): Buffer => {
    const head = Buffer.alloc(9)
    head.writeUInt8(level)
    head.writeUInt16LE(id, 1)
    head.writeUInt32LE(data.length, 5)
    return Buffer.concat([head, data, Buffer.alloc(2)])
  }
  const property = (id: number, text: string): Buffer => {
    const bytes = Buffer.from(`${text}\0`, 'utf16le')
    const head = Buffer.alloc(12)
    head.writeUInt16LE(0x001f)
    head.writeUInt16LE(id, 2)
    head.writeUInt32LE(1, 4)
    head.writeUInt32LE(bytes.length, 8)
    return Buffer.concat([head, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
  }
  const properties = Buffer.concat([
    Buffer.from([2, 0, 0, 0]),
    property(0x370e, 'application/pdf'),
    property(0x3707, 'Übersicht.pdf'),
  ])
  const bytes = Buffer.concat([
    Buffer.from([0x78, 0x9f, 0x3e, 0x22, 1, 0]),
    attribute(1, 0x9006, Buffer.alloc(4)),
    attribute(2, 0x9002, Buffer.alloc(14)),
    attribute(2, 0x8010, Buffer.from('UBERSI~1.PDF\0')),
    attribute(2, 0x800f, Buffer.from('the file')),
    attribute(2, 0x9005, properties),
    attribute(2, 0x9002, Buffer.alloc(14)),
    attribute(2, 0x8010, Buffer.from('b.txt\0')),
    attribute(2, 0x800f, Buffer.from('another')),
  ])
  const files = tnefFiles(bytes)
  t.match(files, [{ filename: 'Übersicht.pdf', mediaType: 'application/pdf' }, { filename: 'b.txt' }])
  t.strictSame(
    files.map(({ start, end }) => bytes.toString('latin1', start, end)),
    ['the file', 'another'],
  )
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
      const damaged = Buffer.from(bytes)
      damaged[at] = value
      return tnefFiles(damaged.subarray(0, length)).every(({ start, end }) => start >= 0 && end <= length)
    }),
    runs,
  )
})
