import { randomUUID } from 'node:crypto'
import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { done, eventsOf, faultsOf, newPhone } from '../conversations/fixtures.ts'

const merge = (service: TestService, id: string, body: object, options: Record<string, unknown> = {}) =>
  service.request('POST', `/v1/contacts/${id}/merge`, { body, ...options })
const unmerge = (service: TestService, id: string, body: object = {}, options: Record<string, unknown> = {}) =>
  service.request('POST', `/v1/contacts/${id}/unmerge`, { body, ...options })
const make = async (service: TestService, body: object, token?: string) =>
  (await done(service, 'POST', '/v1/contacts', body, token)).id

t.test('a merge moves everything, and its dry run says exactly what comes', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { request } = service
  const channel = await connector()
  const phones = [newPhone(), newPhone()]
  await channel.send(
    said('from anna', { from: { value: 'anna', phone: phones[0], displayName: 'Anna' } }),
    said('from ann', { from: { value: 'ann', phone: phones[1], displayName: 'Ann Miller' } }),
  )
  await drain()
  const all = (await request('GET', '/v1/contacts?sort=createdAt')).data
  t.equal(all.length, 2)
  const idOf = (name: string): string => all.find((one) => one.displayName === name)?.id ?? ''
  const [a, b] = [idOf('Anna'), idOf('Ann Miller')]
  await done(service, 'POST', '/v1/custom-fields', {
    resource: 'contacts',
    key: 'shoeSize',
    type: 'number',
    labels: { en: 'Shoe size' },
  })
  await done(service, 'PATCH', `/v1/contacts/${b}`, {
    company: 'Miller Ltd',
    tags: ['vip', 'uk'],
    customFields: { shoeSize: 41 },
    externalIds: [{ system: 'crm', id: 'C-1' }],
    residence: { country: 'GB' },
  })
  await done(service, 'PATCH', `/v1/contacts/${a}`, { tags: ['vip'], externalIds: [{ system: 'shop', id: 'S-1' }] })
  const conversation = (await request('GET', `/v1/conversations?contactId=${b}`)).data[0]?.id ?? ''
  const note = await done(service, 'POST', `/v1/conversations/${conversation}/notes`, { text: 'a note' })
  const before = {
    a: (await request('GET', `/v1/contacts/${a}`)).body,
    b: (await request('GET', `/v1/contacts/${b}`)).body,
    timeline: (await request('GET', `/v1/contacts/${b}/timeline`)).data.map((one) => one.id),
  }

  const dry = await merge(service, a, { mergeId: b, dryRun: true, fields: { displayName: 'theirs' } })
  t.equal(dry.status, 200, dry.text)
  t.match(await eventsOf(service, dry), [{ action: 'read', resource: 'contacts', outcome: 'allowed' }])
  t.same((await request('GET', `/v1/contacts/${a}`)).body, before.a, 'a dry run does nothing')
  t.same((await request('GET', `/v1/contacts/${b}`)).body, before.b)

  const real = await merge(service, a, { mergeId: b, fields: { displayName: 'theirs' } })
  t.equal(real.status, 200, real.text)
  const { updatedAt: _one, ...wanted } = dry.body.contact as Record<string, unknown>
  const { updatedAt: _other, ...came } = real.body.contact as Record<string, unknown>
  t.same(came, wanted, 'the record is the one that the dry run showed')
  t.same(real.body.conflicts, dry.body.conflicts)
  t.match(real.body.conflicts, [
    { field: 'displayName', ours: 'Anna', theirs: 'Ann Miller', chosen: 'theirs' },
    { field: 'phone', ours: phones[0], theirs: phones[1], chosen: 'ours' },
  ])
  t.match(came, {
    displayName: 'Ann Miller',
    company: 'Miller Ltd',
    tags: ['vip', 'uk'],
    customFields: { shoeSize: 41 },
  })
  t.match(real.body.merges, [
    { contactId: b, moved: { conversations: 1, messages: 1, notes: 1, externalIds: 1, customFields: 1, tags: 1 } },
  ])
  const [event] = await eventsOf(service, real)
  t.match(event, { action: 'merge', resource: 'contacts' })
  t.same(new Set(event?.subject_ids), new Set([a, b]), 'the event names both')

  const gone = await request('GET', `/v1/contacts/${b}`)
  t.match([gone.status, gone.body], [410, { code: 'gone', mergedIntoId: a }])
  t.equal((await request('PATCH', `/v1/contacts/${b}`, { body: { company: 'x' } })).status, 410)
  for (const path of ['timeline', 'history', 'identities', 'merge-suggestions'])
    t.equal((await request('GET', `/v1/contacts/${b}/${path}`)).status, 410, path)
  t.same(
    (await request('GET', '/v1/contacts')).data.map((one) => one.id),
    [a],
  )
  t.equal((await request('GET', `/v1/notes/${note.id}`)).body.contactId, a)
  const timeline = (await request('GET', `/v1/contacts/${a}/timeline`)).data.map((one) => one.id)
  t.ok(
    before.timeline.every((id) => timeline.includes(id)),
    'one timeline',
  )

  // What comes to the other's address meanwhile, and what is added to the one that stays.
  await channel.send(
    said('later from ann', { from: { value: 'ann', phone: phones[1] } }),
    said('later from anna', { from: { value: 'anna', phone: phones[0] } }),
  )
  await drain()
  t.same(
    (await request('GET', '/v1/contacts')).data.map((one) => one.id),
    [a],
    'nobody new',
  )
  await done(service, 'PATCH', `/v1/contacts/${a}`, { jobTitle: 'Boss', tags: ['vip', 'uk', 'later'] })

  const back = await unmerge(service, a, { mergeId: b })
  t.equal(back.status, 200, back.text)
  const [taken] = await eventsOf(service, back)
  t.match(taken, { action: 'merge', resource: 'contacts' })
  t.same(new Set(taken?.subject_ids), new Set([a, b]))
  const same = ({ updatedAt: _at, version: _version, ...rest }: Record<string, unknown>) => rest
  t.same(same((await request('GET', `/v1/contacts/${b}`)).body), same(before.b), 'the one is what it was')
  t.same(same((await request('GET', `/v1/contacts/${a}`)).body), {
    ...same(before.a),
    jobTitle: 'Boss',
    tags: ['vip', 'later'],
  })
  const textsOf = async (id: string) =>
    (await request('GET', `/v1/contacts/${id}/timeline?kind=message`)).data.map(
      (one) => (one.record as { text: string }).text,
    )
  t.same(await textsOf(b), ['later from ann', 'from ann'])
  t.same(await textsOf(a), ['later from anna', 'from anna'])
  t.equal((await request('GET', `/v1/notes/${note.id}`)).body.contactId, b)
  t.match([(await unmerge(service, a)).status], [422])
})

t.test('who may merge what', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const [a, b] = [await make(service, { displayName: 'A' }), await make(service, { displayName: 'B' })]
  for (const role of ['agent', 'sales', 'manager', 'connector']) {
    const { token } = await service.member(role)
    t.equal((await merge(service, a, { mergeId: b }, { token })).status, 403, role)
    t.equal((await merge(service, a, { mergeId: b, dryRun: true }, { token })).status, 403, role)
    t.equal((await unmerge(service, a, {}, { token })).status, 403, role)
  }
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Other' })).id
  const far = await make(service, { displayName: 'Far', businessUnitId: unit })
  const across = await merge(service, a, { mergeId: far })
  t.match([across.status, faultsOf(across)], [422, [{ code: 'other_business_unit' }]])
  const { token } = await service.member('privacy', { businessUnitIds: [unit] })
  t.equal((await merge(service, a, { mergeId: far }, { token })).status, 404)
  t.equal((await merge(service, far, { mergeId: a }, { token })).status, 404)
  t.equal((await merge(service, far, { mergeId: randomUUID() }, { token })).status, 404)
  t.equal((await merge(service, a, {})).status, 400)
  t.equal((await merge(service, a, { mergeId: b, contactIds: [b] })).status, 400)
  t.match(faultsOf(await merge(service, a, { mergeId: a })), [{ code: 'same_contact' }])
  t.equal((await merge(service, a, { mergeId: b, fields: { nothing: 'ours' } })).status, 400)
  t.equal((await merge(service, a, { mergeId: b, fields: { phone: 'both' } })).status, 400)

  const etag = (await request('GET', `/v1/contacts/${a}`)).headers.etag ?? ''
  t.equal((await merge(service, a, { mergeId: b }, { headers: { 'if-match': '"other"' } })).status, 412)
  const headers = { 'if-match': etag, 'idempotency-key': 'merge-1' }
  const first = await merge(service, a, { mergeId: b }, { headers })
  t.equal(first.status, 200, first.text)
  const again = await merge(service, a, { mergeId: b }, { headers })
  t.match([again.status, again.headers['idempotent-replayed']], [200, 'true'], again.text)
  t.same(again.body.merges, first.body.merges)

  const key = { headers: { 'idempotency-key': 'unmerge-1' } }
  const out = await unmerge(service, b, {}, key)
  t.equal(out.status, 200, out.text)
  t.same((await unmerge(service, b, {}, key)).body.unmergedId, b)
})

t.test('how much came along is told of what whoever merges sees', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const channel = await connector()
  const from = { value: 'ann', phone: newPhone() }
  await channel.send(said('one', { from }), said('two', { from }))
  await drain()
  const found = (await service.request('GET', '/v1/contacts')).data[0]?.id ?? ''
  await done(service, 'PATCH', `/v1/contacts/${found}`, { tags: ['vip'] })
  const stays = await make(service, { displayName: 'Stays' })
  const all = await merge(service, stays, { mergeId: found, dryRun: true })
  t.match(all.body.merges, [{ moved: { conversations: 1, messages: 2, identities: 2, notes: 0, tags: 1 } }])
  const seeing = { resource: 'contacts', actions: ['read', 'merge'], fields: { read: ['displayName'] } }
  const nothing = await service.member(await service.role([seeing]))
  const shut = await merge(service, stays, { mergeId: found, dryRun: true }, { token: nothing.token })
  t.match([shut.status, shut.body.merges], [200, [{ contactId: found }]], shut.text)
  t.same(shut.body.merges, [{ contactId: found, moved: {} }])
  const sent = { eq: ['direction', 'outbound'] }
  const some = await service.member(
    await service.role([
      seeing,
      { resource: 'conversations', actions: ['read'], fields: { read: ['status'] } },
      { resource: 'messages', actions: ['read'], fields: { read: ['text'] }, when: sent },
    ]),
  )
  const key = { token: some.token, headers: { 'idempotency-key': 'seen-counts' } }
  const made = await merge(service, stays, { mergeId: found }, key)
  t.same([made.status, Object(made.body.merges)[0]?.moved], [200, { conversations: 1, messages: 0 }], made.text)
  const again = await merge(service, stays, { mergeId: found }, key)
  t.same(again.body.merges, made.body.merges)
})

t.test('merged into whom, only whoever sees it is told', async (t) => {
  const service = await startTestService(t)
  const [de, at] = [
    await make(service, { displayName: 'In Germany', country: 'DE' }),
    await make(service, { displayName: 'In Austria', country: 'AT' }),
  ]
  t.equal((await merge(service, de, { mergeId: at })).status, 200)
  const role = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['country', 'AT'] } },
  ])
  const { token } = await service.member(role)
  const told = await service.request('GET', `/v1/contacts/${at}`, { token })
  t.match([told.status, told.body.mergedIntoId], [410, undefined])
  t.equal((await service.request('GET', `/v1/contacts/${de}`, { token })).status, 404)
  const other = await service.member(
    await service.role([
      { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['country', 'DE'] } },
    ]),
  )
  t.equal((await service.request('GET', `/v1/contacts/${at}`, { token: other.token })).status, 404)
})

t.test('joining a stranger with one’s own contact shows nothing of the stranger that was masked', async (t) => {
  const service = await startTestService(t)
  const role = await service.role([
    {
      resource: 'contacts',
      actions: ['read', 'merge'],
      fields: { read: ['displayName', 'ownerId', 'company'], mask: ['phone', 'email'] },
    },
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['ownerId', '$me.id'] } },
  ])
  const { token, id: memberId } = await service.member(role)
  const own = await make(service, { displayName: 'Mine', ownerId: memberId, email: 'mine@example.com' })
  const stranger = await make(service, { displayName: 'Stranger', phone: '+4915155512345', company: 'Theirs Ltd' })
  const seen = await done(service, 'GET', `/v1/contacts/${stranger}`, undefined, token)
  t.notMatch(seen.text, /55512345/, 'masked where it stands')
  for (const dryRun of [true, false]) {
    const answer = await merge(service, own, { mergeId: stranger, dryRun }, { token })
    t.match([answer.status, faultsOf(answer)], [422, [{ path: '/fields/phone', code: 'would_reveal' }]], answer.text)
    t.notMatch(answer.text, /55512345/)
  }
  t.equal((await service.request('GET', `/v1/contacts/${stranger}`)).status, 200, 'nothing was done')

  const dry = await merge(service, own, { mergeId: stranger, dryRun: true, fields: { phone: 'ours' } }, { token })
  t.equal(dry.status, 200, dry.text)
  t.notMatch(dry.text, /55512345/)
  t.match(dry.body.contact, { company: 'Theirs Ltd', email: 'mine@example.com' })
  const [event] = await eventsOf(service, dry)
  const touched = event?.touched as { ids: string[]; shown: string[]; masked: string[] }[]
  const of = (id: string) => touched.find((one) => one.ids.includes(id))
  t.match([of(own)?.shown.includes('email'), of(stranger)?.shown.includes('email')], [true, false])
  t.same([...(of(stranger)?.masked ?? [])].sort(), ['email', 'phone'], 'each contact with what was shown of it')

  // The other way round, the owner comes along, and with it the sight of all that was masked.
  const far = await make(service, { displayName: 'Far', phone: '+4915155599999' })
  const mine = await make(service, { displayName: 'Mine too', ownerId: memberId })
  const turned = await merge(service, far, { mergeId: mine, dryRun: true }, { token })
  t.match([turned.status, faultsOf(turned)], [422, [{ path: '/fields/phone', code: 'would_reveal' }]], turned.text)
  const real = await merge(service, own, { mergeId: stranger, fields: { phone: 'ours' } }, { token })
  t.equal(real.status, 200, real.text)
  t.notMatch(real.text, /55512345/)
})
