import { createHmac } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { verifyWebhook } from '../../src/channels/standard-webhooks.ts'
import { whatsapp } from '../../src/channels/whatsapp/index.ts'
import { postOf } from './post.ts'
import { settings } from './whatsapp/fixtures.ts'

/** Real payloads live outside the project (they are others' work): name their directory to test against them. */
const directory = process.env.CHANNEL_SAMPLES
const skip =
  directory === undefined || !existsSync(directory) ? 'set CHANNEL_SAMPLES to a directory of real payloads' : false

const files = (folder: string) => {
  const path = join(directory ?? '', folder)
  const names = readdirSync(path).filter((name) => name.endsWith('.json'))
  if (names.length === 0) throw new Error(`no samples in ${folder}`)
  return names.map((name) => ({ name, bytes: readFileSync(join(path, name)) }))
}

/** One payload repeats a placeholder wamid for two messages: the second is, rightly, a duplicate. */
const SAME_KEYS = /multiple_text/

t.test('every real WhatsApp payload verifies, splits and is understood', { skip }, async (t) => {
  const outcomes: Record<string, number> = {}
  for (const { name, bytes } of files('whatsapp')) {
    const header = `sha256=${createHmac('sha256', settings.appSecret).update(bytes).digest('hex')}`
    const post = { headers: { 'x-hub-signature-256': header }, query: {}, rawBody: bytes, receivedAt: new Date() }
    t.strictSame(whatsapp.verify(post, settings), { ok: true }, name)
    t.equal(whatsapp.verify({ ...post, rawBody: Buffer.concat([bytes, Buffer.from(' ')]) }, settings).ok, false)
    const split = whatsapp.split(postOf(bytes), settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.ok(split.events.length >= 1, name)
    t.equal(
      new Set(split.events.map(({ dedupeKey }) => dedupeKey)).size,
      SAME_KEYS.test(name) ? 1 : split.events.length,
      `${name}: keys`,
    )
    for (const event of split.events) {
      const parsed = whatsapp.parse(event)
      outcomes[parsed.outcome] = (outcomes[parsed.outcome] ?? 0) + 1
      if (parsed.outcome === 'events') t.ok(parsed.events.length >= 1, name)
      else
        t.match(`${parsed.outcome} ${parsed.reason}`, /^ignored call_/, `${name}: only call signalling is not an event`)
    }
  }
  t.ok((outcomes.events ?? 0) > 50, JSON.stringify(outcomes))
})

t.test('every published Standard Webhooks vector has its verdict', { skip }, async (t) => {
  let vectors = 0
  for (const { name, bytes } of files('signatures')) {
    const vector = JSON.parse(bytes.toString())
    if (!vector.scheme.startsWith('Standard Webhooks')) continue
    vectors += 1
    const verdict = verifyWebhook(vector.headers, Buffer.from(vector.body), new Date(1614265330_000), vector.secret)
    t.equal(verdict.ok, vector.expect.startsWith('valid'), name)
  }
  t.ok(vectors >= 4, `${vectors} vectors`)
})
