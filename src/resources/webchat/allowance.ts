import type { FastifyReply } from 'fastify'
import type { Database } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'

/** What one subject may use within a window that begins with its first use. */
export interface Limit {
  /** whom it counts for; kept as a keyed hash */
  subject: string
  max: number
  windowSeconds: number
}

interface Window {
  used: number
  /** until it begins anew */
  seconds: number
  isFull: boolean
}

/**
 * Counts what visitors use, in the database, so that all processes count together: a visitor costs nothing to be, and a
 * limit that every process had for itself would grow with each of them.
 */
export class Allowance {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Takes an amount for all of them, or for none; 0 asks whether there is anything left.
   * @returns how the windows stand then, in the order of the limits
   * @throws Problem rate_limited, with the wait
   */
  async take(limits: readonly Limit[], amount: number): Promise<Window[]> {
    const windows = await this.#taken(limits, amount)
    const full = windows.find((one) => one.isFull)
    if (full) throw new Problem('rate_limited', { headers: { 'retry-after': String(Math.max(1, full.seconds)) } })
    return windows
  }

  /** One request of a minute's; says what is left in the RateLimit headers, as the service's own limit does. */
  async count(subject: string, perMinute: number, reply: FastifyReply): Promise<void> {
    const [window] = await this.#taken([{ subject, max: perMinute, windowSeconds: 60 }], 1)
    if (!window) throw new Error('an allowance was not counted')
    const { used, seconds, isFull } = window
    reply.header('ratelimit-policy', `"default";q=${perMinute};w=60`)
    reply.header('ratelimit', `"default";r=${Math.max(0, perMinute - used)};t=${seconds}`)
    if (isFull) throw new Problem('rate_limited', { headers: { 'retry-after': String(Math.max(1, seconds)) } })
  }

  async #taken(limits: readonly Limit[], amount: number): Promise<Window[]> {
    const subjects = limits.map(({ subject }) => this.#db.keyring.hash('webchat-allowance', subject))
    const maxima = sql.param(limits.map(({ max }) => max))
    const windows = sql.param(limits.map(({ windowSeconds }) => windowSeconds))
    const rows = await this.#db.directory<{ used: string; seconds: number; is_full: boolean }>(
      sql`directory.take_allowance(${sql.param(subjects)}::bytea[], ${maxima}::bigint[], ${windows}::int[], ${amount}::bigint)`,
    )
    return rows.map(({ used, seconds, is_full: isFull }) => ({ used: Number(used), seconds, isFull }))
  }
}
