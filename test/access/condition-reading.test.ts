import t from 'tap'
import {
  ConditionError,
  holds,
  instantOf,
  operatorsOf,
  readCondition,
  scalarOf,
  valueIn,
} from '../../src/access/condition.ts'
import { conditionSql, frameOf } from '../../src/access/condition-sql.ts'
import { compile } from '../../src/db/sql.ts'
import { me, tenantProbe as probe } from './probe.ts'

const read = (json: unknown) => readCondition(json, probe, me, () => true)
const fieldOf = (name: string) => probe.fields.get(name) ?? null
const uuid = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'

t.test('a condition that cannot be read says where and why', async (t) => {
  const shape = 'A condition is {"operator": ["field", value]}.'
  for (const [json, path, message] of [
    [null, '', 'A condition is an object with one operator.'],
    [7, '', 'A condition is an object with one operator.'],
    [[], '', 'A condition is an object with one operator.'],
    [{}, '', shape],
    [{ eq: ['text', 'a'], ne: ['text', 'a'] }, '', shape],
    [{ eq: 'text' }, '', shape],
    [{ eq: ['text'] }, '', shape],
    [{ eq: [1, 'a'] }, '', shape],
    [{ eq: ['text', 'a', 'b'] }, '', shape],
    [{ and: {} }, '/and', 'Expected a list of conditions.'],
    [{ or: [] }, '/or', 'Expected a list of conditions.'],
    [{ and: [{ eq: ['flag', true] }, { or: [7] }] }, '/and/1/or/0', 'A condition is an object with one operator.'],
    [{ not: { eq: [] } }, '/not', shape],
    [{ eq: ['gone', 1] }, '/eq', '"eq" cannot be used with "gone" here.'],
    [{ lt: ['flag', true] }, '/lt', '"lt" cannot be used with "flag" here.'],
    [{ eq: ['g'.repeat(200), 1] }, '/eq', `"eq" cannot be used with "${'g'.repeat(100)}" here.`],
    [{ exists: ['text', 1] }, '/exists/1', 'Expected true or false.'],
    [{ in: ['text', 'a'] }, '/in/1', 'Expected a list of values.'],
    [{ in: ['text', 7] }, '/in/1', 'Expected a list of values.'],
    [{ in: ['text', ['a', 7]] }, '/in/1/1', 'Expected a text.'],
    [{ in: ['number', '$me.countries'] }, '/in/1/0', 'Expected a number.'],
    [{ eq: ['number', 'a'] }, '/eq/1', 'Expected a number.'],
    [{ eq: ['flag', 1] }, '/eq/1', 'Expected true or false.'],
    [{ eq: ['other', 'a'] }, '/eq/1', 'Expected a UUID.'],
    [{ eq: ['ids', 1] }, '/eq/1', 'Expected a UUID.'],
    [{ eq: ['day', 'a'] }, '/eq/1', 'Expected a date (YYYY-MM-DD).'],
    [{ eq: ['other', [uuid]] }, '/eq/1', 'Expected a UUID.'],
    [{ eq: ['day', ['2026-01-01']] }, '/eq/1', 'Expected a date (YYYY-MM-DD).'],
    [{ eq: ['time', ['2026-01-01T00:00:00Z']] }, '/eq/1', 'Expected a time (RFC 3339).'],
    [{ eq: ['day', 1] }, '/eq/1', 'Expected a date (YYYY-MM-DD).'],
    [{ eq: ['time', 'a'] }, '/eq/1', 'Expected a time (RFC 3339).'],
    [{ eq: ['time', 1] }, '/eq/1', 'Expected a time (RFC 3339).'],
    [{ eq: ['choice', 1] }, '/eq/1', 'Expected a text.'],
    [{ eq: ['words', 1] }, '/eq/1', 'Expected a text.'],
  ] as const)
    t.throws(() => read(json), Object.assign(new ConditionError(path, message), { code: 'invalid_condition' }), message)
  const large = { message: 'The condition is too large.', code: 'condition_too_large' }
  const deep = (depth: number): object => (depth === 0 ? { eq: ['flag', true] } : { not: deep(depth - 1) })
  t.throws(() => read(deep(9)), { ...large, path: '/not'.repeat(9) })
  t.ok(read({ and: [deep(7)] }))
  t.throws(() => read({ and: [deep(8)] }), large)
  const wide = (length: number): object => ({ or: Array.from({ length }, () => ({ eq: ['flag', true] })) })
  t.ok(read(wide(199)), 'two hundred with the "or" itself')
  t.throws(() => read(wide(200)), large)
})

t.test('a condition is read into what it says, with the values in one form', async (t) => {
  t.same(read({ and: [{ eq: ['text', 'a'] }, { not: { exists: ['text', false] } }] }), {
    op: 'and',
    of: [
      { op: 'eq', field: 'text', value: 'a' },
      { op: 'not', of: { op: 'exists', field: 'text', value: false } },
    ],
  })
  t.same(read({ in: ['ids', '$me.teamIds'] }), { op: 'in', field: 'ids', values: me.teamIds })
  t.same(read({ in: ['text', '$me.countries'] }), { op: 'in', field: 'text', values: me.countries })
  t.same(read({ in: ['other', '$me.businessUnitIds'] }), { op: 'in', field: 'other', values: [] })
  t.same(read({ in: ['other', ['$me.id', uuid.toUpperCase()]] }), { op: 'in', field: 'other', values: [me.id, uuid] })
  t.same(read({ eq: ['time', '2026-01-01T01:00:00.5+01:00'] }), {
    op: 'eq',
    field: 'time',
    value: '2026-01-01T00:00:00.500000Z',
  })
  t.same(read({ in: ['text', ['$me.countries']] }), { op: 'in', field: 'text', values: ['$me.countries'] }, 'no list')
  t.throws(() => read({ in: ['ids', ['$me.teamIds']] }), { code: 'invalid_condition', path: '/in/1/0' })
  const text = fieldOf('text')
  if (!text) return
  t.equal(scalarOf(text, '$me.id', me, ''), me.id)
  t.equal(scalarOf(text, '$me.id', null, ''), '$me.id', 'where nobody asks, it is a text like others')
  t.equal(scalarOf(text, 'a'.repeat(1000), null, '').toString().length, 1000)
  t.throws(() => scalarOf(text, 'a'.repeat(1001), null, '/x'), { code: 'invalid_condition', path: '/x' })
  const asked: unknown[] = []
  readCondition({ lt: ['text', 'a'] }, probe, me, (field, op) => asked.push(field, op) > 0)
  t.same(asked, [text, 'lt'], 'who may be asked is asked')
  t.throws(() => readCondition({ lt: ['text', 'a'] }, probe, me, () => false), {
    code: 'invalid_condition',
    path: '/lt',
  })
})

t.test('each kind of field knows its operators', async (t) => {
  const [few, order] = [
    ['eq', 'ne', 'in', 'exists'],
    ['lt', 'lte', 'gt', 'gte'],
  ]
  for (const kind of ['boolean', 'textList', 'uuidList', 'uuid', 'choice'] as const)
    t.same(operatorsOf(kind), few, kind)
  for (const kind of ['number', 'time', 'date'] as const)
    t.same(operatorsOf(kind).toSorted(), [...few, ...order].toSorted(), kind)
  t.same(operatorsOf('text').toSorted(), [...few, ...order, 'startsWith'].toSorted())
  t.same(operatorsOf('json'), ['exists'])
})

t.test('an instant is one whatever its zone', async (t) => {
  for (const [text, instant] of [
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000000Z'],
    ['2026-01-01t00:00:00.1234567z', '2026-01-01T00:00:00.123456Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00.000000Z'],
    ['2026-01-01T23:59:59.9-23:59', '2026-01-02T23:58:59.900000Z'],
    ['2026-01-01T20:00:00Z', '2026-01-01T20:00:00.000000Z'],
    [' 2026-01-01T00:00:00Z', null],
    ['2026-01-01T00:00:00Z ', null],
    ['2026-01-01T00:00:00.Z', null],
    ['2026-01-01T24:00:00Z', null],
    ['2026-01-01T00:60:00Z', null],
    ['2026-01-01T00:00:60Z', null],
    ['2026-01-01T00:00:00+24:00', null],
    ['2026-01-01T00:00:00+00:60', null],
    ['2026-02-30T00:00:00Z', null],
    ['0000-01-01T00:00:00Z', null],
    ['0001-01-01T00:00:00+00:01', null],
    ['9999-12-31T23:59:59-00:01', null],
    ['2026-01-01', null],
    ['', null],
  ] as const)
    t.equal(instantOf(text), instant, text)
  for (const day of [
    '12026-01-01',
    '2026-01-011',
    '2026-1-01',
    '2026-01-1',
    '226-01-01',
    '0000-01-01',
    '2026-02-29',
    'x',
  ])
    t.throws(() => read({ eq: ['day', day] }), { code: 'invalid_condition', path: '/eq/1' }, day)
  t.ok(read({ eq: ['day', '2024-02-29'] }))
  for (const id of [`${uuid}0`, `0${uuid}`, uuid.replace('-', ''), uuid.replace('0', 'g'), ''])
    t.throws(() => read({ eq: ['other', id] }), { code: 'invalid_condition', path: '/eq/1' }, id)
})

t.test('a row’s value stands under its name, the tenant’s own in their group', async (t) => {
  const [text, own, money] = ['text', 'own.text', 'own.money'].map(fieldOf)
  if (!text || !own || !money) return
  t.equal(valueIn({ text: 'a' }, text), 'a')
  t.equal(valueIn({ own: { text: 'a' } }, own), 'a')
  t.equal(valueIn({ own: { money: { amount: 3, currency: 'EUR' } } }, money), 3)
  for (const row of [
    {},
    { own: null },
    { own: 'text' },
    { own: {} },
    { own: Object.create({ text: 'a' }) },
    { 'own.text': 'a' },
  ])
    t.equal(valueIn(row, own), undefined, JSON.stringify(row))
})

t.test('times are compared to the microsecond, over the seconds as within them', async (t) => {
  const before = (one: string, other: string): boolean =>
    holds({ op: 'lt', field: 'time', value: other }, probe, { time: one })
  const times = [
    '1969-12-31T23:59:58.9Z',
    '1969-12-31T23:59:59.5Z',
    '1970-01-01T00:00:00Z',
    '1970-01-01T00:00:00.000001Z',
  ]
  times.push(
    '1970-01-01T00:00:00.001Z',
    '1970-01-01T00:00:00.9Z',
    '1970-01-01T00:00:01Z',
    '1970-01-01T01:00:01.5+01:00',
  )
  for (const [i, one] of times.entries())
    for (const [j, other] of times.entries()) t.equal(before(one, other), i < j, `${one} before ${other}`)
})

t.test('of a field that is gone nothing is true', async (t) => {
  t.equal(holds({ op: 'eq', field: 'gone', value: 'a' }, probe, { gone: 'a' }), false)
  t.equal(holds({ op: 'in', field: 'gone', values: ['a'] }, probe, { gone: 'a' }), false)
  t.equal(holds({ op: 'exists', field: 'gone', value: true }, probe, { gone: 'a' }), false)
})

t.test('a condition without its values is the same for all of one shape', async (t) => {
  const frame = (json: object) => frameOf(read(json), probe.fields)
  const json = {
    and: [{ eq: ['choice', 'a'] }, { not: { in: ['number', [1, 2]] } }, { or: [{ exists: ['text', true] }] }],
  }
  t.same(frame(json)?.values, { where0: 'a', where1: [1, 2], where2: true })
  const same = {
    and: [{ eq: ['choice', 'b'] }, { not: { in: ['number', [3]] } }, { or: [{ exists: ['text', true] }] }],
  }
  t.equal(frame(json)?.shape, frame(same)?.shape)
  const shapes = [
    json,
    { eq: ['choice', 'a'] },
    { ne: ['choice', 'a'] },
    { eq: ['text', 'a'] },
    { in: ['text', ['a']] },
    { in: ['choice', ['a']] },
    { in: ['number', [1]] },
    { in: ['text', []] },
    { exists: ['text', true] },
    { exists: ['text', false] },
    // Which of the two stands in the statement.
    { eq: ['flag', true] },
    { eq: ['flag', false] },
    { ne: ['flag', true] },
    { not: { eq: ['choice', 'a'] } },
    { and: [{ eq: ['choice', 'a'] }] },
    { or: [{ eq: ['choice', 'a'] }] },
    { and: [{ eq: ['choice', 'a'] }, { eq: ['choice', 'a'] }] },
  ].map((one) => frame(one)?.shape)
  t.equal(new Set(shapes).size, shapes.length, 'and another for each other one')
  t.equal(frame({ eq: ['phone', '1'] }), null, 'where the SQL hangs on the value there is none')
  t.equal(frame({ not: { or: [{ eq: ['text', 'a'] }, { in: ['email', ['a']] }] } }), null)
  const kept = read(json)
  const one = frameOf(kept, probe.fields)
  const { text, params } = compile(conditionSql(kept, fieldOf, one?.bind))
  t.same(
    params.map((param) => Reflect.get(Object(param), 'name')),
    ['where0', 'where1'],
    text,
  )
  t.throws(() => conditionSql({ op: 'eq', field: 'gone', value: 1 }, fieldOf), {
    message: 'condition names an unknown field gone',
  })
})
