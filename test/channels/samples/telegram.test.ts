import t from 'tap'
import { parseJson } from '../../../src/channels/json.ts'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { posted, settings } from '../telegram/fixtures.ts'
import { updatesOf } from '../telegram/sample.ts'
import { became, sameTable, samples, skip } from './table.ts'

/** Kinds that say nothing to the business: what its channel posts, inline searches, shops, votes. */
const NOTHING_SAID =
  /^(channel_post|edited_channel_post|inline_query|chosen_inline_result|shipping_query|pre_checkout_query|poll_answer)$/
/** Members of answers, which are no updates. */
const NO_UPDATE = /^(parameters|result)$/

t.test('every real Telegram payload is believed, splits and is understood', { skip }, async (t) => {
  const lines: string[] = []
  for (const { name, bytes } of samples('telegram')) {
    const sample = parseJson(bytes)
    if (sample === undefined) throw new Error(`${name} is no JSON`)
    for (const update of updatesOf(sample)) {
      const post = posted(update)
      t.strictSame(telegram.verify(post, settings), { ok: true }, name)
      t.equal(telegram.verify(posted(update, 'a-secret-tokem'), settings).ok, false, name)
      const split = telegram.split(post, settings)
      if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
      t.ok(split.events.length >= 1, name)
      t.equal(new Set(split.events.map(({ dedupeKey }) => dedupeKey)).size, split.events.length, `${name}: keys`)
      for (const event of split.events) {
        const parsed = await telegram.parse(event)
        t.equal(
          parsed.outcome,
          NOTHING_SAID.test(event.kind) ? 'ignored' : NO_UPDATE.test(event.kind) ? 'failed' : 'events',
          `${name}: ${became(parsed)}`,
        )
        lines.push(`${name} | ${event.kind} | ${became(parsed)}`)
      }
    }
  }
  sameTable(t, 'telegram', lines)
})
