import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'

/** How long a place is kept for a process that does not renew it: it has died. */
const leaseSeconds = 60
const renewMs = 20_000
/** Streams that end together leave together. */
const leaveMs = 50

/** The places of this process's streams, counted in the database with those of all processes. */
export class StreamPlaces {
  readonly #db: Database
  readonly #log: FastifyBaseLogger
  readonly #taken = new Set<string>()
  readonly #leaving = new Set<string>()
  #renewing: NodeJS.Timeout | null = null
  #flushing: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(db: Database, log: FastifyBaseLogger) {
    this.#db = db
    this.#log = log
  }

  /**
   * @param shares whom the stream counts for, and how many each of them may have
   * @returns false where one of them has enough
   */
  async take(id: string, shares: readonly { subject: string; max: number }[]): Promise<boolean> {
    const subjects = sql.param(shares.map(({ subject }) => this.#db.keyring.hash('webchat-stream', subject)))
    const maxima = sql.param(shares.map(({ max }) => max))
    const [row] = await this.#db.directory<{ may: boolean }>(
      sql`directory.take_place(${id}::uuid, ${subjects}::bytea[], ${maxima}::int[], ${leaseSeconds}::int) AS place(may)`,
    )
    if (!row?.may) return false
    this.#taken.add(id)
    this.#renewing ??= setInterval(() => void this.#renew(), renewMs).unref()
    return true
  }

  /** The stream has ended. */
  leave(id: string): void {
    if (!this.#taken.delete(id) || this.#isClosed) return
    this.#leaving.add(id)
    this.#flushing ??= setTimeout(() => void this.#flush(), leaveMs).unref()
  }

  /** Gives all places back. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#renewing) clearInterval(this.#renewing)
    if (this.#flushing) clearTimeout(this.#flushing)
    for (const id of this.#taken) this.#leaving.add(id)
    this.#taken.clear()
    await this.#flush()
  }

  async #renew(): Promise<void> {
    if (this.#taken.size === 0) return
    const streams = sql.param([...this.#taken])
    await this.#say(sql`directory.renew_places(${streams}::uuid[], ${leaseSeconds}::int)`)
  }

  async #flush(): Promise<void> {
    this.#flushing = null
    if (this.#leaving.size === 0) return
    const streams = sql.param([...this.#leaving])
    this.#leaving.clear()
    await this.#say(sql`directory.leave_places(${streams}::uuid[])`)
  }

  /** What fails is made good by the lease. */
  async #say(call: ReturnType<typeof sql>): Promise<void> {
    await this.#db
      .directory(call)
      .catch((err: unknown) => this.#log.warn({ err }, 'the places of visitors’ streams could not be written'))
  }
}
