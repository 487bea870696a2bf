import t from 'tap'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { postOf } from '../post.ts'
import { settings, signature } from '../whatsapp/fixtures.ts'
import { became, sameTable, samples, skip } from './table.ts'

/** One payload repeats a placeholder wamid for two messages: the second is, rightly, a duplicate. */
const SAME_KEYS = /multiple_text/

t.test('every real WhatsApp payload verifies, splits and is understood', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of samples('whatsapp')) {
    const post = postOf(bytes, { 'x-hub-signature-256': signature(bytes) })
    t.strictSame(whatsapp.verify(post, settings), { ok: true }, name)
    const altered = { ...post, rawBody: Buffer.concat([bytes, Buffer.from(' ')]) }
    t.strictSame(whatsapp.verify(altered, settings), { ok: false, reason: 'signature_invalid' }, name)
    const split = whatsapp.split(post, settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.ok(split.events.length >= 1, name)
    const keys = new Set(split.events.map(({ dedupeKey }) => dedupeKey))
    t.equal(keys.size, SAME_KEYS.test(name) ? 1 : split.events.length, `${name}: keys`)
    for (const event of split.events) {
      const parsed = whatsapp.parse(event)
      if (parsed.outcome !== 'events')
        t.match(`${parsed.outcome} ${parsed.reason}`, /^ignored call_/, `${name}: only call signalling is not an event`)
      lines.push(`${name} | ${event.kind} | ${became(parsed)}`)
    }
  }
  sameTable(t, 'whatsapp', lines)
})
