import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { contact, define, faults, found, memberWith } from './fixtures.ts'

t.test('a definition whose parts do not go together is refused, with each place', async (t) => {
  const { request } = await startTestService(t)
  const answers = async (body: object) => {
    const answer = await request('POST', '/v1/custom-fields', { body: { resource: 'contacts', key: 'one', ...body } })
    return answer.status === 201 ? '201' : `${answer.status} ${faults(answer).join()}`
  }
  const options = [{ value: 'a' }]
  for (const [body, expected] of [
    [{}, '400 /type invalid_value'],
    [{ type: 'colour' }, '400 /type invalid_value'],
    [{ type: 'text', resource: 'messages' }, '400 /resource invalid_value'],
    [{ type: 'text', key: '1st' }, '400 /key invalid_format'],
    [{ type: 'text', key: 'a b' }, '400 /key invalid_format'],
    [{ type: 'text', key: `a${'b'.repeat(100)}` }, '400 /key invalid_format'],
    [{ type: 'text', labels: { 'not a language': 'x' } }, '400 /labels/not a language invalid_key'],
    [{ type: 'text', currency: 'EUR' }, '422 /currency not_applicable'],
    [{ type: 'text', minimum: 1, options }, '422 /options not_applicable,/minimum not_applicable'],
    [{ type: 'number', format: 'email', maxLength: 5 }, '422 /format not_applicable,/maxLength not_applicable'],
    [{ type: 'number', minimum: 3, maximum: 2 }, '422 /maximum out_of_order'],
    [{ type: 'date', minimum: 3 }, '422 /minimum not_applicable'],
    [{ type: 'money' }, '422 /currency required'],
    [{ type: 'money', currency: 'ZZZ' }, '422 /currency unknown_currency'],
    [{ type: 'money', currency: 'EUR', maximum: 1.5 }, '422 /maximum invalid_value'],
    [{ type: 'reference' }, '422 /referenceTo required'],
    [{ type: 'reference', referenceTo: 'roles' }, '400 /referenceTo invalid_value'],
    [{ type: 'choice' }, '422 /options required'],
    [{ type: 'choice', options: [] }, '422 /options required'],
    [{ type: 'multiChoice', options: [...options, ...options] }, '422 /options/1/value duplicate'],
    [{ type: 'choice', options: Array.from({ length: 201 }, (_, i) => ({ value: `${i}` })) }, '400 /options too_big'],
    [{ type: 'choice', options }, '201'],
  ] as const)
    t.equal(await answers(body), expected, JSON.stringify(body).slice(0, 80))
  const [{ id } = { id: '' }] = (await request('GET', '/v1/custom-fields?key=one')).data
  for (const [body, expected] of [
    [{ key: 'two' }, '/key unknown_field'],
    [{ type: 'text' }, '/type unknown_field'],
    [{ resource: 'contacts' }, '/resource unknown_field'],
    [{ options: null }, '/options required'],
    [{ maxLength: 3 }, '/maxLength not_applicable'],
  ] as const)
    t.same(faults(await request('PATCH', `/v1/custom-fields/${id}`, { body })), [expected])
  const unset = await request('PATCH', `/v1/custom-fields/${id}`, {
    body: { labels: null, classification: null, origin: null },
  })
  t.match(unset.body, { labels: {}, classification: 'unclassified', origin: 'provided', version: 2 })
})

t.test('a key stands once among those in use, and a tenant has at most 500', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const first = await define(service, 'size')
  const same = { body: { resource: 'contacts', key: 'size', type: 'number' } }
  t.match((await request('POST', '/v1/custom-fields', same)).code, 'already_exists')
  t.equal((await request('DELETE', `/v1/custom-fields/${first}`)).status, 204)
  const second = await request('POST', '/v1/custom-fields', same)
  t.equal(second.status, 201, 'a deleted one leaves its key')
  t.match((await request('POST', `/v1/custom-fields/${first}/restore`)).code, 'already_exists')
  await sql(
    `INSERT INTO app.custom_field (tenant_id, id, resource, key, type) SELECT $1, gen_random_uuid(), 'contacts', 'f' || n, 'text' FROM generate_series(1, 498) AS n`,
    [service.tenantId],
  )
  t.equal(await define(service, 'last').then(() => 'there'), 'there')
  const many = await request('POST', '/v1/custom-fields', { body: { resource: 'contacts', key: 'more', type: 'text' } })
  t.match([many.status, faults(many)], [422, ['/resource too_many']])
  const back = await request('POST', `/v1/custom-fields/${first}/restore`)
  t.match([back.status, faults(back)], [422, ['/resource too_many']])
  const onTheWay = await request('POST', '/v1/contacts', { body: { displayName: 'A', customFields: { more: 'x' } } })
  t.match([onTheWay.status, faults(onTheWay)], [422, ['/customFields too_many']])
  t.equal((await request('GET', '/v1/contacts')).data.length, 0)
})

t.test('fields made at once in parallel are all made', async (t) => {
  const { request } = await startTestService(t)
  const keys = Array.from({ length: 12 }, (_, i) => `field${i % 8}`)
  const answers = await Promise.all(
    keys.map((key) => request('POST', '/v1/custom-fields', { body: { resource: 'contacts', key, type: 'text' } })),
  )
  t.same(answers.map(({ status }) => status).sort(), [...Array(8).fill(201), ...Array(4).fill(409)])
})

t.test('nobody learns of a field that they neither see nor set', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const ids: Record<string, string> = {}
  for (const [key, classification] of Object.entries({
    shown: 'general',
    secret: 'sensitive',
    veiled: 'personal',
    set: 'personal',
  }))
    ids[key] = await define(service, key, { classification })
  const definitions = { resource: 'custom-fields', actions: ['read'], fields: { read: ['*'] } }
  const token = await memberWith(
    service,
    { fields: { read: ['customFields'], mask: ['customFields.veiled'] } },
    { actions: ['update'], fields: { write: ['customFields.set'] } },
    definitions,
  )
  const keysFor = async (asker: string) =>
    (await request('GET', '/v1/custom-fields?sort=key', { token: asker })).data.map(({ key }) => key).join()
  t.equal(await keysFor(token), 'set,shown,veiled')
  t.equal((await request('GET', `/v1/custom-fields/${ids.secret}`, { token })).status, 404)
  t.equal((await request('GET', `/v1/custom-fields/${ids.veiled}`, { token })).status, 200)
  t.same((await request('GET', '/v1/custom-fields?q=secret', { token })).data, [])
  t.equal(await keysFor((await service.member('agent')).token), '')
  t.equal(await keysFor((await service.member('sales')).token), 'shown')
  t.equal(await keysFor((await service.member('privacy')).token), 'secret,set,shown,veiled')
  const manager = (await service.member('manager')).token
  t.equal(await keysFor(manager), 'secret,set,shown,veiled', 'whoever looks after definitions sees them all')
  t.equal(
    (await request('PATCH', `/v1/custom-fields/${ids.set}`, { token: manager, body: { description: 'x' } })).status,
    200,
  )
  t.equal((await request('DELETE', `/v1/custom-fields/${ids.set}`, { token: manager })).status, 403)
})

t.test('a change of its class or its look counts at the next request', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const field = await define(service, 'mail')
  const id = await contact(service, 'Anna', { mail: 'anna@example.com' })
  const { token } = await service.member('sales')
  const masking = await memberWith(service, { fields: { mask: ['customFields.mail'] } })
  const seen = async (asker: string) => (await request('GET', `/v1/contacts/${id}`, { token: asker })).body.customFields
  t.same([await seen(token), await seen(masking)], [{}, { mail: '•••' }], 'unclassified counts as personal')
  const change = (body: object) => request('PATCH', `/v1/custom-fields/${field}`, { body })
  await change({ classification: 'general' })
  t.same(await seen(token), { mail: 'anna@example.com' })
  t.equal(await found(service, 'customFields.mail=anna@example.com', token), 'Anna')
  await change({ classification: 'personal', format: 'email' })
  t.same([await seen(token), await seen(masking)], [{}, { mail: 'a•••@example.com' }])
  t.equal(await found(service, 'customFields.mail=anna@example.com', token), '400 invalid_request')
})
