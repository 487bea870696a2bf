import t from 'tap'
import { type Condition, holds, readCondition } from '../../src/access/condition.ts'
import { implies } from '../../src/access/implies.ts'
import { me, tenantProbe as probe } from './probe.ts'

const read = (json: object): Condition => readCondition(json, probe, me, () => true)
const proves = (given: object, wanted: object): boolean => implies(read(given), read(wanted))

t.test('of numbers, a bound proves exactly the bounds that lie before it', async (t) => {
  const rows = [null, 3, 4, 4.5, 5, 5.5, 6, 7].map((number) => ({ number }))
  const ops = ['lt', 'lte', 'gt', 'gte', 'eq', 'ne']
  for (const op of ops)
    for (const other of ops)
      for (const bound of [4, 5, 6]) {
        const [given, wanted] = [{ [op]: ['number', 5] }, { [other]: ['number', bound] }]
        const isSo = rows.every((row) => !holds(read(given), probe, row) || holds(read(wanted), probe, row))
        // Bounds of one side only are compared; a value is proved by itself.
        const isLike = (op.startsWith('l') && other.startsWith('l')) || (op.startsWith('g') && other.startsWith('g'))
        const isSame = op === other && bound === 5
        t.equal(proves(given, wanted), isSame || (isLike && isSo), JSON.stringify([given, wanted]))
      }
})

t.test('a condition on one field says nothing of another', async (t) => {
  for (const [given, wanted] of [
    [{ eq: ['choice', 'a'] }, { eq: ['text', 'a'] }],
    [{ in: ['choice', ['a']] }, { in: ['text', ['a', 'b']] }],
    [{ ne: ['choice', 'a'] }, { ne: ['text', 'a'] }],
    [{ exists: ['choice', true] }, { exists: ['text', true] }],
    [{ gt: ['number', 5] }, { gt: ['own.number', 5] }],
    [{ not: { eq: ['choice', 'a'] } }, { not: { eq: ['text', 'a'] } }],
  ] as const)
    t.notOk(proves(given, wanted), JSON.stringify([given, wanted]))
  t.ok(proves({ exists: ['choice', true] }, { exists: ['choice', true] }))
  t.notOk(proves({ exists: ['choice', true] }, { exists: ['choice', false] }))
  t.ok(proves({ ne: ['choice', 'a'] }, { ne: ['choice', 'a'] }))
  t.notOk(proves({ ne: ['choice', 'a'] }, { ne: ['choice', 'b'] }))
  t.notOk(proves({ ne: ['choice', 'a'] }, { eq: ['choice', 'a'] }))
  t.notOk(proves({ exists: ['choice', true] }, { in: ['choice', ['a']] }))
  t.notOk(proves({ eq: ['choice', 'a'] }, { exists: ['choice', true] }), 'what cannot be proved by form is not')
})

t.test('all parts must be proved, and by all cases', async (t) => {
  const [one, two, three] = [{ eq: ['flag', true] }, { eq: ['choice', 'a'] }, { eq: ['text', 'a'] }]
  t.notOk(proves(one, { and: [one, two] }), 'one part of two')
  t.notOk(proves(two, { and: [one, two] }))
  t.ok(proves({ and: [one, two, three] }, { and: [three, one] }))
  t.notOk(proves({ or: [one, two] }, one), 'one case of two')
  t.notOk(proves({ or: [one, two] }, two))
  t.ok(proves({ or: [one, two] }, { or: [three, two, one] }))
  t.notOk(proves({ or: [one, two] }, { and: [one, two] }))
  t.ok(proves({ and: [one, two] }, { or: [three, one] }))
  t.notOk(proves({ and: [one, two] }, { or: [three, { not: one }] }))
  t.notOk(proves({ not: one }, one))
  t.notOk(proves(one, { not: one }))
  t.ok(proves({ not: { or: [one, two] } }, { not: one }))
  t.notOk(proves({ not: one }, { not: { or: [one, two] } }))
})

t.test('no row is a row of everything, and everything is more than any rows', async (t) => {
  const one = read({ eq: ['flag', true] })
  t.ok(implies(null, null))
  t.ok(implies(one, null))
  t.notOk(implies(null, one))
  t.ok(proves({ in: ['choice', []] }, { and: [{ eq: ['flag', true] }, { in: ['choice', []] }] }))
  t.notOk(proves({ eq: ['choice', 'a'] }, { in: ['choice', []] }))
  t.notOk(proves({ in: ['choice', ['a', 'b']] }, { in: ['choice', ['a', 'c']] }))
  t.ok(proves({ in: ['words', ['a']] }, { in: ['words', ['b', 'a']] }))
})

t.test('parts that meet again and again are decided once', async (t) => {
  // Without that, each level would ask both of its parts twice: 2^60 questions.
  let [given, wanted]: Condition[] = [read({ gt: ['number', 5] }), read({ gt: ['number', 3] })]
  if (!given || !wanted) return
  for (let level = 0; level < 60; level++) {
    given = { op: 'or', of: [given, given] }
    wanted = { op: 'and', of: [wanted, wanted] }
  }
  t.ok(implies(given, wanted))
})
