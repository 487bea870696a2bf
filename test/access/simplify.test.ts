import fc from 'fast-check'
import t from 'tap'
import { type Condition, holds, readCondition } from '../../src/access/condition.ts'
import { anyOf, oneOf } from '../../src/access/simplify.ts'
import { sized } from '../harness/size.ts'
import { conditionOf, me, tenantProbe as probe, rowOf } from './probe.ts'

const runs = sized(1_000, 20_000)
const read = (json: unknown): Condition => readCondition(json, probe, me, () => true)

/** Parts that recur, so that conditions differ in one of them, hold the same one twice, or ask for more than another. */
const part = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...['lead', 'customer', 'former'].map((value) => ({ eq: ['choice', value] }))),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { in: ['choice', ['lead', 'former']] },
      { in: ['choice', []] },
      { in: ['words', ['a', 'b']] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('lt', 'lte', 'gt', 'gte'), fc.constantFrom(-1, 0, 1, 9, 10))
      .map(([op, n]) => ({ [op]: ['number', n] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('lt', 'gte'), fc.constantFrom('a', 'b', '9', '10'))
      .map(([op, n]) => ({ [op]: ['text', n] })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom({ eq: ['flag', true] }, { eq: ['flag', false] }, { exists: ['email', true] }),
  },
  { weight: 1, arbitrary: conditionOf },
)
const policy = fc.oneof(
  part,
  fc.array(part, { minLength: 1, maxLength: 4 }).map((and) => ({ and })),
)
const policies = fc.array(
  policy.filter((json) => !JSON.stringify(json).includes('startsWith')),
  { minLength: 1, maxLength: 8 },
)

t.test('fewer conditions hold for the same rows', (t) => {
  let [before, after] = [0, 0]
  const property = fc.property(
    policies,
    policies,
    fc.array(rowOf, { minLength: 1, maxLength: 10 }),
    (jsons, others, rows) => {
      const conditions = jsons.map(read)
      const simple = anyOf(conditions)
      before += conditions.length
      after += simple?.length ?? 0
      const given = others.slice(0, 1).map(read)
      const one = simple && oneOf(simple, given)
      for (const row of rows) {
        const expected = conditions.some((condition) => holds(condition, probe, row))
        const found = simple?.some((condition) => holds(condition, probe, row))
        if (expected !== found) throw new Error(`${JSON.stringify(simple)} on ${JSON.stringify(row)}`)
        // Where the given ones do not hold, nobody asks.
        if (!given.every((condition) => holds(condition, probe, row))) continue
        if (expected !== (one === null || holds(one as Condition, probe, row)))
          throw new Error(`${JSON.stringify(one)} given ${JSON.stringify(given)} on ${JSON.stringify(row)}`)
      }
    },
  )
  fc.assert(property, { numRuns: runs })
  t.ok(after < before * 0.9, `${before} conditions became ${after}`)
  t.end()
})

t.test('what recurs becomes one condition', (t) => {
  const simple = (...jsons: object[]): unknown => anyOf(jsons.map(read))
  t.same(simple({ eq: ['choice', 'b'] }, { eq: ['choice', 'a'] }, { eq: ['choice', 'b'] }), [
    { op: 'in', field: 'choice', values: ['a', 'b'] },
  ])
  t.same(simple({ gte: ['number', 5] }, { gte: ['number', 3] }), [{ op: 'gte', field: 'number', value: 3 }])
  t.same(simple({ eq: ['flag', true] }, { and: [{ eq: ['choice', 'a'] }, { eq: ['flag', true] }] }), [
    { op: 'eq', field: 'flag', value: true },
  ])
  const grid = ['DE', 'FR', 'BR'].flatMap((country) =>
    Array.from({ length: 100 }, (_, n) => ({ and: [{ eq: ['choice', country] }, { lt: ['number', n] }] })),
  )
  t.same(simple(...grid), [
    {
      op: 'and',
      of: [
        { op: 'in', field: 'choice', values: ['BR', 'DE', 'FR'] },
        { op: 'lt', field: 'number', value: 99 },
      ],
    },
  ])
  t.equal(anyOf([read({ eq: ['flag', true] }), null]), null, 'everything is everything')
  t.same(oneOf([read({ and: [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }] })], [read({ eq: ['choice', 'a'] })]), {
    op: 'eq',
    field: 'flag',
    value: true,
  })
  t.equal(oneOf([read({ eq: ['choice', 'a'] })], [read({ in: ['choice', ['a']] })]), null, 'what is given is not asked')
  t.end()
})

t.test('conditions are joined where they differ in one part, and in no other case', (t) => {
  const simple = (...jsons: object[]): unknown => anyOf(jsons.map(read))
  const kept = (...jsons: object[]): boolean => t.same(simple(...jsons), jsons.map(read), JSON.stringify(jsons))
  for (const [op, one, other] of [
    ['lt', 3, 5],
    ['lte', 3, 5],
    ['gt', 5, 3],
    ['gte', 5, 3],
  ] as const)
    for (const order of [
      [one, other],
      [other, one],
    ])
      t.same(
        simple(...order.map((bound) => ({ [op]: ['number', bound] }))),
        [{ op, field: 'number', value: other }],
        op,
      )
  kept({ lt: ['number', 3] }, { lte: ['number', 5] })
  kept({ gt: ['number', 3] }, { lt: ['number', 1] })
  kept({ lt: ['text', 'a'] }, { lt: ['text', 'b'] })
  kept({ lt: ['number', 3] }, { lt: ['own.number', 5] })
  kept({ eq: ['choice', 'a'] }, { eq: ['text', 'a'] })
  kept({ ne: ['choice', 'a'] }, { ne: ['choice', 'b'] })
  kept({ ne: ['number', 3] }, { ne: ['number', 5] })
  kept({ exists: ['choice', true] }, { exists: ['text', true] })
  const two = (choice: string, flag: boolean): object => ({ and: [{ eq: ['choice', choice] }, { eq: ['flag', flag] }] })
  t.same(simple(two('a', true), two('b', false)), [read(two('a', true)), read(two('b', false))], 'two parts differ')
  t.same(
    (simple(two('a', true), two('b', true), two('c', false)) as unknown[]).length,
    2,
    'those of one rest are joined, the other stays',
  )
  const between = (low: number): object => ({ and: [{ lt: ['number', 9] }, { lt: ['number', low] }] })
  t.same((simple(between(5), between(6)) as unknown[]).length, 2, 'two parts about one place')
  t.same(anyOf([]), [], 'of nothing nothing holds')
  t.end()
})

t.test('what another asks for and more is left out, where there are few enough to compare', (t) => {
  const flagged = { eq: ['flag', true] }
  const more = (n: number): object => ({ and: [flagged, { ne: ['text', `${n}`] }] })
  const simple = (length: number): number =>
    anyOf([flagged, ...Array.from({ length }, (_, n) => more(n))].map(read))?.length ?? 0
  t.equal(simple(299), 1)
  t.equal(simple(300), 301)
  t.same(
    anyOf([read({ and: [flagged, { and: [{ ne: ['text', 'a'] }, { ne: ['text', 'b'] }] }] }), read(more(1))])?.length,
    2,
  )
  t.same(
    anyOf([
      read({ and: [flagged, { and: [{ ne: ['text', 'a'] }, { ne: ['text', 'b'] }] }] }),
      read({ and: [flagged, { ne: ['text', 'b'] }] }),
    ])?.length,
    1,
    'parts of parts are parts',
  )
  t.end()
})

t.test('one condition asks for each part once, and for nothing that is given', (t) => {
  const [flag, choice, text] = [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }, { ne: ['text', 'b'] }]
  const one = (jsons: object[], given: object[] = []): unknown => oneOf(jsons.map(read), given.map(read))
  t.same(one([flag]), read(flag))
  t.same(one([{ in: ['choice', ['a']] }]), read(choice), 'a list of one value is that value')
  t.same(one([flag, text]), { op: 'or', of: [read(flag), read(text)] })
  t.same(one([{ and: [flag, choice] }, { and: [flag, text] }]), {
    op: 'and',
    of: [read(flag), { op: 'or', of: [read(choice), read(text)] }],
  })
  t.same(one([{ and: [flag, choice] }, flag]), read(flag), 'the rest of one is nothing: all that is common')
  t.same(one([{ and: [flag, choice] }], [choice]), read(flag))
  t.same(one([flag, { and: [choice, text] }], [flag]), null, 'where one is given, nothing is asked')
  t.same(one([{ and: [flag, choice] }, { and: [flag, text] }], [flag]), { op: 'or', of: [read(choice), read(text)] })
  t.same(one([{ in: ['choice', ['b', 'a']] }], [{ in: ['choice', ['a', 'b']] }]), null, 'in whatever order')
  t.same(one([{ and: [text, flag, choice] }]), one([{ and: [choice, { and: [text, flag] }] }]))
  t.throws(() => oneOf([], []), { message: 'there is no one of none' }, 'no rule is not every row')
  t.end()
})
