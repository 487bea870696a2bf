import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { folded } from '../../../src/channels/email/quote.ts'
import type { EmailSettings } from '../../../src/channels/email/settings.ts'
import { listAt, parseJson, textAt } from '../../../src/channels/json.ts'
import { basic, eventsOf, fileOf, mail, message, secret, settingsOf, understood } from '../email/fixtures.ts'
import { alteredPost, providerPost, providerSample } from '../email/sample.ts'
import { postOf } from '../post.ts'
import { became, type Sample, sameTable, sampleFiles, skip } from './table.ts'

const filesIn = (folder: string): Sample[] =>
  sampleFiles(folder).map(({ name, bytes }) => ({ name: `${folder}/${name}`, bytes }))

const raw = settingsOf()

/** These name nobody at all. */
const NO_SENDER = /erroneous|mailparser_mixed|postalmime_mixed/
/** The delay of a delivery. */
const NOTHING_SAID = /delayed_dsn/

async function lineOf(
  t: { equal(found: boolean, wanted: boolean, name: string): unknown },
  name: string,
  post: Post,
  settings: EmailSettings,
): Promise<string[]> {
  const events = eventsOf(post, settings)
  const lines: string[] = []
  for (const event of events) {
    const parsed = await understood(event)
    t.equal(became(parsed) === 'failed: no_sender', NO_SENDER.test(name), `${name}: ${became(parsed)}`)
    t.equal(parsed.outcome === 'failed', NO_SENDER.test(name), `${name}: ${became(parsed)}`)
    const [said] = parsed.outcome === 'events' ? parsed.events : []
    const more = said?.type === 'message' && said.automated !== undefined ? ` automated ${said.automated}` : ''
    lines.push(`${name} | ${event.kind} | ${became(parsed)}${more}`)
  }
  return lines
}

t.test('every real mail and every provider’s payload is taken, and what each became', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of filesIn('email')) {
    const post = postOf(bytes, { ...basic(secret), 'content-type': 'message/rfc822' })
    t.strictSame(email.verify(post, raw), { ok: true }, name)
    t.equal(email.verify(postOf(bytes, basic(`${secret}x`)), raw).ok, false, name)
    const [line = ''] = await lineOf(t, name, post, raw)
    t.equal(line.includes('ignored'), NOTHING_SAID.test(name), line)
    lines.push(line)
  }
  for (const file of sampleFiles('email_providers')) {
    const name = `email_providers/${file.name}`
    const sample = providerSample(file)
    if (sample === null) continue
    if (sample.inbound === null) {
      lines.push(`${name} | - | no such service among the channel’s settings`)
      continue
    }
    const settings = settingsOf(sample.inbound)
    const { kind } = settings.inbound
    const post = providerPost(kind, sample.body, name)
    if (kind !== 'ses') {
      t.strictSame(email.verify(post, settings), { ok: true }, name)
      t.equal(email.verify(alteredPost(post, kind), settings).ok, false, `${name}: altered`)
    }
    lines.push(...(await lineOf(t, name, post, settings)))
  }
  sameTable(t, 'email', lines)
})

t.test('real answers: what is quoted is folded, and nothing of a mail is lost', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of filesIn('email_replies')) {
    const whole = bytes.toString('utf8').replaceAll('\r\n', '\n')
    const started = performance.now()
    const { text, quoted } = folded(whole)
    t.ok(performance.now() - started < 1_000, `${name}: ${Math.round(performance.now() - started)} ms`)
    const squeezed = (one: string): string => one.replaceAll(/\s+/g, '')
    const together = [`${text}${quoted ?? ''}`, `${quoted ?? ''}${text}`].map(squeezed)
    t.ok(together.includes(squeezed(whole)), name)
    t.ok(text !== '' || whole.trim() === '', name)
    lines.push(
      `${name} | ${text.split('\n').length} lines said | ${quoted === undefined ? 'nothing' : `${quoted.split('\n').length} lines`} folded`,
    )
  }
  sameTable(t, 'email-replies', lines)
})

t.test('hostile texts come through as subject, body, name and file name', { skip }, async (t) => {
  const [{ bytes } = { bytes: Buffer.alloc(0) }] = filesIn('text_torture')
  const hostile = listAt({ all: parseJson(bytes) ?? null }, 'all').flatMap((one) => textAt(one) ?? [])
  t.ok(hostile.length > 400, `${hostile.length} texts`)
  for (const text of hostile) {
    const word = `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
    const fields = {
      Subject: word,
      From: `${word} <ada@example.org>`,
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Transfer-Encoding': 'base64',
    }
    const found = await message(mail(fields, Buffer.from(text).toString('base64')))
    const stored = JSON.stringify(found)
    t.ok(stored.isWellFormed() && !stored.includes('\\u0000'))
    const said = `${found.message.text}${String(found.message.content.quoted ?? '')}`.replaceAll(/\s/g, '')
    t.equal(said, text.toWellFormed().replaceAll('\0', '').replaceAll(/\s/g, ''))
  }
})

t.test('every file of the real mails can be taken out of them', { skip }, async (t) => {
  let files = 0
  for (const { name, bytes } of filesIn('email')) {
    const parsed = await understood(eventsOf(postOf(bytes), raw)[0] ?? missing())
    const [said] = parsed.outcome === 'events' ? parsed.events : []
    for (const { filename, sizeBytes } of said?.type === 'message' ? said.media : []) {
      if (filename === undefined || sizeBytes === undefined) continue
      files += 1
      t.equal((await fileOf(bytes, filename)).length > 0, sizeBytes > 0, `${name}: ${filename}`)
    }
  }
  t.ok(files > 30, `${files} files`)
})

function missing(): never {
  throw new Error('no event')
}
