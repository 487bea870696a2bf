import pg from 'pg'
import t from 'tap'
import { freshDatabase } from './database.ts'

t.test('a fresh database is UTF-8, sorts by code point, and goes with its roles', async (t) => {
  let name = ''
  await t.test('while it is used', async (t) => {
    const database = await freshDatabase(t)
    name = database.name
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    const shown = 'SELECT pg_encoding_to_char(encoding) AS encoding, datcollate FROM pg_database WHERE datname = $1'
    t.same((await client.query(shown, [name])).rows, [{ encoding: 'UTF8', datcollate: 'C.UTF-8' }])
    await client.query(`CREATE ROLE ${name}_app LOGIN`)
    await client.query(`CREATE TABLE owned (id int); GRANT SELECT ON owned TO ${name}_app`)
    await client.end()
  })
  const other = await freshDatabase(t)
  const client = new pg.Client({ connectionString: other.url })
  await client.connect()
  const left =
    'SELECT (SELECT count(*) FROM pg_database WHERE datname = $1) + (SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)) AS n'
  t.same((await client.query(left, [name])).rows, [{ n: '0' }])
  await client.end()
})
