import fc from 'fast-check'
import t from 'tap'
import { ConditionError, holds, readCondition } from '../../src/access/condition.ts'
import { conditionSql } from '../../src/access/condition-sql.ts'
import { sql } from '../../src/db/sql.ts'
import { sized } from '../harness/size.ts'
import { conditionOf, me, tenantProbe as probe, probeTable, rowOf } from './probe.ts'

// 100,000 conditions on rows; FULL=1 tries a million.
const runs = sized(160, 1_600)
const always = () => true
const refusal = { code: 'invalid_condition' }
const fieldOf = (name: string) => probe.fields.get(name) ?? null

t.test('a condition decides in memory what it decides in SQL', { timeout: 3_600_000 }, async (t) => {
  const table = await probeTable(t)
  let cases = 0
  const property = fc.asyncProperty(
    fc.array(rowOf, { minLength: 25, maxLength: 30, size: 'max' }),
    fc.array(conditionOf, { minLength: 25, maxLength: 30, size: 'max' }),
    async (rows, conditions) => {
      const stored = await table.fill(rows)
      const read = conditions.map((json) => readCondition(json, probe, me, always))
      const columns = read.map(
        (condition, i) => sql`(${conditionSql(condition, fieldOf)}) IS TRUE AS ${sql.identifier(`c${i}`)}`,
      )
      const found = await table.query(sql`SELECT ${sql.join(columns, sql`, `)} FROM probe ORDER BY id`)
      for (const [i, condition] of read.entries())
        for (const [j, row] of stored.entries())
          if (++cases && holds(condition, probe, row) !== found[j]?.[`c${i}`])
            throw new Error(
              `${JSON.stringify(conditions[i])} on ${JSON.stringify(row)}: SQL says ${found[j]?.[`c${i}`]}`,
            )
    },
  )
  await fc.assert(property, { numRuns: runs, includeErrorInReport: true })
  t.ok(cases >= runs * 625, `${cases} conditions on rows`)
})

t.test('a time or date that is read is one that the database understands alike', async (t) => {
  const table = await probeTable(t)
  await table.fill([{ words: [], ids: [] }])
  const digits = (n: number) => fc.integer({ min: 0, max: 10 ** n - 1 }).map((value) => String(value).padStart(n, '0'))
  const number = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'))
  const year = fc.oneof(digits(4), fc.constantFrom('0000', '0001', '9999', '2024'))
  const day = fc.tuple(year, number(13), number(32)).map((parts) => parts.join('-'))
  const clock = fc.tuple(number(24), number(60), number(61)).map((parts) => parts.join(':'))
  const fraction = fc.oneof(
    fc.constant(''),
    fc
      .integer({ min: 1, max: 12 })
      .chain(digits)
      .map((part) => `.${part}`),
  )
  const zone = fc.oneof(
    fc.constantFrom('Z', 'z', '', ' UTC', '+1', '+0100', '+23:59', '-15:59', '+24:00'),
    fc.tuple(fc.constantFrom('+', '-'), number(24), number(60)).map(([sign, h, m]) => `${sign}${h}:${m}`),
  )
  const time = fc.tuple(day, fc.constantFrom('T', 't', ' '), clock, fraction, zone).map((parts) => parts.join(''))
  let [good, bad] = [0, 0]
  const property = fc.asyncProperty(
    fc.oneof(
      time.map((value) => ['time', value]),
      day.map((value) => ['day', value]),
    ),
    async ([name = '', value]) => {
      let condition: ReturnType<typeof readCondition>
      try {
        condition = readCondition({ gte: [name, value] }, probe, me, always)
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error
        bad++
        return true
      }
      good++
      await table.query(sql`SELECT ${conditionSql(condition, fieldOf)} FROM probe`)
      if (name === 'day') return true
      // The instant is the one that JavaScript reads, to the millisecond.
      const asked = Date.parse(
        String(value)
          .toUpperCase()
          .replace(/(\.\d{3})\d+/, '$1'),
      )
      return 'value' in condition && Math.abs(Date.parse(String(condition.value)) - asked) <= 1
    },
  )
  await fc.assert(property, { numRuns: sized(1000, 20_000), includeErrorInReport: true })
  t.ok(good > sized(20) && bad > sized(20), `${good} were read, ${bad} refused`)
  for (const value of [
    '2026-02-30',
    '2026-13-01',
    '2023-02-29',
    '0000-01-01',
    '2026-1-1',
    '2026-01-01T00:00:00Z',
    ' 2026-01-01',
  ])
    t.throws(() => readCondition({ eq: ['day', value] }, probe, me, always), refusal, value)
  for (const value of [
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '2026-01-01T00:00:00 Z',
  ])
    t.throws(() => readCondition({ eq: ['time', value] }, probe, me, always), refusal, value)
})

t.test('a condition is read strictly', async (t) => {
  const read = (json: unknown) => readCondition(json, probe, me, always)
  const deep = (depth: number): unknown => (depth === 0 ? { eq: ['flag', true] } : { not: deep(depth - 1) })
  const refused: [string, unknown][] = [
    ['nothing', {}],
    ['null', null],
    ['a list', [{ eq: ['text', 'a'] }]],
    ['a text', 'text = a'],
    ['two operators', { eq: ['text', 'a'], ne: ['text', 'b'] }],
    ['an unknown operator', { like: ['text', 'a'] }],
    ['a pattern', { regex: ['text', 'a.*'] }],
    ['one of the prototype', { constructor: ['text', 'a'] }],
    ['an unknown field', { eq: ['color', 'a'] }],
    ['a field of the prototype', { eq: ['__proto__', 'a'] }],
    ['another one', { eq: ['toString', 'a'] }],
    ['a path', { eq: ['json.a', 1] }],
    ['a wildcard', { eq: ['*', 1] }],
    ['no value', { eq: ['text'] }],
    ['null as a value', { eq: ['text', null] }],
    ['undefined as a value', { eq: ['text', undefined] }],
    ['an object as a value', { eq: ['text', { ne: '' }] }],
    ['a list where one value belongs', { eq: ['text', ['a']] }],
    ['one value where a list belongs', { in: ['text', 'a'] }],
    ['a list with null', { in: ['text', ['a', null]] }],
    ['an attribute that does not exist', { in: ['text', '$me.roles'] }],
    ['one of the prototype', { in: ['text', '$me.constructor'] }],
    ['a number as text', { eq: ['text', 1] }],
    ['text as a number', { eq: ['number', '1'] }],
    ['not a number', { eq: ['number', Number.NaN] }],
    ['infinity', { lt: ['number', Number.POSITIVE_INFINITY] }],
    ['text as true', { eq: ['flag', 'true'] }],
    ['true as more', { gt: ['flag', true] }],
    ['no UUID', { eq: ['other', 'x'] }],
    ['an order of UUIDs', { lt: ['other', me.id] }],
    ['a NUL', { eq: ['text', 'a\0'] }],
    ['half a pair', { eq: ['text', '\ud800'] }],
    ['a value of JSON', { eq: ['json', 1] }],
    ['exists of what', { exists: ['text', 'yes'] }],
    ['an empty and', { and: [] }],
    ['an empty or', { or: [] }],
    ['not a condition', { not: [] }],
    ['too long', { eq: ['text', 'a'.repeat(1001)] }],
  ]
  for (const [what, json] of refused) t.throws(() => read(json), refusal, what)
  const tooLarge = { code: 'condition_too_large' }
  t.throws(() => read(deep(9)), tooLarge, 'too deep')
  t.throws(() => read({ or: Array.from({ length: 201 }, () => ({ eq: ['flag', true] })) }), tooLarge, 'too wide')
  t.ok(read(deep(8)))
})

t.test('absent values match no comparison, and "not" turns that around', async (t) => {
  const decides = (json: object, row: Record<string, unknown>): boolean =>
    holds(readCondition(json, probe, me, always), probe, row)
  for (const [op, value] of [
    ['eq', 'a'],
    ['ne', 'a'],
    ['lt', 'a'],
    ['gte', ''],
    ['in', ['a']],
  ] as const)
    for (const row of [{ text: null }, {}, { text: undefined }]) {
      t.equal(decides({ [op]: ['text', value] }, row), false, op)
      t.equal(decides({ not: { [op]: ['text', value] } }, row), true, `not ${op}`)
    }
  t.equal(decides({ in: ['text', []] }, { text: 'a' }), false, 'nothing is in an empty list')
  t.equal(decides({ in: ['other', '$me.businessUnitIds'] }, { other: me.id }), false, 'nor in an empty attribute')
  t.equal(decides({ not: { in: ['text', []] } }, { text: null }), true)
})
