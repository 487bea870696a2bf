import pg from 'pg'
import type { TestService } from '../../harness/service.ts'

/** Where a record stands for whoever asks; `foreign` is another tenant's. */
export const places = ['near', 'far', 'elsewhere', 'trashed', 'foreign'] as const
export type Place = (typeof places)[number]

/** Ids by resource and place. */
export type Samples = ReadonlyMap<string, ReadonlyMap<Place, string>>

let count = 0

/** An id of a record of the house: UUIDv7 in form, rising, the same in every run. */
export const idOf = (): string => `0199f3a2-7c10-7000-8000-${(++count).toString(16).padStart(12, '0')}`

/** A word that stands nowhere else, letters only but for its end. */
export function word(of: string): string {
  count++
  return `Zq${of}${[...String(count).padStart(5, '0')].map((digit) => 'bcdfghjkmn'[Number(digit)]).join('')}`
}

/** A phone number that nobody else has. */
export const phone = (): string => `+4915${String(1_000_000_000 + ++count * 7_654_321).slice(1)}`

/** Puts a row into a table as its superuser: what is left out has the column's default. */
export async function put(
  { sql }: Pick<TestService, 'sql'>,
  table: string,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const columns = Object.keys(row).map(pg.escapeIdentifier).join()
  await sql(
    `INSERT INTO app.${table} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::app.${table}, $1::jsonb)`,
    [JSON.stringify(row)],
  )
}
