import t from 'tap'
import { telegram } from '../../../src/channels/telegram/index.ts'
import { postOf } from '../post.ts'
import { date, group, message, mina, minaChat, posted, settings, split, update } from './fixtures.ts'

t.test('a post is believed by the secret that Telegram was given', async (t) => {
  t.strictSame(telegram.verify(posted({}), settings), { ok: true })
  t.strictSame(telegram.verify(postOf('{}'), settings), { ok: false, reason: 'signature_missing' })
  for (const secret of ['a-secret-toke', 'a-secret-tokens', 'A-secret-token', 'x'])
    t.strictSame(telegram.verify(posted({}, secret), settings), { ok: false, reason: 'signature_invalid' }, secret)
})

t.test('an update is one event, unique for its bot, in the lane of its chat', async (t) => {
  const [private_] = split(update('message', message({ text: 'Hi' })))
  t.match(private_, {
    account: '700001',
    dedupeKey: '9001:message',
    lane: 'chat:55',
    kind: 'message',
    occurredAt: new Date(date * 1000),
  })
  t.strictSame(private_?.payload, { update_id: 9001, message: message({ text: 'Hi' }) })
  t.match(split(update('message', message({ chat: group, text: 'Hi' }))), [{ lane: 'chat:-1001305240521' }])
  t.match(split(update('callback_query', { id: '1', from: mina, data: 'x', message: message({}) })), [
    { lane: 'chat:55', kind: 'callback_query' },
  ])
  t.match(split(update('poll_answer', { poll_id: '1', user: mina })), [{ lane: 'chat:55' }])
  t.match(split(update('poll', { id: '1' })), [{ lane: null }])
  t.match(
    split(update('business_message', message({ business_connection_id: 'bc1' }))),
    [{ lane: 'chat:55@bc1' }],
    'another chat of the same person',
  )
  t.match(split(update('edited_message', message({ edit_date: date + 60 }))), [
    { occurredAt: new Date((date + 60) * 1000) },
  ])
})

t.test('ids keep all their digits', async (t) => {
  const big = '9007199254740993'
  const body = `{"update_id":${big},"message":{"message_id":4503599627370497,"date":${date},"chat":{"id":-4503599627370495,"type":"supergroup"},"from":{"id":${big},"first_name":"A"},"text":"x"}}`
  const [raw] = split(body)
  t.match(raw, { dedupeKey: `${big}:message`, lane: 'chat:-4503599627370495' })
  const result = raw && (await telegram.parse(raw))
  t.match(result, {
    events: [
      {
        externalId: '-4503599627370495:4503599627370497',
        thread: { id: '-4503599627370495' },
        from: { identities: [{ value: big }] },
      },
    ],
  })
})

t.test('several deletions are events of their own', async (t) => {
  const deleted = { business_connection_id: 'bc1', chat: minaChat, message_ids: [3, 4] }
  t.match(split(update('deleted_business_messages', deleted)), [
    { dedupeKey: '9001:deleted_business_messages:3', payload: { deleted_business_messages: { message_ids: [3] } } },
    { dedupeKey: '9001:deleted_business_messages:4', payload: { deleted_business_messages: { message_ids: [4] } } },
  ])
})

t.test('in a group an event keeps nothing that others said, in private it does', async (t) => {
  const other = { id: 66, first_name: 'Zoe' }
  const answered = { message_id: 6, date, from: other, text: 'my secret' }
  const inGroup = split(
    update('message', message({ chat: group, text: 'Ok', reply_to_message: { ...answered, chat: group } })),
  )
  t.notMatch(JSON.stringify(inGroup), /Zoe|secret/)
  t.match(inGroup, [{ payload: { message: { reply_to_message: { message_id: 6, chat: { id: group.id } } } } }])
  const own = split(
    update('message', message({ chat: group, reply_to_message: { ...answered, from: mina, chat: group } })),
  )
  t.match(own, [{ payload: { message: { reply_to_message: { text: 'my secret' } } } }])
  const alone = split(update('message', message({ reply_to_message: { ...answered, chat: minaChat } })))
  t.match(alone, [{ payload: { message: { reply_to_message: { text: 'my secret' } } } }])
})

t.test('what has no shape of Telegram’s is kept whole, and what is no JSON is refused', async (t) => {
  t.match(split({ ok: true, result: [] }), [{ kind: 'unknown', payload: { ok: true } }])
  t.match(split({ update_id: 1 }), [{ kind: 'unknown', dedupeKey: '1:unknown' }])
  t.match(split(update('brand_new_2027', { a: 1 })), [{ kind: 'brand_new_2027', lane: null }])
  t.strictSame(telegram.split(posted('nope'), settings), { malformed: 'invalid_json' })
  t.strictSame(telegram.split(posted('[]'), settings), { malformed: 'not_an_object' })
})

t.test('the account is the bot, as its token names it', async (t) => {
  t.equal(telegram.account(settings), '700001')
  t.equal(telegram.account({ ...settings, botToken: 'odd' }), null)
  for (const botToken of ['1:a/../b', '1:a b', '', '1:a?x=1'])
    t.equal(telegram.settings.safeParse({ ...settings, botToken }).success, false, botToken)
  t.equal(telegram.settings.safeParse({ ...settings, secretToken: 'with space' }).success, false)
})
