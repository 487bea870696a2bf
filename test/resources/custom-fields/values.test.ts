import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { contact, define, faults, found, searched } from './fixtures.ts'

const options = [{ value: 'blue' }, { value: 'red', labels: { de: 'Rot' } }]

t.test('each type takes its values, gives them back, and refuses others with their place', async (t) => {
  const service = await startTestService(t)
  const { request, ownerId } = service
  const other = await contact(service, 'Other')
  const types: [string, Record<string, unknown>, unknown[], unknown[]][] = [
    ['word', { maxLength: 5 }, ['blue', '𝄞𝄞𝄞𝄞𝄞'], ['blues!', 1, true, ['blue']]],
    ['mail', { format: 'email' }, ['a@example.com'], ['nobody', 'a@b@c']],
    ['mobile', { format: 'phone' }, ['+4917012345678'], ['0170 1234', '+49 170 12345678']],
    [
      'size',
      { type: 'number', minimum: 15, maximum: 60.5 },
      [15, 60.5, 42.25],
      [14.9, 61, '42', { amount: 1, currency: 'EUR' }],
    ],
    [
      'budget',
      { type: 'money', currency: 'EUR', minimum: 0 },
      [{ amount: 12_050, currency: 'EUR' }],
      [{ amount: 1, currency: 'USD' }, { amount: -1, currency: 'EUR' }, 12_050, '12050'],
    ],
    ['since', { type: 'date' }, ['2024-02-29'], ['2023-02-29', '2024-02-29T00:00:00Z', 'soon']],
    ['vip', { type: 'boolean' }, [true, false], ['true', 1]],
    ['colour', { type: 'choice', options }, ['red'], ['green', ['red']]],
    ['colours', { type: 'multiChoice', options }, [['red', 'blue'], ['blue']], [['green'], ['red', 'red'], 'red']],
    ['friend', { type: 'reference', referenceTo: 'contacts' }, [other], [randomUUID(), ownerId, 'nobody']],
    ['keeper', { type: 'reference', referenceTo: 'members' }, [ownerId], [other]],
  ]
  for (const [key, more] of types) await define(service, key, more)
  const id = await contact(service, 'Anna')
  for (const [key, , good, bad] of types) {
    for (const value of good) {
      const changed = await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { [key]: value } } })
      t.match(
        [changed.status, changed.body.customFields],
        [200, { [key]: value }],
        `${key} takes ${JSON.stringify(value)}`,
      )
      const read = await request('GET', `/v1/contacts/${id}`)
      t.same(read.body, changed.body, 'and is read so')
    }
    for (const value of bad) {
      const answer = await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { [key]: value } } })
      t.match(
        [answer.status, faults(answer)[0]],
        [422, new RegExp(`^/customFields/${key} (invalid_value|unknown_reference)`)],
        `${key} refuses ${JSON.stringify(value)}`,
      )
    }
  }
  const whole = await request('GET', `/v1/contacts/${id}`)
  t.same(Object.keys(whole.body.customFields as object).sort(), types.map(([key]) => key).sort())
  const removed = await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { vip: null, colours: [] } } })
  t.notOk(
    'vip' in (removed.body.customFields as object) || 'colours' in (removed.body.customFields as object),
    'null and an empty list remove',
  )
  t.match(removed.body.customFields, { word: '𝄞𝄞𝄞𝄞𝄞', size: 42.25 }, 'the others stay')
  t.equal(
    (await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: null } })).status,
    400,
    'all at once are not removed',
  )
})

t.test(
  'a required value is asked of whoever may set it, and an option that is gone stays with those who have it',
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    const colour = await define(service, 'colour', { type: 'choice', options, required: true })
    const bare = await request('POST', '/v1/contacts', { body: { displayName: 'Bare' } })
    t.match([bare.status, faults(bare)], [422, ['/customFields/colour required']])
    const odd = await define(service, 'constructor', { type: 'text', required: true })
    const empty = await service.request('POST', '/v1/contacts', {
      body: { displayName: 'X', customFields: { colour: 'red' } },
    })
    t.match([empty.status, faults(empty)], [422, ['/customFields/constructor required']], 'whatever its name')
    t.equal((await service.request('DELETE', `/v1/custom-fields/${odd}`)).status, 204)
    const anna = await contact(service, 'Anna', { colour: 'blue' })
    const taken = await request('PATCH', `/v1/contacts/${anna}`, { body: { customFields: { colour: null } } })
    t.match([taken.status, faults(taken)], [422, ['/customFields/colour required']])
    t.equal((await request('PATCH', `/v1/contacts/${anna}`, { body: { country: 'DE' } })).status, 200)
    const { token } = await service.member('agent')
    t.equal(
      (await request('POST', '/v1/contacts', { token, body: { displayName: 'Bea' } })).status,
      201,
      'an agent cannot know of it',
    )

    await request('PATCH', `/v1/custom-fields/${colour}`, { body: { options: [{ value: 'red' }] } })
    t.match((await request('GET', `/v1/contacts/${anna}`)).body, { customFields: { colour: 'blue' } })
    t.equal(await found(service, 'customFields.colour=blue'), 'Anna')
    const again = await request('PATCH', `/v1/contacts/${anna}`, { body: { customFields: { colour: 'blue' } } })
    t.match(faults(again), ['/customFields/colour invalid_value'])
  },
)

t.test('every operator finds what it says, in a URL and in a body; an absent value is in none of them', async (t) => {
  const service = await startTestService(t)
  await define(service, 'word')
  await define(service, 'size', { type: 'number' })
  await define(service, 'budget', { type: 'money', currency: 'EUR' })
  await define(service, 'since', { type: 'date' })
  await define(service, 'vip', { type: 'boolean' })
  await define(service, 'colour', { type: 'choice', options })
  await define(service, 'colours', { type: 'multiChoice', options })
  await define(service, 'keeper', { type: 'reference', referenceTo: 'members' })
  const long = 'x'.repeat(150)
  await contact(service, 'A', {
    ...{ word: 'apple', size: 9, budget: { amount: 100, currency: 'EUR' }, since: '2020-01-01', vip: true },
    ...{ colour: 'blue', colours: ['blue'], keeper: service.ownerId },
  })
  await contact(service, 'B', {
    ...{ word: `${long}1`, size: 10.5, budget: { amount: 900, currency: 'EUR' }, since: '2024-12-31', vip: false },
    ...{ colour: 'red', colours: ['blue', 'red'] },
  })
  await contact(service, 'C')
  const at = (filter: string) => found(service, `sort=displayName&customFields.${filter}`)
  for (const [filter, names] of Object.entries({
    'word=apple': 'A',
    'word=Apple': '',
    'word[ne]=apple': 'B',
    [`word=${long}1`]: 'B',
    [`word=${long}2`]: '',
    [`word[in]=apple,${long}1`]: 'A,B',
    'word[startsWith]=app': 'A',
    [`word[startsWith]=${long}`]: 'B',
    'word[lt]=b': 'A',
    'word[gte]=b': 'B',
    'word[exists]=true': 'A,B',
    'word[exists]=false': 'C',
    'size=9': 'A',
    'size=9.0': 'A',
    'size[ne]=9': 'B',
    'size[in]=9,10.5': 'A,B',
    'size[lt]=10': 'A',
    'size[lte]=9': 'A',
    'size[gt]=9': 'B',
    'size[gte]=10.5': 'B',
    'size[exists]=false': 'C',
    'size=nine': '400 invalid_request',
    'size[startsWith]=9': '400 invalid_request',
    'budget=100': 'A',
    'budget[gt]=100': 'B',
    'budget[exists]=true': 'A,B',
    'since=2020-01-01': 'A',
    'since[gt]=2020-01-01': 'B',
    'since[in]=2020-01-01,2024-12-31': 'A,B',
    'since=2020-13-01': '400 invalid_request',
    'vip=true': 'A',
    'vip[ne]=true': 'B',
    'vip[in]=true,false': 'A,B',
    'vip[exists]=false': 'C',
    'colour=red': 'B',
    'colour[ne]=red': 'A',
    'colour[in]=red,blue': 'A,B',
    'colours=red': 'B',
    'colours=blue': 'A,B',
    'colours[ne]=blue': 'B',
    'colours[in]=red,green': 'B',
    'colours[exists]=true': 'A,B',
    'colours[exists]=false': 'C',
    [`keeper=${service.ownerId}`]: 'A',
    'keeper=$me.id': 'A',
    [`keeper[ne]=${randomUUID()}`]: 'A',
    'keeper[exists]=false': 'B,C',
    'nothing=1': '400 invalid_request',
  }))
    t.equal(await at(filter), names, filter.slice(0, 60))
  for (const [where, names] of [
    [{ not: { eq: ['customFields.word', 'apple'] } }, 'B,C'],
    [{ not: { exists: ['customFields.size', true] } }, 'C'],
    [{ not: { gt: ['customFields.size', 9] } }, 'A,C'],
    [{ and: [{ gte: ['customFields.size', 9] }, { not: { eq: ['customFields.colours', 'red'] } }] }, 'A'],
    [{ or: [{ eq: ['customFields.vip', true] }, { exists: ['customFields.word', false] }] }, 'A,C'],
    [{ in: ['customFields.colour', []] }, ''],
    [{ in: ['customFields.colours', ['green', 'red']] }, 'B'],
    [{ eq: ['customFields', 'apple'] }, '400 invalid_request'],
    [{ exists: ['customFields', true] }, '400 invalid_request'],
  ] as const)
    t.equal(await searched(service, where), names, JSON.stringify(where))
})

t.test('a sort pages through ties and absent values without losing or doubling one, in both directions', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  await define(service, 'size', { type: 'number' })
  await define(service, 'word')
  await define(service, 'since', { type: 'date' })
  await define(service, 'vip', { type: 'boolean' })
  const names = [...'ABCDEFGHIJ']
  for (const [i, name] of names.entries())
    await contact(
      service,
      name,
      i % 3 === 2 ? {} : { size: i % 3, word: i < 5 ? 'Z' : 'a', since: `202${i % 2}-01-01` },
    )
  const pages = async (sort: string): Promise<string[]> => {
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await request('GET', `/v1/contacts?limit=3&sort=${sort}${cursor}`)
      t.ok(page.data.length <= 3)
      seen.push(...page.data.map((one) => String(one.displayName)))
      cursor = page.body.nextCursor === null ? '' : `&cursor=${page.string('nextCursor')}`
    } while (cursor)
    return seen
  }
  t.equal((await pages('customFields.size')).join(''), 'ADGJBEHCFI')
  t.equal((await pages('-customFields.size')).join(''), 'HEBJGDAIFC')
  t.equal((await pages('customFields.word')).join(''), 'ABDEGHJCFI', 'by code point')
  t.equal((await pages('customFields.since')).join(''), 'AEGBDHJCFI')
  for (const sort of ['customFields', 'customFields.vip', 'customFields.none', '-customFields.'])
    t.equal(await found(service, `sort=${sort}`), '400 invalid_request', sort)
})
