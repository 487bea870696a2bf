import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { actionNames } from '../../../src/access/actions.ts'
import { models } from '../../../src/resources/index.ts'
import { type Answer, type Row, startTestService, type TestService } from '../../harness/service.ts'
import { connectorChannel, done, said, talk } from '../conversations/fixtures.ts'

interface SimulatedField {
  name: string
  sight: 'clear' | 'masked' | 'hidden'
  creatable: boolean
  writable: boolean
  filterable: boolean
  sortable: boolean
  searchable: boolean
  exactMatch: boolean
}

const fieldsOf = (answer: Answer): Map<string, SimulatedField> => {
  const { fields } = answer.body
  if (!Array.isArray(fields)) throw new Error(answer.text)
  return new Map(fields.map((field: SimulatedField) => [field.name, field]))
}
const ifMatch = { 'if-match': '*' }

/** A tenant with fields of its own, of every type and class. */
async function tenantWithFields(service: TestService): Promise<void> {
  const fields = [
    ['shoeSize', 'number', null, 'general', null, []],
    ['nickname', 'text', 'name', 'personal', null, []],
    ['secondEmail', 'text', 'email', 'unclassified', null, []],
    ['bonus', 'money', null, 'general', 'EUR', []],
    ['joined', 'date', null, 'personal', null, []],
    ['vip', 'boolean', null, 'general', null, []],
    ['colour', 'choice', null, 'personal', null, [{ value: 'blue' }, { value: 'red' }]],
    ['sports', 'multiChoice', null, 'sensitive', null, [{ value: 'golf' }, { value: 'chess' }]],
  ] as const
  for (const [key, type, format, classification, currency, options] of fields)
    await service.sql(
      `INSERT INTO app.custom_field (tenant_id, id, resource, key, type, format, classification, currency, options)
       VALUES ($1, $2, 'contacts', $3, $4, $5, $6, $7, $8)`,
      [service.tenantId, randomUUID(), key, type, format, classification, currency, JSON.stringify(options)],
    )
  await service.sql('UPDATE app.tenant SET policy_version = policy_version + 1')
}

const customs = ['shoeSize', 'nickname', 'secondEmail', 'bonus', 'joined', 'vip', 'colour', 'sports'].map(
  (key) => `customFields.${key}`,
)

/** Contacts that differ in all that conditions can ask for. */
async function contactsOf(
  service: TestService,
  units: readonly string[],
  ownerId: string,
  teamId: string,
): Promise<Row[]> {
  const bodies = [
    {
      displayName: 'Anna Müller',
      givenName: 'Anna',
      email: 'Anna@Example.com',
      phone: '+4917012345678',
      country: 'DE',
      residence: { country: 'DE', source: 'provided' },
      birthDate: '1988-04-01',
      intentScore: 70,
      tags: ['vip', 'north'],
      ownerId,
      externalIds: [{ system: 'crm', id: '1' }],
      customFields: {
        shoeSize: 42.5,
        nickname: 'Ann',
        bonus: { amount: 1250, currency: 'EUR' },
        vip: true,
        colour: 'blue',
      },
    },
    {
      displayName: '王小明',
      phone: '+8613912345678',
      country: 'CN',
      teamId,
      lifecycleStage: 'customer',
      intentScore: 5,
    },
    {
      email: 'b@example.org',
      country: 'FR',
      tags: ['vip'],
      company: 'Müller GmbH',
      customFields: { sports: ['golf', 'chess'] },
    },
    {
      displayName: 'Cora',
      followUpStatus: 'to call',
      timezone: 'Europe/Paris',
      customFields: { joined: '2020-02-29', vip: false },
    },
    {},
    {
      displayName: 'Far away',
      country: 'DE',
      businessUnitId: units[1],
      customFields: { secondEmail: 'far@example.com' },
    },
  ]
  const ids = await Promise.all(
    bodies.map(async (body) => (await service.request('POST', '/v1/contacts', { body })).id),
  )
  return Promise.all(ids.map(async (id) => (await service.request('GET', `/v1/contacts/${id}`)).body as Row))
}

const names = [
  ...['id', 'version', 'createdAt', 'displayName', 'givenName', 'email', 'phone', 'company', 'country', 'residence'],
  ...['birthDate', 'lifecycleStage', 'followUpStatus', 'intentScore', 'tags', 'customFields', 'ownerId', 'teamId'],
  ...['businessUnitId', 'externalIds', 'restricted', ...customs],
]
const fieldList = fc.oneof(
  { weight: 6, arbitrary: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constant(['*']) },
)
const leaf = fc.constantFrom<object>(
  { eq: ['country', 'DE'] },
  { ne: ['country', 'DE'] },
  { in: ['country', '$me.countries'] },
  { in: ['businessUnitId', '$me.businessUnitIds'] },
  { eq: ['ownerId', '$me.id'] },
  { in: ['teamId', '$me.teamIds'] },
  { eq: ['email', 'ANNA@example.com'] },
  { eq: ['phone', '+49 170 12345678'] },
  { exists: ['phone', true] },
  { gt: ['intentScore', 5] },
  { lt: ['displayName', 'B'] },
  { eq: ['tags', 'vip'] },
  { in: ['tags', []] },
  { gte: ['birthDate', '1988-04-01'] },
  { lte: ['createdAt', '2100-01-01T00:00:00Z'] },
  { exists: ['residence', false] },
  { gt: ['customFields.shoeSize', 42] },
  { eq: ['customFields.bonus', 1250] },
  { exists: ['customFields.nickname', true] },
  { eq: ['customFields.vip', false] },
  { in: ['customFields.sports', ['golf']] },
  { ne: ['customFields.colour', 'red'] },
)
const when = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: leaf.map((not) => ({ not })) },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf).map((or) => ({ or })) },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf).map(([one, other]) => ({ and: [one, { not: other }] })) },
)
const grantOf = fc.record(
  {
    resource: fc.constant('contacts'),
    actions: fc.constantFrom(['read'], ['read'], ['read', 'update'], ['update', 'delete'], ['create', 'reveal']),
    fields: fc.record({ read: fieldList, mask: fieldList, write: fieldList }, { requiredKeys: [] }),
    when,
  },
  { requiredKeys: ['resource', 'actions', 'fields'] },
)

t.test('a simulation shows what a member with that role sees', { timeout: 600_000 }, async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await tenantWithFields(service)
  const first = (await request('GET', '/v1/business-units')).data[0]?.id ?? ''
  const second = (await request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  const teamId = (await request('POST', '/v1/teams', { body: { name: 'DACH', countries: ['DE', 'AT'] } })).id
  const role = await service.role([])
  const member = await service.member(role, { teamIds: [teamId], businessUnitIds: [first] })
  const me = { id: member.id, teamIds: [teamId], businessUnitIds: [first], countries: ['AT', 'DE'] }
  const records = await contactsOf(service, [first, second], member.id, teamId)
  const numRuns = Number(process.env.SIMULATED_ROLES ?? 30)
  let [seen, hidden, masks] = [0, 0, 0]
  const { token } = member

  await fc.assert(
    fc.asyncProperty(fc.array(grantOf, { minLength: 1, maxLength: 3 }), async (grants) => {
      await request('PATCH', `/v1/roles/${role}`, { body: { grants }, headers: ifMatch })
      for (const record of records) {
        const simulated = await request('POST', '/v1/roles/simulate', {
          body: { grants, me, resource: 'contacts', record },
        })
        const real = await request('GET', `/v1/contacts/${record.id}`, { token })
        const said = `${JSON.stringify(grants)} on ${JSON.stringify(record)}`
        if (simulated.status !== 200) throw new Error(simulated.text)
        const view = real.status === 200 ? real.body : null
        if (view) seen++
        else hidden++
        if (view?.maskedFields) masks++
        if (!isSame(simulated.body.view, view)) t.same(simulated.body.view, view, said)
        await heldAgainst(service, token, record, simulated, said)
      }
    }),
    { numRuns },
  )
  t.ok(
    seen > numRuns / 2 && hidden > numRuns / 4 && masks > numRuns / 4,
    `${seen} were seen, ${hidden} hidden, ${masks} masked`,
  )

  /** Asks for what the simulation promises and refuses, field by field. */
  async function heldAgainst(
    { request }: TestService,
    token: string,
    record: Row,
    simulated: Answer,
    said: string,
  ): Promise<void> {
    const fields = fieldsOf(simulated)
    const finds = async (query: string): Promise<boolean> =>
      (await request('GET', `/v1/contacts?${query}`, { token })).text.includes(`"id":"${record.id}"`)
    for (const name of ['phone', 'company', 'intentScore', 'customFields.nickname'] as const) {
      const field = fields.get(name)
      const [group = '', key] = name.split('.')
      const whole = record[group] as Record<string, unknown> | undefined
      const value = key === undefined ? record[group] : whole?.[key]
      if (!field || value === null || value === undefined) continue
      const found = await finds(`${name}=${encodeURIComponent(String(value))}`)
      if (found !== (field.filterable || field.exactMatch)) t.equal(found, !found, `${name} found: ${said}`)
      const sorted = (await request('GET', `/v1/contacts?sort=${name}`, { token })).status
      if (field.sortable && sorted !== 200) t.equal(sorted, 200, `sorted by ${name}: ${said}`)
    }
    for (const name of ['followUpStatus', 'company', 'tags']) {
      const body = { [name]: record[name] }
      const patched = await request('PATCH', `/v1/contacts/${record.id}`, { token, body })
      // To set what is masked is one thing, to send the mask back another.
      const isWritable = patched.status === 200 || patched.code === 'masked_value'
      if (isWritable !== fields.get(name)?.writable) t.equal(fields.get(name)?.writable, isWritable, `${name}: ${said}`)
    }
  }
})

/** The fields of a patched record move on; what was asked before and after is compared by what roles decide. */
function isSame(one: unknown, other: unknown): boolean {
  const plain = (value: unknown): string =>
    JSON.stringify(value, (key, inner: unknown) => {
      if (['version', 'updatedAt'].includes(key)) return undefined
      if (key === 'maskedFields' && Array.isArray(inner)) return inner.toSorted()
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
    })
  return plain(one) === plain(other)
}

t.test('of every noun, a simulation shows what a member with that role sees', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const channel = { ...(await connectorChannel(service, 'http://127.0.0.1:9')), kind: 'connector' as const }
  const one = await talk(service, channel)
  await said(service, one, 'My number is +49 170 12345678, anna@example.com is my address')
  const notes = `/v1/conversations/${one.conversationId}/notes`
  await done(service, 'POST', notes, { text: 'Call +49 170 12345678' })
  await done(service, 'POST', notes, { text: 'No number here' })
  await done(service, 'POST', '/v1/tags', { name: 'vip' })
  await done(service, 'POST', '/v1/teams', { name: 'DACH', countries: ['DE'] })
  await done(service, 'POST', '/v1/api-keys', { name: 'CRM', roleIds: [] })
  const role = await service.role([])
  const { token } = await service.member(role)
  const places: Record<string, string> = {
    identities: `/v1/contacts/${one.contactId}/identities`,
    messages: `/v1/conversations/${one.conversationId}/messages`,
    notes,
  }
  const whole = ['contacts', 'conversations'].map((resource) => ({
    resource,
    actions: ['read'],
    fields: { read: ['id'] },
  }))
  let compared = 0
  for (const [resource, model] of models) {
    if (resource === 'audit-events') continue
    const found = (await request('GET', places[resource] ?? `/v1/${resource}`)).data
    const records = found.filter(({ id }) => id !== role).slice(0, 3)
    const all = [...model.fields.keys()]
    for (const split of [0, 1, 2]) {
      const read = all.filter((_, i) => i % 3 === split)
      const mask = all.filter((_, i) => i % 3 !== split)
      const grants = [...whole, { resource, actions: ['read'], fields: { read, mask } }]
      await request('PATCH', `/v1/roles/${role}`, { body: { grants }, headers: ifMatch })
      for (const record of records) {
        const known = Object.fromEntries(Object.entries(record).filter(([name]) => model.fields.has(name)))
        const body = { grants, resource, record: known }
        const simulated = await request('POST', '/v1/roles/simulate', { body })
        t.equal(simulated.status, 200, simulated.text.slice(0, 300))
        const real = await request('GET', `/v1/${resource}/${record.id}`, { token })
        t.equal(real.status, 200, `${resource}: ${real.text.slice(0, 200)}`)
        const fields = Object.entries(real.body).filter(([name]) => name === 'maskedFields' || model.fields.has(name))
        const seen = Object.fromEntries(fields)
        if (!isSame(simulated.body.view, seen)) t.same(simulated.body.view, seen, resource)
        compared++
      }
    }
  }
  t.ok(compared > 45, `${compared} were compared`)
})

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
    const events = await sql('SELECT * FROM audit.event WHERE request_id = $1', [answer.headers['request-id']])
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
