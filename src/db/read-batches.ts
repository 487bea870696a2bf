import type { Principal } from '../access/principal.ts'
import { type Connections, oneWrite } from './connections.ts'
import type { PreparedStatements } from './prepared.ts'
import { type Compiled, fill } from './sql.ts'
import { Again, begin, committed, type JsonRow, unwritten } from './transaction.ts'

/** How many transactions of reads are under way before the next ones wait for each other. */
const underWayMax = 3
/** A transaction that takes longer than this holds up nobody: the next one need not wait for it. */
const patienceMs = 25
/** One failing statement sends all of its transaction round again. */
const sizeMax = 16

/** A read that is one statement with its own audit event. */
interface Waiting {
  statement: Compiled
  values: Readonly<Record<string, unknown>>
  done: (row: Record<string, JsonRow[]> | undefined) => void
  failed: (error: unknown) => void
}

interface Queue {
  principal: Principal
  waiting: Waiting[]
}

/**
 * Reads that arrive while others are under way share the next transaction: one BEGIN, one COMMIT and one wait for the
 * disk for all of them. Each answer still waits until its own event is committed. Whoever comes alone waits for nobody.
 * Only reads of one tenant and the same business units share: row-level security is set once for all of them, and each
 * statement still checks its own principal.
 */
export class ReadBatches {
  readonly #connections: Connections
  readonly #prepared: PreparedStatements
  /** By what the transaction sets: the tenant and its units. */
  readonly #queues = new Map<string, Queue>()
  #underWay = 0

  constructor(connections: Connections, prepared: PreparedStatements) {
    this.#connections = connections
    this.#prepared = prepared
  }

  /**
   * Runs a read; its first row.
   * @throws Again when a statement of the transaction failed, its own or another's: it is to be run by itself
   */
  run(
    principal: Principal,
    statement: Compiled,
    values: Readonly<Record<string, unknown>>,
  ): Promise<Record<string, JsonRow[]> | undefined> {
    return new Promise((done, failed) => {
      const key = `${principal.region}/${begin(principal)}`
      const queue = this.#queues.get(key)
      const one = { statement, values, done, failed }
      if (queue) queue.waiting.push(one)
      else this.#queues.set(key, { principal, waiting: [one] })
      this.#next()
    })
  }

  #next(): void {
    while (this.#underWay < underWayMax) {
      const [first] = this.#queues
      if (!first) return
      const [key, { principal, waiting }] = first
      const batch = waiting.splice(0, sizeMax)
      // To the end of the line, so that a busy tenant does not keep the others waiting.
      this.#queues.delete(key)
      if (waiting.length > 0) this.#queues.set(key, { principal, waiting })
      void this.#send(principal, batch)
    }
  }

  async #send(principal: Principal, batch: readonly Waiting[]): Promise<void> {
    this.#underWay++
    let counts = true
    const free = (): void => {
      if (!counts) return
      counts = false
      this.#underWay--
      this.#next()
    }
    const patience = setTimeout(free, patienceMs)
    try {
      const rows = await this.#together(principal, batch)
      for (const [i, one] of batch.entries()) one.done(rows[i])
    } catch (error) {
      for (const one of batch) one.failed(error)
    } finally {
      clearTimeout(patience)
      free()
    }
  }

  async #together(principal: Principal, batch: readonly Waiting[]): Promise<(Record<string, JsonRow[]> | undefined)[]> {
    const statements = batch.map(({ statement, values }) => this.#prepared.query(statement, fill(statement, values)))
    return this.#connections.use(principal.region, async (client) => {
      const settled = await Promise.allSettled(
        oneWrite(client, () => [
          client.query(begin(principal)),
          ...statements.map((statement) => client.query(statement)),
          client.query('COMMIT'),
        ]),
      )
      const end = settled.at(-1)
      const fault = settled.find((one) => one.status === 'rejected')
      if (fault) {
        // Only where the server says that nothing was committed: else the events may stand, and so must the answer.
        const isUndone = end?.status === 'fulfilled' && end.value.command === 'ROLLBACK'
        if (this.#prepared.isLost(fault.reason) || (isUndone && batch.length > 1)) throw new Again()
        unwritten(fault.reason)
      }
      committed(end?.status === 'fulfilled' ? end.value : undefined)
      return settled.slice(1, -1).map((one) => (one.status === 'fulfilled' ? one.value.rows[0] : undefined))
    })
  }
}
