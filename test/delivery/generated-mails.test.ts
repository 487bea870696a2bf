import { randomBytes } from 'node:crypto'
import t from 'tap'
import { attached, basic, mail, mailbox, multipart, part, secret } from '../channels/email/fixtures.ts'
import { sized } from '../harness/size.ts'
import { startLanes } from './lanes.ts'

const count = sized(80, 500)

/** What must come of a mail. */
interface Made {
  id: string
  raw: Buffer
  /** mails of one thread and sender are in one conversation; null: it is no message */
  thread: string | null
}

let state = 20_261_122
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}
const pick = <T>(all: readonly T[]): T => all[random(all.length)] as T

const charsets: readonly [string, Buffer][] = [
  ['utf-8', Buffer.from('Grüße, 你好, สวัสดี, 👋🏽')],
  ['iso-8859-1', Buffer.from('Grüße', 'latin1')],
  ['windows-1251', Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2])],
  ['shift_jis', Buffer.from([0x82, 0xb1, 0x82, 0xf1])],
  ['big5', Buffer.from([0xa7, 0x41, 0xa6, 0x6e])],
  ['euc-kr', Buffer.from([0xbe, 0xc8, 0xb3, 0xe7])],
  ['no-such-charset', Buffer.from('plain')],
  ['utf-8', Buffer.from([0xff, 0xfe, 0x41, 0x00])],
]

type Fields = Record<string, string | undefined>
const kinds: readonly ((fields: Fields) => string | Buffer)[] = [
  (fields) => mail(fields, 'Hello there'),
  (fields) => {
    const [charset, bytes] = pick(charsets)
    const head = mail(
      { ...fields, 'Content-Type': `text/plain; charset=${charset}`, 'Content-Transfer-Encoding': '8bit' },
      '',
    )
    return Buffer.concat([Buffer.from(head.trimEnd()), Buffer.from('\r\n\r\n'), bytes])
  },
  (fields) =>
    multipart(
      'alternative',
      [part('Content-Type: text/plain', 'text'), part('Content-Type: text/html', '<p>text<script>x</script>')],
      fields,
    ),
  (fields) =>
    multipart(
      'mixed',
      [part('Content-Type: text/plain', 'with a file'), attached('a b.bin', randomBytes(random(2_000)))],
      fields,
    ),
  (fields) =>
    multipart(
      'mixed',
      [part('Content-Type: text/plain', 'large'), attached('large.bin', randomBytes(300_000))],
      fields,
    ),
  (fields) =>
    multipart(
      'mixed',
      [part('Content-Type: message/rfc822', mail({ Subject: 'inner' }, 'nested')), 'garbage without a header'],
      fields,
    ),
  // Broken in the ways in which mail is broken.
  (fields) => mail({ ...fields, 'Content-Type': 'multipart/mixed; boundary="never"' }, 'no such boundary'),
  (fields) => multipart('mixed', [part('Content-Type: text/plain', 'cut off')], fields).slice(0, -8),
  (fields) =>
    mail(
      { ...fields, 'Content-Type': 'text/plain; charset', 'Content-Transfer-Encoding': 'base64' },
      '%%%not base64%%%',
    ),
  (fields) => mail(fields, 'line feeds only').replaceAll('\r\n', '\n'),
  (fields) =>
    mail({ ...fields, To: undefined, Date: 'yesterday', Subject: '=?utf-8?B?broken' }, '\0NUL and \ud800 half a pair'),
  (fields) => mail({ ...fields, 'Auto-Submitted': 'auto-replied' }, 'I am away'),
  (fields) => mail({ ...fields, 'List-Id': '<l.example>', Precedence: 'bulk' }, 'News'),
  (fields) => mail({ ...fields, Subject: undefined }, ''),
]

function made(): Made[] {
  const all: Made[] = []
  const threads = new Map<string, { root: string; last: string; from: string }>()
  for (let i = 0; i < count; i += 1) {
    const id = `generated-${i}@example.org`
    const known = [...threads.entries()]
    const isAnswer = known.length > 0 && random(3) === 0
    const [thread, place] = isAnswer
      ? pick(known)
      : [id, { root: id, last: id, from: `person${random(20)}@example.org` }]
    const fields: Fields = {
      'Message-ID': `<${id}>`,
      From: `Person <${place.from}>`,
      // The same subjects over and over.
      Subject: pick(['Hello', 'Re: Hello', 'Your order', 'Re: Your order']),
      ...(isAnswer ? { 'In-Reply-To': `<${place.last}>`, References: `<${place.root}> <${place.last}>` } : {}),
    }
    const raw = Buffer.from(pick(kinds)(fields))
    threads.set(thread, { ...place, last: id })
    all.push({ id, raw, thread })
  }
  for (let i = 0; i < Math.ceil(count / 20); i += 1) {
    const id = `own-${i}@example.com`
    all.push({ id, raw: Buffer.from(mail({ 'Message-ID': `<${id}>`, From: mailbox })), thread: null })
    const report = multipart(
      'report; report-type=delivery-status',
      [
        part('Content-Type: text/plain', 'no'),
        part(
          'Content-Type: message/delivery-status',
          `X: y\r\n\r\nFinal-Recipient: rfc822; p${i}@example.org\r\nAction: failed\r\nStatus: 5.1.1`,
        ),
      ],
      { 'Message-ID': `<dsn-${i}@example.org>`, From: 'mailer-daemon@example.org', 'Return-Path': '<>' },
    )
    all.push({ id: `dsn-${i}@example.org`, raw: Buffer.from(report), thread: null })
  }
  return all
}

t.test(
  `${count} mails of all kinds, each delivered twice: none lost, none doubled, none answered, threads by references only`,
  async (t) => {
    const { service, drain } = await startLanes(t)
    const settings = { address: mailbox, inbound: { kind: 'raw', secret } }
    const channel = await service.request('POST', '/v1/channels', { body: { type: 'email', name: 'Mail', settings } })
    const mails = made()
    const post = async ({ raw }: Made): Promise<void> => {
      const headers = { ...basic(secret), 'content-type': 'message/rfc822' }
      const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { body: raw, token: null, headers })
      t.equal(answer.status, 200, answer.text)
    }
    for (const one of mails) await post(one)
    for (const one of mails.toSorted(() => random(3) - 1)) await post(one)
    await drain()
    const counts = await service.sql<{ status: string; n: number }>(
      'SELECT status, count(*)::int AS n FROM app.inbound_event GROUP BY status ORDER BY status',
    )
    t.equal(
      counts.reduce((sum, { n }) => sum + n, 0),
      mails.length,
      JSON.stringify(counts),
    )
    t.strictSame(
      counts.filter(({ status }) => status !== 'processed' && status !== 'ignored'),
      [],
    )
    const rows = await service.sql<{ external_id: string; conversation_id: string; direction: string }>(
      'SELECT external_id, conversation_id, direction FROM app.message',
    )
    const messages = mails.filter(({ thread }) => thread !== null)
    t.strictSame(rows.map((row) => row.external_id).sort(), messages.map(({ id }) => id).sort(), 'each once')
    t.ok(
      rows.every(({ direction }) => direction === 'inbound'),
      'nothing was answered',
    )
    const conversations = new Map(rows.map((row) => [row.external_id, row.conversation_id]))
    const byThread = Map.groupBy(messages, ({ thread }) => thread)
    for (const [thread, members] of byThread)
      t.equal(new Set(members.map(({ id }) => conversations.get(id))).size, 1, `${thread}: together`)
    t.equal(new Set(conversations.values()).size, byThread.size, 'and apart from all others, whatever their subject')
  },
)
