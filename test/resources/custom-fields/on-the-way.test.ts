import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { contact, define, faults, memberWith } from './fixtures.ts'

t.test('whoever may define fields does so by writing them, in a change of its own before the contact’s', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const customFields = { colour: 'blue', size: 42.5, vip: false, since: '2024-01-01' }
  const answer = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', customFields } })
  t.match([answer.status, answer.body.customFields], [201, customFields])
  const fields = (await request('GET', '/v1/custom-fields?sort=key')).data
  t.same(
    fields.map(({ key, type, classification, origin }) => [key, type, classification, origin]),
    [
      ['colour', 'text', 'unclassified', 'provided'],
      ['since', 'text', 'unclassified', 'provided'],
      ['size', 'number', 'unclassified', 'provided'],
      ['vip', 'boolean', 'unclassified', 'provided'],
    ],
    'a date stays text',
  )
  const events = await sql<{ action: string; resource: string; ids: string }>(
    `SELECT action, resource, (SELECT jsonb_agg(e -> 'ids' ->> 0 ORDER BY e -> 'ids' ->> 0) FROM jsonb_array_elements(touched) e) AS ids
       FROM audit.readable_event WHERE request_id = $1 ORDER BY occurred_at`,
    [answer.headers['request-id']],
  )
  t.same(
    events.map(({ action, resource }) => `${action} ${resource}`),
    ['create custom-fields', 'create contacts'],
  )
  t.same(events[0]?.ids, fields.map(({ id }) => id).sort())

  const patched = await request('PATCH', `/v1/contacts/${answer.id}`, { body: { customFields: { shoe: 'l' } } })
  t.match([patched.status, patched.body.customFields], [200, { ...customFields, shoe: 'l' }])
  for (const [value, expected] of [
    [['a'], '/customFields/tags not_defined'],
    [{ amount: 1, currency: 'EUR' }, '/customFields/tags not_defined'],
    [null, '/customFields/tags not_defined'],
  ] as const) {
    const refused = await request('PATCH', `/v1/contacts/${answer.id}`, { body: { customFields: { tags: value } } })
    t.match([refused.status, faults(refused)], [422, [expected]])
  }
  await request('PATCH', '/v1/contacts/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11', { body: { customFields: { lost: 'x' } } })
  t.same(
    (await request('GET', '/v1/custom-fields?key[in]=tags,lost')).data,
    [],
    'nothing is defined by what is refused',
  )
})

t.test('an Idempotency-Key makes the contact once, and its repetition defines nothing', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const post = (colour: string) =>
    request('POST', '/v1/contacts', {
      body: { displayName: 'Anna', customFields: { colour } },
      headers: { 'idempotency-key': 'one' },
    })
  const first = await post('blue')
  t.equal(first.status, 201)
  const [field] = (await request('GET', '/v1/custom-fields')).data
  await request('DELETE', `/v1/custom-fields/${field?.id}`)
  const again = await post('blue')
  t.match([again.status, again.id, again.headers['idempotent-replayed']], [201, first.id, 'true'])
  t.same((await request('GET', '/v1/custom-fields')).data, [])
  t.equal((await post('red')).code, 'idempotency_mismatch')
  t.equal((await request('GET', '/v1/contacts')).data.length, 1)
})

t.test('many who write the same new key at once define one field', async (t) => {
  const { request } = await startTestService(t)
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      request('POST', '/v1/contacts', { body: { displayName: `A${i}`, customFields: { colour: `c${i}` } } }),
    ),
  )
  t.same(
    answers.map(({ status, body }) => [status, body.customFields]),
    answers.map((_, i) => [201, { colour: `c${i}` }]),
  )
  t.equal((await request('GET', '/v1/custom-fields')).data.length, 1)
})

t.test('for everybody else a key that nobody has defined answers as one that is hidden', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service, 'hidden', { classification: 'sensitive' })
  await define(service, 'open', { classification: 'general' })
  const id = await contact(service, 'Anna', { hidden: 'x', open: 'y' })
  const all = await memberWith(service, {
    actions: ['read', 'create', 'update'],
    fields: { read: ['*'], write: ['*'] },
  })
  const some = await memberWith(service, {
    ...{
      actions: ['read', 'create', 'update'],
      fields: { read: ['displayName', 'customFields'], write: ['displayName', 'customFields'] },
    },
  })
  const told = async (token: string, method: string, key: string) => {
    const path = method === 'POST' ? '/v1/contacts' : `/v1/contacts/${id}`
    const { status, text } = await request(method, path, {
      token,
      body: { displayName: 'B', customFields: { [key]: 'z' } },
    })
    return `${status} ${text.replaceAll(key, 'KEY').replace(/"requestId":"[^"]+"/, '')}`
  }
  for (const method of ['POST', 'PATCH']) {
    t.equal(
      await told(some, method, 'nobody'),
      await told(some, method, 'hidden'),
      `${method}: the same, byte for byte`,
    )
    t.match(await told(some, method, 'nobody'), /^400 .*unknown_field/)
    t.equal(
      await told(all, method, 'nobody'),
      await told(some, method, 'hidden'),
      'and for whoever sets all that there is',
    )
    t.match(await told(some, method, 'open'), /^20/)
  }
  t.same((await request('GET', '/v1/custom-fields?key=nobody')).data, [])
  for (const query of [
    'customFields.KEY=z',
    'customFields.KEY[exists]=true',
    'sort=customFields.KEY',
    'sort=-customFields.KEY',
  ]) {
    const ask = async (key: string) => {
      const { status, text } = await request('GET', `/v1/contacts?${query.replace('KEY', key)}`, { token: some })
      return `${status} ${text.replaceAll(key, 'KEY').replace(/"requestId":"[^"]+"/, '')}`
    }
    t.match(await ask('nobody'), /^400/)
    t.equal(await ask('nobody'), await ask('hidden'), query)
  }
})
