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

  /** @throws Problem rate_limited */
  async check(account: string, ip: string): Promise<void> {
    const [row] = await this.#db.directory<{ account: number; address: number }>(
      sql`(SELECT directory.login_failures(${this.#account(account)}, ${windowSeconds}) AS account, directory.login_failures(${this.#address(ip)}, ${windowSeconds}) AS address) AS failures`,
    )
    if ((row?.account ?? 0) >= accountFailuresMax || (row?.address ?? 0) >= addressFailuresMax)
      throw new Problem('rate_limited', {
        detail: 'Too many failed attempts; wait a quarter of an hour.',
        headers: { 'retry-after': String(windowSeconds) },
      })
  }

  async failed(account: string, ip: string): Promise<void> {
    await this.#db.directory(sql`directory.login_failed(${this.#account(account)}, ${windowSeconds})`)
    await this.#db.directory(sql`directory.login_failed(${this.#address(ip)}, ${windowSeconds})`)
  }

  async succeeded(account: string): Promise<void> {
    await this.#db.directory(sql`directory.login_succeeded(${this.#account(account)})`)
  }

  #account(account: string): Buffer {
    return this.#db.keyring.hash('login-attempt/account', account.trim().toLowerCase())
  }

  #address(ip: string): Buffer {
    return this.#db.keyring.hash('login-attempt/address', ip)
  }
}
