import t from 'tap'
import { literal, literals } from '../../src/access/literal.ts'
import { compile, sql } from '../../src/db/sql.ts'
import { probeTable } from './probe.ts'

t.test('a value in the text of a statement is that value and nothing else', async (t) => {
  t.equal(literal('a'), `'a'`)
  t.equal(literal(''), `''`)
  t.equal(literal("o'x"), `'o''x'`)
  t.equal(literal('a\\b'), ` E'a\\\\b'`)
  t.equal(literal("'\\'"), ` E'''\\\\'''`)
  t.equal(literal(1.5), '1.5')
  t.equal(literal(true), 'true')
  t.equal(compile(sql`${literals(['a', 'b'])}`).text, `ARRAY['a', 'b']`)
  t.equal(compile(sql`${literals([])}`).text, 'ARRAY[]')
})

t.test('whatever the database takes a backslash for', async (t) => {
  const table = await probeTable(t)
  const values = ["'", "''", '\\', "\\'", "'\\", "'; --", '$1', '%', '\n', 'ä', "\\'; DROP TABLE probe; --"]
  for (const setting of ['on', 'off']) {
    await table.query(sql.raw(`SET standard_conforming_strings = ${setting}`))
    for (const value of values) {
      const [row] = await table.query(
        sql`SELECT ${sql.raw(literal(value))}::text AS one, ${literals([value, 'b'])}::text[] AS list`,
      )
      t.same(row, { one: value, list: [value, 'b'] }, `${value} with ${setting}`)
    }
  }
})
