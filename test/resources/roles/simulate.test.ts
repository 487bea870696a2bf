import { randomUUID } from 'node:crypto'
import t from 'tap'
import { actionNames } from '../../../src/access/actions.ts'
import { startTestService } from '../../harness/service.ts'
import { fieldsOf } from './simulated.ts'

const anna = { displayName: 'Anna Müller', phone: '+4917012345678', email: 'anna@example.com', country: 'DE' }
const reads = (fields: object, when?: object, ...more: string[]) => ({
  resource: 'contacts',
  actions: ['read', ...more],
  fields,
  ...(when ? { when } : {}),
})

t.test('what is told of a record: actions, fields, the masked view', async (t) => {
  const { request, sql, ownerId } = await startTestService(t)
  const simulate = (grants: unknown, more: object = {}) =>
    request('POST', '/v1/roles/simulate', { body: { grants, resource: 'contacts', record: anna, ...more } })
  const answer = await simulate([
    reads({ read: ['displayName', 'country'], mask: ['phone', 'lifecycleStage'] }),
    {
      resource: 'contacts',
      actions: ['update', 'create'],
      fields: { write: ['country', 'phone', 'createdAt'] },
      when: { eq: ['country', 'DE'] },
    },
    { resource: 'contacts', actions: ['delete'], when: { eq: ['country', 'FR'] } },
  ])
  t.equal(answer.status, 200, answer.text)
  t.same(answer.body.view, {
    id: null,
    displayName: 'Anna Müller',
    country: 'DE',
    phone: '+49•••••••••78',
    maskedFields: ['phone', 'lifecycleStage'],
  })
  const done = Object.entries(answer.body.actions as object).filter(([, may]) => may)
  t.same(Object.keys(answer.body.actions as object), actionNames)
  t.same(Object.fromEntries(done), { create: true, read: true, update: true })
  const fields = fieldsOf(answer)
  t.match(fields.get('phone'), {
    sight: 'masked',
    writable: true,
    filterable: false,
    sortable: false,
    searchable: false,
    exactMatch: true,
  })
  t.match(fields.get('displayName'), {
    sight: 'clear',
    writable: false,
    filterable: true,
    sortable: true,
    searchable: true,
    exactMatch: false,
  })
  t.match(fields.get('email'), { sight: 'hidden', creatable: false, filterable: false, exactMatch: false })
  t.match(fields.get('createdAt'), { writable: false, creatable: false }, 'what nobody can set is not writable')
  t.same(answer.body.visible, true)

  await t.test('it is on record, without what was made up', async (t) => {
    const events = await sql('SELECT * FROM audit.readable_event WHERE request_id = $1', [answer.headers['request-id']])
    t.match(events, [{ actor_id: ownerId, action: 'read', resource: 'roles', outcome: 'allowed', row_count: 0 }])
    t.notMatch(JSON.stringify(events), /Anna|4917012345678/)
  })
  await t.test('of a record out of sight nothing is told', async (t) => {
    const gone = await simulate([reads({ read: ['*'] }, { eq: ['country', 'FR'] }, 'update')])
    t.match(gone.body, { visible: false, view: null })
    t.ok(
      [...fieldsOf(gone).values()].every((field) => field.sight === 'hidden' && !field.writable && !field.filterable),
    )
    const unit = randomUUID()
    const [own] = (await request('GET', '/v1/business-units')).data
    const here = await simulate([reads({ read: ['*'] })], { me: { businessUnitIds: [own?.id] } })
    t.match(here.body.view, { businessUnitId: own?.id }, 'where nothing is said it is where a new one would be')
    const abroad = { me: { businessUnitIds: [randomUUID()] }, record: { ...anna, businessUnitId: unit } }
    t.match((await simulate([reads({ read: ['*'] })], abroad)).body, { visible: false, actions: { create: false } })
    const home = { ...abroad, me: { businessUnitIds: [unit] } }
    t.match((await simulate([reads({ read: ['*'] })], home)).body, { visible: true })
  })
})

t.test('a draft is refused as a role is, and a record that is none is refused', async (t) => {
  const { request, member } = await startTestService(t)
  const simulate = (body: object, token?: string) =>
    request('POST', '/v1/roles/simulate', {
      body: { grants: [], resource: 'contacts', record: anna, ...body },
      ...(token ? { token } : {}),
    })
  const faulty = [
    reads({ read: ['color'] }),
    { ...reads({}), resource: 'nothing' },
    reads({}, { gt: ['country', true] }),
  ]
  const asRole = await request('POST', '/v1/roles', { body: { name: 'x', grants: faulty } })
  const tried = await simulate({ grants: faulty })
  t.equal(asRole.status, 422)
  t.equal(tried.status, 422)
  t.same(tried.body.errors, asRole.body.errors)
  for (const [path, body] of Object.entries({
    '/record/color': { record: { color: 'red' } },
    '/record/email': { record: { email: 'nobody' } },
    '/record/tags/0': { record: { tags: [1] } },
    '/record/lifecycleStage': { record: { lifecycleStage: 'friend' } },
    '/record/customFields/color': { record: { customFields: { color: 'red' } } },
    '/record/customFields': { record: { customFields: 'red' } },
    '/record/customFields.color': { record: { 'customFields.color': 'red' } },
    '/me/id': { me: { id: 'me' } },
    '/resource': { resource: 'nothing' },
  })) {
    const answer = await simulate(body)
    t.ok([400, 422].includes(answer.status), answer.text)
    t.match(answer.body.errors, [{ path }])
  }
  t.equal((await simulate({}, (await member('agent')).token)).status, 403, 'for whoever reads roles')
  t.equal((await simulate({}, (await member('manager')).token)).status, 200)
})

t.test('a simulation asks nothing of the records that are there', async (t) => {
  const { request, member } = await startTestService(t)
  const contact = await request('POST', '/v1/contacts', { body: anna })
  const [identity] = (await request('GET', `/v1/contacts/${contact.id}/identities`)).data
  const { token } = await member('manager')
  const grants = (phone: string) => [
    { resource: 'contacts', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['phone', phone] } },
    { resource: 'identities', actions: ['read'], fields: { read: ['kind'], mask: ['value'] } },
  ]
  const ask = async (phone: string, contactId: string) =>
    (
      await request('POST', '/v1/roles/simulate', {
        token,
        body: {
          grants: grants(phone),
          resource: 'identities',
          record: { id: identity?.id, contactId, kind: 'phone', value: anna.phone },
        },
      })
    ).body
  const right = await ask(anna.phone, contact.id)
  t.match(right, { view: { kind: 'phone', value: '+49•••••••••78', maskedFields: ['value'] } })
  t.match(right.warnings, [{ path: '/resource', code: 'not_considered' }])
  t.same((await ask('+4917099999999', contact.id)).view, right.view, 'no guess is told right or wrong')
  t.same((await ask(anna.phone, randomUUID())).visible, true)
})

t.test('an address is masked and compared by its kind', async (t) => {
  const { request } = await startTestService(t)
  const view = async (record: object, when?: object) => {
    const grants = [
      { resource: 'contacts', actions: ['read'], fields: { read: ['*'] } },
      {
        resource: 'identities',
        actions: ['read'],
        fields: { read: ['kind'], mask: ['value'] },
        ...(when ? { when } : {}),
      },
    ]
    return (await request('POST', '/v1/roles/simulate', { body: { grants, resource: 'identities', record } })).body.view
  }
  t.match(await view({ kind: 'email', value: 'anna@example.com' }), { value: 'a•••@example.com' })
  t.match(await view({ kind: 'line', value: 'U1234567890' }), { value: 'U••••••••90' })
  const record = { kind: 'phone', value: '+4917012345678' }
  t.match(await view(record, { eq: ['value', '0049 170 12345678'] }), { kind: 'phone' })
  t.same(await view({ ...record, kind: 'line' }, { eq: ['value', '0049 170 12345678'] }), null)
})

t.test('what in a draft does less than it says is told', async (t) => {
  const { request } = await startTestService(t)
  const warnings = async (grants: unknown, me = {}) =>
    (
      (await request('POST', '/v1/roles/simulate', { body: { grants, me, resource: 'contacts', record: {} } })).body
        .warnings as { path: string; code: string }[]
    ).map(({ path, code }) => `${path} ${code}`)
  const mine = reads({ read: ['displayName'] }, { in: ['teamId', '$me.teamIds'] })
  t.same(await warnings([mine], { teamIds: [] }), ['/grants/0/when never_true'])
  t.same(await warnings([mine], { teamIds: [randomUUID()] }), [])
  t.same(await warnings([reads({ read: ['phone'], mask: ['email', 'phone'] })]), ['/grants/0/fields/mask/1 shadowed'])
  t.same(await warnings([reads({ read: ['*'], mask: ['email'] })]), ['/grants/0/fields/mask/0 shadowed'])
  t.same(await warnings([reads({ mask: ['phone'], write: ['phone', 'email'] }, undefined, 'update')]), [
    '/grants/0/fields/write/1 not_readable',
  ])
  t.same(await warnings([{ resource: 'contacts', actions: ['delete', 'create'], fields: { write: ['email'] } }]), [
    '/grants/0/actions/0 not_readable',
  ])
  t.same(await warnings([reads({})]), ['/grants/0 no_fields'])
  t.same(await warnings([reads({ read: ['email'], write: ['email'] })]), ['/grants/0/fields/write no_effect'])
  t.same(await warnings([{ resource: 'messages', actions: ['read'], fields: { read: ['text'] } }]), [
    '/grants/0/resource not_readable',
  ])
  for (const [holds, when] of [
    [false, { and: [{ exists: ['phone', true] }, { in: ['country', []] }] }],
    [true, { or: [{ exists: ['phone', true] }, { in: ['country', []] }] }],
    [true, { not: { in: ['country', []] } }],
    [false, { not: { not: { in: ['country', []] } } }],
  ] as const)
    t.equal((await warnings([reads({ read: ['email'] }, when)])).length, holds ? 0 : 1, JSON.stringify(when))
})
