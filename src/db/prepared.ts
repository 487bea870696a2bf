import { createHash } from 'node:crypto'
import type { Compiled } from './sql.ts'

/** A plan of a statement of ours takes some 100 kB of the server's memory, per connection. */
const statementsMax = 100
/** Of these, for statements that requests shape (filters): a client that asks for everything must not take all. */
const askedForMax = 40
/** So many runs make a statement worth its place: one of ours, and one that requests shape. */
const usesMin = { own: 2, asked: 20 }
/**
 * Connections live no longer than this, and with them what they have prepared: a statement that gave up its place is
 * forgotten by then.
 */
export const connectionSeconds = 600

interface Named {
  name: string
  kept: NonNullable<Compiled['kept']>
  lastUsedMs: number
}

/**
 * Names the statements that are used often, so that each connection parses and plans them once: half of a small read's
 * time in the database. A name is the hash of its text, so a connection that knows the name knows the same statement. A
 * statement holds the values of its principal's own conditions (the planner needs them), so there are many; one that
 * nobody has used for a while makes room. Behind a pooler that cannot carry names (PgBouncer before 1.21, or with
 * max_prepared_statements = 0) the first loss turns naming off for good.
 */
export class PreparedStatements {
  readonly #named = new Map<string, Named>()
  readonly #uses = new Map<string, number>()
  #isOn = true

  /** What pg takes: with a name where the statement is worth one and names work. */
  query({ text, kept }: Compiled, values: unknown[]): { text: string; values: unknown[]; name?: string } {
    const name = this.#isOn && kept ? this.#nameOf(text, kept) : null
    return { text, values, ...(name ? { name } : {}) }
  }

  #nameOf(text: string, kept: Named['kept']): string | null {
    const known = this.#named.get(text)
    if (known) {
      known.lastUsedMs = Date.now()
      return known.name
    }
    const uses = (this.#uses.get(text) ?? 0) + 1
    if (uses >= usesMin[kept] && this.#hasRoom(kept)) {
      this.#uses.delete(text)
      const name = `c_${createHash('sha256').update(text).digest('base64url').slice(0, 20)}`
      this.#named.set(text, { name, kept, lastUsedMs: Date.now() })
      return name
    }
    if (this.#uses.size >= 1_000) this.#uses.clear()
    this.#uses.set(text, uses)
    return null
  }

  /** Whether there is a place, or one whose statement has been idle for longer than any connection remembers it. */
  #hasRoom(kept: Named['kept']): boolean {
    const all = [...this.#named]
    const isFull = kept === 'asked' && all.filter(([, one]) => one.kept === kept).length >= askedForMax
    if (!isFull && all.length < statementsMax) return true
    const candidates = isFull ? all.filter(([, one]) => one.kept === kept) : all
    const [text, oldest] = candidates.reduce((one, other) => (other[1].lastUsedMs < one[1].lastUsedMs ? other : one))
    if (oldest.lastUsedMs > Date.now() - connectionSeconds * 1000) return false
    return this.#named.delete(text)
  }

  /** Whether this error means that a name was lost; from then on none is used, and the read can be run again. */
  isLost(error: unknown): boolean {
    if (!this.#isOn || !(error instanceof Error) || !('code' in error) || !lost.has(String(error.code))) return false
    this.#isOn = false
    return true
  }
}

/** What a pooler that does not carry prepared statements answers: unknown, or there already; and a plan out of date. */
const lost = new Set(['26000', '42P05', '0A000'])
