import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'
import { sized } from '../../harness/size.ts'
import { differing, type Entry, fieldsOf, historyOf, same } from './fixtures.ts'

/** The next of a sequence that is the same in every run (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}

/** Values that a field may take; null removes. */
const values: Readonly<Record<string, readonly unknown[]>> = {
  displayName: ['Anna Müller', 'Anna M.', 'Ada <b>Lovelace</b>', null],
  givenName: ['Anna', 'Ada', null],
  familyName: ['Müller', null],
  email: ['anna@example.com', 'Ada@Example.com', 'a@b.example', null],
  phone: ['+4917012345678', '+33612345678', '+49 170 1234 5679', null],
  company: ['Müller GmbH', 'ACME', null],
  jobTitle: ['Buyer', null],
  country: ['DE', 'FR', null],
  residence: [
    { country: 'DE' },
    { country: 'US', subdivision: 'US-CA' },
    { source: 'provided' },
    { country: null },
    null,
  ],
  language: ['de', 'en-US', null],
  timezone: ['Europe/Berlin', null],
  birthDate: ['1988-04-01', '2000-02-29', null],
  address: [{ city: 'Köln' }, { street: 'Hauptstraße 1', postalCode: '50667' }, { city: null }, null],
  lifecycleStage: ['lead', 'customer', null],
  followUpStatus: ['to call', 'called', null],
  intent: ['renewal', null],
  intentScore: [0, 70, 100, null],
  tags: [['vip'], ['vip', 'new'], [], null],
  externalIds: [
    [{ system: 'crm', id: 'C-1' }],
    [
      { system: 'erp', id: '7' },
      { system: 'crm', id: 'C-2' },
    ],
    [],
    null,
  ],
  source: ['website', null],
  customFields: [
    { size: 42 },
    { size: 42.5, colour: 'blue' },
    { price: { amount: 1200, currency: 'EUR' } },
    { since: '2020-01-31', colour: null },
    { wishes: ['a', 'b'] },
    { wishes: [], size: null },
    { secret: 'a@b.example' },
    { secret: null, price: null },
  ],
}

const definitions = [
  { key: 'size', type: 'number', classification: 'general' },
  { key: 'colour', type: 'text', classification: 'general' },
  { key: 'price', type: 'money', currency: 'EUR', classification: 'general' },
  { key: 'since', type: 'date', classification: 'personal' },
  {
    key: 'wishes',
    type: 'multiChoice',
    classification: 'general',
    options: ['a', 'b'].map((value) => ({ value, labels: { und: value } })),
  },
  { key: 'secret', type: 'text', format: 'email', classification: 'sensitive' },
]

async function define(service: TestService): Promise<void> {
  for (const one of definitions) {
    const body = { resource: 'contacts', labels: { und: one.key }, ...one }
    const answer = await service.request('POST', '/v1/custom-fields', { body })
    if (answer.status !== 201) throw new Error(answer.text)
  }
}

type States = Record<string, unknown>[]

t.test('what a history says of a change is what records showed before and after it, to each role', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service)
  const masked = await service.role([
    {
      resource: 'contacts',
      actions: ['read'],
      fields: {
        read: ['id', 'displayName', 'tags'],
        mask: [
          'givenName',
          'email',
          'phone',
          'birthDate',
          'intentScore',
          'company',
          'lifecycleStage',
          'customFields.price',
          'customFields.secret',
          'customFields.since',
        ],
      },
    },
  ])
  const byRow = await service.role([
    { resource: 'contacts', actions: ['read'], fields: { read: ['id', 'country', 'tags'] } },
    {
      resource: 'contacts',
      actions: ['read'],
      fields: { read: ['displayName', 'phone'], mask: ['email'] },
      when: { eq: ['country', 'DE'] },
    },
  ])
  const roles: Record<string, string> = { owner: service.ownerToken }
  for (const name of ['agent', 'sales', 'manager', 'privacy']) roles[name] = (await service.member(name, {})).token
  for (const [name, id] of Object.entries({ masked, byRow })) roles[name] = (await service.member([id])).token
  const { id } = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', country: 'DE' } })
  const states: Record<string, States> = Object.fromEntries(Object.keys(roles).map((name) => [name, []]))
  const look = async (): Promise<void> => {
    for (const [name, token] of Object.entries(roles)) {
      const answer = await request('GET', `/v1/contacts/${id}`, { token })
      states[name]?.push(answer.body)
    }
  }
  await look()
  const roll = dice(4)
  const events: (string | null)[] = []
  const names = Object.keys(values)
  for (let step = 0; step < sized(60, 400, 5); step++) {
    const body: Record<string, unknown> = {}
    for (let i = 0; i <= roll(4); i++) {
      const name = names[roll(names.length)] ?? ''
      const choices = values[name] ?? []
      body[name] = choices[roll(choices.length)]
    }
    const answer = await request('PATCH', `/v1/contacts/${id}`, { body })
    if (answer.status !== 200) throw new Error(`${JSON.stringify(body)} → ${answer.text}`)
    await look()
    const [event] = await service.sql<{ event_id: string }>('SELECT event_id FROM audit.event WHERE request_id = $1', [
      answer.headers['request-id'],
    ])
    events.push(event?.event_id ?? null)
  }

  const owner = states.owner ?? []
  const today = (name: string) => states[name]?.at(-1) ?? {}
  for (const [name, token] of Object.entries(roles)) {
    const history = (await historyOf(service, id, token)).filter((one) => one.resource === 'contacts')
    const byEvent = new Map(history.map((one) => [one.eventId, one]))
    let wrong = 0
    let compared = 0
    for (const [i, eventId] of events.entries()) {
      const [before = {}, after = {}] = [states[name]?.[i], states[name]?.[i + 1]]
      const expected = differing(owner[i] ?? {}, owner[i + 1] ?? {}).filter((field) => isSeen(name, field, today(name)))
      const found = byEvent.get(eventId ?? '')
      compared += expected.length
      const problem = disagreement(name, expected, found, { before, after, today: today(name) })
      if (problem === null) continue
      if (wrong++ < 3) t.fail(`${name}, change ${i}: ${problem}`)
    }
    t.equal(wrong, 0, `${name}: all of ${events.length} changes are told as they were seen (${compared} values)`)
    t.ok(name === 'byRow' || compared > 0)
  }
})

/** Whether a role is shown a field of this record today, at least masked. */
function isSeen(role: string, field: string, record: Record<string, unknown>): boolean {
  const { maskedFields } = record
  if (Array.isArray(maskedFields) && maskedFields.includes(field)) return true
  if (!field.startsWith('customFields.')) return field in record
  if (role === 'owner' || role === 'privacy') return true
  const isOpen = !['since', 'secret'].includes(field.slice('customFields.'.length))
  return role === 'sales' && isOpen
}

function disagreement(
  role: string,
  expected: readonly string[],
  found: Entry | undefined,
  states: { before: Record<string, unknown>; after: Record<string, unknown>; today: Record<string, unknown> },
): string | null {
  const told = (found?.changes ?? []).map((one) => one.field)
  if (!same(told.toSorted(), expected.toSorted())) return `tells ${told.join()} where ${expected.join()} changed`
  // Rights that hang on the row are those of today: what was seen then may be hidden now, and the other way round.
  if (role === 'byRow') return null
  const masks = states.today.maskedFields
  for (const { field, before, after, masked } of found?.changes ?? []) {
    const isMasked = Array.isArray(masks) && masks.includes(field)
    if ((masked === true) !== isMasked) return `${field} is${masked ? '' : ' not'} said to be masked`
    if (!same(before, fieldsOf(states.before).get(field)))
      return `${field} was ${JSON.stringify(before)}, shown ${JSON.stringify(fieldsOf(states.before).get(field))}`
    if (!same(after, fieldsOf(states.after).get(field)))
      return `${field} became ${JSON.stringify(after)}, shown ${JSON.stringify(fieldsOf(states.after).get(field))}`
  }
  return null
}
