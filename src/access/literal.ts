import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Scalar } from './condition.ts'

/**
 * A value of a role's condition as part of the statement's text. Such values stay as long as the ability does, and the
 * planner must know them: behind a parameter it takes one country for as many rows as twenty. Values of requests never
 * come here, they are parameters.
 */
export function literal(value: Scalar): string {
  if (typeof value !== 'string') return String(value)
  // Whatever standard_conforming_strings says, a backslash stands for itself.
  const escaped = value.replaceAll("'", "''").replaceAll('\\', '\\\\')
  return value.includes('\\') ? ` E'${escaped}'` : `'${escaped}'`
}

export const literals = (values: readonly Scalar[]): SQL => sql.raw(`ARRAY[${values.map(literal).join(', ')}]`)
