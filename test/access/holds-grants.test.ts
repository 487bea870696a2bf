import fc from 'fast-check'
import t from 'tap'
import { Ability } from '../../src/access/ability.ts'
import { type Action, actionNames } from '../../src/access/actions.ts'
import { holds, readCondition } from '../../src/access/condition.ts'
import { type Grant, grantSchema } from '../../src/access/grant.ts'
import { missingRights } from '../../src/access/holds-grants.ts'
import { implies } from '../../src/access/implies.ts'
import { sized } from '../harness/size.ts'
import { conditionOf, me, models, tenantProbe as probe, rowOf } from './probe.ts'

const giver = (...layers: Grant[][]) => ({
  grants: layers,
  ability: layers.map((grants) => Ability.of(grants, me, models)).reduce((all, one) => all.and(one)),
})
const paths = (layers: Grant[][], ...wanted: Grant[]): string[] =>
  missingRights(giver(...layers), wanted).map(({ path }) => path)
const reads = (fields: object, when?: object): Grant =>
  grantSchema.parse({ resource: 'probes', actions: ['read'], fields, ...(when ? { when } : {}) })

const names = [...probe.fields.keys()]
const grammar = conditionOf.filter((condition) => !JSON.stringify(condition).includes('startsWith'))
// Few conditions that recur, so that what is held and what is given meet.
const usual = fc.constantFrom(
  { eq: ['flag', true] },
  { eq: ['choice', 'lead'] },
  { in: ['choice', ['lead', 'former']] },
  { in: ['ids', '$me.teamIds'] },
  { in: ['ids', '$me.businessUnitIds'] },
  { eq: ['other', '$me.id'] },
)
const when = fc.oneof({ weight: 1, arbitrary: grammar }, { weight: 4, arbitrary: usual })
const wider = fc.oneof(
  { weight: 3, arbitrary: when },
  { weight: 1, arbitrary: fc.array(when, { minLength: 1, maxLength: 3 }).map((or) => ({ or })) },
  { weight: 1, arbitrary: when.map((not) => ({ not })) },
)
const fieldList = fc.oneof(
  { weight: 5, arbitrary: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constant(['*']) },
)
const grantOf: fc.Arbitrary<Grant> = fc
  .record(
    {
      resource: fc.constant('probes'),
      actions: fc.constantFrom(['read'], ['read'], ['update'], ['create', 'read'], ['delete'], ['reveal']),
      fields: fc.record({ read: fieldList, mask: fieldList, write: fieldList }, { requiredKeys: [] }),
      when: wider,
    },
    { requiredKeys: ['resource', 'actions'] },
  )
  .map((grant) => grantSchema.parse(grant))
const roleOf = fc.array(grantOf, { minLength: 1, maxLength: 4 })
/** Roles made of the giver's own grants, narrowed as people do it, and others. */
const wantedOf = (held: readonly Grant[]): fc.Arbitrary<Grant[]> =>
  fc.array(
    fc.oneof(
      { weight: 1, arbitrary: grantOf },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(...held), fc.option(wider, { nil: undefined }), grantOf)
          .map(([own, more, other]) =>
            grantSchema.parse({
              ...own,
              ...(other.fields && other.actions.includes('delete') ? { fields: other.fields } : {}),
              ...(more && own.when ? { when: { and: [own.when, more] } } : more ? { when: more } : {}),
            }),
          ),
      },
    ),
    { minLength: 1, maxLength: 2 },
  )

t.test('what implies another holds for no row for which that one does not', async (t) => {
  let proved = 0
  fc.assert(
    fc.property(wider, wider, fc.array(rowOf, { minLength: 1, maxLength: 8 }), (one, other, rows) => {
      const [given, wanted] = [one, other].map((json) => readCondition(json, probe, me, () => true))
      if (!given || !wanted || !implies(given, wanted)) return
      proved++
      for (const row of rows) if (holds(given, probe, row) && !holds(wanted, probe, row)) t.fail(JSON.stringify(row))
    }),
    { numRuns: sized(4000) },
  )
  t.ok(proved > sized(100), `${proved} were proved`)
  const read = (json: object) => readCondition(json, probe, me, () => true)
  for (const [given, wanted] of [
    [{ eq: ['choice', 'a'] }, { in: ['choice', ['b', 'a']] }],
    [{ in: ['choice', ['a']] }, { eq: ['choice', 'a'] }],
    [{ and: [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }] }, { eq: ['choice', 'a'] }],
    [{ eq: ['choice', 'a'] }, { or: [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }] }],
    [
      { and: [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }] },
      { and: [{ eq: ['choice', 'a'] }, { eq: ['flag', true] }] },
    ],
    [{ not: { in: ['choice', ['a', 'b']] } }, { not: { eq: ['choice', 'a'] } }],
    [{ in: ['choice', []] }, { eq: ['flag', true] }],
    [{ gt: ['number', 9] }, { gt: ['number', 5] }],
    [{ gt: ['number', 5] }, { gte: ['number', 5] }],
    [{ lte: ['number', 5] }, { lt: ['number', 9] }],
  ] as const)
    t.ok(implies(read(given), read(wanted)), JSON.stringify([given, wanted]))
  for (const [given, wanted] of [
    [{ gte: ['number', 5] }, { gt: ['number', 5] }],
    [{ lt: ['number', 9] }, { lte: ['number', 5] }],
    [{ lt: ['number', 5] }, { gt: ['number', 5] }],
    [{ gt: ['text', 'b'] }, { gt: ['text', 'a'] }],
    [{ eq: ['choice', 'a'] }, { ne: ['choice', 'b'] }],
  ] as const)
    t.notOk(implies(read(given), read(wanted)), JSON.stringify([given, wanted]))
  t.notOk(implies(null, read({ eq: ['flag', true] })))
  t.notOk(implies(read({ not: { eq: ['choice', 'a'] } }), read({ not: { in: ['choice', ['a', 'b']] } })))
})

t.test('whoever gets what is held may do nothing that its giver may not', async (t) => {
  let given = 0
  fc.assert(
    fc.property(
      roleOf.chain((held) => fc.tuple(fc.constant(held), wantedOf(held))),
      fc.array(rowOf, { minLength: 1, maxLength: 6 }),
      ([held, wanted], rows) => {
        const { ability } = giver(held)
        if (missingRights(giver(held), wanted).length > 0) return
        given++
        const got = Ability.of(wanted, me, models)
        for (const row of rows)
          for (const name of [undefined, ...names]) {
            // The id comes with the row, whoever names it.
            for (const action of actionNames.filter((one) => name !== 'id' || one !== 'read'))
              if (got.can(action, probe, row, name) && !ability.can(action, probe, row, name))
                t.fail(`${action} ${name}: ${JSON.stringify([held, wanted, row])}`)
            const masks = (one: Ability): boolean =>
              one.can('mask', probe, row, name) || one.can('read', probe, row, name)
            if (name !== undefined && name !== 'id' && masks(got) && !masks(ability))
              t.fail(`mask ${name}: ${JSON.stringify([held, wanted, row])}`)
          }
      },
    ),
    { numRuns: sized(4000) },
  )
  t.ok(given > sized(400), `${given} were given`)
})

t.test('everybody can give what they have, whole or in parts', async (t) => {
  fc.assert(
    fc.property(roleOf, (held) => {
      const missing = missingRights(giver(held), held)
      if (missing.length > 0) t.fail(JSON.stringify([held, missing]))
    }),
    { numRuns: sized(1000) },
  )
})

t.test('what is more is named where it stands', async (t) => {
  const flagged = { eq: ['flag', true] }
  const own = reads({ read: ['text', 'choice'], mask: ['phone'] }, flagged)
  t.same(paths([[own]], reads({ read: ['text', 'email'] }, flagged)), ['/0/fields/read/1'])
  t.same(paths([[own]], reads({ read: ['*'] }, flagged)), ['/0/fields/read/0'], 'all is more than any list')
  t.same(paths([[own]], reads({ read: ['phone'] }, flagged)), ['/0/fields/read/0'], 'a mask is less than the value')
  t.same(paths([[own]], reads({ mask: ['phone', 'text'] }, flagged)), [], 'and what is clear may be masked')
  t.same(paths([[own]], reads({ read: ['text'] })), ['/0/actions/0'], 'all rows are more than some')
  t.same(paths([[own]], { ...own, actions: ['read', 'delete'] }), ['/0/actions/1'])
  t.same(paths([[own]], { ...own, actions: ['read', 'update'] as Action[], fields: { write: ['text'] } }), [
    '/0/actions/1',
  ])
  t.same(paths([[own]], own, { ...own, when: { eq: ['choice', 'a'] } }), ['/1/actions/0'])
  t.same(paths([[own]], { ...own, when: { and: [{ eq: ['choice', 'a'] }, flagged] } }), [], 'fewer rows')
  t.same(paths([[own]], { ...own, resource: 'gone' }), [], 'what names nothing gives nothing')
})

t.test('fields of some rows are not given for others', async (t) => {
  const halves = [
    reads({ read: ['text'] }, { eq: ['choice', 'a'] }),
    reads({ read: ['email'] }, { eq: ['choice', 'b'] }),
  ]
  const both = { read: ['text', 'email'] }
  t.same(paths([halves], reads(both, { eq: ['choice', 'a'] })), ['/0/fields/read/1'])
  t.same(paths([halves], reads(both, { or: [{ eq: ['choice', 'a'] }, { eq: ['choice', 'b'] }] })), [
    '/0/fields/read/0',
    '/0/fields/read/1',
  ])
  t.same(
    paths([halves], reads({}, { in: ['choice', ['a', 'b']] })),
    ['/0/actions/0'],
    'what is not proved is not given',
  )
  t.same(paths([halves], reads({}, { or: [{ eq: ['choice', 'b'] }, { eq: ['choice', 'a'] }] })), [])
  t.same(paths([halves], ...halves), [])
})

t.test('where two must allow, both must hold it', async (t) => {
  const [wide, narrow] = [reads({ read: ['*'] }), reads({ read: ['text'] }, { eq: ['flag', true] })]
  t.same(paths([[wide], [narrow]], wide), ['/0/actions/0'])
  t.same(paths([[narrow], [wide]], wide), ['/0/actions/0'])
  t.same(paths([[wide], [narrow]], narrow), [])
  t.same(paths([[wide], [wide]], wide), [])
  t.same(paths([[wide], []], narrow), ['/0/actions/0'])
})

t.test('$me is whoever gets the role: given as it is held, never what it stands for today', async (t) => {
  const mine = reads({ read: ['text'] }, { in: ['ids', '$me.teamIds'] })
  const first = me.teamIds[0] ?? ''
  t.same(paths([[mine]], mine), [])
  t.same(paths([[mine]], { ...mine, when: { in: ['ids', [first]] } }), [], 'its own team by name')
  t.same(paths([[{ ...mine, when: { in: ['ids', [...me.teamIds]] } }]], mine), ['/0/actions/0'])
  t.same(paths([[mine]], { ...mine, when: { in: ['ids', '$me.businessUnitIds'] } }), ['/0/actions/0'])
  t.same(
    paths([[mine]], { ...mine, when: { not: { in: ['ids', '$me.businessUnitIds'] } } }),
    ['/0/actions/0'],
    'of an empty list of the giver’s nothing follows',
  )
  const odd = { ...mine, when: { not: { in: ['other', '$me.countries'] } } }
  t.same(paths([[reads({ read: ['*'] })]], odd), ['/0/when'], 'what can be read for some people only is not given')
})

t.test('each use of a field is held by rules of its own', async (t) => {
  const grant = (actions: string[], fields: object): Grant => grantSchema.parse({ resource: 'probes', actions, fields })
  for (const action of ['create', 'update', 'import']) {
    const held = grant([action], { write: ['text'], read: ['email'] })
    t.same(paths([[held]], held), [], action)
    t.same(paths([[held]], grant([action], { write: ['text', 'email', 'id'] })), [
      '/0/fields/write/1',
      '/0/fields/write/2',
    ])
    t.same(
      paths([[held]], grant([action], { write: ['gone'], read: ['phone'], mask: ['phone'] })),
      [],
      'what gives nothing',
    )
    t.same(paths([[grant([action], { write: ['*'] })]], grant([action], { write: ['*', 'email', 'id'] })), [])
  }
  const both = grant(['create', 'update'], { write: ['text'] })
  t.same(paths([[both]], grant(['create', 'update'], { write: ['email'] })), ['/0/fields/write/0'], 'told once')
  const half = [grant(['create'], { write: ['text'] }), grant(['update'], {})]
  t.same(paths([half], both), ['/0/fields/write/0'], 'what one action may write another may not')
  t.same(paths([[grant(['delete'], {})]], grant(['delete'], { read: ['*'], mask: ['*'], write: ['*'] })), [])
  const masks = grant(['read'], { read: ['text'], mask: ['phone'] })
  t.same(paths([[masks]], grant(['read'], { read: ['id', 'gone'], mask: ['id', 'phone', 'text', 'email'] })), [
    '/0/fields/mask/3',
  ])
  t.same(paths([[masks]], grant(['read'], { read: ['*'], mask: ['*'] })), ['/0/fields/read/0', '/0/fields/mask/0'])
})

t.test('what cannot be read gives nothing, and nobody gives everything', async (t) => {
  const own = reads({ read: ['text'] }, { eq: ['flag', true] })
  t.same(paths([[own]], { ...own, when: { eq: ['gone', 1] } }), [], 'of a field that is gone')
  const message = 'You cannot give what you do not have.'
  t.same(missingRights(giver([own]), [reads({}), { ...own, actions: ['delete'] }]), [
    { path: '/0/actions/0', message },
    { path: '/1/actions/0', message },
  ])
  const odd = missingRights(giver([reads({ read: ['*'] })]), [{ ...own, when: { in: ['number', '$me.countries'] } }])
  t.same(odd, [{ path: '/0/when', message: 'The condition compares what cannot be compared.' }])
  const everything = reads({ read: ['*'] })
  t.same(
    missingRights({ ...giver([everything]), grants: [] }, [own]),
    [{ path: '/0/actions/0', message }],
    'without roles',
  )
  const broken = Object.defineProperty({}, 'eq', {
    enumerable: true,
    get: () => {
      throw new TypeError('broken')
    },
  })
  t.throws(() => paths([[everything]], { ...own, when: broken }), { message: 'broken' })
  const mine = (name: string) => reads({}, { in: ['ids', `$me.${name}`] })
  for (const name of ['teamIds', 'businessUnitIds'])
    t.same(paths([[mine(name)]], mine(name)), [], `${name} as they are held`)
  const lands = reads({}, { in: ['text', '$me.countries'] })
  t.same(paths([[lands]], lands), [])
  t.same(paths([[lands]], reads({}, { in: ['text', ['']] })), ['/0/actions/0'])
  const all = ['teamIds', 'businessUnitIds'].map((name) => ({ in: ['ids', `$me.${name}`] }))
  const some = { and: [{ eq: ['other', '$me.id'] }, ...all, { in: ['other', '$me.countries'] }] }
  t.same(paths([[everything]], reads({}, some)), ['/0/when'], 'what only somebody without countries can be asked')
  t.same(paths([[lands]], reads({}, { in: ['choice', '$me.countries'] })), ['/0/actions/0'])
  t.same(paths([[reads({}, { eq: ['other', '$me.id'] })]], reads({}, { eq: ['other', '$me.id'] })), [])
  t.same(paths([[reads({}, { eq: ['other', '$me.id'] })]], reads({}, { in: ['other', '$me.teamIds'] })), [
    '/0/actions/0',
  ])
})
