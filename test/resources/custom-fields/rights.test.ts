import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { contact, define, faults, found, memberWith, searched } from './fixtures.ts'

t.test('each type has its mask, and what has none is only named', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const options = [{ value: 'blue' }]
  const fields: [string, Record<string, unknown>, unknown, unknown][] = [
    ['word', {}, 'apple', '•••'],
    ['mail', { format: 'email' }, 'anna@example.com', 'a•••@example.com'],
    ['mobile', { format: 'phone' }, '+4917012345678', '+49•••••••••78'],
    ['nick', { format: 'name' }, 'Anna Bea', 'A••• B•••'],
    ['size', { type: 'number' }, 423.5, 400],
    [
      'budget',
      { type: 'money', currency: 'EUR' },
      { amount: 12_345, currency: 'EUR' },
      { amount: 10_000, currency: 'EUR' },
    ],
    ['since', { type: 'date' }, '2024-05-06', '2024-01-01'],
    ['vip', { type: 'boolean' }, true, undefined],
    ['colours', { type: 'multiChoice', options }, ['blue'], undefined],
    ['keeper', { type: 'reference', referenceTo: 'members' }, service.ownerId, undefined],
  ]
  for (const [key, more] of fields) await define(service, key, more)
  const values = Object.fromEntries(fields.map(([key, , value]) => [key, value]))
  const id = await contact(service, 'Anna', values)
  await contact(service, 'Bea')
  const names = fields.map(([key]) => `customFields.${key}`)
  const token = await memberWith(service, { fields: { read: ['displayName'], mask: names } }, { actions: ['reveal'] })
  const one = await request('GET', `/v1/contacts/${id}`, { token })
  t.same(
    one.body.customFields,
    Object.fromEntries(fields.flatMap(([key, , , mask]) => (mask === undefined ? [] : [[key, mask]]))),
  )
  t.same((one.body.maskedFields as string[]).sort(), names.sort())
  const list = await request('GET', '/v1/contacts?sort=displayName', { token })
  t.same(list.data[0], one.body)
  t.same(list.data[1]?.customFields, {})

  const write = await memberWith(service, {
    ...{ actions: ['read', 'update'], fields: { read: ['displayName'], mask: names, write: names } },
  })
  for (const [key, , , mask] of fields) {
    if (mask === undefined) continue
    const back = await request('PATCH', `/v1/contacts/${id}`, { token: write, body: { customFields: { [key]: mask } } })
    t.match([back.status, faults(back)], [422, [`/customFields/${key} masked_value`]], `${key} sent back`)
  }
  t.match((await request('GET', `/v1/contacts/${id}`)).body.customFields, values, 'nothing was lost')

  const revealed = await request('POST', `/v1/contacts/${id}/reveal`, {
    ...{ token, body: { fields: ['customFields.mobile', 'customFields.vip'], reason: 'a call' } },
  })
  t.same(revealed.body, { id, fields: { customFields: { mobile: '+4917012345678', vip: true } } })
  const reveal = async (field: string) => {
    const answer = await request('POST', `/v1/contacts/${id}/reveal`, { token, body: { fields: [field], reason: 'x' } })
    return answer.status === 200 ? '200' : `${answer.status} ${faults(answer)}`
  }
  for (const field of ['customFields', 'customFields.none', 'phone'])
    t.equal(await reveal(field), '400 /fields/0 unknown_field', field)
})

t.test('a masked text is matched whole, counted, and asked nothing else', async (t) => {
  const service = await startTestService(t)
  const { sql } = service
  await define(service, 'card')
  await contact(service, 'Anna', { card: 'X-1042' })
  await contact(service, 'Bea', { card: 'X-1043' })
  await contact(service, 'Cleo')
  const role = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['displayName'], mask: ['customFields.card'] } },
  ])
  const { id, token } = await service.member(role)
  const used = async () =>
    (await sql<{ used: number }>('SELECT used FROM app.reveal_use WHERE principal_id = $1', [id]))[0]?.used ?? 0
  t.equal(await found(service, 'customFields.card=X-1042', token), 'Anna')
  t.equal(await used(), 1)
  t.equal(
    await searched(
      service,
      { or: [{ eq: ['customFields.card', 'X-1042'] }, { eq: ['customFields.card', 'X-1'] }] },
      token,
    ),
    'Anna',
  )
  t.equal(await used(), 3)
  for (const op of ['ne', 'in', 'lt', 'lte', 'gt', 'gte', 'startsWith', 'exists'])
    t.equal(
      await found(service, `customFields.card[${op}]=${op === 'exists' ? 'true' : 'X'}`, token),
      '400 invalid_request',
      op,
    )
  for (const sort of ['customFields.card', '-customFields.card'])
    t.equal(await found(service, `sort=${sort}`, token), '400 invalid_request')
  t.equal(await used(), 3)
})

t.test(
  'rows are granted by custom values, with not, exists and lists, as the database and memory decide alike',
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    await define(service, 'size', { type: 'number' })
    await define(service, 'tier')
    await define(service, 'colours', { type: 'multiChoice', options: [{ value: 'blue' }, { value: 'red' }] })
    await define(service, 'keeper', { type: 'reference', referenceTo: 'members' })
    const ids: Record<string, string> = {
      A: await contact(service, 'A', { size: 40, tier: 'gold', colours: ['blue'] }),
      B: await contact(service, 'B', { size: 44, tier: 'tin', colours: ['blue', 'red'] }),
      C: await contact(service, 'C'),
    }
    for (const [when, names] of [
      [{ gt: ['customFields.size', 40] }, 'B'],
      [{ not: { gt: ['customFields.size', 40] } }, 'A,C'],
      [{ ne: ['customFields.tier', 'gold'] }, 'B'],
      [{ exists: ['customFields.tier', false] }, 'C'],
      [{ in: ['customFields.tier', ['gold', 'tin']] }, 'A,B'],
      [{ not: { in: ['customFields.tier', []] } }, 'A,B,C'],
      [{ eq: ['customFields.colours', 'red'] }, 'B'],
      [{ not: { eq: ['customFields.colours', 'red'] } }, 'A,C'],
      [{ eq: ['customFields.keeper', '$me.id'] }, ''],
    ] as const) {
      const says = JSON.stringify(when)
      const token = await memberWith(service, { when, fields: { read: ['displayName'] } })
      t.equal(await found(service, 'sort=displayName', token), names, says)
      // The row is locked by the rule in SQL and decided on in memory.
      const writer = await memberWith(
        service,
        { fields: { read: ['displayName'] } },
        { actions: ['update'], when, fields: { write: ['jobTitle'] } },
      )
      const changed = await Promise.all(
        Object.entries(ids).map(async ([name, id]) =>
          (await request('PATCH', `/v1/contacts/${id}`, { token: writer, body: { jobTitle: 'x' } })).status === 200
            ? name
            : '',
        ),
      )
      t.equal(changed.filter(Boolean).join(), names, `${says} in memory`)
    }
    const { id: me, token } = await service.member(
      await service.role([
        {
          resource: 'contacts',
          actions: ['read'],
          fields: { read: ['displayName'] },
          when: { eq: ['customFields.keeper', '$me.id'] },
        },
      ]),
    )
    await request('PATCH', `/v1/contacts/${ids.C}`, { body: { customFields: { keeper: me } } })
    t.equal(await found(service, '', token), 'C')
  },
)

t.test('a field that is seen on some rows is shown, filtered and sorted by on those alone', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service, 'size', { type: 'number' })
  await define(service, 'stage')
  const open = await contact(service, 'Open', { size: 44, stage: 'open' })
  const shut = await contact(service, 'Shut', { size: 40, stage: 'shut' })
  const none = await contact(service, 'None', { size: 42 })
  const token = await memberWith(
    service,
    { fields: { read: ['displayName'], mask: ['customFields.stage'] } },
    { fields: { read: ['customFields.size'] }, when: { eq: ['customFields.stage', 'open'] } },
    { fields: { mask: ['customFields.size'] }, when: { eq: ['customFields.stage', 'shut'] } },
  )
  const one = async (id: string) => (await request('GET', `/v1/contacts/${id}`, { token })).body
  t.match(await one(open), { customFields: { size: 44 } })
  t.match(await one(shut), { customFields: { size: 40 }, maskedFields: ['customFields.stage', 'customFields.size'] })
  const hidden = await one(none)
  t.notOk('size' in (hidden.customFields as object))
  t.same(hidden.maskedFields, ['customFields.stage'])
  t.equal(await found(service, 'customFields.size[gte]=1', token), 'Open')
  t.equal(
    await found(service, 'customFields.size[exists]=false&sort=displayName', token),
    'None,Shut',
    'elsewhere it is as if absent',
  )
  t.equal(await found(service, 'sort=customFields.size', token), 'Open,Shut,None', 'and last, by id')
})

t.test('one key may be set and the other not, on rows before and after', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service, 'mine')
  await define(service, 'theirs')
  await define(service, 'stage')
  const id = await contact(service, 'Anna', { stage: 'open', theirs: 'x' })
  const token = await memberWith(
    service,
    { fields: { read: ['displayName', 'customFields.mine', 'customFields.theirs', 'customFields.stage'] } },
    {
      actions: ['update'],
      fields: { write: ['customFields.mine', 'customFields.stage'] },
      when: { eq: ['customFields.stage', 'open'] },
    },
  )
  const patch = (customFields: object) => request('PATCH', `/v1/contacts/${id}`, { token, body: { customFields } })
  t.equal((await patch({ mine: 'a' })).status, 200)
  const both = await patch({ mine: 'b', theirs: 'b' })
  t.match([both.status, faults(both)], [403, ['/customFields/theirs not_writable']])
  t.equal((await patch({ stage: 'shut' })).status, 403, 'not out of what may be changed')
  t.match((await request('GET', `/v1/contacts/${id}`)).body.customFields, { mine: 'a', theirs: 'x', stage: 'open' })
  await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { stage: 'shut' } } })
  t.equal((await patch({ mine: 'c' })).status, 403)
})

t.test('an ETag changes for whoever sees the field, and for nobody else', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service, 'open', { classification: 'general' })
  await define(service, 'secret', { classification: 'sensitive' })
  const id = await contact(service, 'Anna', { open: 'a', secret: 'a' })
  const blind = await memberWith(service, { fields: { read: ['displayName', 'customFields'] } })
  const seeing = await memberWith(service, { fields: { read: ['displayName', 'customFields.secret'] } })
  const etags = () =>
    Promise.all(
      [blind, seeing].map(async (token) => (await request('GET', `/v1/contacts/${id}`, { token })).headers.etag),
    )
  const before = await etags()
  await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { secret: 'b' } } })
  const after = await etags()
  t.equal(after[0], before[0])
  t.not(after[1], before[1])
})

t.test('the values of a business unit are out of reach of the others, by the database itself', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  await define(service, 'size')
  const unit = (
    await request('POST', '/v1/business-units', {
      body: { name: 'Other', legalEntity: 'Other', establishmentCountry: 'DE' },
    })
  ).id
  await contact(service, 'Here', { size: 'a' })
  await contact(service, 'There', { size: 'b' }, { businessUnitId: unit })
  const [own] = await sql<{ id: string }>('SELECT id FROM app.business_unit WHERE tenant_id = $1 AND is_default', [
    service.tenantId,
  ])
  const principal = service.db.own('system', { tenantId: service.tenantId, region: 'default' })
  const valuesSeen = async (units: readonly string[] | '*') => {
    const caller = { principal: { ...principal, units }, meta: { requestId: null, ip: null, purpose: null } }
    let seen: unknown[] = []
    await service.db.change(caller, { action: 'read', resource: 'contacts' }, async (tx) => {
      const { sql: text } = await import('../../../src/db/sql.ts')
      seen = (await tx.query(text`SELECT text_value FROM app.contact_custom_value ORDER BY text_value`)).map(
        (row) => row.text_value,
      )
      tx.touch({ resource: 'contacts', ids: [] })
    })
    return seen
  }
  t.same(await valuesSeen('*'), ['a', 'b'])
  t.same(await valuesSeen([String(own?.id)]), ['a'])
  t.same(await valuesSeen([]), [])
})
