import type { TestService } from '../../harness/service.ts'

/** The whole state of the hub at one moment, to go back to. */
export class Snapshots {
  readonly #service: TestService
  readonly #tables: readonly string[]
  /** The columns of each table, as SQL; those that the database works out itself are left out. */
  readonly #columns: ReadonlyMap<string, string>
  /** When each was taken, by its name. */
  readonly #taken = new Map<string, string>()
  #policy = 1_000

  private constructor(service: TestService, columns: ReadonlyMap<string, string>) {
    this.#service = service
    this.#tables = [...columns.keys()]
    this.#columns = columns
  }

  static async of(service: TestService): Promise<Snapshots> {
    const found = await service.sql<{ name: string; columns: string }>(
      `SELECT c.oid::regclass::text AS name, string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum) AS columns
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname IN ('app', 'directory') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        GROUP BY c.oid ORDER BY 1`,
    )
    return new Snapshots(service, new Map(found.map(({ name, columns }) => [name, columns])))
  }

  /** Every id that there is now. */
  async ids(): Promise<Set<string>> {
    const ids = new Set<string>()
    for (const table of this.#tables)
      for (const { row } of await this.#service.sql<{ row: string }>(
        `SELECT to_jsonb(each)::text AS row FROM ${table} AS each`,
      ))
        for (const [id] of row.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)) ids.add(id)
    return ids
  }

  async take(name: string): Promise<void> {
    const copies = this.#tables.map((table) => `CREATE TABLE ${name}."${table}" AS TABLE ${table}`)
    await this.#service.sql(`DROP SCHEMA IF EXISTS ${name} CASCADE; CREATE SCHEMA ${name}; ${copies.join(';')}`)
    const [now] = await this.#service.sql<{ at: string }>('SELECT clock_timestamp()::text AS at')
    this.#taken.set(name, now?.at ?? '')
  }

  /**
   * Goes back; whatever was made since is gone, and on record no more: what was done in one world is no history of the
   * other. Past triggers and foreign keys, which would look at rows one by one.
   */
  async become(name: string): Promise<void> {
    const rows = [...this.#columns].map(
      ([table, columns]) =>
        `INSERT INTO ${table} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${name}."${table}"`,
    )
    // A policy version is never used twice: abilities are kept by it.
    this.#policy++
    await this.#service.sql(
      `BEGIN; SET LOCAL session_replication_role = replica; TRUNCATE ${this.#tables.join()}; ${rows.join(';')};
       DELETE FROM audit.event WHERE occurred_at > '${this.#taken.get(name)}';
       UPDATE app.tenant SET policy_version = ${this.#policy}; COMMIT`,
    )
  }
}
