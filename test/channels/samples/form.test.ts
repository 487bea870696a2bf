import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { form } from '../../../src/channels/form/index.ts'
import { parseForm } from '../../../src/channels/form/parse.ts'
import type { FormSettings } from '../../../src/channels/form/settings.ts'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'

/** Real posts live outside the project (they are others' work): name their directory to test against them. */
const directory = process.env.CHANNEL_SAMPLES
const skip =
  directory === undefined || !existsSync(directory) ? 'set CHANNEL_SAMPLES to a directory of real payloads' : false
const table = new URL('../../output/samples/form.txt', import.meta.url)
const receivedAt = new Date('2026-01-01T00:00:00Z')
const signingSecret = 'a-secret-of-tests'

/** A request as it went over the wire: head, empty line, body. */
function requestOf(bytes: Buffer): { headers: Record<string, string>; body: Buffer } {
  const crlf = bytes.indexOf('\r\n\r\n')
  const bare = bytes.indexOf('\n\n')
  const isBare = crlf === -1 || (bare !== -1 && bare < crlf)
  const end = isBare ? bare : crlf
  const [, ...lines] = bytes.subarray(0, end).toString('latin1').split(/\r?\n/)
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { headers: Object.fromEntries(headers), body: bytes.subarray(end + (isBare ? 2 : 4)) }
}

function postOf(name: string, bytes: Buffer): { post: Post; settings: FormSettings } {
  if (name.endsWith('.http')) {
    const { headers, body } = requestOf(bytes)
    return { post: { headers, query: {}, rawBody: body, receivedAt }, settings: { kind: 'html' } }
  }
  const mac = createHmac('sha256', signingSecret).update(bytes).digest('base64')
  const headers = { 'content-type': 'application/json', 'typeform-signature': `sha256=${mac}` }
  return { post: { headers, query: {}, rawBody: bytes, receivedAt }, settings: { kind: 'typeform', signingSecret } }
}

t.test('every real form post verifies, splits and is understood', { skip }, async (t) => {
  const folder = join(directory ?? '', 'forms')
  const names = readdirSync(folder).sort()
  t.ok(names.length > 20, `${names.length} files`)
  const lines: string[] = []
  for (const name of names) {
    const { post, settings } = postOf(name, readFileSync(join(folder, name)))
    t.strictSame(form.verify(post, settings), { ok: true }, name)
    const altered = { ...post, rawBody: Buffer.concat([post.rawBody, Buffer.from(' ')]) }
    if (settings.signingSecret) t.strictSame(form.verify(altered, settings), { ok: false, reason: 'signature_invalid' })
    const split = form.split(post, settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.equal(split.events.length, 1, name)
    for (const event of split.events) {
      const parsed = parseForm(event, { settings })
      t.not(parsed.outcome, 'failed', name)
      if (parsed.outcome !== 'events') {
        lines.push(`${name} | ${event.kind} | ${parsed.outcome}: ${parsed.reason}`)
        continue
      }
      for (const one of parsed.events) {
        if (one.type !== 'message') throw new Error(one.type)
        const answers = Array.isArray(one.message.content.answers) ? one.message.content.answers.length : 0
        const people = one.from.identities
          .map(({ kind, verified }) => `${kind}${verified ? '' : ' (claim)'}`)
          .join(', ')
        lines.push(
          `${name} | ${event.kind} | message ${one.message.type}: ${answers} answers, ${one.media.length} files, from ${people}`,
        )
        for (const ref of one.media) {
          if (ref.part === undefined) continue
          const file = await form.mediaPart?.(
            { ...event, ...(event.blob ? { kept: keptBuffer(event.blob) } : {}) },
            ref,
          )
          t.ok(file && file.sizeBytes === ref.sizeBytes, `${name}: the bytes of ${ref.part}`)
        }
      }
    }
  }
  const now = `file | event kind | what it became\n${lines.join('\n')}\n`
  if (process.env.UPDATE === '1') {
    mkdirSync(new URL('.', table), { recursive: true })
    writeFileSync(table, now)
  }
  t.equal(now, readFileSync(table, 'utf8'), 'as committed; UPDATE=1 rewrites it')
})
