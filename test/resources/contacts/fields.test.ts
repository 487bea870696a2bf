import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Answer, startTestService, type TestService } from '../../harness/service.ts'

const anna = {
  displayName: 'Anna Müller',
  phone: '+4917012345678',
  email: 'anna@example.com',
  birthDate: '1988-04-17',
  intent: 'renewal',
  country: 'DE',
}

/** What the audit says of one request, per resource. */
async function auditOf({ sql }: TestService, answer: Answer): Promise<Record<string, unknown>[]> {
  return sql(
    'SELECT action, outcome, touched, subject_ids, row_count, query FROM audit.readable_event WHERE request_id = $1',
    [answer.headers['request-id']],
  )
}

t.test('an agent sees phone and email masked, and the answer and the audit say so', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const { token } = await service.member('agent')
  const one = await request('GET', `/v1/contacts/${id}`, { token })
  t.match(one.body, { displayName: 'Anna Müller', phone: '+49•••••••••78', email: 'a•••@example.com' })
  t.same(one.body.maskedFields, ['email', 'phone'])
  for (const hidden of ['birthDate', 'intent', 'intentScore', 'address', 'externalIds', 'customFields', 'held'])
    t.notOk(hidden in one.body, `${hidden} is not there at all`)
  const [event] = await auditOf(service, one)
  t.match(event, { action: 'read', outcome: 'allowed', subject_ids: [id], row_count: 1 })
  t.match(event?.touched, [{ resource: 'contacts', ids: [id], masked: ['email', 'phone'] }])
  const [{ shown } = { shown: [] }] = (event?.touched ?? []) as { shown: string[] }[]
  t.same(
    [...shown].sort(),
    Object.keys(one.body)
      .filter((name) => !['email', 'phone', 'maskedFields'].includes(name))
      .sort(),
    'shown is what was shown',
  )

  const list = await request('GET', '/v1/contacts', { token })
  t.same(list.data, [one.body], 'a list shows the same')
  t.match((await auditOf(service, list))[0]?.touched, [{ ids: [id], masked: ['email', 'phone'] }])
  const found = await request('POST', '/v1/contacts/search', { token, body: { q: 'anna' } })
  t.same(found.data, [one.body], 'so does a search')
  const owner = await request('GET', `/v1/contacts/${id}`)
  t.match(owner.body, anna)
  t.notOk('maskedFields' in owner.body)
})

t.test('a masked field can be matched exactly, and asked nothing else', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  await request('POST', '/v1/contacts', {
    body: { displayName: 'Bea', phone: '+4917099999999', email: 'bea@example.com' },
  })
  const { token } = await service.member('agent')
  const asks = (query: string) => request('GET', `/v1/contacts?${query}`, { token })
  const search = (where: unknown, more: object = {}) =>
    request('POST', '/v1/contacts/search', { token, body: { where, ...more } })

  for (const value of ['+4917012345678', '+49 170 12345678', '+49 (170) 1234-5678', '0049 170 12345678']) {
    t.same(
      (await asks(`phone=${encodeURIComponent(value)}`)).data.map((one) => one.id),
      [id],
      value,
    )
    t.same(
      (await search({ eq: ['phone', value] })).data.map((one) => one.id),
      [id],
    )
  }
  for (const value of ['anna@example.com', 'ANNA@Example.com'])
    t.same(
      (await asks(`email=${value}`)).data.map((one) => one.id),
      [id],
      value,
    )
  for (const value of ['+491701234567', '+4917012345678 9', '+49%', '%', '', '•'])
    t.same((await asks(`phone=${encodeURIComponent(value)}`)).data, [], `not by ${value}`)
  t.same((await search({ eq: ['email', 'nna@example.com'] })).data, [])

  const operators = ['ne', 'in', 'lt', 'lte', 'gt', 'gte', 'startsWith', 'exists']
  for (const field of ['phone', 'email']) {
    for (const op of operators) {
      const value = op === 'exists' ? 'true' : op === 'in' ? 'a,b' : '%2B49'
      const answer = await asks(`${field}[${op}]=${value}`)
      t.match([answer.status, answer.text.includes('unknown_field')], [400, true], `${field}[${op}]`)
    }
    for (const sort of [field, `-${field}`]) t.equal((await asks(`sort=${sort}`)).status, 400, `sort=${sort}`)
  }
  for (const where of [
    { ne: ['phone', '+4917012345678'] },
    { in: ['phone', ['+4917012345678']] },
    { gt: ['phone', '+4917'] },
    { exists: ['phone', true] },
    { not: { gt: ['phone', '+4917'] } },
    { and: [{ eq: ['country', 'DE'] }, { lt: ['email', 'b'] }] },
    { or: [{ not: { not: { exists: ['email', false] } } }] },
  ])
    t.equal((await search(where)).status, 400, JSON.stringify(where))
  for (const q of ['+4917012345678', '12345678', '170 1234', 'anna@example.com', 'example.com', 'anna@'])
    t.same((await asks(`q=${encodeURIComponent(q)}`)).data, [], `not searched by ${q}`)
  t.same(
    (await request('GET', '/v1/contacts?q=0170 12345678')).data.map((one) => one.id),
    [id],
    'though whoever sees it finds it so',
  )
})

t.test('a hidden field and one that does not exist: the same answer, byte for byte', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', {
    body: { ...anna, intentScore: 70, address: { city: 'Köln' } },
  })
  const { token } = await service.member('agent')
  const values: Record<string, unknown> = {
    birthDate: '1988-04-17',
    intent: 'renewal',
    intentScore: 70,
    address: { city: 'Köln' },
  }
  const same = async (
    hidden: string,
    ask: (name: string) => ReturnType<TestService['request']>,
    what: string,
  ): Promise<void> => {
    // Of the same length, so that lengths tell nothing either.
    const unknown = hidden.replaceAll(/[a-z]/g, 'q')
    const [one, other] = [await ask(hidden), await ask(unknown)]
    const bare = ({ status, text, headers }: Answer, name: string): unknown => [
      status,
      text.replaceAll(name, '').replace(/"requestId":"[^"]+"/, ''),
      Object.keys(headers).sort(),
      headers['content-length'],
    ]
    t.same(bare(one, hidden), bare(other, unknown), `${what} of ${hidden}`)
    t.ok(one.status >= 400, `${what} of ${hidden} is refused`)
  }
  for (const [name, value] of Object.entries(values)) {
    const text = encodeURIComponent(typeof value === 'object' ? 'x' : String(value))
    await same(name, (field) => request('GET', `/v1/contacts?${field}=${text}`, { token }), 'a filter')
    for (const op of ['ne', 'in', 'gte', 'exists', 'startsWith', 'nonsense'])
      await same(
        name,
        (field) => request('GET', `/v1/contacts?${field}[${op}]=${text}`, { token }),
        `a filter by ${op}`,
      )
    for (const sign of ['', '-'])
      await same(name, (field) => request('GET', `/v1/contacts?sort=${sign}${field}`, { token }), 'a sort')
    for (const op of ['eq', 'ne', 'gte', 'exists'])
      await same(
        name,
        (field) =>
          request('POST', '/v1/contacts/search', {
            token,
            body: { where: { not: { [op]: [field, op === 'exists' ? true : text] } } },
          }),
        `a condition with ${op}`,
      )
    await same(
      name,
      (field) => request('POST', '/v1/contacts/search', { token, body: { sort: field } }),
      'a sort by body',
    )
    await same(name, (field) => request('PATCH', `/v1/contacts/${id}`, { token, body: { [field]: value } }), 'a change')
    await same(
      name,
      (field) => request('POST', '/v1/contacts', { token, body: { displayName: 'x', [field]: value } }),
      'a creation',
    )
    await same(
      name,
      (field) => request('POST', `/v1/contacts/${id}/reveal`, { token, body: { fields: [field], reason: 'why not' } }),
      'a reveal',
    )
  }
})

t.test('several roles add up, row by row', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const make = async (body: object): Promise<string> => (await request('POST', '/v1/contacts', { body })).id
  const german = await make(anna)
  const french = await make({ ...anna, displayName: 'Zoé', phone: '+33612345678', country: 'FR' })
  const none = await make({ displayName: 'Without', country: 'DE' })
  const masked = await service.role([
    {
      resource: 'contacts',
      actions: ['read', 'update', 'create'],
      fields: { read: ['displayName', 'country'], mask: ['phone'], write: ['displayName', 'country', 'phone'] },
    },
  ])
  const clear = await service.role([
    {
      resource: 'contacts',
      actions: ['read'],
      fields: { read: ['phone', 'businessUnitId', 'tags', 'createdAt', 'intentScore'] },
      when: { eq: ['country', 'DE'] },
    },
  ])
  const { token } = await service.member([masked, clear])
  const list = await request('GET', '/v1/contacts?sort=displayName', { token })
  t.match(list.data, [
    { id: german, phone: '+4917012345678', tags: [] },
    { id: none, phone: null },
    { id: french, phone: '+33•••••••78', maskedFields: ['phone'] },
  ])
  t.notOk('maskedFields' in (list.data[0] ?? {}))
  t.notOk('tags' in (list.data[2] ?? {}), 'what no role shows of this row is not there')
  const named = (answer: Answer) =>
    auditOf(service, answer).then(([event]) => ((event?.touched ?? []) as { shown: string[]; masked: string[] }[])[0])
  t.match(await named(list), { masked: ['phone'] })
  t.ok((await named(list))?.shown.includes('phone'), 'of the page, both were seen')

  await t.test('and the audit of one record names what was seen of it', async (t) => {
    const clearOnes = ['businessUnitId', 'country', 'createdAt', 'displayName', 'id', 'intentScore', 'phone', 'tags']
    const of = async (answer: Answer) => {
      const touched = await named(answer)
      return [[...(touched?.shown ?? [])].sort(), touched?.masked]
    }
    t.same(await of(await request('GET', `/v1/contacts/${german}`, { token })), [clearOnes, []])
    t.same(await of(await request('GET', `/v1/contacts/${french}`, { token })), [
      ['country', 'displayName', 'id'],
      ['phone'],
    ])
    const change = (id: string, body: object) => request('PATCH', `/v1/contacts/${id}`, { token, body })
    t.same(await of(await change(german, { displayName: 'Anna M.' })), [clearOnes, []], 'a change')
    t.same(await of(await change(french, { displayName: 'Zoé M.' })), [['country', 'displayName', 'id'], ['phone']])
    t.same(await of(await change(french, {})), [['country', 'displayName', 'id'], ['phone']], 'a change of nothing')
    t.same(
      await of(
        await request('POST', '/v1/contacts', {
          token,
          body: { displayName: 'New', country: 'FR', phone: '+33612345679' },
        }),
      ),
      [['country', 'displayName', 'id'], ['phone']],
      'a creation',
    )
    const moved = await change(french, { country: 'DE' })
    t.match(moved.body, { phone: '+33612345678' }, 'a row that changes sides shows what its new side shows')
    t.same(await of(moved), [clearOnes, []])
    await change(french, { country: 'FR' })
  })
  await t.test('a filter, a sort and a search know the clear values only', async (t) => {
    const ids = async (query: string): Promise<string[]> =>
      (await request('GET', `/v1/contacts?${query}`, { token })).data.map((one) => one.id)
    t.same(await ids('phone[startsWith]=%2B'), [german])
    t.same(await ids('phone[exists]=true'), [german])
    t.same(await ids('phone=%2B33612345678'), [], 'clear for some, so there is no exact match for the others')
    t.same((await ids('sort=phone')).at(0), german)
    t.same((await ids('sort=-phone')).at(0), german)
    t.same(await ids('q=12345678'), [german])
    t.same(await ids('intentScore[exists]=false&sort=displayName').then((all) => all.length), 4, 'hidden is absent')
  })
})

t.test('a reveal shows clear values once, for a reason, against a quota', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const agent = await service.member('agent')
  const reason = 'Customer asked for a call back, ticket 4711'
  const reveal = (fields: string[], token = agent.token, contact = id) =>
    request('POST', `/v1/contacts/${contact}/reveal`, { token, body: { fields, reason } })
  const answer = await reveal(['phone', 'email'])
  t.same(answer.body, { id, fields: { phone: anna.phone, email: anna.email } })
  const [event] = await service.sql('SELECT * FROM audit.readable_event WHERE request_id = $1', [
    answer.headers['request-id'],
  ])
  t.match(event, { action: 'reveal', outcome: 'allowed', subject_ids: [id], actor_id: agent.id })
  t.match(event?.touched, [{ ids: [id], shown: ['phone', 'email'], masked: [] }])
  const note = event?.sealed_note
  t.ok(Buffer.isBuffer(note) && note.length > reason.length && !note.includes('4711'), 'the reason is sealed')
  const [stored] = await service.sql<{ wrapped_key: Buffer }>('SELECT wrapped_key FROM app.contact_key')
  const tenantKeys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  const sealed = Buffer.isBuffer(note) ? note : Buffer.alloc(0)
  const context = `note/${event?.event_id}/contacts/${id}`
  t.throws(() => tenantKeys.open(sealed, context), 'the tenant’s key does not open it')
  const own = tenantKeys.contact(id, stored?.wrapped_key ?? Buffer.alloc(0))
  t.same(JSON.parse(own.open(sealed, context).toString()), { reason }, 'the contact’s does, until the person is erased')
  t.match(
    (await request('GET', `/v1/contacts/${id}`, { token: agent.token })).body,
    { phone: '+49•••••••••78' },
    'it stays masked',
  )

  t.equal((await reveal(['birthDate'])).status, 400, 'hidden')
  t.equal((await reveal(['phone', 'birthDate'])).status, 400)
  t.equal((await reveal([])).status, 400)
  t.equal((await reveal(['phone'], agent.token, randomUUID())).status, 404)
  t.equal(
    (await request('POST', `/v1/contacts/${id}/reveal`, { token: agent.token, body: { fields: ['phone'] } })).status,
    400,
    'no reason',
  )
  t.equal((await reveal(['phone'], (await service.member('manager')).token)).status, 403)

  await t.test('the quota counts what was shown, and one who is over it sees nothing', async (t) => {
    const [use] = await service.sql('SELECT used FROM app.reveal_use WHERE principal_id = $1', [agent.id])
    t.same(use, { used: 2 }, 'refused attempts cost nothing')
    await service.sql('UPDATE app.reveal_use SET used = 199')
    t.equal((await reveal(['phone', 'email'])).status, 429)
    t.equal((await reveal(['phone'])).status, 200, 'the last one')
    const over = await reveal(['phone'])
    t.match([over.status, over.code], [429, 'quota_exceeded'])
    t.notMatch(over.text, anna.phone)
    await service.sql('UPDATE app.reveal_use SET day = day - 1')
    t.equal((await reveal(['phone'])).status, 200, 'a new day')
  })
  await t.test('of several at once, no more than the quota pass', async (t) => {
    await service.sql('UPDATE app.reveal_use SET used = 197 WHERE day = current_date')
    const all = await Promise.all(Array.from({ length: 8 }, () => reveal(['phone'])))
    t.equal(all.filter((one) => one.status === 200).length, 3)
    t.equal(all.filter((one) => one.status === 429).length, 5)
  })
})

t.test('asking whether a masked value is exactly this counts as seeing it', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const { id } = await request('POST', '/v1/contacts', { body: anna })
  const { id: agentId, token } = await service.member('agent')
  const used = async () =>
    (await service.sql('SELECT used FROM app.reveal_use WHERE principal_id = $1', [agentId]))[0]?.used
  const search = (where: unknown, path = '/v1/contacts', who = token) =>
    request('POST', `${path}/search`, { token: who, body: { where } })
  const phones = (count: number) => Array.from({ length: count }, (_, i) => ({ eq: ['phone', `+4917100000${i + 10}`] }))

  t.equal((await search({ eq: ['country', 'DE'] })).status, 200)
  t.equal(await used(), undefined, 'what is seen in clear costs nothing')
  const phone = encodeURIComponent(anna.phone)
  t.equal((await request('GET', `/v1/contacts?phone=${phone}`, { token })).data.length, 1)
  t.equal(await used(), 1)
  const nested = { and: [{ not: { or: phones(3) } }, { or: [...phones(3), { eq: ['email', 'x@example.com'] }] }] }
  t.equal((await search(nested)).status, 200)
  t.equal(await used(), 5, 'each value once, however deep it stands')
  t.equal((await request('GET', `/v1/contacts/${id}/identities?value=${phone}`, { token })).status, 200)
  t.equal(await used(), 6, 'the same for addresses')
  t.equal((await search({ or: phones(21) })).status, 400, 'too many at once')
  t.equal((await search({ or: phones(20) })).status, 200)
  t.equal(await used(), 26)

  await service.sql('UPDATE app.reveal_use SET used = 198')
  const over = await search({ or: [{ eq: ['phone', anna.phone] }, ...phones(2)] })
  t.match([over.status, over.code], [429, 'quota_exceeded'])
  const [event, ...more] = await service.sql(
    'SELECT * FROM audit.readable_event WHERE request_id = $1 ORDER BY sequence',
    [over.headers['request-id']],
  )
  t.match(event, { action: 'read', resource: 'contacts', outcome: 'denied', code: 'quota_exceeded', row_count: 0 })
  t.same(event?.subject_ids, [])
  t.match(more, [{ actor_kind: 'system', code: 'quota_alert' }], 'and what it set off')
  t.equal(more.length, 1)
  t.equal(await used(), 198, 'refused, it costs nothing')
  t.equal((await search({ or: phones(2) })).status, 200, 'the last two')
  const reveal = { fields: ['phone'], reason: 'why not' }
  t.equal(
    (await request('POST', `/v1/contacts/${id}/reveal`, { token, body: reveal })).status,
    429,
    'one quota for both',
  )
  const below = await request('GET', `/v1/contacts/${id}/identities?value=${phone}`, { token })
  t.match([below.status, below.code], [429, 'quota_exceeded'])

  const manager = await service.member('manager')
  const named = () => search({ eq: ['displayName', anna.displayName] }, '/v1/contacts', manager.token)
  t.equal((await named()).data.length, 1)
  await service.sql('UPDATE app.reveal_use SET used = 200')
  t.equal((await named()).status, 429, 'also by a statement that is kept')
  t.equal((await search({ eq: ['phone', anna.phone] }, '/v1/contacts', service.ownerToken)).data.length, 1)
  const all = () => search({ eq: ['phone', anna.phone] })
  await service.sql('UPDATE app.reveal_use SET used = 198')
  const statuses = (await Promise.all(Array.from({ length: 6 }, all))).map((one) => one.status)
  t.equal(statuses.filter((status) => status === 200).length, 2, 'of several at once, no more than the quota pass')
})
