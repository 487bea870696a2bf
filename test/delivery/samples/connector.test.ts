import { randomUUID } from 'node:crypto'
import t from 'tap'
import { listAt, parseJson, textAt } from '../../../src/channels/json.ts'
import { signWebhook, webhookSecret } from '../../../src/channels/standard-webhooks.ts'
import { samples, skip } from '../../channels/samples/table.ts'
import { altered, type Posted, takeIn } from './intake.ts'

t.test('what became of hostile texts, over HTTP', { skip }, async (t) => {
  const [own, another] = [webhookSecret(Buffer.alloc(32, 1)), webhookSecret(Buffer.alloc(32, 2))]
  const said: string[] = []
  const posts = samples('text_torture').map(({ name, bytes }) => {
    const texts = listAt({ all: parseJson(bytes) ?? null }, 'all').flatMap((one) => textAt(one) ?? [])
    said.push(...texts)
    const events = texts.map((text, i) => ({
      id: `${name} ${i}`,
      type: 'message',
      from: { value: 'ada', displayName: text },
      message: { type: 'text', text },
    }))
    const body = JSON.stringify({ events })
    const by = (secret: string): Posted => ({
      body,
      headers: { 'content-type': 'application/json', ...signWebhook(randomUUID(), new Date(), body, secret) },
    })
    const post = by(own)
    return { name, type: 'connector', settings: { secret: own }, post, forged: [altered(post), by(another)] }
  })
  const { service } = await takeIn(t, 'connector', posts)
  t.ok(said.length > 400, `${said.length} texts`)
  const stored = await service.sql<{ text: string }>('SELECT text FROM app.message ORDER BY occurred_at, id')
  t.same(stored.map(({ text }) => text).sort(), [...said].sort(), 'each text is what it was')
})
