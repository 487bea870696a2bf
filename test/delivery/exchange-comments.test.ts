import t from 'tap'
import type { Row } from '../harness/service.ts'
import { done, send, until, wrote } from '../resources/conversations/fixtures.ts'
import { metaExchange } from './exchange-meta.ts'

const accounts = { messenger: '300000000000002', instagram: '17840000000000002' }
const mina = '6000000000000001'
const nora = '6000000000000002'

/** How each product tells of comments; `post` is the root of what is under it. */
const products = {
  instagram: {
    comment: (id: string, from: string, text: string, parentId?: string) => ({
      id,
      from: { id: from, username: `user_${from.at(-1)}` },
      media: { id: '1789', media_product_type: 'FEED' },
      text,
      ...(parentId ? { parent_id: parentId } : {}),
    }),
    field: 'comments',
    own: { id: '77', from: { id: '5', username: 'shop', self_ig_scoped_id: '5' }, media: { id: '1789' }, text: 'ours' },
    place: { mediaId: '1789', productType: 'FEED' },
  },
  messenger: {
    comment: (id: string, from: string, text: string, parentId = 'P_1') => ({
      item: 'comment',
      verb: 'add',
      comment_id: id,
      post_id: 'P_1',
      parent_id: parentId,
      from: { id: from, name: `User ${from.at(-1)}` },
      created_time: Math.floor(Date.now() / 1000),
      message: text,
    }),
    field: 'feed',
    own: {
      item: 'comment',
      verb: 'add',
      comment_id: '77',
      post_id: 'P_1',
      from: { id: accounts.messenger, name: 'Shop' },
      message: 'ours',
    },
    place: { postId: 'P_1' },
  },
} as const

for (const type of ['instagram', 'messenger'] as const)
  t.test(`comments on ${type} are conversations per person and comment, answered in private`, async (t) => {
    const { comment, field, own, place } = products[type]
    const { service, graph, change, post, from, list, sends } = await metaExchange(type, accounts[type], t)
    const talks = async (): Promise<Row[]> => list('/v1/conversations?sort=lastMessageAt&include=contact,lastMessage')
    const texts = async (id: unknown) =>
      (await list(`/v1/conversations/${String(id)}/messages?sort=occurredAt`)).map((one) => one.text)
    const statusOf = async (id: string) => (await done(service, 'GET', `/v1/messages/${id}`)).body.status

    await change(field, comment('1', mina, 'How much?'))
    await change(field, comment('1', mina, 'How much?'))
    await until(async () => (await talks()).length === 1)
    await change(field, comment('2', mina, 'Hello?', '1'))
    await change(field, comment('3', nora, 'Same question', '1'))
    await until(async () => (await talks()).length === 2)
    const [first, second] = await talks()
    await until(async () => (await texts(first?.id)).length === 2)
    t.same(await texts(first?.id), ['How much?', 'Hello?'], 'a person’s own thread')
    t.same(await texts(second?.id), ['Same question'], 'another one’s')
    t.match(first, { channel: type, unreadCount: 2, status: 'open' })
    const [said] = await list(`/v1/conversations/${first?.id}/messages?sort=occurredAt`)
    t.match(said, {
      direction: 'inbound',
      type: 'text',
      externalId: 'comment:1',
      content: { kind: 'comment', text: 'How much?', commentId: '1', ...place },
    })

    const made = await send(service, String(first?.id), { text: '12 Euro' })
    t.equal(made.status, 201, made.text)
    await until(async () => (await statusOf(made.id)) === 'sent')
    const metadata = type === 'messenger' ? { metadata: made.id } : {}
    t.same(sends(), [{ recipient: { comment_id: '2' }, message: { text: '12 Euro', ...metadata } }], 'the last comment')
    const named = await send(service, String(first?.id), { text: 'each', replyToId: said?.id })
    await until(async () => (await statusOf(named.id)) === 'sent')
    t.match(sends().at(-1), { recipient: { comment_id: '1' } }, 'the one that is answered by name')

    // Beyond a day it is a person's answer, and still needs no tag: the comment is the reason.
    await wrote(service, String(second?.id), `now() - interval '30 hours'`)
    const late = await send(service, String(second?.id), { text: 'Sorry for the wait' })
    await until(async () => (await statusOf(late.id)) === 'sent')
    t.same(Object.keys(sends().at(-1) ?? {}).sort(), ['message', 'recipient'])
    await wrote(service, String(second?.id), `now() - interval '8 days'`)
    const closed = await send(service, String(second?.id), { text: 'x' })
    t.match([closed.status, closed.code], [422, 'window_closed'])

    const { answer } = graph
    graph.answer = (_seen, response) =>
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { code: 10900, message: 'Activity already replied to' } }))
    const again = await send(service, String(first?.id), { text: 'once more' })
    await until(async () => (await statusOf(again.id)) === 'failed')
    t.match((await done(service, 'GET', `/v1/messages/${again.id}`)).body.error, { code: '10900' })
    graph.answer = answer

    // What they write in private is another conversation of the same person.
    await post(from({ message: { mid: 'm_dm', text: 'thanks' } }))
    await until(async () => (await talks()).length === 3)
    const direct = (await talks()).find((one) => one.id !== first?.id && one.id !== second?.id)
    t.equal(direct?.contactId, first?.contactId)
    const before = (await talks()).length
    await change(field, own)
    await until(async () => {
      const rows = await service.sql(`SELECT FROM app.inbound_event WHERE status = 'ignored' AND reason = 'own_words'`)
      return rows.length === 1
    })
    t.equal((await talks()).length, before)
    t.notMatch(service.logs.join(''), /How much|Same question|12 Euro/)
  })

t.test('a page’s comments are edited and removed, its visitors’ posts and mentions are messages too', async (t) => {
  const { service, change, list, sends } = await metaExchange('messenger', accounts.messenger, t)
  const { comment } = products.messenger
  const talks = async (): Promise<Row[]> => list('/v1/conversations?sort=lastMessageAt')
  const messages = async (id: unknown): Promise<Row[]> => list(`/v1/conversations/${String(id)}/messages`)
  await change('feed', comment('1', mina, 'Helo'))
  await until(async () => (await talks()).length === 1)
  const [first] = await talks()
  await change('feed', { ...comment('1', mina, 'Hello'), verb: 'edited' })
  await until(async () => (await messages(first?.id))[0]?.text === 'Hello')
  await change('feed', { item: 'comment', verb: 'remove', comment_id: '1', post_id: 'P_1', parent_id: 'P_1' })
  await until(async () => typeof (await messages(first?.id))[0]?.deletedAt === 'string')
  t.match(await messages(first?.id), [{ text: '', content: {} }])
  const gone = await send(service, String(first?.id), { text: 'anybody?' })
  await until(async () => (await done(service, 'GET', `/v1/messages/${gone.id}`)).body.status === 'failed')
  t.match((await done(service, 'GET', `/v1/messages/${gone.id}`)).body.error, { code: 'comment_gone' })

  const visitor = { id: nora, name: 'Nora' }
  await change('feed', { item: 'status', verb: 'add', post_id: 'P_9', from: visitor, message: 'Great shop' })
  await until(async () => (await talks()).length === 2)
  const post = (await talks()).find((one) => one.id !== first?.id)
  t.match(await messages(post?.id), [{ text: 'Great shop', content: { kind: 'post', postId: 'P_9' } }])
  const made = await send(service, String(post?.id), { text: 'Thank you' })
  await until(async () => (await done(service, 'GET', `/v1/messages/${made.id}`)).body.status === 'sent')
  t.match(sends(), [{ recipient: { post_id: 'P_9' } }])
  await change('mention', { item: 'post', verb: 'add', post_id: 'X_1', sender_id: nora, sender_name: 'Nora' })
  await until(async () => (await talks()).length === 3)
  const mention = (await talks()).find((one) => one.id !== first?.id && one.id !== post?.id)
  t.match(await messages(mention?.id), [{ text: '[mention]', content: { kind: 'mention', postId: 'X_1' } }])
  t.equal(mention?.contactId, post?.contactId)
  await change('feed', { item: 'reaction', verb: 'add', reaction_type: 'like', post_id: 'P_1', from: visitor })
  await until(async () => (await list('/v1/inbound-events?status=ignored')).length === 1)
})

t.test('a mention whose author Instagram does not name is listed and counted, not lost', async (t) => {
  const { service, change, list, channelId } = await metaExchange('instagram', accounts.instagram, t)
  await change('mentions', { media_id: '1789', comment_id: '5' })
  await until(async () => (await list('/v1/inbound-events?status=failed')).length === 1)
  t.match(await list('/v1/inbound-events'), [{ kind: 'changes.mentions', reason: 'no_sender' }])
  t.match((await done(service, 'GET', `/v1/channels/${channelId}/health`)).body, {
    status: 'warning',
    inbound: { failed: 1 },
  })
})
