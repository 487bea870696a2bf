import pg from 'pg'
import type { TestService } from '../harness/service.ts'

export interface FilledTable {
  /** "app.contact" */
  name: string
  hasUnit: boolean
  columns: readonly Column[]
}

interface Column {
  name: string
  type: string
  hasDefault: boolean
  notNull: boolean
  /** What a CHECK of this column names as allowed. */
  allowed: string | null
  /** What a CHECK of this column demands as its length. */
  bytes: number | null
}

/** Whose rows: every text in them holds the mark. */
export interface Place {
  tenantId: string
  unitId: string
  mark: string
}

/**
 * Puts two rows of each place into every table that belongs to tenants, found in the catalogue: tables of later days are
 * in it without anybody's doing. By the superuser, past triggers and foreign keys: what the rows mean does not matter.
 */
export async function fillTables({ sql }: TestService, places: readonly Place[]): Promise<FilledTable[]> {
  const found = await sql<{ name: string; columns: Column[] }>(
    `SELECT c.oid::regclass::text AS name, json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL),
       'hasDefault', a.atthasdef OR a.attidentity <> '',
       'notNull', a.attnotnull,
       'allowed', (SELECT substring(pg_get_constraintdef(k.oid) from '''([^'']+)''::text') FROM pg_constraint k
                    WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey) LIMIT 1),
       'bytes', (SELECT substring(pg_get_constraintdef(k.oid) from 'length[(].*[)] = ([0-9]+)')::int FROM pg_constraint k
                    WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey) LIMIT 1)) ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname IN ('app', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    GROUP BY c.oid ORDER BY 1`,
  )
  const tables = found.map((table) => ({
    ...table,
    hasUnit: table.columns.some((column) => column.name === 'business_unit_id'),
  }))
  for (const table of tables)
    for (const place of places)
      for (const row of [1, 2]) {
        const texts = table.columns.filter((column) => column.type === 'text' && !column.notNull)
        const fewest = table.columns.filter((column) => column.notNull || column === texts[0])
        // With everything, or with one text where the columns exclude each other.
        await insert(table, table.columns, place, row).catch(() => insert(table, fewest, place, row))
      }
  await sql('ANALYZE')
  return tables

  async function insert({ name }: FilledTable, columns: readonly Column[], place: Place, row: number): Promise<void> {
    const set = columns.flatMap((column) => {
      const value = madeUp(column, place, row)
      return value === null ? [] : [[pg.escapeIdentifier(column.name), value] as const]
    })
    const values = set.map(([, value]) => value)
    try {
      await sql(`SET session_replication_role = replica; INSERT INTO ${name} (${set.map(([column]) => column)}) VALUES (${values})
        ON CONFLICT DO NOTHING; SET session_replication_role = DEFAULT`)
    } catch (cause) {
      throw new Error(`${name} takes no row of made-up values: teach this file one`, { cause })
    }
  }
}

/** SQL of a value for a column; null where the column's own default will do. */
function madeUp({ name, type, hasDefault, allowed, bytes }: Column, place: Place, row: number): string | null {
  if (name === 'tenant_id') return `'${place.tenantId}'`
  if (name === 'business_unit_id') return `'${place.unitId}'`
  if (hasDefault) return null
  const text = allowed ?? `${place.mark} ${name} ${row}`
  // A shape's id is made of the shape; events name one.
  const shape = `jsonb_build_array(jsonb_build_object('resource', ${pg.escapeLiteral(`${place.mark} shape ${row}`)}::text, 'shown', '[]'::jsonb, 'masked', '[]'::jsonb))`
  if (name === 'shape_id') return `audit.shape_id(${shape})`
  if (name === 'shape' && type === 'jsonb') return shape
  switch (type) {
    case 'uuid':
      return 'gen_random_uuid()'
    case 'text':
      return pg.escapeLiteral(text)
    case 'text[]':
      return `ARRAY[${pg.escapeLiteral(text)}]`
    case 'uuid[]':
      return 'ARRAY[gen_random_uuid()]'
    case 'bytea':
      if (bytes === 32) return `sha256(convert_to(${pg.escapeLiteral(text)}, 'UTF8'))`
      return `convert_to(${pg.escapeLiteral(text)}, 'UTF8')`
    case 'jsonb':
      return `jsonb_build_array(${pg.escapeLiteral(text)}::text)`
    case 'boolean':
      return 'true'
    case 'date':
      return `'2026-01-0${row}'`
    case 'timestamp with time zone':
      return 'now()'
    case 'xid8':
      return `'${row}'::xid8`
    case 'inet':
      return `'192.0.2.${row}'`
    default:
      return String(row)
  }
}

/** Every row of a tenant as text, to see that nothing has become of it. */
export async function rowsOf(
  { sql }: TestService,
  tables: readonly Pick<FilledTable, 'name'>[],
  tenantId: string,
): Promise<Record<string, string[]>> {
  const all = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await sql<{ row: string }>(
        `SELECT each::text AS row FROM ${name} AS each WHERE tenant_id = $1 ORDER BY 1`,
        [tenantId],
      )
      return [name, rows.map(({ row }) => row)] as const
    }),
  )
  return Object.fromEntries(all)
}
