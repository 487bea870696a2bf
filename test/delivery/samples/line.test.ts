import t from 'tap'
import { objectAt, parseJson, textAt } from '../../../src/channels/json.ts'
import { settings, signed } from '../../channels/line/fixtures.ts'
import { lineWebhookOf } from '../../channels/line/sample.ts'
import { samples, skip } from '../../channels/samples/table.ts'
import { startLanes } from '../lanes.ts'
import { altered, type Posted, takeIn } from './intake.ts'

t.test('what became of every real LINE payload, over HTTP', { skip }, async (t) => {
  const posts = samples('line').map(({ name, bytes }) => {
    const webhook = lineWebhookOf(parseJson(bytes) ?? null)
    const by = (secret?: string): Posted => {
      const { rawBody, headers } = signed(webhook, secret)
      return { body: rawBody, headers: { 'content-type': 'application/json', ...headers } }
    }
    const post = by()
    return { name, type: 'line', settings, post, forged: [altered(post), by('another-secret')] }
  })
  await takeIn(t, 'line', posts, { failing: /ruby_01_hoge/ })
})

t.test('every published LINE signature has its answer', { skip }, async (t) => {
  const { service } = await startLanes(t)
  let vectors = 0
  for (const { name, bytes } of samples('signatures')) {
    const vector = parseJson(bytes)
    if (!textAt(vector, 'scheme')?.startsWith('LINE')) continue
    vectors += 1
    const channelSecret = textAt(vector, 'secret') ?? ''
    const body = { type: 'line', name, settings: { ...settings, channelSecret } }
    const channel = await service.request('POST', '/v1/channels', { body })
    const headers = Object.fromEntries(
      Object.entries(objectAt(vector, 'headers')).map(([key, value]) => [key, textAt(value) ?? '']),
    )
    const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
      token: null,
      body: textAt(vector, 'body') ?? '',
      headers,
    })
    const expected = textAt(vector, 'expect') ?? ''
    if (expected.startsWith('invalid')) t.equal(answer.status, 401, name)
    else if (expected.includes('400')) t.equal(answer.status, 400, name)
    else t.equal(answer.status, 200, name)
  }
  t.ok(vectors >= 6, `${vectors} vectors`)
})
