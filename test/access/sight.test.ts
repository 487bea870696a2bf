import t from 'tap'
import { Ability } from '../../src/access/ability.ts'
import { readCondition } from '../../src/access/condition.ts'
import { comparable, conditionSql } from '../../src/access/condition-sql.ts'
import { fieldSql, filterable, isAskable, maskedMatches, sight, type Use } from '../../src/access/door.ts'
import { grantSchema } from '../../src/access/grant.ts'
import type { Field, ResourceModel } from '../../src/access/model.ts'
import type { Principal } from '../../src/access/principal.ts'
import { compile, sql } from '../../src/db/sql.ts'
import { principalOf } from './principal.ts'
import { me, models, probe, probeTable, tenantProbe } from './probe.ts'

const principal = (...layers: object[][]): Principal =>
  principalOf(
    layers.map((layer) => layer.map((one) => grantSchema.parse({ resource: 'probes', ...one }))),
    models,
  )
const reads = (fields: object, when?: object): object => ({ actions: ['read'], fields, ...(when ? { when } : {}) })
const [yes, no] = [{ eq: ['flag', true] }, { eq: ['flag', false] }]

const shown: Use[] = ['select', 'export', 'webhook', 'feed', 'context']
const asked: Use[] = ['filter', 'sort', 'group', 'search', 'cursor', 'audit']

/** A field's value in three rows: of flag true, flag false, and without a flag. */
async function three(t: Parameters<typeof probeTable>[0], model: ResourceModel = probe) {
  const table = await probeTable(t)
  const rest = { words: [], ids: [] }
  await table.fill([
    { ...rest, text: 'abc', phone: '+4917012345678', flag: true, json: { text: 'a•c' } },
    { ...rest, text: 'abc', phone: '+4917012345678', flag: false, json: { text: 'a•c' } },
    { ...rest, text: 'abc', phone: '+4917012345678', flag: null, json: {} },
  ])
  return {
    table,
    of: async (one: Principal, use: Use, name = 'text'): Promise<unknown> => {
      const seen = sight(one, model, name)
      const value = seen && fieldSql(seen, use)
      if (!value) return null
      const rows = await table.query(sql`SELECT ${value} AS value FROM probe ORDER BY flag DESC NULLS LAST`)
      return rows.map((row) => row.value)
    },
  }
}

t.test('what is shown of a field is its value, its mask or nothing, row by row', async (t) => {
  const { of } = await three(t)
  const all = reads({})
  for (const [what, grants, values] of [
    ['clear', [[reads({ read: ['text'] })]], ['abc', 'abc', 'abc']],
    ['masked', [[reads({ mask: ['text'] })]], ['•••', '•••', '•••']],
    ['clear for some', [[reads({ read: ['text'] }, yes), all]], ['abc', null, null]],
    ['masked for some', [[reads({ mask: ['text'] }, yes), all]], ['•••', null, null]],
    [
      'clear for some, masked for the rest',
      [[reads({ read: ['text'] }, yes), reads({ mask: ['text'] })]],
      ['abc', '•••', '•••'],
    ],
    [
      'clear, masked, hidden',
      [[reads({ read: ['text'] }, yes), reads({ mask: ['text'] }, no), all]],
      ['abc', '•••', null],
    ],
    ['one of two masks', [[reads({ read: ['text'] })], [reads({ mask: ['text'] })]], ['•••', '•••', '•••']],
    ['one of two masks some', [[reads({ mask: ['*'] }, no), all], [reads({ read: ['*'] })]], [null, '•••', null]],
  ] as const)
    for (const use of shown)
      t.same(await of(principal(...grants.map((layer) => [...layer])), use), values, `${what}, ${use}`)
  for (const grants of [[[all]], [[reads({ read: ['email'], mask: ['phone'] })]], [[reads({ read: ['text'] })], [all]]])
    t.equal(sight(principal(...grants), probe, 'text'), null, 'hidden: as if it did not exist')
  t.equal(sight(principal([reads({ read: ['*'] })]), probe, 'gone'), null)
  t.not(sight(principal([all]), probe, 'id'), null, 'the id comes with the row')
  t.not(sight(principal([reads({ read: ['own'] })]), probe, 'own.text'), null, 'a field of the tenant’s own')
})

t.test('what is asked of a field is asked of the clear value, in the rows where it is clear', async (t) => {
  const { of } = await three(t)
  for (const use of asked) {
    t.same(await of(principal([reads({ read: ['text'] })]), use), ['abc', 'abc', 'abc'], use)
    t.same(
      await of(principal([reads({ read: ['text'] }, yes), reads({ mask: ['text'] })]), use),
      ['abc', null, null],
      use,
    )
    t.same(await of(principal([reads({ mask: ['text'] })]), use), null, use)
  }
})

t.test('where a mask hides only what was found, what is left is shown and asked for', async (t) => {
  const field = probe.fields.get('text')
  if (!field) return
  const detected = { rest: sql`coalesce(json ->> 'text', text)`, where: sql`json ? 'text'` }
  const found = new Map(
    [...models].map(([name, model]) => [
      name,
      { ...model, fields: new Map([...model.fields, ['text', { ...field, detected }]]) },
    ]),
  )
  const [model] = [...found.values()]
  if (!model) return
  const one = (...grants: object[]): Principal => ({
    ...principal([]),
    ability: Ability.of(
      grants.map((grant) => grantSchema.parse({ resource: 'probes', ...grant })),
      me,
      found,
    ),
  })
  const { of, table } = await three(t, model)
  const masked = one(reads({ mask: ['text'] }))
  const both = one(reads({ read: ['text'] }, yes), reads({ mask: ['text'] }))
  for (const use of [...shown, ...asked]) {
    t.same(await of(masked, use), ['a•c', 'a•c', 'abc'], use)
    t.same(await of(both, use), ['abc', 'a•c', 'abc'], use)
    t.same(await of(one(reads({ read: ['text'] })), use), ['abc', 'abc', 'abc'], use)
  }
  const finds = async (who: Principal, value: string): Promise<unknown> => {
    const { usable, resolve } = filterable(who, model)
    const condition = readCondition({ in: ['text', [value]] }, model, me, usable)
    const rows = await table.query(
      sql`SELECT flag FROM probe WHERE ${conditionSql(condition, resolve)} ORDER BY flag DESC NULLS LAST`,
    )
    return rows.map(({ flag }) => flag)
  }
  t.same(await finds(masked, 'abc'), [null], 'what was hidden is not found')
  t.same(await finds(masked, 'a•c'), [true, false])
  t.same(await finds(both, 'abc'), [true, null])
  const seen = sight(masked, model, 'text')
  t.ok(seen && isAskable(seen))
  t.equal(maskedMatches(masked, model, { op: 'eq', field: 'text', value: 'a' }), 0, 'asking for it tells nothing more')
})

t.test('a condition finds a masked value in the rows where the mask may be seen', async (t) => {
  const { table } = await three(t)
  const finds = async (who: Principal, json: object): Promise<unknown> => {
    const { usable, resolve } = filterable(who, probe)
    const condition = readCondition(json, tenantProbe, me, usable)
    const rows = await table.query(
      sql`SELECT flag FROM probe WHERE ${conditionSql(condition, resolve)} ORDER BY flag DESC NULLS LAST`,
    )
    return rows.map(({ flag }) => flag)
  }
  const phone = { eq: ['phone', '+49 170 12345678'] }
  t.same(await finds(principal([reads({ mask: ['phone'] })]), phone), [true, false, null])
  t.same(await finds(principal([reads({ mask: ['phone'] }, yes), reads({})]), phone), [true])
  t.same(
    await finds(principal([reads({ read: ['phone'] }, yes), reads({ mask: ['phone'] })]), phone),
    [true],
    'of those that are clear somewhere: there',
  )
  t.same(await finds(principal([reads({ read: ['phone'] })]), phone), [true, false, null])
  const { usable, resolve } = filterable(principal([reads({ read: ['*'] })]), probe)
  const masked = filterable(principal([reads({ mask: ['*'] })]), probe)
  const askable = [...probe.fields.values()].filter((field) => masked.usable(field, 'eq')).map(({ name }) => name)
  t.same(askable, ['id', 'text', 'email', 'phone', 'number', 'day'], 'what shows nothing of a value is not asked for')
  const of = (name: string): Field | undefined => tenantProbe.fields.get(name)
  const [text, own] = [of('text'), of('own')]
  t.ok(text && usable(text, 'lt'))
  t.notOk(own && usable(own, 'exists'), 'what is not to be filtered by')
  t.equal(resolve('text'), text, 'what is clear stands for itself')
  t.equal(resolve('gone'), null)
  t.equal(filterable(principal([reads({})]), probe).resolve('text'), null, 'what is hidden for nothing')
})

t.test('each value that is asked of a masked field counts, once', async (t) => {
  const who = principal([reads({ read: ['text'], mask: ['phone', 'email'] })])
  const count = (json: object): number =>
    maskedMatches(
      who,
      probe,
      readCondition(json, tenantProbe, me, () => true),
    )
  t.equal(count({ eq: ['text', 'a'] }), 0, 'clear')
  t.equal(count({ eq: ['number', 1] }), 0, 'hidden')
  t.equal(count({ eq: ['phone', '1'] }), 1)
  t.equal(count({ in: ['phone', ['1', '2', '2']] }), 2)
  t.equal(count({ and: [{ eq: ['phone', '1'] }, { eq: ['email', '1'] }, { eq: ['phone', '1'] }] }), 2)
  t.equal(
    count({ or: [{ not: { eq: ['phone', '1'] } }, { not: { and: [{ eq: ['phone', '2'] }, { eq: ['text', 'a'] }] } }] }),
    2,
  )
})

t.test('each kind of mask is made by its own function', async (t) => {
  const { table } = await three(t)
  const field = probe.fields.get('text')
  if (!field) return
  const shows = async (more: Partial<Field>): Promise<unknown> => {
    const seen = { field: { ...field, ...more }, clear: false, masked: true }
    const [row] = await table.query(sql`SELECT to_jsonb(${fieldSql(seen, 'select') ?? sql`1`}) AS value FROM probe`)
    return row?.value
  }
  t.equal(await shows({ mask: 'phone', value: sql`'+4917012345678'` }), '+49•••••••••78')
  t.equal(await shows({ mask: 'email', value: sql`'anna@example.com'` }), 'a•••@example.com')
  t.equal(await shows({ mask: 'name', value: sql`'Anna Lee'` }), 'A••• L•••')
  t.equal(await shows({ mask: 'text', value: sql`'Anna Lee'` }), '•••')
  t.equal(await shows({ mask: 'number', value: sql`4711` }), 4000)
  t.equal(await shows({ mask: 'date', value: sql`date '1988-04-17'` }), '1988-01-01')
  t.equal(await shows({ mask: 'hidden', value: sql`true` }), null)
  t.equal(await shows({ mask: 'hidden', veil: () => sql`'•'::text` }), '•', 'but where a noun makes it itself')
})

t.test('text is ordered by code point, all else as it is', async (t) => {
  const table = await probeTable(t)
  const [row] =
    await table.query(sql`SELECT pg_collation_for(${comparable({ kind: 'text', value: sql`text` })}) AS text,
    pg_collation_for(${comparable({ kind: 'choice', value: sql`choice` })}) AS choice FROM (SELECT 'a'::text AS text, 'a'::text AS choice) AS one`)
  t.same(row, { text: '"C"', choice: '"C"' })
  const number = sql`number`
  t.equal(comparable({ kind: 'number', value: number }), number)
})

t.test('what holds for every row that is seen is not asked row by row', async (t) => {
  const some = (...grants: object[]): unknown => {
    const { clear, masked } = sight(principal(grants), probe, 'text') ?? {}
    return [clear, masked].map((part) => (typeof part === 'object' ? 'some' : part))
  }
  t.same(some(reads({ read: ['text'] })), [true, false])
  t.same(some(reads({ read: ['text'], mask: ['text'] })), [true, false], 'what is clear is not masked')
  t.same(some(reads({ read: ['text'] }, yes)), [true, false], 'of the rows that are seen')
  t.same(some(reads({ read: ['text'] }, yes), reads({ read: ['text', 'email'] }, no)), [true, false])
  t.same(some(reads({ read: ['text'] }), reads({ read: ['email'] }, no)), [true, false], 'for every row')
  t.same(some(reads({ read: ['text'] }, yes), reads({ read: ['email'] })), ['some', false])
  t.same(some(reads({ read: ['text'] }, yes), reads({ read: ['email'] }, no)), ['some', false])
  t.same(some(reads({ read: ['text'] }, yes), reads({ mask: ['text'] }, no)), ['some', true])
  t.same(some(reads({ mask: ['text'] }, yes)), [false, true])
  t.same(some(reads({ mask: ['text'] }, yes), reads({})), [false, 'some'])
  const field = probe.fields.get('text')
  if (!field) return
  const where = sql`flag`
  const text = (clear: typeof where | boolean, masked: typeof where | boolean, use: Use = 'select'): string =>
    compile(sql`${fieldSql({ field, clear, masked }, use)}`).text
  const [value, veil] = [compile(field.value).text, `app.mask_text(${compile(field.value).text})`]
  t.equal(text(true, false), value)
  t.equal(text(true, false, 'filter'), value)
  t.equal(text(false, true), veil)
  t.equal(text(false, where), `CASE WHEN flag THEN ${veil} END`)
  t.equal(text(where, false), `CASE WHEN flag THEN ${value} END`)
  t.equal(text(where, false, 'filter'), `CASE WHEN flag THEN ${value} END`)
  t.equal(text(where, true), `CASE WHEN flag THEN ${value} ELSE ${veil} END`)
  t.equal(text(where, where), `CASE WHEN flag THEN ${value} WHEN flag THEN ${veil} END`)
  const masked = filterable(principal([reads({ mask: ['phone'] })]), probe)
  t.equal(masked.resolve('phone'), probe.fields.get('phone'), 'a mask over all that is seen')
})

t.test('a tenant’s own field is asked about in the rows where it is clear', async (t) => {
  const table = await probeTable(t)
  const rest = { words: [], ids: [], own: { number: 7 } }
  await table.fill([
    { ...rest, flag: true },
    { ...rest, flag: false },
    { ...rest, own: {}, flag: true },
  ])
  const { usable, resolve } = filterable(principal([reads({ read: ['own.number'] }, yes), reads({})]), probe)
  const count = async (json: object): Promise<unknown> => {
    const condition = readCondition(json, tenantProbe, me, usable)
    return (await table.query(sql`SELECT 1 FROM probe WHERE ${conditionSql(condition, resolve)}`)).length
  }
  t.equal(await count({ eq: ['own.number', 7] }), 1)
  t.equal(await count({ exists: ['own.number', true] }), 1)
  t.equal(await count({ exists: ['own.number', false] }), 2, 'elsewhere it is as if it had no value')
  t.equal(await count({ ne: ['own.number', 8] }), 1)
})
