import t from 'tap'
import { actions } from '../../../src/access/actions.ts'
import { models } from '../../../src/resources/index.ts'
import { startTestService } from '../../harness/service.ts'

interface Resource {
  name: string
  fields: { name: string }[]
}

t.test('everything that a role can say is listed, for whoever reads roles', async (t) => {
  const { request, member, sql, tenantId } = await startTestService(t)
  const answer = await request('GET', '/v1/permissions')
  t.equal(answer.status, 200)
  t.same(
    answer.body.actions,
    Object.entries(actions).map(([name, description]) => ({ name, description })),
  )
  const listed = answer.body.resources as Resource[]
  t.same(
    listed.map(({ name, fields }) => [name, fields.map((field) => field.name)]),
    [...models.values()].map(({ name, fields }) => [name, [...fields.keys()]]),
  )
  const field = (of: Resource[], resource: string, name: string) =>
    of.find((one) => one.name === resource)?.fields.find((one) => one.name === name)
  t.match(field(listed, 'contacts', 'phone'), {
    kind: 'text',
    mask: 'phone',
    maskable: true,
    writable: 'always',
    filterable: true,
    searchable: true,
    custom: false,
    description: /E\.164/,
  })
  t.match(field(listed, 'contacts', 'businessUnitId'), { writable: 'create', maskable: false })
  t.match(field(listed, 'contacts', 'createdAt'), { writable: 'never' })
  t.match(
    listed.find(({ name }) => name === 'messages'),
    { partOf: 'conversations' },
  )

  await t.test('each of it can be granted', async (t) => {
    const grants = listed.map(({ name, fields }) => ({
      resource: name,
      actions: Object.keys(actions),
      fields: { read: fields.map((one) => one.name) },
    }))
    const made = await request('POST', '/v1/roles', { body: { name: 'All', grants } })
    t.equal(made.status, 201, made.text)
  })
  await t.test('the tenant’s own fields are among them', async (t) => {
    await sql(
      `INSERT INTO app.custom_field (tenant_id, id, resource, key, type) VALUES ($1, gen_random_uuid(), 'contacts', 'shoeSize', 'number')`,
      [tenantId],
    )
    await sql('UPDATE app.tenant SET policy_version = policy_version + 1')
    const now = (await request('GET', '/v1/permissions')).body.resources as Resource[]
    t.match(field(now, 'contacts', 'customFields.shoeSize'), { kind: 'number', custom: true, writable: 'always' })
  })
  await t.test('reading it is on record, and takes the right to read roles', async (t) => {
    const events = await sql('SELECT action, resource, outcome FROM audit.readable_event WHERE request_id = $1', [
      answer.headers['request-id'],
    ])
    t.same(events, [{ action: 'read', resource: 'roles', outcome: 'allowed' }])
    t.equal((await request('GET', '/v1/permissions', { token: (await member('manager')).token })).status, 200)
    t.equal((await request('GET', '/v1/permissions', { token: (await member('agent')).token })).status, 403)
    t.equal((await request('GET', '/v1/permissions', { token: null })).status, 401)
  })
})
