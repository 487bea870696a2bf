import { is } from 'drizzle-orm/entity'
import { Placeholder, type SQL, sql } from 'drizzle-orm/sql/sql'
import { once } from './texts.ts'

export { type SQL, sql }

/** Query text with its parameters; placeholders are filled at each run, so that a text can be kept. */
export interface Compiled {
  text: string
  params: readonly unknown[]
  /** Set for statements that run again and again: the server may parse and plan them once per connection. `asked`: requests shape it. */
  kept?: 'own' | 'asked'
}

const config = {
  // Our columns carry their database names; nothing is derived.
  casing: { getColumnCasing: (column: { name: string }) => column.name } as never,
  escapeName: (name: string) => `"${name.replaceAll('"', '""')}"`,
  escapeParam: (index: number) => `$${index + 1}`,
  escapeString: (text: string) => `'${text.replaceAll("'", "''")}'`,
}

export function compile(query: SQL): Compiled {
  const { sql: text, params } = query.toQuery(config)
  return { text, params }
}

/** SQL as one piece of text, where it holds no parameter: it takes little memory and is compiled again at once. */
export function flat(query: SQL): SQL {
  const { text, params } = compile(query)
  return params.length === 0 ? sql.raw(once(text).text) : query
}

/** A named parameter whose value is given at run time. */
export const named = (name: string): SQL => sql`${sql.placeholder(name)}`

export function fill(compiled: Compiled, values: Readonly<Record<string, unknown>>): unknown[] {
  return compiled.params.map((param) => {
    if (!is(param, Placeholder)) return param
    if (!Object.hasOwn(values, param.name))
      throw new Error(`the statement's placeholder ${param.name} was given no value`)
    return values[param.name]
  })
}

/** A value as a JSON parameter. */
export const json = (value: unknown): SQL => sql`${JSON.stringify(value)}::jsonb`

/** A list as one array parameter of the given type. */
export const array = (values: readonly unknown[], type: 'uuid' | 'text'): SQL =>
  sql`${sql.param([...values])}::${sql.raw(`${type}[]`)}`
