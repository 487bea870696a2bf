import t from 'tap'
import { Ability } from '../../src/access/ability.ts'
import { actionNames } from '../../src/access/actions.ts'
import { type Grant, grantFaults, grantSchema } from '../../src/access/grant.ts'
import { me, probe, models as tenantModels, tenantProbe } from './probe.ts'

const models = new Map([[probe.name, probe]])
const ability = (...grants: object[]): Ability => Ability.of(grants as Grant[], me, models)
const fail = (message: string): never => {
  throw new TypeError(message)
}
const row = { id: me.id, text: 'a', flag: true, words: [] }
const reads = (one: Ability, ...fields: string[]): boolean[] =>
  fields.map((field) => one.can('read', probe, row, field))

t.test('what no grant says is not allowed', async (t) => {
  for (const one of [ability(), ability({ resource: 'others', actions: ['read'], fields: { read: ['*'] } })])
    for (const action of actionNames) {
      t.equal(one.may(action, 'probes'), false, action)
      t.equal(one.can(action, probe, row), false, action)
      t.equal(one.can(action, probe, row, 'text'), false, action)
    }
  t.equal(ability({ resource: 'others', actions: ['read'] }).may('read', 'others'), false, 'a resource that is gone')
  t.equal(
    ability({ resource: 'all', actions: ['manage'] }).may('read', 'probes'),
    false,
    'words that CASL gives a meaning',
  )
})

t.test('a grant without fields gives none', async (t) => {
  for (const fields of [
    undefined,
    {},
    { read: [] },
    { write: ['text'] },
    { read: ['gone'] },
    { read: ['Text', 'text.a', '__proto__'] },
  ]) {
    const one = ability({ resource: 'probes', actions: ['read', 'update', 'create'], fields })
    t.equal(one.can('read', probe, row), true, 'the row is seen')
    t.same(reads(one, 'text', 'gone', '*', ''), [false, false, false, false], JSON.stringify(fields))
    t.equal(one.can('mask', probe, row, 'text'), false)
  }
  const writes = ability({ resource: 'probes', actions: ['update'], fields: { read: ['text'], mask: ['email'] } })
  t.equal(writes.can('update', probe, row, 'text'), false, 'to read is not to write')
})

t.test('a field that comes back under an old name is not granted by what was granted before it went', async (t) => {
  const grants: Grant[] = [{ resource: 'probes', actions: ['read'], fields: { read: ['text', 'color'] } }]
  t.same(
    grantFaults(grants, models).map((fault) => fault.path),
    ['/0/fields/read/1'],
    'a role that names it cannot be stored',
  )
})

t.test('grants add up row by row', async (t) => {
  const one = ability(
    { resource: 'probes', actions: ['read'], fields: { read: ['text'] }, when: { eq: ['flag', true] } },
    { resource: 'probes', actions: ['read'], fields: { read: ['email'] }, when: { eq: ['text', 'b'] } },
  )
  t.same(reads(one, 'text', 'email'), [true, false])
  const other = { ...row, text: 'b' }
  t.same(
    ['text', 'email'].map((field) => one.can('read', probe, other, field)),
    [true, true],
  )
  const none = { ...row, flag: false }
  t.equal(one.can('read', probe, none), false, 'a row that no rule holds for')
  t.equal(one.may('read', 'probes'), true, 'though some row could be')
})

t.test('whoever acts for another has the rights that both have', async (t) => {
  const wide = ability({ resource: 'probes', actions: ['read', 'update'], fields: { read: ['*'], write: ['*'] } })
  const narrow = ability({
    resource: 'probes',
    actions: ['read'],
    fields: { read: ['text'], mask: ['email'] },
    when: { eq: ['flag', true] },
  })
  for (const both of [wide.and(narrow), narrow.and(wide)]) {
    t.equal(both.can('read', probe, row), true)
    t.same(reads(both, 'text', 'email', 'phone'), [true, false, false])
    t.equal(both.may('update', 'probes'), false)
    t.equal(both.can('read', probe, { ...row, flag: false }), false)
  }
  t.equal(wide.and(ability()).may('read', 'probes'), false, 'with somebody who has none: none')
})

t.test('a row cannot say what it is', async (t) => {
  const one = ability({
    resource: 'probes',
    actions: ['read'],
    fields: { read: ['text'] },
    when: { eq: ['flag', true] },
  })
  const forged = { ...row, flag: false, __caslSubjectType__: 'others', constructor: 'x', modelName: 'others' }
  t.throws(() => one.can('read', probe, forged), 'one that tries is an error, not a yes')
  const polluted = JSON.parse('{"id": "x", "__proto__": {"flag": true}}')
  t.equal(one.can('read', probe, polluted), false)
  const mine = { ...row }
  one.can('read', probe, mine)
  t.notOk('__caslSubjectType__' in mine, 'and the row is left as it was')
})

t.test('an absent value matches no condition', async (t) => {
  for (const when of [
    { eq: ['text', 'a'] },
    { ne: ['text', 'a'] },
    { in: ['text', []] },
    { in: ['other', '$me.businessUnitIds'] },
  ]) {
    const one = ability({ resource: 'probes', actions: ['read'], fields: { read: ['*'] }, when })
    for (const absent of [{ id: 'x' }, { id: 'x', text: null, other: null }, { id: 'x', text: undefined }])
      t.equal(one.can('read', probe, absent), false, JSON.stringify(when))
  }
})

t.test('grants are strict JSON', async (t) => {
  const good = { resource: 'probes', actions: ['read'], fields: { read: ['text'] } }
  t.ok(grantSchema.safeParse(good).success)
  for (const [what, grant] of Object.entries({
    'an unknown member': { ...good, fileds: {} },
    'an unknown action': { ...good, actions: ['manage'] },
    'no action': { ...good, actions: [] },
    'a wildcard as resource action': { ...good, actions: ['*'] },
    'a wildcard in a name': { ...good, fields: { read: ['text*'] } },
    'a path without end': { ...good, fields: { read: ['address.'] } },
    'a pattern': { ...good, fields: { read: ['/./'] } },
    'a field list that is no list': { ...good, fields: { read: '*' } },
    'an unknown use': { ...good, fields: { reads: ['text'] } },
    'null as a condition': { ...good, when: null },
    'an empty condition': { ...good, when: {} },
    'a condition with a pattern': { ...good, when: { regex: ['text', '.*'] } },
    'a condition by prefix': { ...good, when: { startsWith: ['text', 'a'] } },
  }))
    t.equal(grantSchema.safeParse(grant).success, false, what)
  const faults = (grant: object): string[] => grantFaults([grantSchema.parse(grant)], models).map((fault) => fault.path)
  t.same(faults(good), [])
  t.same(faults({ ...good, resource: 'nothing' }), ['/0/resource'])
  t.same(faults({ ...good, fields: { read: ['text', 'json.a', 'own.nothing'], mask: ['own.text'] } }), [
    '/0/fields/read/1',
    '/0/fields/read/2',
    '/0/fields/mask/0',
  ])
  t.same(faults({ ...good, when: { eq: ['gone', 'a'] } }), ['/0/when/eq'])
  t.same(faults({ ...good, when: { eq: ['day', '2026-02-30'] } }), ['/0/when/eq/1'])
  t.same(faults({ ...good, when: { in: ['text', '$me.roles'] } }), ['/0/when/in/1'])
  t.same(faults({ ...good, when: { eq: ['other', '$me.id'] } }), [])
})

t.test('each action gives what its grant says of it', async (t) => {
  const fields = { read: ['text'], mask: ['email'], write: ['choice'] }
  const names = ['text', 'email', 'choice', 'phone']
  for (const action of actionNames) {
    const one = ability({ resource: 'probes', actions: [action], fields })
    for (const other of actionNames) {
      t.equal(one.may(other, 'probes'), other === action, `${action} does not let ${other}`)
      t.equal(one.can(other, probe, row), other === action)
    }
    const may = names.filter((name) => one.can(action, probe, row, name))
    const isWriting = ['create', 'update', 'import'].includes(action)
    t.same(may, action === 'read' ? ['text'] : isWriting ? ['choice'] : names, `fields of ${action}`)
    t.same(
      names.filter((name) => one.can('mask', probe, row, name)),
      action === 'read' ? ['email'] : [],
    )
  }
  const bare = ability({ resource: 'probes', actions: ['read'], fields: { read: ['text'], mask: [] } })
  t.same(bare.rules('mask', 'probes'), [[]], 'no mask, no rule about masks')
})

t.test('the name of the group means the fields in it that are classified as general', async (t) => {
  const one = (list: string[]): string[] => {
    const made = Ability.of([{ resource: 'probes', actions: ['read'], fields: { read: list } }], me, tenantModels)
    return [...tenantProbe.fields.keys()].filter((name) => made.can('read', tenantProbe, row, name))
  }
  const open = ['own', 'own.text', 'own.number', 'own.flag', 'own.words']
  t.same(one(['own']), open)
  t.same(one(['own', 'own.text']), open)
  t.same(one(['own.pick']), ['own.pick'], 'a name means itself')
  t.same(one(['own', 'own.pick']).toSorted(), [...open, 'own.pick'].toSorted())
  t.same(one(['text']), ['text'])
  t.equal(one(['*']).length, tenantProbe.fields.size)
  const twice = Ability.of(
    [{ resource: 'probes', actions: ['read'], fields: { read: ['own', 'own.text'] } }],
    me,
    tenantModels,
  )
  t.same(twice.rules('read', 'probes')[0]?.[0]?.fields.toSorted(), open.toSorted(), 'each once')
  const strangers = new Map([['probes', { ...tenantProbe, custom: null }]])
  const none = Ability.of([{ resource: 'probes', actions: ['read'], fields: { read: ['own'] } }], me, strangers)
  t.same(none.rules('read', 'probes'), [[{ fields: ['own'], when: null }]], 'where tenants define none')
})

t.test('fields are those of the tenant', async (t) => {
  const one = Ability.of([], me, tenantModels)
  t.equal(one.fields(probe), tenantProbe.fields)
  t.equal(Ability.of([], me, new Map()).fields(probe), probe.fields)
  t.equal(one.models, tenantModels)
  t.equal(one.and(one).models, tenantModels)
})

t.test('rules are the grants, as few of them as say the same', async (t) => {
  const grant = (read: string[], when?: object): object => ({
    resource: 'probes',
    actions: ['read'],
    fields: { read },
    ...(when ? { when } : {}),
  })
  const rules = (...grants: object[]) => ability(...grants).rules('read', 'probes')
  t.same(rules(grant(['*'])), [[{ fields: ['*'], when: null }]])
  t.same(rules(grant(['gone'])), [[{ fields: ['-'], when: null }]])
  t.same(rules(grant(['text'], { eq: ['choice', 'a'] }), grant(['text'], { eq: ['choice', 'b'] })), [
    [{ fields: ['text'], when: { op: 'in', field: 'choice', values: ['a', 'b'] } }],
  ])
  t.same(rules(grant(['text'], { eq: ['choice', 'a'] }), grant(['text'])), [[{ fields: ['text'], when: null }]])
  t.equal(
    rules(grant(['text'], { eq: ['choice', 'a'] }), grant(['email'], { eq: ['choice', 'b'] }))[0]?.length,
    2,
    'other fields, another rule',
  )
  t.same(rules({ ...grant(['text'], { eq: ['gone', 'a'] }) }), [[]], 'of a field that is gone')
  t.same(
    ability(grant(['text']))
      .and(ability())
      .rules('read', 'probes'),
    [[{ fields: ['text'], when: null }], []],
    'a list for each that must allow',
  )
  const broken = Object.defineProperty({}, 'eq', { enumerable: true, get: () => fail('broken') })
  t.throws(() => ability(grant(['text'], broken)), { message: 'broken' }, 'what is wrong otherwise is not swallowed')
})

t.test('whether rights hang on the row', async (t) => {
  const plain = { resource: 'probes', actions: ['read', 'update'], fields: { read: ['*'] } }
  const some = { ...plain, actions: ['delete'], when: { eq: ['flag', true] } }
  t.equal(ability().dependsOnRow('probes'), false)
  t.equal(ability(plain).dependsOnRow('probes'), false)
  t.equal(ability(plain, some).dependsOnRow('probes'), true)
  t.equal(ability(plain, some).dependsOnRow('others'), false)
  t.equal(ability(plain).and(ability(some)).dependsOnRow('probes'), true)
  const masks = { resource: 'probes', actions: ['read'], fields: { mask: ['text'] }, when: { eq: ['flag', true] } }
  t.equal(ability(plain, masks).dependsOnRow('probes'), true)
  const bare = { resource: 'probes', actions: ['read'] }
  t.equal(ability(bare, masks).dependsOnRow('probes'), true, 'a mask over some of the rows that are seen')
})

t.test('an ability says about what it weighs', async (t) => {
  const grant = { resource: 'probes', actions: ['read'] }
  const [none, two] = [ability(), ability(grant, grant)]
  t.ok(none.weight > 1000)
  t.ok(two.weight >= none.weight + 500, 'more with each grant')
  t.equal(none.and(two).weight, none.weight + two.weight)
})
