import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import { customType } from 'drizzle-orm/pg-core/columns/custom'
import { timestamp } from 'drizzle-orm/pg-core/columns/timestamp'
import { pgSchema } from 'drizzle-orm/pg-core/schema'
import type { PgTable } from 'drizzle-orm/pg-core/table'

export const app = pgSchema('app')

/** PostgreSQL bytea as a Buffer. */
export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** A point in time; travels as an RFC 3339 string in UTC. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' })

/**
 * What a column holds, said once, beside the column. Logs, exports, erasure and access requests read it.
 * - category: what kind of data it is
 * - sensitivity: what a leak would mean; `secret` never leaves the service
 * - origin: provided by the person, observed by the hub, inferred from other data, or made by the system
 */
export interface Declaration {
  category:
    | 'key'
    | 'system'
    | 'configuration'
    | 'staff'
    | 'identification'
    | 'contact'
    | 'profile'
    | 'behaviour'
    | 'content'
  sensitivity: 'none' | 'internal' | 'personal' | 'secret'
  origin: 'provided' | 'observed' | 'inferred' | 'system'
}

const declaration = (
  category: Declaration['category'],
  sensitivity: Declaration['sensitivity'],
  origin: Declaration['origin'],
): Declaration => ({ category, sensitivity, origin })

export const key = declaration('key', 'none', 'system')
export const system = declaration('system', 'none', 'system')
export const configuration = declaration('configuration', 'internal', 'provided')
export const secret = declaration('configuration', 'secret', 'system')
/** About the people who work with the hub. */
export const staff = declaration('staff', 'personal', 'provided')
/** About the contact: who they are, how they are reached, what is known of them, what they do, what they said. */
export const identification = declaration('identification', 'personal', 'provided')
export const reach = declaration('contact', 'personal', 'provided')
export const profile = declaration('profile', 'personal', 'provided')
export const behaviour = declaration('behaviour', 'personal', 'observed')
export const inferred = declaration('behaviour', 'personal', 'inferred')
export const content = declaration('content', 'personal', 'provided')

export interface TableDeclaration {
  /** The column that leads from a row to its contact; null where rows belong to no contact. */
  subject: string | null
  /** Set where that column names a row of this table, which leads on to the contact. */
  through: PgTable | null
  columns: Readonly<Record<string, Declaration>>
}

export const declarations = new Map<string, TableDeclaration>()
const byTable = new Map<PgTable, TableDeclaration>()

/** Declares every column of a table; the compiler refuses one that is left out. */
export function declare<T extends PgTable>(
  name: string,
  table: T,
  subject: (keyof Columns<T> & string) | null,
  columns: { [K in keyof Columns<T>]: Declaration },
  through: PgTable | null = null,
): void {
  const declaration = { subject, through, columns: columns as Record<string, Declaration> }
  declarations.set(name, declaration)
  byTable.set(table, declaration)
}

/** What a table's columns hold, and the column that leads to the contact. */
export function declarationOf(table: PgTable): TableDeclaration {
  const declaration = byTable.get(table)
  if (!declaration) throw new Error('a table that says nothing of its columns')
  return declaration
}

type Columns<T> = { [K in keyof T as T[K] extends PgColumn ? K : never]: T[K] }
