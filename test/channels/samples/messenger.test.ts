import t from 'tap'
import { parseJson } from '../../../src/channels/json.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import { settings, signature } from '../messenger/fixtures.ts'
import { webhookOf } from '../messenger/sample.ts'
import { postOf } from '../post.ts'
import { became, sameTable, samples, skip } from './table.ts'

/** What Meta has given up, or never told of a customer. */
const NOTHING_SAID = /standbyRequest|webhookTestRequest|rubyfbm_message_reaction/

t.test('every real Messenger payload verifies, splits and is understood', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of samples('messenger')) {
    const sample = parseJson(bytes)
    if (sample === undefined) throw new Error(`${name} is no JSON`)
    const body = Buffer.from(JSON.stringify(webhookOf(sample)))
    const post = postOf(body, { 'x-hub-signature-256': signature(body) })
    t.strictSame(messenger.verify(post, settings), { ok: true }, name)
    const altered = { ...post, rawBody: Buffer.concat([body, Buffer.from(' ')]) }
    t.strictSame(messenger.verify(altered, settings), { ok: false, reason: 'signature_invalid' }, name)
    const split = messenger.split(post, settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.ok(split.events.length >= 1, name)
    t.equal(new Set(split.events.map(({ dedupeKey }) => dedupeKey)).size, split.events.length, `${name}: keys`)
    for (const event of split.events) {
      const parsed = messenger.parse(event)
      t.equal(parsed.outcome, NOTHING_SAID.test(name) ? 'ignored' : 'events', `${name}: ${became(parsed)}`)
      lines.push(`${name} | ${event.kind} | ${became(parsed)}`)
    }
  }
  sameTable(t, 'messenger', lines)
})
