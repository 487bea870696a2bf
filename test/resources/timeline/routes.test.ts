import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import {
  connectorChannel,
  done,
  eventsOf,
  said,
  send,
  type Talk,
  talk,
  whatsappChannel,
  wrote,
} from '../conversations/fixtures.ts'

const service = await startTestService(t)
const channel = { ...(await connectorChannel(service, 'http://127.0.0.1:9/nowhere')), kind: 'connector' as const }

/** A contact with two conversations on two channels, messages in both and a note. */
async function history(): Promise<Talk & { order: string[] }> {
  const one = await talk(service, channel)
  const whatsapp = await whatsappChannel(service, 'http://127.0.0.1:9')
  const identities = await done(service, 'GET', `/v1/contacts/${one.contactId}/identities`)
  const phone = identities.data.find(({ kind }) => kind === 'phone')
  const second = await done(service, 'POST', '/v1/conversations', {
    contactId: one.contactId,
    identityId: phone?.id,
    channelId: whatsapp,
  })
  await wrote(service, second.id, 'now()')
  const old = await said(service, one, 'long ago', `'2026-01-01T00:00:00.000001Z'`)
  const a = await said(service, one, 'hello')
  const b = (await send(service, second.id, { text: 'hello from another channel' })).id
  const c = (await done(service, 'POST', `/v1/conversations/${one.conversationId}/notes`, { text: 'a note' })).id
  const d = (await send(service, one.conversationId, { text: 'answer' })).id
  const newestFirst = identities.data.toSorted((x, y) =>
    String(x.createdAt) === String(y.createdAt)
      ? x.id < y.id
        ? 1
        : -1
      : String(x.createdAt) < String(y.createdAt)
        ? 1
        : -1,
  )
  return { ...one, order: [d, c, b, a, second.id, one.conversationId, ...newestFirst.map(({ id }) => id), old] }
}

t.test('everything that happened with a person comes newest first, across channels and pages', async (t) => {
  const { contactId, order } = await history()
  const path = `/v1/contacts/${contactId}/timeline`
  const all = await done(service, 'GET', path)
  t.same(
    all.data.map(({ id }) => id),
    order,
  )
  t.equal(all.body.nextCursor, null)
  for (const { id, kind, record, occurredAt } of all.data) {
    const noun = { message: 'messages', note: 'notes', conversation: 'conversations', identity: 'identities' }[
      String(kind)
    ]
    const own = await done(service, 'GET', `/v1/${noun}/${id}`)
    t.same(record, own.body, `${kind} as its own noun shows it`)
    t.equal(occurredAt, kind === 'message' ? own.body.occurredAt : own.body.createdAt)
  }
  const paged: string[] = []
  for (let cursor: unknown = ''; cursor !== null; ) {
    const page = await done(service, 'GET', `${path}?limit=3${cursor ? `&cursor=${cursor}` : ''}`)
    t.ok(page.data.length <= 3)
    paged.push(...page.data.map(({ id }) => id))
    cursor = page.body.nextCursor
  }
  t.same(paged, order)
  const some = await done(service, 'GET', `${path}?kind=note,conversation`)
  t.same(
    some.data.map(({ kind }) => kind),
    ['note', 'conversation', 'conversation'],
  )
  t.equal((await service.request('GET', `${path}?kind=secret`)).status, 400)
})

t.test('one audit event names every noun that was shown, and only the entries of the page', async (t) => {
  const { contactId, order } = await history()
  const answer = await done(service, 'GET', `/v1/contacts/${contactId}/timeline?limit=3`)
  const events = await eventsOf(service, answer)
  t.equal(events.length, 1)
  const [event] = events
  t.match(event, { action: 'read', resource: 'contacts', outcome: 'allowed', row_count: 3, subject_ids: [contactId] })
  const ids = Object.fromEntries(event?.touched.map((one) => [one.resource, one.ids.toSorted()]) ?? [])
  t.same(ids, {
    contacts: [contactId],
    messages: [order[0], order[2]].toSorted(),
    notes: [order[1]],
    conversations: [],
    identities: [],
    'consent-events': [],
  })
})

t.test('a masked agent sees addresses masked and no clear number anywhere', async (t) => {
  const { contactId, phone } = await history()
  const { token } = await service.member('agent')
  const answer = await done(service, 'GET', `/v1/contacts/${contactId}/timeline`, undefined, token)
  t.notMatch(answer.text, phone.slice(3))
  t.ok(
    answer.data.some(
      ({ kind, record }) => kind === 'identity' && JSON.stringify(record).includes('"maskedFields":["value"]'),
    ),
  )
})

t.test('a noun that one may not read is left out, a contact that one does not see is not there', async (t) => {
  const { contactId } = await history()
  const manager = await service.member('manager')
  const answer = await done(service, 'GET', `/v1/contacts/${contactId}/timeline`, undefined, manager.token)
  t.same([...new Set(answer.data.map(({ kind }) => kind))], ['conversation'])
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
  const stranger = await service.member('agent', { businessUnitIds: [unit] })
  const refused = await service.request('GET', `/v1/contacts/${contactId}/timeline`, { token: stranger.token })
  t.equal(refused.status, 404)
  t.match(await eventsOf(service, refused), [
    { outcome: 'denied', code: 'not_found', touched: [{ resource: 'contacts', ids: [contactId] }] },
  ])
})

t.test('a cursor opens only for who got it and what was asked', async (t) => {
  const { contactId } = await history()
  const path = `/v1/contacts/${contactId}/timeline`
  const { nextCursor } = (await done(service, 'GET', `${path}?limit=2`)).body
  t.equal((await service.request('GET', `${path}?cursor=${nextCursor}&kind=note`)).code, 'invalid_cursor')
  const agent = await service.member('agent')
  t.equal((await service.request('GET', `${path}?cursor=${nextCursor}`, { token: agent.token })).code, 'invalid_cursor')
})
