import t from 'tap'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'
import type { MessageEvent } from '../../../src/channels/neutral.ts'
import { webchat } from '../../../src/channels/webchat/index.ts'
import { parseWebchat } from '../../../src/channels/webchat/parse.ts'
import { type Visitor, visitorPost } from '../../../src/channels/webchat/visitor-post.ts'
import { postOf } from '../post.ts'

const settings = { signingSecret: 'a-secret-of-sixteen', allowedOrigins: ['https://www.example.com'] }
const visitor: Visitor = { id: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }

function eventOf(who: Visitor, message: Partial<Parameters<typeof visitorPost>[1]> = {}) {
  const post = postOf(JSON.stringify(visitorPost(who, { id: 'm1', text: 'Hi', files: [], ...message })))
  const split = webchat.split(post, settings)
  const [event] = 'events' in split ? split.events : []
  if (!event) throw new Error('no event')
  return event
}

function messageOf(event: { kind: string; payload: ReturnType<typeof eventOf>['payload'] }): MessageEvent {
  const parsed = parseWebchat(event)
  const one = parsed.outcome === 'events' ? parsed.events[0] : undefined
  if (one?.type !== 'message') throw new Error(JSON.stringify(parsed))
  return one
}

t.test('a visitor is a claim, a signed user is not, and comes first', async (t) => {
  t.strictSame(messageOf(eventOf(visitor)).from.identities, [{ kind: 'webchat', value: visitor.id, verified: false }])
  const said = messageOf(eventOf({ ...visitor, userId: '7', name: 'Anna', email: 'a@example.com' }))
  t.strictSame(said.from, {
    identities: [
      { kind: 'webchat', value: 'user:7', verified: true },
      { kind: 'webchat', value: visitor.id, verified: false },
      { kind: 'email', value: 'a@example.com', verified: false },
    ],
    displayName: 'Anna',
    email: 'a@example.com',
  })
})

t.test('messages are known by the visitor and the page’s id, users in one lane on all devices', async (t) => {
  const one = eventOf({ ...visitor, userId: '7' })
  const other = eventOf({ id: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a12', userId: '7' })
  t.not(one.dedupeKey, other.dedupeKey)
  t.equal(one.lane, other.lane)
  t.not(messageOf(one).externalId, messageOf(other).externalId)
  t.equal(eventOf(visitor).dedupeKey, eventOf(visitor, { text: 'another text' }).dedupeKey)
})

t.test('files are spans of the event’s own bytes', async (t) => {
  const files = ['one', 'zwei'].map((text) => ({
    fileName: `${text}.txt`,
    mediaType: 'text/plain',
    bytes: Buffer.from(text),
  }))
  const event = eventOf(visitor, { text: '', files })
  const { media, message } = messageOf(event)
  t.equal(message.text, '[document] one.txt\n[document] zwei.txt')
  const kept = keptBuffer(Buffer.from('onezwei'))
  const [, second] = media
  if (!second) throw new Error('no file')
  const file = await webchat.mediaPart?.({ ...event, kept }, second)
  t.equal((await file?.stream.toArray())?.join(''), 'zwei')
  await t.rejects(async () => webchat.mediaPart?.({ ...event, kept: keptBuffer(Buffer.from('onez')) }, second), {
    code: 'not_a_reference',
  })
})

t.test('nobody posts from outside, and an answer is handed over by its row', async (t) => {
  t.equal(webchat.verify(postOf('{}'), settings).ok, false)
  t.match(webchat.setup(settings, 'https://hub.example/v1/ingest/x'), [
    { value: 'https://hub.example/v1/webchat/x' },
    {},
    {},
  ])
  t.notMatch(JSON.stringify(webchat.setup(settings, 'https://hub.example/v1/ingest/x')), settings.signingSecret)
  t.match(parseWebchat(eventOf(visitor, { text: '' })), { outcome: 'ignored', reason: 'empty_message' })
})
