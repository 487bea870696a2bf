import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import { postOf } from '../post.ts'
import { fromMina, only, PSID, parse, settings, split, toMina, webhook } from './fixtures.ts'

const text = (mid: string) => fromMina('page', { message: { mid, text: mid } })

t.test('one event per item, each for the page whose entry it stood in', async (t) => {
  const other = { id: '300000000000002', time: 1, messaging: [text('m_3')] }
  const body = webhook('page', text('m_1'), toMina('page', { message: { mid: 'm_2', is_echo: true, text: 'x' } }))
  const events = split('page', { ...body, entry: [...(body.entry as JsonObject[]), other] })
  t.strictSame(
    events.map(({ kind, account, lane }) => [kind, account, lane]),
    [
      ['message.text', settings.pageId, PSID],
      ['message.echo', settings.pageId, PSID],
      ['message.text', '300000000000002', PSID],
    ],
  )
  t.strictSame(events[0]?.occurredAt, new Date(1_790_000_001_000))
  t.notMatch(JSON.stringify(events[0]?.payload), /m_2|m_3/, 'an event holds no other')
})

t.test('ids may be numbers', async (t) => {
  const item = { ...text('m_1'), sender: { id: 6000000000000001 }, recipient: { id: Number(settings.pageId) } }
  const event = only(split('page', { object: 'page', entry: [{ id: Number(settings.pageId), messaging: [item] }] }))
  t.strictSame([event.account, event.lane], [settings.pageId, PSID])
})

t.test('everything of one person has one lane, whoever is named first', async (t) => {
  const lanes = split(
    'page',
    webhook(
      'page',
      text('m_1'),
      toMina('page', { message: { mid: 'm_2', is_echo: true } }),
      fromMina('page', { delivery: { watermark: 1_790_000_000_000 } }),
      toMina('page', { pass_thread_control: { new_owner_app_id: '1' } }),
      fromMina('page', { pass_thread_control: { new_owner_app_id: '2' } }),
    ),
  ).map(({ lane }) => lane)
  t.strictSame(new Set(lanes), new Set([PSID]))
  t.equal(lanes.length, 5)
})

t.test('a redelivery has the same key; an edit, an unsending and another edit have their own', async (t) => {
  const keys = (...items: JsonObject[]) => split('page', webhook('page', ...items)).map(({ dedupeKey }) => dedupeKey)
  const edit = (num: number | string) => fromMina('page', { message_edit: { mid: 'm_1', text: 'x', num_edit: num } })
  const all = [
    text('m_1'),
    fromMina('page', { message: { mid: 'm_1', is_deleted: true } }),
    edit(1),
    edit(2),
    fromMina('page', { reaction: { mid: 'm_1', action: 'react', emoji: '👍' } }),
    fromMina('page', { reaction: { mid: 'm_1', action: 'unreact', emoji: '👍' } }),
    fromMina('page', { read: { watermark: 1_790_000_000_000 } }),
    fromMina('page', { read: { watermark: 1_790_000_000_001 } }),
  ]
  t.equal(new Set(keys(...all)).size, all.length)
  t.strictSame(keys(...all), keys(...all))
  t.equal(new Set(keys(edit(1), edit('1'))).size, 1, 'a number may come as text')
  const again = split('page', { object: 'page', entry: [{ id: settings.pageId, time: 9, messaging: all }] })
  t.strictSame(
    again.map(({ dedupeKey }) => dedupeKey),
    keys(...all),
    'in another batch',
  )
})

t.test('what another app answers is heard all the same', async (t) => {
  const body = (item: JsonObject) => ({ object: 'page', entry: [{ id: settings.pageId, time: 1, standby: [item] }] })
  const heard = only(split('page', body(text('m_1'))))
  t.match(parse('page', heard), { outcome: 'events', events: [{ message: { content: { standby: true } } }] })
  t.equal(heard.dedupeKey, only(split('page', webhook('page', text('m_1')))).dedupeKey)
  t.match(parse('page', only(split('page', body(fromMina('page', { postback: { title: 'Yes' } }))))), {
    events: [{ message: { type: 'button', text: 'Yes', content: { standby: true } } }],
  })
})

t.test('changes are about the page, but for messages that Meta’s test button puts there', async (t) => {
  const change = (field: string, value: JsonObject) =>
    only(split('page', { object: 'page', entry: [{ id: settings.pageId, time: 1, changes: [{ field, value }] }] }))
  const like = change('feed', { item: 'reaction', verb: 'add', from: { id: '1' } })
  t.match(like, { kind: 'changes.feed', account: settings.pageId, lane: null })
  t.strictSame(parse('page', like), { outcome: 'ignored', reason: 'not_said' })
  t.strictSame(parse('page', change('hours', {})), { outcome: 'ignored', reason: 'page_profile' })
  t.strictSame(parse('page', change('leadgen', { leadgen_id: '1' })), { outcome: 'failed', reason: 'field_unknown' })
  t.strictSame(parse('page', change('messages', { page_id: '1' })), { outcome: 'ignored', reason: 'test' })
  const test = change('messages', { ...text('m_test'), timestamp: '1527459824' })
  t.match(test, { kind: 'message.text', lane: PSID, dedupeKey: 'message:m_test' })
  t.match(parse('page', test), { events: [{ occurredAt: new Date(1_527_459_824_000) }] })
})

t.test('what has another shape is kept whole as unknown, never dropped', async (t) => {
  const shapes: JsonObject[] = [
    {},
    { object: 'permissions', entry: [{ id: 'P', messaging: [text('m')] }] },
    { entry: [{ id: 'P', messaging: [text('m')] }] },
    { object: 'page' },
    { object: 'page', entry: 'text' },
    { object: 'page', entry: [{ id: 'P', messaging: 'text' }] },
    { object: 'page', entry: [7] },
    { object: 'page', entry: [{ id: 'P' }] },
    webhook('page', 7),
    webhook('page', { sender: { id: '1' }, hologram: {} }),
  ]
  for (const body of shapes) {
    const event = only(split('page', body))
    t.match(event, { kind: 'unknown', lane: null }, JSON.stringify(body))
    t.strictSame(parse('page', event), { outcome: 'failed', reason: 'event_unknown' }, JSON.stringify(body))
  }
  t.strictSame(split('page', { object: 'page', entry: [] }), [], 'an empty post has no events')
  const beside = split('page', {
    object: 'page',
    entry: [{ id: 'P', time: 1, messaging: [text('m')], news: [{ a: 1 }] }],
  })
  t.match(beside, [{ kind: 'message.text' }, { kind: 'unknown', account: 'P', payload: { news: [{ a: 1 }] } }])
  const bare = { object: 'page', entry: { id: settings.pageId, time: 1, messaging: text('m_bare') } }
  t.match(split('page', bare), [{ kind: 'message.text', dedupeKey: 'message:m_bare' }], 'a list without its brackets')
  const other = split('page', { object: 'instagram', entry: [{ id: 'A', messaging: [text('m')] }] })
  t.match(other, [{ kind: 'message.text', type: 'instagram', account: 'A' }], 'another product of the app')
  for (const [bytes, malformed] of [
    ['{', 'invalid_json'],
    ['[]', 'not_an_object'],
  ] as const)
    t.strictSame(messenger.split(postOf(bytes), settings), { malformed })
})
