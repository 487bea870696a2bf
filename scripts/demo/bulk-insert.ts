import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { PgTable } from 'drizzle-orm/pg-core/table'
import { getTableColumns } from 'drizzle-orm/utils'
import type { Tx } from '../../src/db/database.ts'
import { json, type SQL, sql } from '../../src/db/sql.ts'

/** A row of a table as the code names its columns; what is left out takes the database's default. */
export type NewRow<T extends PgTable> = Partial<T['$inferInsert']>

/** Inserts rows of one shape in one statement. PostgreSQL itself turns the JSON into the columns' types. */
export async function insertAll<T extends PgTable>(tx: Tx, table: T, rows: readonly NewRow<T>[]): Promise<void> {
  const [first] = rows
  if (!first) return
  const columns: Record<string, PgColumn> = getTableColumns(table)
  const names = Object.keys(first).map((key) => {
    const column = columns[key]
    if (!column) throw new Error(`no column for ${key}`)
    return [key, column.name] as const
  })
  const values = rows.map((row) => {
    const given = new Map<string, unknown>(Object.entries(row))
    return Object.fromEntries(names.map(([key, name]) => [name, plain(given.get(key))]))
  })
  const list: SQL = sql.join(
    names.map(([, name]) => sql.identifier(name)),
    sql`, `,
  )
  await tx.query(
    sql`INSERT INTO ${table} (${list}) SELECT ${list} FROM jsonb_populate_recordset(NULL::${table}, ${json(values)})`,
  )
}

/** bytea as PostgreSQL reads it. */
const plain = (value: unknown): unknown => (Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : (value ?? null))
