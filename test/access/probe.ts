import { randomUUID } from 'node:crypto'
import { pgTable } from 'drizzle-orm/pg-core'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { date } from 'drizzle-orm/pg-core/columns/date'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { numeric } from 'drizzle-orm/pg-core/columns/numeric'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { timestamp } from 'drizzle-orm/pg-core/columns/timestamp'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import fc from 'fast-check'
import pg from 'pg'
import { z } from 'zod'
import type { Me } from '../../src/access/condition.ts'
import { customFields, tenantModels } from '../../src/access/custom-field.ts'
import { defineResource } from '../../src/access/define.ts'
import { compile, type SQL, sql } from '../../src/db/sql.ts'
import { exactEmail, exactPhone } from '../../src/resources/values.ts'
import { migratedDatabase } from '../harness/database.ts'
import { createProbeValues, definitions, probeValues, valueRows } from './probe-custom.ts'

/** A table with a column of every kind that a condition can name, and rows and conditions that meet at its edges. */
const table = pgTable('probe', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  text: text('text'),
  choice: text('choice'),
  email: text('email'),
  phone: text('phone'),
  other: uuid('other'),
  number: numeric('number'),
  flag: boolean('flag'),
  time: timestamp('time', { withTimezone: true, mode: 'string' }),
  day: date('day', { mode: 'string' }),
  words: text('words').array().notNull(),
  ids: uuid('ids').array().notNull(),
  json: jsonb('json'),
})

export const probe = defineResource({
  name: 'probes',
  title: 'Probe',
  description: 'What conditions are tried on.',
  table,
  tenant: table.tenantId,
  id: table.id,
  custom: customFields('own', probeValues, { tenant: table.tenantId, id: table.id, record: probeValues.probeId }),
  fields: {
    id: { column: table.id, schema: z.uuid() },
    text: { column: table.text, schema: z.string() },
    choice: { column: table.choice, kind: 'choice', schema: z.string() },
    email: { column: table.email, schema: z.string(), exact: exactEmail, mask: 'email' },
    phone: { column: table.phone, schema: z.string(), exact: exactPhone, mask: 'phone' },
    other: { column: table.other, schema: z.uuid() },
    number: { column: table.number, schema: z.number() },
    flag: { column: table.flag, schema: z.boolean() },
    time: { column: table.time, schema: z.string() },
    day: { column: table.day, schema: z.string() },
    words: { column: table.words, schema: z.array(z.string()) },
    ids: { column: table.ids, schema: z.array(z.uuid()) },
    json: { column: table.json, schema: z.unknown() },
    own: { value: sql`'{}'::jsonb`, kind: 'json', filter: false, schema: z.unknown() },
  },
})

/** As a tenant has it that has defined fields of its own. */
export const models = tenantModels(new Map([[probe.name, probe]]), definitions)
export const tenantProbe = models.get(probe.name) ?? probe

const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()]
export const me: Me = { id: one, teamIds: [two, three], businessUnitIds: [], countries: ['DE', 'ä'] }

const texts = [
  ...[
    '',
    ' ',
    'a',
    'A',
    'aa',
    'ä',
    'a\u0308',
    'Ä',
    'b',
    'ß',
    'ss',
    'SS',
    'i',
    'I',
    'İ',
    'ı',
    'σ',
    'ς',
    'Σ',
    'z',
    'zz',
    'DE',
  ],
  ...[
    '1',
    '9',
    '10',
    '010',
    '1e1',
    '-1',
    'null',
    'true',
    '%',
    '_',
    '\\',
    "o'x",
    '"',
    '$me.id',
    '\u0001',
    '\t',
    '\u00a0',
  ],
  // Above the surrogates and beyond the first plane: by code unit they sort the other way round.
  ...['\uffff', '\u{10000}', '🙂', '🙂🙂', '王小明', 'さくら', 'สมชาย', 'محمد', '👨‍👩‍👧'],
]
const emails = [
  'anna@example.com',
  'ANNA@example.com',
  'anna@EXAMPLE.com',
  'İ@x.de',
  'i@x.de',
  'ΟΔΟΣ@x.de',
  'οδος@x.de',
  'ä@x.de',
  'Ä@x.de',
]
const phones = [
  '+4917012345678',
  '+491701234567',
  '+49170 12345678',
  '004917012345678',
  '+49 (170) 123-456.78',
  '49170',
  '',
]
const numbers = [
  0,
  -0,
  1,
  -1,
  2,
  9,
  10,
  0.1,
  0.2,
  0.30000000000000004,
  1e-7,
  5e-324,
  123456.789,
  2 ** 53,
  1e15,
  1e21,
  -1e21,
]
const uuids = [one, two, three, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
const stored = [
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.1Z',
  '2026-01-01T00:00:00.100001Z',
  '2026-01-01T00:00:00.999999Z',
  '2026-01-01T00:00:01Z',
  '1969-12-31T23:59:59.5Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999Z',
  '2026-03-29T01:30:00Z',
]
const times = [
  ...stored,
  '2026-01-01T01:00:00+01:00',
  '2025-12-31T19:30:00-04:30',
  '2026-01-01T00:00:00.1000005Z',
  '2026-01-01T00:00:00.9999995Z',
  '2026-01-01T00:00:00.99999949Z',
  '2026-01-01t00:00:00z',
  '2026-01-01T00:00:00.000000000001Z',
]
const days = ['2026-01-01', '2025-12-31', '2024-02-29', '0001-01-01', '9999-12-31', '1969-12-31']

const from = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 4 })
const listOf = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(values, { maxLength: 3 })
const anyText = fc.oneof(
  { weight: 4, arbitrary: from(texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }).filter(storable) },
)

function storable(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0')
}

export type ProbeRow = Record<string, unknown>

export const rowOf: fc.Arbitrary<ProbeRow> = fc.record({
  text: orNull(anyText),
  choice: orNull(from(['lead', 'customer', 'LEAD', ''])),
  email: orNull(from(emails)),
  phone: orNull(from(phones)),
  other: orNull(from(uuids)),
  number: orNull(from(numbers)),
  flag: orNull(fc.boolean()),
  time: orNull(from(stored)),
  day: orNull(from(days)),
  words: listOf(anyText),
  ids: listOf(from(uuids)),
  json: from([null, {}, [], [1], { a: 1 }, 'x', 0, false]),
  own: fc.record(
    {
      text: fc.oneof(anyText, fc.constant('a'.repeat(150)), fc.constant(`${'a'.repeat(149)}b`)),
      pick: from(['lead', 'customer']),
      number: from(numbers),
      money: from([0, 1, -1, 12_000]).map((amount) => ({ amount, currency: 'EUR' })),
      flag: fc.boolean(),
      day: from(days),
      words: listOf(anyText),
      other: from(uuids),
    },
    { requiredKeys: [] },
  ),
})

/** Values to compare a field with, by its name; some written as people write them. */
const values: Record<string, fc.Arbitrary<unknown>> = {
  text: fc.oneof(anyText, fc.constant('$me.id')),
  choice: from(['lead', 'customer', 'former']),
  email: from([...emails, 'Anna@Example.Com', '']),
  phone: from([...phones, '+49170', '0170 12345678']),
  other: from([...uuids, ...uuids.map((id) => id.toUpperCase()), '$me.id']),
  number: from([...numbers, 1.5, 1e300]),
  flag: fc.boolean(),
  time: from(times),
  day: from(days),
  words: anyText,
  ids: from([...uuids, ...uuids.map((id) => id.toUpperCase()), '$me.id']),
  'own.text': fc.oneof(anyText, fc.constant('a'.repeat(150)), fc.constant('$me.id')),
  'own.pick': from(['lead', 'customer', 'former']),
  'own.number': from([...numbers, 1.5]),
  'own.money': from([0, 1, -1, 12_000, 1.5]),
  'own.flag': fc.boolean(),
  'own.day': from(days),
  'own.words': anyText,
  'own.other': from([...uuids, '$me.id']),
}
const myLists: Record<string, string[]> = {
  text: ['$me.countries'],
  words: ['$me.countries'],
  other: ['$me.teamIds', '$me.businessUnitIds'],
  ids: ['$me.teamIds', '$me.businessUnitIds'],
  'own.text': ['$me.countries'],
  'own.words': ['$me.countries'],
  'own.other': ['$me.teamIds'],
}

const leaf: fc.Arbitrary<object> = from(Object.keys(values)).chain((name) => {
  const kind = name.replace('own.', '')
  const value = values[name] ?? fc.constant(null)
  const compared = ['eq', 'ne']
  if (['text', 'email', 'phone', 'number', 'money', 'time', 'day'].includes(kind))
    compared.push('lt', 'lte', 'gt', 'gte')
  if (['text', 'email', 'phone'].includes(kind)) compared.push('startsWith')
  const list = fc.oneof(fc.array(value, { maxLength: 3 }), ...(myLists[name] ?? []).map((mine) => fc.constant(mine)))
  return fc.oneof(
    { weight: 5, arbitrary: fc.tuple(from(compared), value).map(([op, right]) => ({ [op]: [name, right] })) },
    ...(kind === 'flag' ? [] : [{ weight: 2, arbitrary: list.map((right) => ({ in: [name, right] })) }]),
    { weight: 1, arbitrary: fc.boolean().map((right) => ({ exists: [name, right] })) },
    { weight: 1, arbitrary: fc.boolean().map((right) => ({ exists: ['json', right] })) },
  )
})

/** Conditions as they stand in grants and searches. */
export const conditionOf: fc.Arbitrary<object> = fc.letrec<{ node: object }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: tie('node').map((of) => ({ not: of })) },
    { weight: 1, arbitrary: fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((of) => ({ and: of })) },
    { weight: 1, arbitrary: fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((of) => ({ or: of })) },
  ),
})).node

/** The values of a row that the tenant's own fields have; an empty list is none. */
function ownOf({ own }: ProbeRow): Record<string, unknown> {
  const all = typeof own === 'object' && own !== null ? Object.entries(own) : []
  return Object.fromEntries(all.filter(([, value]) => !Array.isArray(value) || value.length > 0))
}

export interface ProbeTable {
  /** Replaces the rows; gives them back in clear, as decisions in memory see rows. */
  fill(rows: readonly ProbeRow[]): Promise<ProbeRow[]>
  query(statement: SQL): Promise<ProbeRow[]>
}

/** Temporary tables, so that a database may be shared: scripts/mutation.ts names one that is migrated already. */
export async function probeTable(t: { teardown(end: () => Promise<void>): unknown }): Promise<ProbeTable> {
  const url = process.env.TEST_PROBE_DATABASE ?? (await migratedDatabase(t)).url
  const client = new pg.Client({ connectionString: url, options: '-c TimeZone=UTC' })
  await client.connect()
  t.teardown(() => client.end())
  await client.query(`CREATE TEMPORARY TABLE probe (tenant_id uuid, id uuid, text text, choice text, email text, phone text, other uuid,
    number numeric, flag boolean, time timestamptz, day date, words text[] NOT NULL, ids uuid[] NOT NULL, json jsonb)`)
  await client.query(createProbeValues)
  return {
    fill: async (rows) => {
      const all = rows.map((row) => ({ ...row, tenant_id: one, id: randomUUID() }))
      await client.query('TRUNCATE probe, probe_value')
      await client.query('INSERT INTO probe SELECT * FROM jsonb_populate_recordset(NULL::probe, $1::jsonb)', [
        JSON.stringify(all),
      ])
      const kept = all.flatMap((row) => valueRows(one, row.id, ownOf(row)))
      await client.query(
        'INSERT INTO probe_value SELECT * FROM jsonb_populate_recordset(NULL::probe_value, $1::jsonb)',
        [JSON.stringify(kept)],
      )
      const owns = new Map<unknown, unknown>(all.map((row) => [row.id, ownOf(row)]))
      const { rows: clear } = await client.query<{ row: ProbeRow }>(
        'SELECT row_to_json(p) AS row FROM probe p ORDER BY id',
      )
      return clear.map(({ row }) => ({ ...row, own: owns.get(row.id) }))
    },
    query: async (statement) => {
      const { text: query, params } = compile(statement)
      return (await client.query(query, [...params])).rows
    },
  }
}
