import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { verifyWebhook } from '../../src/channels/standard-webhooks.ts'

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
