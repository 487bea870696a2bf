import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { is } from 'drizzle-orm/entity'
import { getTableConfig } from 'drizzle-orm/pg-core'
import { PgTable } from 'drizzle-orm/pg-core/table'
import pg from 'pg'
import t from 'tap'
import { declarations } from '../../src/db/tables/declare.ts'
import { migratedDatabase } from '../harness/database.ts'

const folder = join(import.meta.dirname, '../../src/db/tables')

interface Column {
  type: string
  /** null: a view does not say. */
  notNull: boolean | null
}

/** The tables as the code has them: "app.contact" -> column -> type. */
async function declaredTables(): Promise<Map<string, { columns: Map<string, Column>; keys: string[] }>> {
  const tables = new Map<string, { columns: Map<string, Column>; keys: string[] }>()
  for (const file of readdirSync(folder)) {
    const module: Record<string, unknown> = await import(join(folder, file))
    for (const table of Object.values(module)) {
      if (!is(table, PgTable)) continue
      const { schema, name, columns } = getTableConfig(table)
      tables.set(`${schema}.${name}`, {
        columns: new Map(columns.map((one) => [one.name, { type: one.getSQLType(), notNull: one.notNull }])),
        keys: Object.entries(table).flatMap(([key, value]) =>
          columns.some((column) => column === value) ? [key] : [],
        ),
      })
    }
  }
  return tables
}

t.test('the migrated database and the code agree', async (t) => {
  const { url } = await migratedDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const rows = async (text: string): Promise<Record<string, unknown>[]> => (await client.query(text)).rows
  const ours = `n.nspname IN ('app', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition`
  const declared = await declaredTables()

  await t.test('on tables, columns, types and what may be missing', async (t) => {
    const found = new Map<string, Map<string, Column>>()
    for (const row of await rows(`SELECT n.nspname || '.' || c.relname AS table, a.attname AS name,
        format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null, c.relkind = 'v' AS is_view
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE ${ours.replace("'p'", "'p', 'v'")} AND a.attnum > 0 AND NOT a.attisdropped`)) {
      const table = String(row.table)
      if (!found.has(table)) found.set(table, new Map())
      found
        .get(table)
        ?.set(String(row.name), { type: String(row.type), notNull: row.is_view ? null : row.not_null === true })
    }
    t.ok(found.size > 20)
    t.same([...declared.keys()].sort(), [...found.keys()].sort(), 'the same tables')
    for (const [name, { columns }] of declared) {
      const isView = [...(found.get(name)?.values() ?? [])].some((column) => column.notNull === null)
      const sorted = (all: Map<string, Column> | undefined): unknown[] =>
        [...(all ?? [])].map(([column, one]) => [column, isView ? one.type : one]).sort()
      t.same(sorted(columns), sorted(found.get(name)), name)
    }
  })

  await t.test('and every column says what it holds', async (t) => {
    for (const [name, { keys }] of declared) {
      const declaration = declarations.get(name.replace(/^app\./, ''))
      t.same(Object.keys(declaration?.columns ?? {}).sort(), [...keys].sort(), name)
      if (declaration?.subject) t.ok(keys.includes(declaration.subject), `${name} leads to its contact`)
    }
    t.equal(declarations.size, declared.size)
  })

  await t.test('every table begins with its tenant, in every key', async (t) => {
    const keys =
      await rows(`SELECT n.nspname || '.' || c.relname AS table, i.relname AS index, x.indisprimary AS is_primary,
        (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = x.indkey[0]) AS first
        FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${ours} AND (x.indisunique OR x.indisprimary)`)
    for (const key of keys) t.equal(key.first, 'tenant_id', `${key.index}`)
    const primary = new Set(keys.filter((key) => key.is_primary).map((key) => key.table))
    const views = (
      await rows(`SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('app', 'audit') AND c.relkind = 'v'`)
    ).map((row) => String(row.name))
    const stored = [...declared.keys()].filter((name) => !views.includes(name))
    t.same([...primary].sort(), stored.sort(), 'every table has a primary key')

    const foreign = await rows(`SELECT k.conname AS name,
        (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]) AS from,
        (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) AS to, k.confdeltype AS on_delete
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE ${ours} AND k.contype = 'f'`)
    t.ok(foreign.length > 20)
    for (const key of foreign) {
      t.same([key.from, key.to], ['tenant_id', 'tenant_id'], `${key.name}`)
      t.equal(key.on_delete, 'a', `${key.name} cascades nothing`)
    }
  })

  await t.test('and stands under row-level security that binds its owner too', async (t) => {
    const found =
      await rows(`SELECT n.nspname || '.' || c.relname AS table, c.relrowsecurity AND c.relforcerowsecurity AS forced,
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_unit_id') AS has_unit,
        (SELECT json_agg(json_build_object('using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid), 'command', p.polcmd))
           FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('app', 'audit') AND c.relkind IN ('r', 'p')`)
    t.ok(
      found.some((one) => one.table === 'audit.event_default'),
      'partitions are looked at too',
    )
    for (const { table, forced, has_unit, policies } of found) {
      t.equal(forced, true, `${table}`)
      t.match(
        policies,
        [{ command: '*', using: /tenant_id = .*app\.tenant/, check: /tenant_id = .*app\.tenant/ }],
        `${table}`,
      )
      const inUnits = /app\.units.*business_unit_id/s
      if (has_unit) t.match(policies, [{ using: inUnits, check: inUnits }])
      t.notMatch(JSON.stringify(policies), /SELECT/, 'a distributed database refuses sub-selects here')
    }
  })
})
