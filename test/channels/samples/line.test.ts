import t from 'tap'
import { objectAt, parseJson, textAt } from '../../../src/channels/json.ts'
import { line } from '../../../src/channels/line/index.ts'
import { settings, signed } from '../line/fixtures.ts'
import { lineWebhookOf } from '../line/sample.ts'
import { postOf } from '../post.ts'
import { became, sameTable, samples, skip } from './table.ts'

/** Events that say nothing to anybody, and what LINE has given up. */
const NOTHING_SAID = /noSourceMessage|device(Link|Unlink)|_delivery/
/** LINE's own example of a type to come. */
const NOT_KNOWN = /ruby_01_hoge/
/** LINE's "Verify" button. */
const CHECKS = /webhookVerifyRequest|ruby_03_empty/

t.test('every real LINE payload verifies, splits and is understood', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of samples('line')) {
    const sample = parseJson(bytes)
    if (sample === undefined) throw new Error(`${name} is no JSON`)
    const post = signed(lineWebhookOf(sample))
    t.strictSame(line.verify(post, settings), { ok: true }, name)
    const altered = Buffer.from(post.rawBody)
    altered[altered.length - 2] = (altered.at(-2) ?? 0) ^ 1
    t.strictSame(line.verify({ ...post, rawBody: altered }, settings), { ok: false, reason: 'signature_invalid' }, name)
    const split = line.split(post, settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.equal(split.events.length === 0, CHECKS.test(name), name)
    if (split.events.length === 0) lines.push(`${name} | - | nothing: a check of the address`)
    t.equal(new Set(split.events.map(({ dedupeKey }) => dedupeKey)).size, split.events.length, `${name}: keys`)
    for (const event of split.events) {
      const parsed = await line.parse(event)
      t.equal(
        parsed.outcome,
        NOTHING_SAID.test(name) ? 'ignored' : NOT_KNOWN.test(name) ? 'failed' : 'events',
        `${name}: ${became(parsed)}`,
      )
      lines.push(`${name} | ${event.kind} | ${became(parsed)}`)
    }
  }
  sameTable(t, 'line', lines)
})

t.test('every published LINE signature has its verdict', { skip }, async (t) => {
  let vectors = 0
  for (const { name, bytes } of samples('signatures')) {
    const vector = parseJson(bytes)
    if (!textAt(vector, 'scheme')?.startsWith('LINE')) continue
    vectors += 1
    const secret = textAt(vector, 'secret') ?? ''
    const headers = Object.fromEntries(
      Object.entries(objectAt(vector, 'headers')).map(([key, value]) => [key, textAt(value) ?? '']),
    )
    const verdict = line.verify(postOf(textAt(vector, 'body') ?? '', headers), { ...settings, channelSecret: secret })
    t.equal(verdict.ok, textAt(vector, 'expect')?.startsWith('valid'), name)
  }
  t.ok(vectors >= 6, `${vectors} vectors`)
})
