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
