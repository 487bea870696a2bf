import t from 'tap'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { done, faultsOf, said, send, talk, until, whatsappChannel } from '../resources/conversations/fixtures.ts'
import { chatChannel, Page } from '../resources/webchat/chat.ts'
import { provider } from './outbox.ts'

const service = await startTestService(t, { worker: true, listen: true })
const graph = await provider(t, (_seen, response, count) =>
  json(response, 200, { messages: [{ id: `wamid.${count}` }] }),
)
const channelId = await whatsappChannel(service, `${graph.url}/v24.0`)
const one = await talk(service, { channelId, kind: 'whatsapp' })
const asked = await said(service, one, 'It fits!')
const bodies = () => graph.seen.map(({ body }) => JSON.parse(body))
const read = async (id: string) => (await done(service, 'GET', `/v1/messages/${id}`)).body
const react = (emoji: string | null, more: Record<string, unknown> = {}) =>
  send(service, one.conversationId, { type: 'reaction', reaction: { emoji }, replyToId: asked, ...more })

t.test('a reaction goes out and stands with its message; it answers nobody', async (t) => {
  const before = (await done(service, 'GET', `/v1/conversations/${one.conversationId}`)).body
  t.match(before.waitingSince, /Z$/)
  const made = await react('👍')
  t.equal(made.status, 201, made.text)
  t.match(made.body, { type: 'reaction', text: '👍', content: { emoji: '👍' }, replyToId: asked })
  await until(async () => (await read(made.id)).status === 'sent')
  t.match(bodies().at(-1), { type: 'reaction', reaction: { emoji: '👍', message_id: (await read(asked)).externalId } })
  t.match((await read(asked)).reactions, [{ by: 'member', emoji: '👍' }])
  const after = (await done(service, 'GET', `/v1/conversations/${one.conversationId}`)).body
  for (const field of ['waitingSince', 'unreadCount', 'lastMessageId', 'lastMessageAt', 'version'])
    t.equal(after[field], before[field], field)
})

t.test('the next takes its place, and null takes it back', async (t) => {
  const next = await react('❤️')
  await until(async () => (await read(next.id)).status === 'sent')
  t.match((await read(asked)).reactions, [{ by: 'member', emoji: '❤️' }])
  const none = await react(null)
  t.match(none.body, { text: '[reaction taken back]', content: { emoji: null } })
  await until(async () => (await read(none.id)).status === 'sent')
  t.same((await read(asked)).reactions, [])
})

t.test('one key reacts once; one that failed stands nowhere but on itself', async (t) => {
  const count = graph.seen.length
  const options = { headers: { 'idempotency-key': 'react-1' } }
  const body = { type: 'reaction', reaction: { emoji: '🎉' }, replyToId: asked }
  const [first, again] = [
    await send(service, one.conversationId, body, options),
    await send(service, one.conversationId, body, options),
  ]
  t.equal(again?.id, first?.id)
  await until(async () => (await read(String(first?.id))).status === 'sent')
  t.equal(graph.seen.length, count + 1)
  const { answer } = graph
  graph.answer = (_seen, response) => json(response, 400, { error: { code: 131009, message: 'bad' } })
  const made = await react('🔥')
  await until(async () => (await read(made.id)).status === 'failed')
  t.match((await read(asked)).reactions, [{ emoji: '🎉' }])
  graph.answer = answer
})

t.test('a reaction whose answer was lost is set again, which changes nothing', async (t) => {
  const count = graph.seen.length
  const { answer } = graph
  let losses = 1
  graph.answer = (seen, response, nth) => (losses-- > 0 ? response.destroy() : answer(seen, response, nth))
  const made = await react('👏')
  await until(async () => (await read(made.id)).status === 'sent')
  t.equal(graph.seen.length, count + 2)
  t.match((await read(asked)).reactions, [{ emoji: '👏' }])
  graph.answer = answer
})

t.test('the visitor of a webchat sees what was reacted to', async (t) => {
  const page = new Page(service.request, await chatChannel(service))
  await page.open({ name: 'Anna' })
  await page.say('m-1', 'It fits!')
  await until(async () => (await page.messages()).data.length === 1)
  const [said] = (await page.messages()).data
  const [conversation] = (await done(service, 'GET', '/v1/conversations?channel=webchat')).data
  const body = { type: 'reaction', reaction: { emoji: '🎉' }, replyToId: said?.id }
  t.equal((await send(service, String(conversation?.id), body)).status, 201)
  await until(async () => (await page.messages()).data.length === 2)
  const [, reaction] = (await page.messages()).data
  t.match(reaction, { type: 'reaction', text: '🎉', reaction: { emoji: '🎉' }, replyToId: said?.id })
  await until(async () => JSON.stringify((await read(String(said?.id))).reactions).includes('🎉'))
})

t.test('what cannot be reacted to, or with, is refused', async (t) => {
  const fault = async (body: Record<string, unknown>) => faultsOf(await send(service, one.conversationId, body))
  const reaction = { emoji: '👍' }
  t.match(await fault({ type: 'reaction', reaction }), [{ code: 'part_missing', path: '/replyToId' }])
  t.match(await fault({ type: 'reaction', replyToId: asked }), [{ code: 'part_missing', path: '/reaction' }])
  t.match(await fault({ text: 'x', reaction }), [{ code: 'part_not_sendable', path: '/reaction' }])
  for (const emoji of ['', 'ok', '👍👍', 'a', '1', ' '])
    t.equal((await react(emoji)).status, 400, JSON.stringify(emoji))
  for (const emoji of ['👩🏽‍🚀', '🇩🇪', '1️⃣', '❤️‍🔥']) t.equal((await react(emoji)).status, 201, emoji)
  await service.sql('UPDATE app.message SET external_id = NULL WHERE id = $1', [asked])
  t.match(faultsOf(await react('👍')), [{ code: 'part_not_sendable', path: '/replyToId' }])
})
