import { randomUUID } from 'node:crypto'
import t from 'tap'
import { z } from 'zod'
import { verifyInclusion } from '../../../src/audit/merkle.ts'
import type { TestService } from '../../harness/service.ts'
import { startSealedService } from '../audit/sealed-service.ts'
import { connectorChannel, done, said, talk } from '../conversations/fixtures.ts'

const names = z.record(z.string(), z.array(z.string()))
const who = z.object({ kind: z.string(), id: z.string().nullable(), name: z.string().optional() })
const reportShape = z.object({
  contactId: z.string(),
  erased: z.boolean(),
  summary: z.object({ principals: z.int(), times: z.int(), refused: z.int(), events: z.int() }),
  principals: z.array(
    z.object({
      principal: who,
      onBehalfOf: who.optional(),
      purposes: z.array(
        z.object({
          purpose: z.string().nullable(),
          shown: names,
          masked: names,
          actions: z.record(z.string(), z.int()),
          times: z.int(),
          refused: z.int(),
          firstAt: z.string(),
          lastAt: z.string(),
        }),
      ),
    }),
  ),
  events: z.array(
    z.object({
      eventId: z.string(),
      occurredAt: z.string(),
      principal: who,
      action: z.string(),
      outcome: z.string(),
      shown: names,
      masked: names,
      proofUrl: z.string(),
      sealed: z
        .object({
          leafIndex: z.int(),
          checkpoint: z.int(),
          leafHash: z.string().optional(),
          proof: z.array(z.string()).optional(),
        })
        .nullable(),
    }),
  ),
  checkpoint: z.string().nullable(),
  nextCursor: z.string().nullable(),
})

const reportOf = async (service: TestService, id: string, query = '', token?: string) => {
  const path = `/v1/contacts/${id}/access-report${query}`
  return reportShape.parse((await done(service, 'GET', path, undefined, token)).body)
}

t.test('whoever saw anything of a person is named, with the fields, the purpose and the times', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
  const one = await talk(service, { channelId, kind: 'connector' })
  const other = await talk(service, { channelId, kind: 'connector' }, { name: 'Bea' })
  await said(service, one, 'hello')
  const agent = await service.member('agent', { displayName: 'Eva Kern' })
  const { token } = agent
  const purpose = { 'custodia-purpose': 'support' }
  await request('GET', `/v1/contacts/${one.contactId}`, { token, headers: purpose })
  await request('GET', '/v1/contacts', { token, headers: purpose })
  await request('GET', `/v1/conversations/${one.conversationId}/messages`, { token })
  // Both their conversations, but notes only of the other one.
  await done(service, 'POST', `/v1/conversations/${other.conversationId}/notes`, { text: 'for Bea' }, token)
  await request('GET', '/v1/conversations?include=contact', { token })
  await request('POST', `/v1/contacts/${one.contactId}/reveal`, { token, body: { fields: ['phone'], reason: 'call' } })
  await request('GET', `/v1/contacts/${other.contactId}`, { token })
  const denied = await request('DELETE', `/v1/contacts/${one.contactId}`, { token })
  t.equal(denied.status, 403)

  const report = await reportOf(service, one.contactId)
  const eva = report.principals.find(({ principal }) => principal.id === agent.id)
  t.match(eva, { principal: { kind: 'member', name: 'Eva Kern' } })
  const support = eva?.purposes.find((use) => use.purpose === 'support')
  t.match(support, { times: 2, refused: 0, actions: { read: 2 }, masked: { contacts: ['email', 'phone'] } })
  t.ok(support?.shown.contacts?.includes('displayName'))
  t.notOk(support?.shown.contacts?.includes('phone'))
  const unsaid = eva?.purposes.find((use) => use.purpose === null)
  t.match(unsaid, { refused: 1, actions: { read: 2, reveal: 1 } })
  t.ok(unsaid?.shown.contacts?.includes('phone'), 'what was revealed was seen in clear')
  t.notOk(unsaid?.masked.contacts?.includes('phone'))
  t.ok(unsaid?.shown.messages?.includes('text') ?? unsaid?.masked.messages?.includes('text'))
  t.notOk('notes' in (unsaid?.shown ?? {}), 'the note is about somebody else')
  t.equal(report.summary.refused, 1)
  t.equal(
    report.summary.events,
    report.principals
      .flatMap((each) => each.purposes)
      .reduce((sum, use) => {
        const done = Object.values(use.actions).reduce((count, times) => count + times, 0)
        return sum + done + use.refused
      }, 0),
  )
  t.notOk(report.events.some((event) => event.outcome === 'denied' && Object.keys(event.shown).length > 0))

  await t.test('within a window of time, page by page', async (t) => {
    const all = report.events.map((event) => event.eventId)
    const paged: string[] = []
    const to = new Date().toISOString()
    for (let cursor: string | null = null; ; ) {
      const more: string = cursor === null ? '' : `&cursor=${cursor}`
      const page = await reportOf(service, one.contactId, `?limit=3&to=${to}${more}`)
      t.ok(page.events.length <= 3)
      paged.push(...page.events.map((event) => event.eventId))
      cursor = page.nextCursor
      if (cursor === null) break
    }
    t.same(paged.slice(-all.length), all)
    const [, second] = report.events
    const window = await reportOf(
      service,
      one.contactId,
      `?from=${second?.occurredAt}&to=${report.events[0]?.occurredAt}`,
    )
    t.same(
      window.events.map((event) => event.eventId),
      [second?.eventId],
    )
    t.equal(window.summary.events, 1)
  })

  await t.test('and reading the report is recorded as a read of these events, about this contact', async (t) => {
    const answer = await request('GET', `/v1/contacts/${one.contactId}/access-report?limit=2`)
    const [event] = await service.sql(
      'SELECT action, resource, touched, subject_ids FROM audit.readable_event WHERE request_id = $1',
      [answer.headers['request-id']],
    )
    t.match(event, { action: 'read', resource: 'audit-events', subject_ids: [one.contactId] })
    const [first] = z.array(z.object({ ids: z.array(z.string()) })).parse(event?.touched)
    t.same(
      first?.ids,
      reportShape.parse(answer.body).events.map((each) => each.eventId),
    )
    t.equal((await reportOf(service, one.contactId)).events[0]?.eventId !== undefined, true)
  })
})

t.test('a report of many at once names only what was shown of the person, as far as anybody knows', async (t) => {
  const service = await startSealedService(t)
  const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
  const one = await talk(service, { channelId, kind: 'connector' })
  const other = await talk(service, { channelId, kind: 'connector' }, { name: 'Bea' })
  const message = await said(service, other, 'from Bea')
  // Conversations of both, with the last message of the other one only.
  await done(service, 'GET', '/v1/conversations?include=contact,lastMessage')
  const [mine, hers] = [await reportOf(service, one.contactId), await reportOf(service, other.contactId)]
  t.same(Object.keys(mine.events[0]?.shown ?? {}).sort(), ['contacts', 'conversations'])
  t.same(Object.keys(hers.events[0]?.shown ?? {}).sort(), ['contacts', 'conversations', 'messages'])
  await service.sql('UPDATE app.conversation SET last_message_id = NULL')
  await service.sql('DELETE FROM app.message WHERE id = $1', [message])
  const after = await reportOf(service, one.contactId)
  const same = after.events.find((event) => event.eventId === mine.events[0]?.eventId)
  t.ok(same && 'messages' in same.shown, 'of a record that is gone nobody knows whose it was')
})

t.test('a record of another business unit is not taken for one that is gone', async (t) => {
  const service = await startSealedService(t)
  const north = await done(service, 'POST', '/v1/business-units', { name: 'North' })
  const here = await connectorChannel(service, 'http://127.0.0.1:9/')
  const there = await connectorChannel(service, 'http://127.0.0.1:9/', north.id)
  const one = await talk(service, { channelId: here.channelId, kind: 'connector' })
  const other = await talk(service, { channelId: there.channelId, kind: 'connector' }, { name: 'Bea', unit: north.id })
  await said(service, other, 'from Bea')
  const list = await done(service, 'GET', '/v1/conversations?include=contact,lastMessage')
  t.equal(list.data.length, 2)
  const manager = await service.member('privacy')
  const report = await reportOf(service, one.contactId, '', manager.token)
  const seen = report.events.find((event) => 'conversations' in event.shown)
  t.same(Object.keys(seen?.shown ?? {}).sort(), ['contacts', 'conversations'], 'the message is not theirs')
})

t.test('each event is proven to be in the sealed log', async (t) => {
  const service = await startSealedService(t)
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna' })
  for (let i = 0; i < 5; i++) await done(service, 'GET', `/v1/contacts/${id}`)
  t.ok((await reportOf(service, id)).events.every((event) => event.sealed === null))
  await service.seal()
  const report = await reportOf(service, id, '?proofs=true')
  const [, size, root] = (report.checkpoint ?? '').split('\n')
  const sealed = report.events.filter((event) => event.sealed !== null)
  t.equal(sealed.length, 7)
  for (const event of sealed) {
    const proof = await done(service, 'GET', event.proofUrl)
    t.match(proof.body, { leafIndex: event.sealed?.leafIndex, leafHash: event.sealed?.leafHash })
    const given = {
      leafHash: Buffer.from(event.sealed?.leafHash ?? '', 'base64'),
      index: event.sealed?.leafIndex ?? -1,
      size: Number(size),
      proof: (event.sealed?.proof ?? []).map((hash) => Buffer.from(hash, 'base64')),
      root: Buffer.from(root ?? '', 'base64'),
    }
    t.ok(verifyInclusion(given))
    t.notOk(verifyInclusion({ ...given, index: given.index + 1 }))
    t.ok((event.sealed?.checkpoint ?? 0) > given.index)
  }
})

t.test('a report of any length comes as one file, which anybody can check offline', async (t) => {
  const service = await startSealedService(t)
  const { request, sql } = service
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna' })
  await done(service, 'GET', `/v1/contacts/${id}`)
  await sql(
    `INSERT INTO audit.event (tenant_id, event_id, actor_kind, actor_id, action, resource, shape_id, ids, row_count, outcome)
     SELECT tenant_id, gen_random_uuid(), actor_kind, actor_id, action, resource, shape_id, ids, row_count, outcome
       FROM (SELECT * FROM audit.event WHERE action = 'read' AND ids = ARRAY[$1::uuid]) AS e, generate_series(1, 1200)`,
    [id],
  )
  await service.seal()
  await request('POST', '/v1/audit/keys')
  await done(service, 'GET', `/v1/contacts/${id}`)
  await service.seal()
  const vkey = await service.vkey()
  const path = `/v1/contacts/${id}/access-report`
  const check = (text: string) => service.verify(['report', 'report.json', '--key', vkey], { 'report.json': text })

  const whole = await request('GET', `${path}?whole=true&proofs=true`)
  t.equal(whole.status, 200)
  const report = reportShape.parse(whole.body)
  t.equal(report.events.length, report.summary.events)
  t.ok(report.events.length > 1_200)
  t.equal(new Set(report.events.map((event) => event.eventId)).size, report.events.length, 'each once')
  t.match(check(whole.text), {
    status: 0,
    said: new RegExp(`^OK: ${report.events.length} events about ${id} stand in`),
  })
  const batches = await sql<{ ids: string[] }>(
    `SELECT ids FROM audit.event WHERE request_id = $1 AND action = 'read' ORDER BY sequence`,
    [whole.headers['request-id']],
  )
  t.equal(batches.length, Math.ceil(report.events.length / 500), 'each batch is on record')

  const page = await request('GET', `${path}?limit=10&proofs=true`)
  t.match(check(page.text), { status: 0, said: /OK: [1-9] events .*in all/ })
  const { events, ...head } = whole.body as { events: { eventId: string; sealed: { leafIndex: number } }[] }
  const [first, second] = events.slice(-2)
  if (!first || !second) throw new Error('there are no events')
  for (const [what, wrong] of [
    ['another place', [{ ...first, sealed: { ...first.sealed, leafIndex: first.sealed.leafIndex + 1 } }]],
    ['another event', [{ ...first, sealed: second.sealed }, second]],
    ['an event twice', [first, first]],
    ['no proof', [{ ...first, sealed: { leafIndex: first.sealed.leafIndex } }]],
  ] as const)
    t.match(check(JSON.stringify({ ...head, events: wrong })), { status: 1, said: /^FALSE/ }, what)
  t.match(check(whole.text.slice(0, -40)), { status: 1, said: 'not JSON' }, 'a file that was cut off')
  t.match(check(JSON.stringify({ ...head, events, endorsements: [] })), { status: 1 }, 'without the way to the key')

  const accept = { accept: 'text/html' }
  const html = await request('GET', `${path}?whole=true`, { headers: accept })
  t.equal(html.text.match(/Proof of no\. /g)?.length, report.events.length, 'the page has the proofs too')
  t.ok(html.text.trimEnd().endsWith('</html>'))
  t.match(html.text, /signing key 2/)
  const bare = await request('GET', `${path}?limit=2&proofs=false`, { headers: accept })
  t.notMatch(bare.text, 'Proof of no.')
  t.match(bare.text, /2 of \d+, the newest first\. The others are on further pages/)
  t.equal((await request('HEAD', `${path}?whole=true`)).status, 200)
  t.equal((await request('GET', `/v1/contacts/${randomUUID()}/access-report?whole=true`)).status, 404)
})

t.test('the page is for the person: nothing in it runs, and nobody’s words become part of it', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna Geheim' })
  const eva = await service.member('agent', { displayName: '<script>alert(1)</script> "&\'' })
  await request('GET', `/v1/contacts/${id}`, { token: eva.token, headers: { 'custodia-purpose': 'support' } })
  // As if somebody had written it by hand.
  await service.sql(
    `BEGIN; SET LOCAL session_replication_role = replica; UPDATE audit.event SET purpose = '<b>x</b>' WHERE purpose = 'support'; COMMIT`,
  )
  const key = await done(service, 'POST', '/v1/api-keys', { name: '<img src=x>', roleIds: [await service.role([])] })
  t.equal((await request('GET', `/v1/contacts/${id}`, { token: key.string('key') })).status, 403)
  const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const page = await request('GET', `/v1/contacts/${id}/access-report`, { headers: { accept } })
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], 'text/html; charset=utf-8')
  t.match(page.headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-/)
  t.match(page.headers['cache-control'], 'private')
  t.notMatch(page.text, /<script|<img|<b>x|\son\w+=|javascript:|https?:/i)
  t.match(page.text, '&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;&#39;')
  t.match(page.text, 'display name')
  t.notMatch(page.text, 'Geheim', 'it says what was seen, not what it was')
  for (const json of ['application/json', '*/*', 'application/json, text/html'])
    t.match((await request('GET', `/v1/contacts/${id}/access-report`, { headers: { accept: json } })).body, {
      contactId: id,
    })
})

t.test('for whoever may read the audit and the contact, and of whoever was erased too', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  const unit = await done(service, 'POST', '/v1/business-units', { name: 'North' })
  const { id } = await done(service, 'POST', '/v1/contacts', { displayName: 'Anna' })
  const elsewhere = await done(service, 'POST', '/v1/contacts', { displayName: 'Bea', businessUnitId: unit.id })
  const path = `/v1/contacts/${id}/access-report`
  const status = async (token: string) => (await request('GET', path, { token })).status
  const agent = await service.member('agent')
  t.equal(await status(agent.token), 403)
  t.equal(await status((await service.member('privacy', { businessUnitIds: [unit.id] })).token), 404)
  t.equal((await request('GET', `/v1/contacts/${randomUUID()}/access-report`)).status, 404)
  const part = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] } },
    { resource: 'audit-events', actions: ['read'], fields: { read: ['id', 'action', 'occurredAt'] } },
  ])
  t.equal(await status((await service.member([part])).token), 403, 'not by half of the audit')

  // The owner sees both units' contacts in one list; whoever sees one unit learns that its contact was among them.
  await request('GET', '/v1/contacts')
  const { token } = await service.member('privacy')
  const seen = await reportOf(service, id, '', token)
  const list = seen.events.find((event) => event.action === 'read' && event.principal.id === service.ownerId)
  t.ok(list?.shown.contacts?.includes('displayName'))
  t.notMatch(JSON.stringify(seen), elsewhere.id)

  const refusals = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] } },
    { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['outcome', 'denied'] } },
  ])
  await request('DELETE', `/v1/contacts/${id}`, { token: agent.token })
  const some = await reportOf(service, id, '', (await service.member([refusals])).token)
  t.same(
    some.events.map((event) => event.outcome),
    ['denied'],
    'a role’s condition on events holds',
  )

  await done(service, 'POST', `/v1/contacts/${id}/erase`, { reason: 'asked for it' }, token)
  const after = await reportOf(service, id, '', token)
  t.match(after, { contactId: id, erased: true })
  t.ok(after.summary.events > seen.summary.events)
  t.ok(after.events.some((event) => event.action === 'erase'))
  t.equal(await status(agent.token), 403)
  const page = await request('GET', path, { token, headers: { accept: 'text/html' } })
  t.match(page.text, 'Your data was erased.')
})
