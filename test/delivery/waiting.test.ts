import t from 'tap'
import { utter } from '../../src/delivery/normalise/conversation.ts'
import type { ConversationRecord } from '../../src/delivery/normalise/records.ts'
import { done } from '../resources/conversations/fixtures.ts'
import { said, startLanes } from './lanes.ts'

const conversation = (more: Partial<ConversationRecord> = {}): ConversationRecord => ({
  id: 'a-conversation',
  contactId: 'a-contact',
  identityId: null,
  threadKey: '',
  isGroup: false,
  status: 'open',
  unreadCount: 0,
  waitingSinceMs: null,
  lastInboundMs: null,
  lastMessageMs: null,
  state: 'active',
  recent: [],
  isSending: false,
  isNew: false,
  isChanged: false,
  heard: 0,
  occasions: [],
  lastMessageId: null,
  ...more,
})

const utterance = {
  messageId: 'a-message',
  atMs: 5_000,
  isInbound: true,
  isHistorical: false,
  isSaid: true,
  isAutomated: false,
}
const events = ({ occasions }: ConversationRecord): string[] => occasions.map(({ event }) => event)

t.test('the contact waits since the first message that nobody has answered', async (t) => {
  const talk = conversation()
  utter(talk, utterance)
  utter(talk, { ...utterance, atMs: 7_000 })
  utter(talk, { ...utterance, atMs: 3_000 })
  t.match(talk, { waitingSinceMs: 3_000, unreadCount: 3, heard: 3, lastMessageMs: 7_000 })
  utter(talk, { ...utterance, atMs: 6_000, isInbound: false })
  t.match(talk, { waitingSinceMs: 7_000, unreadCount: 1, heard: 3 }, 'answered elsewhere up to there')
  utter(talk, { ...utterance, atMs: 8_000, isInbound: false })
  t.match(talk, { waitingSinceMs: null, unreadCount: 0 })
  utter(talk, { ...utterance, atMs: 7_500 })
  t.match(talk, { waitingSinceMs: null, unreadCount: 0, heard: 4 }, 'what came late had its answer')
})

t.test('for a machine nobody has to answer, and it opens nothing', async (t) => {
  const talk = conversation({ status: 'closed' })
  utter(talk, { ...utterance, isAutomated: true })
  t.match(talk, {
    status: 'closed',
    waitingSinceMs: null,
    lastInboundMs: null,
    unreadCount: 1,
    heard: 1,
    lastMessageMs: 5_000,
  })
  t.same(events(talk), ['message_received'])
  const waiting = conversation({ waitingSinceMs: 4_000 })
  utter(waiting, { ...utterance, isAutomated: true, isInbound: false })
  t.equal(waiting.waitingSinceMs, 4_000, 'nor does it answer anybody')
})

t.test('what systems tell and what is from the past is nobody’s to answer and no event for rules', async (t) => {
  const talk = conversation({ status: 'closed' })
  utter(talk, { ...utterance, isSaid: false })
  utter(talk, { ...utterance, isHistorical: true })
  t.match(talk, { status: 'closed', waitingSinceMs: null, unreadCount: 0, heard: 0, lastMessageId: 'a-message' })
  t.same(events(talk), [])
  const made = conversation({ isNew: true })
  utter(made, { ...utterance, isSaid: false })
  utter(made, utterance)
  t.same(events(made), ['conversation_created', 'message_received'])
})

t.test('a message opens what was closed or asleep, and the audit names it as the cause', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const channel = await lanes.connector()
  await channel.send(said('one'))
  await lanes.drain()
  const path = `/v1/conversations/${(await done(service, 'GET', '/v1/conversations')).data[0]?.id}`
  const until = new Date(Date.now() + 3_600_000).toISOString()
  for (const body of [{ status: 'snoozed', snoozedUntil: until }, { status: 'closed' }, { status: 'pending' }]) {
    const put = await done(service, 'PATCH', path, body)
    await channel.send(said('and again'))
    await lanes.drain()
    t.match(
      (await done(service, 'GET', path)).body,
      { status: 'open', snoozedUntil: null, waitingSince: /./ },
      body.status,
    )
    const [event] = await service.sql<{ cause: string; actor_kind: string }>(
      `SELECT e.actor_kind, i.id AS cause FROM audit.readable_event e JOIN app.inbound_event i ON i.id = e.cause_id
        WHERE $1 = ANY (e.ids) ORDER BY e.sequence DESC LIMIT 1`,
      [put.id],
    )
    t.match(event, { actor_kind: 'system', cause: /./ })
  }
})
