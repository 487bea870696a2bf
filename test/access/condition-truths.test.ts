import t from 'tap'
import { holds, readCondition } from '../../src/access/condition.ts'
import { conditionSql } from '../../src/access/condition-sql.ts'
import { sql } from '../../src/db/sql.ts'
import { me, type ProbeRow, tenantProbe as probe, probeTable } from './probe.ts'

const read = (json: unknown) => readCondition(json, probe, me, () => true)
const fieldOf = (name: string) => probe.fields.get(name) ?? null
const uuid = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'

const rows: ProbeRow[] = [
  {
    tag: 'a',
    text: 'a',
    choice: 'x',
    number: 1,
    flag: false,
    day: '2026-01-01',
    time: '2026-01-01T00:00:00.000001Z',
    words: ['a'],
    ids: [uuid],
    other: uuid,
    phone: '+4917012345678',
    email: 'A@x.de',
  },
  {
    tag: 'b',
    text: 'b',
    choice: 'y',
    number: 2,
    flag: true,
    day: '2026-01-02',
    time: '2026-01-01T00:00:00.000002Z',
    words: ['a', 'b'],
    ids: [],
    other: me.id,
    phone: '+4917099999999',
    email: 'b@x.de',
  },
  {
    tag: 'c',
    text: 'Z',
    choice: '',
    number: 10,
    flag: true,
    day: '2026-01-10',
    time: '2026-01-02T00:00:00Z',
    words: ['b', 'c'],
    ids: [me.id, uuid],
    other: null,
    phone: '',
    email: '',
  },
  { tag: '0', text: null, words: [], ids: [] },
]
const truths: [object, string][] = [
  [{ eq: ['text', 'a'] }, 'a'],
  [{ ne: ['text', 'a'] }, 'bc'],
  [{ lt: ['text', 'a'] }, 'c'],
  [{ lte: ['text', 'a'] }, 'ac'],
  [{ gt: ['text', 'a'] }, 'b'],
  [{ gte: ['text', 'a'] }, 'ab'],
  [{ startsWith: ['text', 'a'] }, 'a'],
  [{ startsWith: ['text', ''] }, 'abc'],
  [{ in: ['text', ['b', 'Z']] }, 'bc'],
  [{ in: ['text', []] }, ''],
  [{ exists: ['text', true] }, 'abc'],
  [{ exists: ['text', false] }, '0'],
  [{ eq: ['choice', ''] }, 'c'],
  [{ lt: ['number', 2] }, 'a'],
  [{ lte: ['number', 2] }, 'ab'],
  [{ gt: ['number', 2] }, 'c'],
  [{ gte: ['number', 2] }, 'bc'],
  [{ ne: ['number', 2] }, 'ac'],
  [{ in: ['number', [2, 10]] }, 'bc'],
  [{ eq: ['flag', true] }, 'bc'],
  [{ ne: ['flag', true] }, 'a'],
  [{ lt: ['day', '2026-01-02'] }, 'a'],
  [{ gte: ['day', '2026-01-02'] }, 'bc'],
  [{ eq: ['time', '2026-01-01T00:00:00.000002Z'] }, 'b'],
  [{ gt: ['time', '2026-01-01T00:00:00.000001Z'] }, 'bc'],
  [{ lte: ['time', '2026-01-01T00:00:00.000001Z'] }, 'a'],
  [{ lt: ['time', '2026-01-01T01:00:00.000002+01:00'] }, 'a'],
  [{ in: ['time', ['2026-01-02T00:00:00Z']] }, 'c'],
  [{ eq: ['words', 'a'] }, 'ab'],
  [{ ne: ['words', 'a'] }, 'bc'],
  [{ in: ['words', ['a', 'c']] }, 'abc'],
  [{ in: ['words', ['c', 'd']] }, 'c'],
  [{ in: ['words', []] }, ''],
  [{ exists: ['words', true] }, 'abc'],
  [{ exists: ['words', false] }, '0'],
  [{ eq: ['ids', uuid] }, 'ac'],
  [{ ne: ['ids', uuid.toUpperCase()] }, 'c'],
  [{ in: ['ids', ['$me.id']] }, 'c'],
  [{ exists: ['ids', true] }, 'ac'],
  [{ exists: ['ids', false] }, 'b0'],
  [{ eq: ['other', '$me.id'] }, 'b'],
  [{ ne: ['other', '$me.id'] }, 'a'],
  [{ in: ['other', [uuid, '$me.id']] }, 'ab'],
  [{ eq: ['phone', '+49 170 12345678'] }, 'a'],
  [{ ne: ['phone', '+49 170 12345678'] }, 'bc'],
  [{ in: ['phone', ['+49 170 12345678', '+49 170 99999999']] }, 'ab'],
  [{ gt: ['phone', '+4917050000000'] }, 'b'],
  [{ startsWith: ['phone', '+49170'] }, 'ab'],
  [{ exists: ['phone', true] }, 'abc'],
  [{ eq: ['email', 'a@X.DE'] }, 'a'],
  [{ ne: ['email', 'a@X.DE'] }, 'bc'],
  [{ not: { eq: ['text', 'a'] } }, 'bc0'],
  [{ not: { in: ['text', []] } }, 'abc0'],
  [{ and: [{ gt: ['number', 1] }, { eq: ['words', 'a'] }] }, 'b'],
  [{ or: [{ eq: ['number', 1] }, { eq: ['words', 'c'] }] }, 'ac'],
]
// The tenant's own fields decide as the resource's own do.
const kinds: Readonly<Record<string, string>> = {
  text: 'text',
  choice: 'pick',
  number: 'number',
  flag: 'flag',
  day: 'day',
  words: 'words',
  other: 'other',
}
const own = ({ tag, ...row }: ProbeRow): ProbeRow => ({
  tag,
  words: [],
  ids: [],
  own: Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => (kinds[name] && value !== null ? [[kinds[name], value]] : [])),
  ),
})
const turned = (json: object): object | null => {
  const names = [...JSON.stringify(json).matchAll(/\["(\w+)",/g)]
    .map(([, name = '']) => name)
    .filter((name) => probe.fields.has(name))
  if (names.some((name) => !kinds[name])) return null
  return JSON.parse(
    JSON.stringify(json).replaceAll(/\["(\w+)",/g, (text, name) => (kinds[name] ? `["own.${kinds[name]}",` : text)),
  )
}

t.test('a comparison is true of the rows of which it says so, in memory and in SQL', async (t) => {
  const table = await probeTable(t)
  for (const [stored, all] of [
    [rows, truths],
    [rows.map(own), truths.flatMap(([json, tags]) => (turned(json) ? [[turned(json), tags]] : []))],
  ] as [ProbeRow[], [object, string][]][]) {
    // A tag in a column that no condition here names.
    const filled = await table.fill(stored.map(({ tag, ...row }) => ({ ...row, json: { tag } })))
    const tagOf = (row: ProbeRow | undefined): string => JSON.parse(JSON.stringify(row?.json)).tag
    const columns = all.map(
      ([json], i) => sql`(${conditionSql(read(json), fieldOf)}) IS TRUE AS ${sql.identifier(`c${i}`)}`,
    )
    const found = await table.query(sql`SELECT json, ${sql.join(columns, sql`, `)} FROM probe`)
    for (const [i, [json, tags]] of all.entries()) {
      const inMemory = filled.filter((row) => holds(read(json), probe, row)).map(tagOf)
      const inSql = found.filter((row) => row[`c${i}`]).map(tagOf)
      const wanted = [...tags].toSorted()
      t.same([inMemory.toSorted(), inSql.toSorted()], [wanted, wanted], JSON.stringify(json))
    }
  }
})
