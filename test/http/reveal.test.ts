import t from 'tap'
import { said, startLanes } from '../delivery/lanes.ts'
import { done } from '../resources/conversations/fixtures.ts'

const line = 'Call my wife at 0170 1234567, please.'
const reason = 'She is expecting our call'

t.test('what is masked of a message, a note, a subject or an address is shown once, for a reason', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { request, sql } = service
  const channel = await connector()
  await channel.send(said(line, { id: 'm-1', from: { value: 'ada', displayName: 'Ada', phone: '+491709999999' } }))
  await drain()
  const [message] = await sql<{ id: string; conversation_id: string; contact_id: string }>('SELECT * FROM app.message')
  const [address] = await sql<{ id: string; value: string }>("SELECT id, value FROM app.identity WHERE kind = 'phone'")
  if (!message || !address) throw new Error('nothing came in')
  const { conversation_id: conversationId, contact_id: contactId } = message
  await done(service, 'PATCH', `/v1/conversations/${conversationId}`, { subject: line })
  const note = await done(service, 'POST', `/v1/conversations/${conversationId}/notes`, { text: line })
  const agent = await service.member('agent')
  const ask = (path: string, fields: string[], token = agent.token) =>
    request('POST', `${path}/reveal`, { token, body: { fields, reason } })
  for (const [resource, id, field, value] of [
    ['messages', message.id, 'text', line],
    ['notes', note.id, 'text', line],
    ['conversations', conversationId, 'subject', line],
    ['identities', address.id, 'value', address.value],
  ] as const) {
    const seen = await request('GET', `/v1/${resource}/${id}`, { token: agent.token })
    t.not(seen.body[field], value, `${resource}: masked before`)
    t.ok((seen.body.maskedFields as string[]).includes(field))
    const shown = await ask(`/v1/${resource}/${id}`, [field])
    t.equal(shown.status, 200, shown.text)
    t.same(shown.body, { id, fields: { [field]: value } })
    const events = await request('GET', `/v1/audit-events?action=reveal&recordId=${id}`)
    t.match(events.body.data, [
      { resource, outcome: 'allowed', touched: [{ resource, ids: [id], shown: [field] }], subjectIds: [contactId] },
    ])
    const [sealed] = await sql('SELECT sealed_note FROM audit.readable_event WHERE event_id = $1', [
      (events.body.data as { id: string }[])[0]?.id,
    ])
    t.ok(sealed?.sealed_note, 'the reason is kept')
    t.notOk(String(sealed?.sealed_note).includes(reason), 'and sealed')
    t.equal((await ask(`/v1/${resource}/${id}`, ['nothing'])).status, 400, 'a field that is not there')
    const manager = await service.member('manager')
    t.ok([403, 404].includes((await ask(`/v1/${resource}/${id}`, [field], manager.token)).status), 'a right of its own')
  }
  const [use] = await sql<{ used: number }>('SELECT used FROM app.reveal_use WHERE principal_id = $1', [agent.id])
  t.equal(use?.used, 4, 'one quota for all nouns')
  await done(service, 'PATCH', `/v1/members/${agent.id}`, { revealQuota: 4 })
  const refused = await ask(`/v1/messages/${message.id}`, ['text'])
  t.equal(refused.status, 429)
  t.notOk(refused.text.includes('1234567'))
})
