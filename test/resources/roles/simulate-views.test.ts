import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { models } from '../../../src/resources/index.ts'
import { type Answer, type Row, startTestService, type TestService } from '../../harness/service.ts'
import { connectorChannel, done, said, talk } from '../conversations/fixtures.ts'
import { fieldsOf } from './simulated.ts'

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
  const consents = `/v1/contacts/${one.contactId}/consent-events`
  await done(service, 'POST', consents, { category: 'marketing', state: 'stop', evidence: 'Said so by phone.' })
  await done(service, 'POST', '/v1/tags', { name: 'vip' })
  await done(service, 'POST', '/v1/teams', { name: 'DACH', countries: ['DE'] })
  await done(service, 'POST', '/v1/api-keys', { name: 'CRM', roleIds: [] })
  const role = await service.role([])
  const { token } = await service.member(role)
  const places: Record<string, string> = {
    identities: `/v1/contacts/${one.contactId}/identities`,
    messages: `/v1/conversations/${one.conversationId}/messages`,
    notes,
    'consent-events': consents,
  }
  const whole = ['contacts', 'conversations'].map((resource) => ({
    resource,
    actions: ['read'],
    fields: { read: ['id'] },
  }))
  let compared = 0
  for (const [resource, model] of models) {
    // The audit is no record of a draft's, and who stands behind contacts is in no list.
    if (resource === 'audit-events' || resource === 'subjects') continue
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
