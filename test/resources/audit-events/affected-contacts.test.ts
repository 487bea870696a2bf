import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

const window = `from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z`

async function contact(service: TestService, body: Record<string, unknown>): Promise<string> {
  return (await service.request('POST', '/v1/contacts', { body })).id
}

interface Affected {
  contactId: string
  firstAt: string
  shown: { contacts: string[] }
  masked: { contacts: string[] }
}

/** The sums, and what was seen, by contact. */
async function affected(service: TestService, actorId: string, more = '', token?: string) {
  const answer = await service.request('GET', `/v1/audit/affected-contacts?actorId=${actorId}&${window}${more}`, {
    ...(token ? { token } : {}),
  })
  const rows = answer.status === 200 ? (answer.data as unknown as Affected[]) : []
  const seen = new Map(rows.map((one) => [one.contactId, one]))
  return { answer, seen, summary: answer.body.summary }
}

t.test('who asks what an account saw is told every contact with its fields, and nobody else', async (t) => {
  const service = await startTestService(t)
  const [anna, bert, carla] = [
    await contact(service, { displayName: 'Anna', phone: '+4915112345678', country: 'DE' }),
    await contact(service, { displayName: 'Bert', country: 'FR' }),
    await contact(service, { displayName: 'Carla' }),
  ]
  const agent = await service.member('agent')
  const see = (path: string) => service.request('GET', path, { token: agent.token })
  t.same((await affected(service, agent.id)).summary, { contacts: 0, times: 0, countries: {} })
  await see(`/v1/contacts/${anna}`)
  await see(`/v1/contacts/${anna}`)
  await see('/v1/contacts?country=FR')
  await see(`/v1/contacts/${randomUUID()}`)
  const { seen, summary } = await affected(service, agent.id)
  t.same([...seen.keys()].sort(), [anna, bert].sort(), 'neither who was not looked at, nor who is not there')
  t.same(summary, { contacts: 2, times: 3, countries: { DE: 1, FR: 1 } })
  t.match(seen.get(anna), {
    times: 2,
    country: 'DE',
  })
  t.ok(seen.get(anna)?.shown.contacts.includes('displayName'))
  t.notOk(seen.get(anna)?.shown.contacts.includes('phone'))
  t.ok(seen.get(anna)?.masked.contacts.includes('phone'))
  t.notOk(seen.has(carla))

  await t.test('a revealed field is a field that was seen', async (t) => {
    await service.request('POST', `/v1/contacts/${anna}/reveal`, {
      token: agent.token,
      body: { fields: ['phone'], reason: 'calls back' },
    })
    const { seen } = await affected(service, agent.id)
    t.match(seen.get(anna), { times: 3 })
    t.notOk(seen.get(anna)?.masked.contacts.includes('phone'))
    t.ok(seen.get(anna)?.shown.contacts.includes('phone'))
  })

  await t.test('page by page it is the same, and the sums are of all', async (t) => {
    const ids: unknown[] = []
    for (let cursor = ''; ; ) {
      const { answer } = await affected(service, agent.id, `&limit=1${cursor}`)
      t.match(answer.body.summary, { contacts: 2 })
      ids.push(...answer.data.map((one) => one.contactId))
      if (answer.body.nextCursor === null) break
      cursor = `&cursor=${encodeURIComponent(answer.string('nextCursor'))}`
    }
    t.same(ids, [anna, bert].sort())
  })

  await t.test('outside the window nothing is told, and it takes its limits exactly', async (t) => {
    const { seen } = await affected(service, agent.id)
    const first = String(seen.get(bert)?.firstAt)
    const at = (from: string, to: string) =>
      service.request('GET', `/v1/audit/affected-contacts?actorId=${agent.id}&from=${from}&to=${to}`)
    t.same(
      (await at('2020-01-01T00:00:00Z', first)).data.map((one) => one.contactId),
      [anna],
      'before the end',
    )
    t.ok(
      (await at(first, '2100-01-01T00:00:00Z')).data.some((one) => one.contactId === bert),
      'from the beginning',
    )
  })

  await t.test('the question itself is on record, with the contacts that it named', async (t) => {
    const { answer } = await affected(service, agent.id)
    const events = await service.sql<{ subject_ids: string[]; query: { affected: Record<string, string> } }>(
      'SELECT action, resource, subject_ids::text[], query FROM audit.readable_event WHERE request_id = $1',
      [answer.headers['request-id']],
    )
    t.equal(events.length, 1)
    t.same([...(events[0]?.subject_ids ?? [])].sort(), [anna, bert].sort())
    t.notMatch(JSON.stringify(events[0]?.query), new RegExp(agent.id), 'what was asked is kept as hashes')
  })

  await t.test('whoever may not read the audit, or not all of it, is refused', async (t) => {
    t.equal((await affected(service, agent.id, '', agent.token)).answer.status, 403)
    const role = await service.role([
      { resource: 'audit-events', actions: ['read'], fields: { read: ['id', 'occurredAt', 'actorId'] } },
    ])
    const clerk = await service.member(role)
    t.equal((await affected(service, agent.id, '', clerk.token)).answer.status, 403)
  })

  await t.test(
    'whoever sees one business unit is told of its contacts only, and countries only of whom it may see',
    async (t) => {
      const { id: unitId } = await service.request('POST', '/v1/business-units', { body: { name: 'North' } })
      const nora = await contact(service, { displayName: 'Nora', country: 'NO', businessUnitId: unitId })
      await service.request('GET', `/v1/contacts/${nora}`)
      const role = await service.role([{ resource: 'audit-events', actions: ['read'], fields: { read: ['*'] } }])
      const auditor = await service.member(role, { businessUnitIds: [unitId] })
      const { seen, summary } = await affected(service, service.ownerId, '', auditor.token)
      t.same([...seen.keys()], [nora])
      t.same(summary, { contacts: 1, times: 2, countries: { unknown: 1 } }, 'made and read; it may not read contacts')
      t.match(seen.get(nora), { country: null, businessUnitId: null })
    },
  )
})

t.test('of a contact in the trash or in another unit only its id is told, and the event says so', async (t) => {
  const service = await startTestService(t)
  const gone = await contact(service, { displayName: 'Anna', country: 'DE' })
  const there = await contact(service, { displayName: 'Bert' })
  await service.request('GET', '/v1/contacts')
  await service.request('DELETE', `/v1/contacts/${gone}`, { headers: { 'if-match': '*' } })
  const everything = { fields: { read: ['*'] }, actions: ['read'] }
  const role = await service.role([
    { resource: 'audit-events', ...everything },
    { resource: 'contacts', ...everything },
  ])
  const auditor = await service.member(role)
  const { answer, seen, summary } = await affected(service, service.ownerId, '', auditor.token)
  t.match(seen.get(gone), { country: null, businessUnitId: null }, 'it is not there for whoever may not bring it back')
  t.match(seen.get(there), { country: null, businessUnitId: /-/ })
  t.same((summary as { countries: unknown }).countries, { unknown: 2 })
  const [event] = await service.sql<{ touched: { shown: string[] }[] }>(
    'SELECT touched FROM audit.readable_event WHERE request_id = $1',
    [answer.headers['request-id']],
  )
  t.same(event?.touched[0]?.shown, ['businessUnitId'], 'no country was shown')
})

t.test('what a key did for a member counts as the member’s', async (t) => {
  const service = await startTestService(t)
  const anna = await contact(service, { displayName: 'Anna' })
  const agent = await service.member('agent')
  const role = await service.role([
    { resource: 'members', actions: ['read', 'impersonate'], fields: { read: ['*'] } },
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] } },
  ])
  const key = await service.request('POST', '/v1/api-keys', { body: { name: 'portal', roleIds: [role] } })
  const exchanged = await service.request('POST', '/v1/sessions/exchange', {
    token: key.string('key'),
    body: { memberId: agent.id },
  })
  await service.request('GET', `/v1/contacts/${anna}`, { token: exchanged.string('accessToken') })
  t.ok((await affected(service, agent.id)).seen.has(anna), 'of the member')
  t.ok((await affected(service, key.id)).seen.has(anna), 'and of the key')
})
