import { createHash } from 'node:crypto'
import type { Compiled } from './sql.ts'

/** A plan of a statement of ours takes some 100 kB of the server's memory, per connection. */
const statementsMax = 100
/** Of these, for statements that requests shape (filters): a client that asks for everything must not take all. */
const askedForMax = 40
/** So many runs make a statement worth its place. */
const usesMin = 20

/** What a pooler that does not carry prepared statements answers: unknown, or there already; and a plan out of date. */
const lost = new Set(['26000', '42P05', '0A000'])

/**
 * Names the statements that are kept, so that each connection parses and plans them once: half of a small read's time
 * in the database. A name is the hash of its text, so a connection that knows the name knows the same statement. Behind
 * a pooler that cannot carry them (PgBouncer before 1.21, or with max_prepared_statements = 0) the first loss turns
 * naming off for good.
 */
export class PreparedStatements {
  readonly #names = new Map<string, string>()
  readonly #uses = new Map<string, number>()
  #askedFor = 0
  #isOn = true

  name(statement: Compiled): Compiled {
    let name = this.#names.get(statement.text)
    if (!name && this.#names.size < statementsMax) {
      name = `c_${createHash('sha256').update(statement.text).digest('base64url').slice(0, 20)}`
      this.#names.set(statement.text, name)
    }
    return name ? { ...statement, name } : statement
  }

  /** Counts a run of a statement that requests shape, and names it once it is used often. */
  used(statement: Compiled): Compiled {
    const { text } = statement
    if (this.#names.has(text)) return this.name(statement)
    const uses = (this.#uses.get(text) ?? 0) + 1
    if (uses < usesMin || this.#askedFor >= askedForMax) {
      if (this.#uses.size >= 1_000) this.#uses.clear()
      this.#uses.set(text, uses)
      return statement
    }
    this.#uses.delete(text)
    this.#askedFor++
    return this.name(statement)
  }

  /** What pg takes: with the name while names work. */
  query(statement: Compiled, values: unknown[]): { text: string; values: unknown[]; name?: string } {
    return { text: statement.text, values, ...(this.#isOn && statement.name ? { name: statement.name } : {}) }
  }

  /** Whether this error means that a name was lost; from then on none is used, and the read can be run again. */
  isLost(error: unknown): boolean {
    if (!this.#isOn || !(error instanceof Error) || !('code' in error) || !lost.has(String(error.code))) return false
    this.#isOn = false
    return true
  }
}
