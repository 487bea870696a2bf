import { randomInt, randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { expand, type ShapePart } from '../../src/audit/touched.ts'
import { touchedValues } from '../../src/db/audit-event.ts'
import { migratedDatabase } from '../harness/database.ts'
import { sized } from '../harness/size.ts'

const some = (max: number, min = 0): number[] => Array.from({ length: randomInt(min, max + 1) }, (_, i) => i)
const resources = ['contacts', 'messages', 'identities', 'conversations']

/** What a request might have touched, contacts among it or not. */
function anything() {
  const known = some(4, 1).map(() => randomUUID())
  const one = (): string => known[randomInt(known.length)] ?? randomUUID()
  return some(4).map(() => ({
    resource: resources[randomInt(resources.length)] ?? 'contacts',
    ids: some(3).map(() => (randomInt(2) === 0 ? one() : randomUUID())),
    shown: some(2).map((i) => `field${i}`),
    masked: some(1).map((i) => `veiled${i}`),
    ...(randomInt(2) === 0 ? { changed: some(2).map((i) => `field${i}`) } : {}),
    ...(randomInt(2) === 0 ? { version: randomInt(9) } : {}),
    subjectIds: some(3).map(() => (randomInt(4) === 0 ? null : one())),
  }))
}

t.test('what was touched is the same before it is stored, in memory and in the database’s own view', async (t) => {
  const { url } = await migratedDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const sorted = (ids: readonly string[]): string[] => [...ids].sort()
  for (let i = 0; i < sized(300, 5_000); i++) {
    const touched = anything()
    const { shape, ids, counts, versions } = touchedValues(touched, 'allowed', null)
    const { rows } = await client.query(
      `SELECT s AS shape, i AS ids, c AS counts, v AS versions, audit.touched(s, i, c, v) AS touched, audit.subjects(s, i, c) AS subjects, audit.shape_id(s) AS id
         FROM (SELECT $1::jsonb AS s, $2::uuid[] AS i, $3::int[] AS c, $4::int[] AS v) AS stored`,
      [shape, ids, counts, versions],
    )
    const [row] = rows
    const memory = expand(row.shape as ShapePart[], row.ids, row.counts, row.versions)
    const given = touched.map(({ subjectIds: _, ...part }) => part)
    const concerned = new Set([
      ...touched.flatMap((part) => (part.resource === 'contacts' ? part.ids : [])),
      ...touched.flatMap((part) => part.subjectIds).filter((id) => id !== null),
    ])
    if (
      !t.same(memory.touched, given) ||
      !t.same(row.touched, given) ||
      !t.same(sorted(memory.subjectIds), sorted([...concerned])) ||
      !t.same(sorted(row.subjects), sorted([...concerned]))
    )
      return
    t.match(row.id, /^[0-9a-f-]{36}$/)
  }
})

t.test('what a refused request named and is no id is left out', async (t) => {
  const id = randomUUID()
  const { ids, rowCount } = touchedValues(
    [{ resource: 'contacts', ids: [id, '-'.repeat(36), 'x', id.toUpperCase()] }],
    'denied',
    'not_found',
  )
  t.same([ids, rowCount], [[id], 1])
})
