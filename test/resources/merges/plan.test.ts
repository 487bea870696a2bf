import pg from 'pg'
import t from 'tap'
import { contacts } from '../../../src/resources/contacts/schema.ts'
import { eitherFields, otherFields, singleFields } from '../../../src/resources/merges/fields.ts'
import { mergePlan } from '../../../src/resources/merges/move.ts'
import { migratedDatabase } from '../../harness/database.ts'

t.test('every table that leads to a contact has its place in a merge', async (t) => {
  const { url } = await migratedDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT c.relname AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'f' AND k.confrelid = 'app.contact'::regclass`,
  )
  const leading = rows.map((row) => row.name).sort()
  t.ok(leading.length > 10)
  t.same(Object.keys(mergePlan).sort(), leading)
})

t.test('every field that a contact can be given has its place in a merge', async (t) => {
  const known = new Set<string>([...singleFields, ...eitherFields, ...otherFields])
  const own = Object.entries(contacts.definitions).flatMap(([name, { write }]) => (write ? [name] : []))
  t.same(
    own.filter((name) => !known.has(name)),
    [],
  )
  t.same(
    [...known].filter((name) => !(name in contacts.definitions)),
    [],
  )
})
