import t from 'tap'
import { parseJson } from '../../../src/channels/json.ts'
import { samples, skip } from '../../channels/samples/table.ts'
import { posted, settings } from '../../channels/telegram/fixtures.ts'
import { updatesOf } from '../../channels/telegram/sample.ts'
import { type Posted, takeIn } from './intake.ts'

t.test('what became of every real Telegram payload, over HTTP', { skip }, async (t) => {
  const updates = samples('telegram').flatMap(({ name, bytes }) => {
    const all = updatesOf(parseJson(bytes) ?? null)
    return all.map((update, i) => ({ name: all.length === 1 ? name : `${name}, ${i + 1}`, update }))
  })
  const posts = updates.map(({ name, update }, i) => {
    const by = (secret?: string): Posted => {
      const { rawBody, headers } = posted(update, secret)
      return { body: rawBody, headers: { 'content-type': 'application/json', ...headers } }
    }
    const post = by()
    return {
      name,
      type: 'telegram',
      settings: { ...settings, botToken: `${700001 + i}:a-bot-token` },
      post,
      // Telegram signs nothing: it shows a secret, and no byte of a post can be told to be another.
      forged: [by('a-secret-tokem'), { body: post.body }],
    }
  })
  // Answers to calls are no updates.
  await takeIn(t, 'telegram', posts, { failing: /java_Response(WithError|sSetGameScore)/ })
})
