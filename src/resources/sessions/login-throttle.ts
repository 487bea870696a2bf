import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'

const windowSeconds = 900
const accountFailuresMax = 10
const addressFailuresMax = 100

/**
 * Slows guessing down: failures are counted per account and per network address, in the database, so that every process
 * knows them. Accounts that do not exist are counted just the same.
 */
export class LoginThrottle {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Before the password is looked at: counts the attempt as one that fails, in the statement that checks how many there
   * were. Of many at once no more are let in than of many in a row.
   * @throws Problem rate_limited
   */
  async begin(account: string, ip: string): Promise<void> {
    const [row] = await this.#db.directory<{ may: boolean }>(
      sql`directory.login_begun(${this.#account(account)}, ${accountFailuresMax}, ${this.#address(ip)}, ${addressFailuresMax}, ${windowSeconds}) AS attempt(may)`,
    )
    if (!row?.may)
      throw new Problem('rate_limited', {
        detail: 'Too many failed attempts; wait a quarter of an hour.',
        headers: { 'retry-after': String(windowSeconds) },
      })
  }

  /** The password was right: takes the attempt back, and with it the account's failures before. */
  async succeeded(account: string, ip: string): Promise<void> {
    await this.#db.directory(sql`directory.login_succeeded(${this.#account(account)}, ${this.#address(ip)})`)
  }

  #account(account: string): Buffer {
    return this.#db.keyring.hash('login-attempt/account', account.trim().toLowerCase())
  }

  #address(ip: string): Buffer {
    return this.#db.keyring.hash('login-attempt/address', ip)
  }
}

/**
 * What a failed login takes, whatever made it fail: several times the cost of a password's hash and of the event on
 * record, which an unknown address has not.
 */
const failureMs = 250

/** Resolves at the end of a full `failureMs` since `begun` (performance.now()), so that time does not tell why. */
export async function failureTime(begun: number): Promise<void> {
  const spent = performance.now() - begun
  await sleep(Math.ceil(spent / failureMs) * failureMs - spent)
}
