import t from 'tap'
import { line } from '../../../src/channels/line/index.ts'
import { postOf } from '../post.ts'
import { event, settings, signed } from './fixtures.ts'

t.test('a post is believed by the signature over its own bytes alone', async (t) => {
  const post = signed({ events: [event('follow')] })
  t.strictSame(line.verify(post, settings), { ok: true })
  t.strictSame(line.verify({ ...post, rawBody: Buffer.concat([post.rawBody, Buffer.from(' ')]) }, settings), {
    ok: false,
    reason: 'signature_invalid',
  })
  for (let at = 0; at < post.rawBody.length; at += 17) {
    const altered = Buffer.from(post.rawBody)
    altered[at] = (altered[at] ?? 0) ^ 1
    t.equal(line.verify({ ...post, rawBody: altered }, settings).ok, false, `byte ${at}`)
  }
  t.equal(line.verify(signed({ events: [] }, 'another-secret'), settings).ok, false)
  t.strictSame(line.verify(postOf('{}'), settings), { ok: false, reason: 'signature_missing' })
})

t.test('a signature is base64 of 32 bytes and nothing else', async (t) => {
  const post = signed({ events: [] })
  const good = String(post.headers['X-Line-Signature'])
  for (const header of [
    good.slice(0, 20),
    good.slice(0, -1),
    `${good}=`,
    `${good} ${good}`,
    Buffer.from(good, 'base64').toString('hex'),
    `!${good.slice(1)}`,
    'x',
  ])
    t.strictSame(
      line.verify({ ...post, headers: { 'x-line-signature': header } }, settings),
      { ok: false, reason: 'signature_invalid' },
      header,
    )
})
