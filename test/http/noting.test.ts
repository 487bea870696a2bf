import t from 'tap'
import { type Answer, startTestService, type TestService } from '../harness/service.ts'

const eventOf = async ({ sql }: TestService, requestId: unknown) => {
  const [event] = await sql<{ purpose: string | null; sealed_note: Buffer | null; event_id: string; outcome: string }>(
    'SELECT purpose, sealed_note, event_id, outcome FROM audit.event WHERE request_id = $1 ORDER BY sequence DESC LIMIT 1',
    [requestId],
  )
  return event
}

t.test('a request’s purpose is on record, else the usual one of whoever asks', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const support = await service.member('agent', { defaultPurpose: 'support' })
  const agent = await service.member('agent')
  const purpose = async (headers: Record<string, string>, token = agent.token) => {
    const answer = await request('GET', `/v1/contacts/${id}`, { token, headers })
    t.equal(answer.status, 200)
    return (await eventOf(service, answer.headers['request-id']))?.purpose
  }
  t.equal(await purpose({}), null)
  t.equal(await purpose({ 'x-purpose': 'complaint' }), 'complaint')
  t.equal(await purpose({ 'custodia-purpose': 'complaint' }), 'complaint', 'by the other name')
  t.equal(await purpose({ 'custodia-purpose': 'complaint', 'x-purpose': 'complaint' }), 'complaint', 'by both')
  t.equal(await purpose({}, support.token), 'support')
  t.equal(await purpose({ 'x-purpose': 'complaint' }, support.token), 'complaint')
  for (const [name, value] of [
    ['x-purpose', 'a'.repeat(65)],
    ['x-purpose', 'calls Anna Müller'],
    ['x-purpose', 'anna@example.com'],
    ['x-purpose', '+4917012345678'],
    ['x-purpose', 'Support'],
    ['x-purpose', ''],
    ['x-purpose', '<script>'],
    ['custodia-purpose', 'a;b'],
    ['x-ticket', 'a'.repeat(101)],
    ['x-ticket', 'ticket ü'],
    ['custodia-ticket', ' '],
  ] as const) {
    const answer = await request('GET', `/v1/contacts/${id}`, { headers: { [name]: value } })
    t.match(
      [answer.status, answer.body.errors],
      [400, [{ path: name, code: 'invalid_format' }]],
      `${name}: ${value.slice(0, 20)}`,
    )
  }
  const twice = { 'x-purpose': 'one', 'custodia-purpose': 'another' }
  t.equal((await request('GET', `/v1/contacts/${id}`, { headers: twice })).status, 400, 'two purposes are none')
})

t.test(
  'a ticket is on record, sealed: under the contact’s key where an access is about one, else under the tenant’s',
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    const contact = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', phone: '+4917012345678' } })
    const other = await request('POST', '/v1/contacts', { body: { displayName: 'Bea' } })
    const reads = [{ resource: 'contacts', actions: ['read'], fields: { read: ['displayName'] } }]
    const reader = await service.member(await service.role(reads))
    const headers = { 'x-ticket': 'SUP-2026-118', 'x-purpose': 'support' }
    const asks = {
      'a fetch': () => request('GET', `/v1/contacts/${contact.id}`, { headers }),
      'a list of one': () => request('GET', `/v1/contacts?displayName=Anna`, { headers }),
      'a refusal about somebody': () =>
        request('PATCH', `/v1/contacts/${contact.id}`, { headers, body: { followUpStatus: 'x' }, token: reader.token }),
      'a list': () => request('GET', '/v1/contacts', { headers }),
      'a refusal': () => request('GET', `/v1/contacts/${service.tenantId}`, { headers }),
      'a change': () => request('PATCH', `/v1/contacts/${contact.id}`, { headers, body: { company: 'ACME' } }),
      'a creation': () =>
        request('POST', '/v1/contacts', { headers, body: { displayName: 'Clara', phone: '+4917012345679' } }),
      'a change of nobody': () => request('POST', '/v1/tags', { headers, body: { name: 'vip' } }),
    }
    const reveal = (id: unknown, fields = ['ticket', 'reason'], token = service.ownerToken) =>
      request('POST', `/v1/audit-events/${String(id)}/reveal`, {
        token,
        body: { fields, reason: 'A question of the court' },
      })
    const events: Record<string, string> = {}
    const answers: Record<string, Answer> = {}
    for (const [what, ask] of Object.entries(asks)) {
      const answer = await ask()
      answers[what] = answer
      const event = await eventOf(service, answer.headers['request-id'])
      t.ok(event?.sealed_note, what)
      t.notOk(event?.sealed_note?.includes('SUP-2026'), 'sealed')
      events[what] = String(event?.event_id)
      t.same((await reveal(event?.event_id)).body, {
        id: event?.event_id,
        fields: { ticket: 'SUP-2026-118', reason: null },
        readable: true,
      })
    }
    const shown = await request('POST', `/v1/contacts/${contact.id}/reveal`, {
      headers,
      body: { fields: ['phone'], reason: 'Wants to be called' },
    })
    t.equal(shown.status, 200)
    const revealed = await eventOf(service, shown.headers['request-id'])
    const both = { ticket: 'SUP-2026-118', reason: 'Wants to be called' }
    t.match((await reveal(revealed?.event_id)).body, { fields: both, readable: true })
    t.same(
      (await reveal(revealed?.event_id, ['reason'])).body.fields,
      { reason: both.reason },
      'only what is asked for',
    )
    const bare = await request('GET', `/v1/contacts/${other.id}`)
    const silent = await eventOf(service, bare.headers['request-id'])
    t.same((await reveal(silent?.event_id)).body, {
      id: silent?.event_id,
      fields: { ticket: null, reason: null },
      readable: true,
    })

    await t.test('whoever reads the audit does not read notes with it', async (t) => {
      const manager = await service.member('manager', { businessUnitIds: [] })
      t.equal((await reveal(revealed?.event_id, ['reason'], manager.token)).status, 403)
      const auditor = await service.role([{ resource: 'audit-events', actions: ['reveal'], fields: {} }])
      const { token } = await service.member(auditor)
      t.equal(
        (await reveal(revealed?.event_id, ['reason'], token)).status,
        404,
        'nor whoever may reveal what it may not read',
      )
      t.notMatch((await request('GET', `/v1/audit-events/${revealed?.event_id}`)).text, /Wants to be called|SUP-2026/)
      t.equal((await reveal(service.tenantId)).status, 404)
      const stranger = await service.tenant()
      t.equal((await reveal(revealed?.event_id, ['reason'], stranger.ownerToken)).status, 404)
    })
    await t.test('a look at a note is on record itself, with its own reason, and counted', async (t) => {
      const answer = await reveal(revealed?.event_id)
      const [event] = await service.sql(
        'SELECT event_id, action, touched, subject_ids FROM audit.readable_event WHERE request_id = $1',
        [answer.headers['request-id']],
      )
      t.match(event, { action: 'reveal', subject_ids: [contact.id] })
      t.match(event?.touched, [{ resource: 'audit-events', ids: [revealed?.event_id], shown: ['reason', 'ticket'] }])
      t.match((await reveal(event?.event_id)).body, { fields: { reason: 'A question of the court' } })
      await service.sql('UPDATE app.reveal_use SET used = 199')
      t.equal((await reveal(revealed?.event_id)).status, 429)
      t.equal((await reveal(revealed?.event_id, ['reason'])).status, 200)
      await service.sql('UPDATE app.reveal_use SET used = 0')
      const headers = { 'idempotency-key': 'once' }
      const body = { fields: ['reason'], reason: 'Once' }
      const once = () => request('POST', `/v1/audit-events/${revealed?.event_id}/reveal`, { headers, body })
      t.same((await once()).body, (await once()).body)
      t.equal((await once()).headers['idempotent-replayed'], 'true')
    })
    await t.test('what was said about a person is gone with the person’s key', async (t) => {
      await service.sql('DELETE FROM app.contact_key WHERE contact_id = $1', [contact.id])
      for (const id of [revealed?.event_id, events['a change']])
        t.same((await reveal(id)).body, { id, fields: { ticket: null, reason: null }, readable: false })
      const created = events['a creation']
      t.match((await reveal(created)).body, { fields: { ticket: 'SUP-2026-118' }, readable: true }, 'of another person')
      const gone = await service.sql('DELETE FROM app.contact_key WHERE contact_id = $1 RETURNING contact_id', [
        answers['a creation']?.id,
      ])
      t.equal(gone.length, 1)
      t.same((await reveal(created)).body, { id: created, fields: { ticket: null, reason: null }, readable: false })
      for (const what of ['a fetch', 'a list of one', 'a refusal about somebody'])
        t.same(
          (await reveal(events[what])).body,
          { id: events[what], fields: { ticket: null, reason: null }, readable: false },
          `${what} is gone with it`,
        )
      t.match((await reveal(events['a list'])).body, { fields: { ticket: 'SUP-2026-118' }, readable: true })
    })
  },
)

t.test('neither the usual purpose nor the id of a request brings words of people into the audit', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  for (const defaultPurpose of ['calls Anna', 'Anna@example.com', 'a'.repeat(65), '']) {
    const key = await request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [], defaultPurpose } })
    t.match([key.status, key.body.errors], [400, [{ path: '/defaultPurpose' }]], defaultPurpose)
  }
  const said = 'anna.mueller:4917012345678'
  const answer = await request('GET', '/v1/contacts', { headers: { 'x-request-id': said } })
  const own = answer.headers['request-id']
  t.match(own, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.equal(answer.headers['x-request-id'], said, 'whoever asked knows which of ours is theirs')
  t.ok(await eventOf(service, own))
  t.same(await sql('SELECT FROM audit.event WHERE request_id = $1', [said]), [])
  t.notOk(service.logs.some((line) => line.includes(said)))
  const wrong = await request('GET', '/v1/contacts?limit=x', { headers: { 'x-request-id': said } })
  t.equal(wrong.body.requestId, wrong.headers['request-id'])
})
