import t from 'tap'
import { said, startLanes } from './lanes.ts'

t.test('what comes in defines its fields, unclassified, and never overwrites a value', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { request, sql } = service
  const { send } = await connector()
  const from = (customFields: object) => said('hi', { from: { value: 'ada', displayName: 'Ada', customFields } })
  await send(from({ tier: 'gold', size: 42, vip: true, list: [1], 'Ihre Größe?': 'L', 您的公司: 'Acme' }))
  await drain()
  const fields = (await request('GET', '/v1/custom-fields?sort=key')).data
  t.same(
    fields.map(({ key, type, labels, classification }) => [String(key).slice(0, 6), type, labels, classification]),
    [
      ['Ihre_G', 'text', { und: 'Ihre Größe?' }, 'unclassified'],
      ['field_', 'text', { und: '您的公司' }, 'unclassified'],
      ['size', 'number', {}, 'unclassified'],
      ['tier', 'text', {}, 'unclassified'],
      ['vip', 'boolean', {}, 'unclassified'],
    ],
    'a name that is no key becomes one, and stays as the label',
  )
  const other = String(fields[1]?.key)
  const values = async () => (await request('GET', '/v1/contacts')).data[0]?.customFields
  const first = { tier: 'gold', size: 42, vip: true, Ihre_Grosse: 'L', [other]: 'Acme' }
  t.same(await values(), first)
  const [event] = await sql(
    `SELECT touched FROM audit.readable_event WHERE touched @> '[{"resource": "custom-fields"}]' AND resource <> 'custom-fields' ORDER BY occurred_at LIMIT 1`,
  )
  t.match(event, { touched: Array }, 'and the audit says so')

  await send(from({ tier: 'silver', size: 'large', vip: 'no', city: 'Paris', 'Ihre Größe?': 'S' }))
  await drain()
  t.same(await values(), { ...first, city: 'Paris' }, 'what is there stays')
})

t.test(
  'a value that its field does not take stays in the raw event, and a deleted field does not come back',
  async (t) => {
    const { service, connector, drain } = await startLanes(t)
    const { request } = service
    const { send } = await connector()
    const define = async (body: object) =>
      (await request('POST', '/v1/custom-fields', { body: { resource: 'contacts', ...body } })).id
    await define({ key: 'mail', type: 'text', format: 'email' })
    await define({ key: 'size', type: 'number', maximum: 60 })
    await define({ key: 'colour', type: 'choice', options: [{ value: 'blue' }] })
    await define({ key: 'since', type: 'date' })
    await define({ key: 'keeper', type: 'reference', referenceTo: 'members' })
    const gone = await define({ key: 'gone', type: 'text' })
    await request('DELETE', `/v1/custom-fields/${gone}`)
    const wrong = { mail: 'nobody', size: 61, colour: 'red', since: 'soon', keeper: service.ownerId, gone: 'x' }
    await send(said('hi', { from: { value: 'ada', displayName: 'Ada', customFields: wrong } }))
    await drain()
    const [contact] = (await request('GET', '/v1/contacts')).data
    t.same(contact?.customFields, {})
    t.same((await request('GET', '/v1/custom-fields?key=gone')).data, [])
    const right = { mail: 'a@example.com', size: 60, colour: 'blue', since: '2024-02-29' }
    await send(said('hi', { from: { value: 'ada', displayName: 'Ada', customFields: right } }))
    await drain()
    t.same((await request('GET', `/v1/contacts/${contact?.id}`)).body.customFields, right)
  },
)

t.test('what comes in defines 300 fields at most, and voids nobody’s rights beyond them', async (t) => {
  const { service, connector, drain } = await startLanes(t)
  const { sql } = service
  const { send } = await connector()
  await sql(
    `INSERT INTO app.custom_field (tenant_id, id, resource, key, type) SELECT $1, gen_random_uuid(), 'contacts', 'f' || n, 'text' FROM generate_series(1, 299) AS n`,
    [service.tenantId],
  )
  const version = async () =>
    (await sql<{ policy_version: string }>('SELECT policy_version FROM app.tenant'))[0]?.policy_version
  const count = async () => (await sql<{ count: number }>('SELECT count(*)::int FROM app.custom_field'))[0]?.count
  await send(said('hi', { from: { value: 'ada', displayName: 'Ada', customFields: { one: 'x', two: 'y' } } }))
  await drain()
  t.equal(await count(), 300)
  const before = await version()
  await send(said('hi', { from: { value: 'ada', displayName: 'Ada', customFields: { three: 'z' } } }))
  await drain()
  t.same([await count(), await version()], [300, before])
})
