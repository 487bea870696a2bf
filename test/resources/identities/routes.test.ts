import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { done, eventsOf, faultsOf, newPhone, person } from '../conversations/fixtures.ts'

const service = await startTestService(t)
const agent = await service.member('agent')

t.test('a claimed address is kept in the form of its kind', async (t) => {
  const { contactId } = await person(service, { kind: 'connector' })
  const path = `/v1/contacts/${contactId}/identities`
  const phone = await done(service, 'POST', path, { kind: 'phone', value: '0049 170 / 555 01 01' })
  t.match(phone.body, {
    kind: 'phone',
    value: '+491705550101',
    verified: false,
    isPrimary: false,
    source: 'provided',
    contactId,
  })
  t.equal(phone.headers.location, `/v1/identities/${phone.id}`)
  const email = await done(service, 'POST', path, { kind: 'email', value: 'Anna.B@Example.com' })
  t.equal(email.body.value, 'Anna.B@Example.com')
  const again = await service.request('POST', path, { body: { kind: 'email', value: 'anna.b@example.COM' } })
  t.match([again.status, again.code, again.body.existingId], [409, 'already_exists', email.id])
  for (const body of [
    { kind: 'phone', value: 'anna@example.com' },
    { kind: 'email', value: '+4917055' },
    { kind: 'line', value: 'U1' },
    { kind: 'phone' },
  ])
    t.equal((await service.request('POST', path, { body })).status, 400, JSON.stringify(body))
  const wrong = await service.request('POST', path, { body: { kind: 'phone', value: 'none' } })
  t.same(
    faultsOf(wrong).map((fault) => fault.path),
    ['/value'],
  )
  t.equal(
    (await service.request('POST', path, { body: { kind: 'phone', value: newPhone() }, token: agent.token })).status,
    403,
  )
})

t.test('an address is masked as what it is, and matched only whole', async (t) => {
  const { contactId, phone } = await person(service, { kind: 'whatsapp' })
  const path = `/v1/contacts/${contactId}/identities`
  await service.sql(`INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, verified, source)
    SELECT tenant_id, gen_random_uuid(), business_unit_id, id, v.kind, v.value, v.value, true, 'test'
      FROM app.contact, (VALUES ('connector', 'berta@example.com'), ('telegram', '123456789'), ('line', 'U12')) AS v(kind, value) WHERE id = '${contactId}'`)
  const answer = await done(service, 'GET', path, undefined, agent.token)
  const values = Object.fromEntries(answer.data.map((row) => [row.kind, row.value]))
  t.same(values, {
    phone: `+49•••••••••${phone.slice(-2)}`,
    whatsapp: `491••••••••${phone.slice(-2)}`,
    email: 'a•••@example.com',
    connector: 'b•••@example.com',
    telegram: '1••••••89',
    line: '•••',
  })
  t.ok(answer.data.every(({ maskedFields }) => JSON.stringify(maskedFields) === '["value"]'))
  t.notMatch(answer.text, phone.slice(3))
  const [event] = await eventsOf(service, answer)
  t.same(event?.touched.find(({ resource }) => resource === 'identities')?.masked, ['value'])
  const kinds = async (query: string) => {
    const found = await service.request('GET', `${path}?${query}`, { token: agent.token })
    return found.status === 200 ? found.data.map(({ kind }) => kind).sort() : found.status
  }
  const spaced = encodeURIComponent(`00${phone.slice(1, 3)} ${phone.slice(3, 7)}-${phone.slice(7)}`)
  t.same(await kinds(`value=${spaced}`), ['phone', 'whatsapp'])
  t.same(await kinds(`value=${encodeURIComponent(phone)}`), ['phone', 'whatsapp'])
  t.same(await kinds(`value=123456789`), ['telegram'], 'a provider’s id is not taken for a number')
  t.same(await kinds(`value=BERTA@example.com`), [], 'nor a connector’s for an email')
  t.same(await kinds(`value=${phone.slice(1, -1)}`), [])
  t.equal(await kinds(`value[startsWith]=%2B49`), 400)
  t.equal(await kinds(`value[ne]=x`), 400)
  t.equal(await kinds('sort=value'), 400)
  const found = await done(service, 'POST', `${path}/search`, { where: { eq: ['value', phone] } }, agent.token)
  t.equal(found.data.length, 2)
})

t.test('an address goes to the trash and comes back, unless it is the contact’s own', async (t) => {
  const { contactId, identityId } = await person(service, { kind: 'connector' })
  const list = async (query = '') => (await done(service, 'GET', `/v1/contacts/${contactId}/identities${query}`)).data
  const primary = (await list()).find(({ isPrimary }) => isPrimary === true)
  const refused = await service.request('DELETE', `/v1/identities/${primary?.id}`)
  t.match([refused.status, refused.code], [409, 'in_use'])
  t.equal((await service.request('DELETE', `/v1/identities/${identityId}`)).status, 204)
  t.notOk((await list()).some(({ id }) => id === identityId))
  t.same(
    (await list('?trashed=true')).map(({ id }) => id),
    [identityId],
  )
  await service.sql(`INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, verified, source)
    SELECT tenant_id, gen_random_uuid(), business_unit_id, contact_id, kind, value, match_value, true, source FROM app.identity WHERE id = '${identityId}'`)
  const taken = await service.request('POST', `/v1/identities/${identityId}/restore`)
  t.match([taken.status, taken.code], [409, 'already_exists'], 'somebody has proved meanwhile that it is theirs')
  await service.sql(`DELETE FROM app.identity WHERE contact_id = $1 AND kind = 'connector' AND id <> $2`, [
    contactId,
    identityId,
  ])
  t.match((await done(service, 'POST', `/v1/identities/${identityId}/restore`)).body, {
    id: identityId,
    trashedAt: null,
  })
})

t.test('addresses are seen as far as their contact is', async (t) => {
  const { contactId, identityId } = await person(service, { kind: 'connector' })
  const role = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['country', 'JP'] } },
    { resource: 'identities', actions: ['read'], fields: { read: ['*'] } },
  ])
  const { token } = await service.member(role)
  const get = async (path: string) => (await service.request('GET', path, { token })).status
  t.equal(await get(`/v1/identities/${identityId}`), 404)
  t.equal(await get(`/v1/contacts/${contactId}/identities`), 404)
  await done(service, 'PATCH', `/v1/contacts/${contactId}`, { country: 'JP' })
  t.equal(await get(`/v1/identities/${identityId}`), 200)
  t.equal(await get(`/v1/contacts/${contactId}/identities`), 200)
})
