import { randomUUIDv7 } from 'node:crypto'
import type { Models } from '../access/model.ts'
import type { Credential, Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Keyring, TenantKeys } from '../privacy/keyring.ts'
import { type AuditEntry, eventValues } from './audit-event.ts'
import type { CheckedTables } from './checked-tables.ts'
import type { Connections } from './connections.ts'
import { withFreshPrincipal } from './fresh-principal.ts'
import { insertStatement } from './insert-statement.ts'
import { keptStatement } from './kept-statement.ts'
import { Lookups } from './lookups.ts'
import { notedRead } from './noted-read.ts'
import { oneStatement } from './one-statement.ts'
import { type PlannedRead, plannedRead } from './planned-read.ts'
import type { Caller, InsertPlan, ReadPlan } from './plans.ts'
import { PreparedStatements } from './prepared.ts'
import { PrincipalStore } from './principal-store.ts'
import { ownPrincipal, type PrincipalRow, standingSql, standingValues } from './principals.ts'
import { demandPurpose, lacksPurpose } from './purpose.ts'
import { ReadBatches } from './read-batches.ts'
import { refusalEvent } from './refusal.ts'
import { type SealingTables, sealed, sealing } from './sealing.ts'
import { type Compiled, compile, fill, type SQL } from './sql.ts'
import type { TenantKeyring } from './tenant-keys.ts'
import { type Finish, type JsonRow, runChange, Stale, type Tx } from './transaction.ts'

export type { Caller, InsertPlan, ReadPlan } from './plans.ts'
export { Finish, type JsonRow, type NewJob, type Tx } from './transaction.ts'

/**
 * The choke point: the only way to the data. A read or a change is bound to a principal, and nothing is given back
 * before its audit event is committed.
 */
export class Database {
  readonly #connections: Connections
  readonly #keyring: Keyring
  readonly #models: Models
  readonly #principals: PrincipalStore
  readonly #prepared = new PreparedStatements()
  readonly #reads: ReadBatches
  readonly #lookups: Lookups
  #jobsAdded: (count: number) => void = () => {}
  #touchedTenants = new Set<string>()

  constructor(connections: Connections, keyring: Keyring, models: Models) {
    this.#connections = connections
    this.#keyring = keyring
    this.#reads = new ReadBatches(connections, this.#prepared)
    this.#lookups = new Lookups(connections, keyring)
    this.#models = models
    this.#principals = new PrincipalStore(
      models,
      (tenant, statement) => this.lookup<PrincipalRow>(tenant, statement),
      (tenantId, wrapped) => this.#lookups.learn(tenantId, wrapped),
    )
  }

  get keyring(): Keyring {
    return this.#keyring
  }

  get models(): Models {
    return this.#models
  }

  /** Who is told, after the commit, that jobs are to be done now. They must not throw. */
  onJobsAdded(listener: (count: number) => void): void {
    this.#jobsAdded = listener
  }

  /**
   * One round trip: BEGIN with the tenant; one statement that checks, selects and audits; COMMIT. Reads that arrive
   * together share the transaction.
   * @throws Problem unauthenticated, quota_exceeded, or unavailable when the event could not be committed
   */
  async read(
    caller: Caller,
    entry: AuditEntry,
    plan: (principal: Principal) => ReadPlan | Promise<ReadPlan>,
  ): Promise<Record<string, JsonRow[]>> {
    return this.#fresh(caller, async (principal, isAgain) => {
      const asking = { ...caller, principal }
      const row = await this.#row(asking, plannedRead(asking, entry, await this.#planned(asking, entry, plan)), isAgain)
      if (!row?._current) throw new Stale()
      this.#touchedTenants.add(principal.tenantId)
      if (row._refused) throw new Problem('quota_exceeded', { audited: true })
      return row
    })
  }

  /**
   * A change in one round trip, for what comes in fast: BEGIN with the tenant; one statement that checks, inserts and
   * audits; COMMIT. For principals that the service itself makes; what they stand on is the plan's to say.
   * @returns the statement's answer; null when the standing is gone, and then nothing was written
   * @throws Problem unavailable when the event could not be committed
   */
  async insert(caller: Caller, entry: AuditEntry, plan: InsertPlan): Promise<JsonRow | null> {
    return this.#fresh(caller, async (principal) => {
      const statement = this.kept(principal, `insert/${plan.key}`, () => insertStatement(plan.parts()))
      const all = { ...eventValues(randomUUIDv7(), principal, entry, caller.meta), ...plan.values }
      const row = await this.#alone(principal, statement, all)
      if (!row?._current) return null
      this.#touchedTenants.add(principal.tenantId)
      if (typeof row._jobs === 'number' && row._jobs > 0) this.#jobsAdded(row._jobs)
      return row
    })
  }

  /**
   * A change in one transaction with its audit event. `work` may give a `Finish`, whose statement then travels together
   * with the event and COMMIT.
   */
  async change<T>(
    caller: Caller,
    entry: AuditEntry,
    work: (tx: Tx, principal: Principal) => Promise<T | Finish<T>>,
  ): Promise<T> {
    return this.#fresh(caller, (principal) => this.#run(caller, principal, entry, work, false))
  }

  /**
   * Records a refused attempt, in a transaction of its own.
   * @throws Problem unauthenticated when the principal is no longer let in, unavailable when it could not be recorded
   */
  async denied(
    caller: Caller,
    entry: AuditEntry,
    code: string,
    ids: readonly string[] = [],
    refused: { fields: readonly string[]; subjectIds: readonly string[] } = { fields: [], subjectIds: [] },
  ): Promise<void> {
    const { principal } = caller
    const event = await refusalEvent(caller, entry, { code, ids, ...refused }, (statement) =>
      this.lookup(principal, statement),
    )
    const stands = await this.#connections.use(principal.region, (client) => event.write(client))
    this.#touchedTenants.add(principal.tenantId)
    // Whoever is let in no longer is not told what was wrong with the request.
    if (!stands && !(await this.renewed(principal))) throw new Problem('unauthenticated', { audited: true })
  }

  /** The principal of a verified credential, from memory while its standing holds; null when it is no longer good. */
  async principal(credential: Credential): Promise<Principal | null> {
    return this.#principals.find(credential)
  }

  /** The principal as it is now, whatever memory says; null when its credential is no longer good. */
  async renewed({ credential }: Principal): Promise<Principal | null> {
    return credential ? this.#principals.load(credential) : null
  }

  /** A principal that the service itself is: no token names it, the code at hand says what it may. */
  own(
    kind: 'system' | 'connector' | 'anonymous' | 'visitor',
    tenant: { tenantId: string; region: string },
    id: string | null = null,
  ): Principal {
    return ownPrincipal(kind, tenant, id, [], this.#models)
  }

  /** A statement kept with the ability, by name: see ReadPlan.key. */
  kept(principal: Principal, key: string, build: () => SQL, isAskedFor = false): Compiled {
    return keptStatement(principal, key, build, isAskedFor)
  }

  /** The tenant's keys; read inside the first transaction that needs them, then kept. */
  keys(tenantId: string): TenantKeyring {
    return this.#lookups.keys(tenantId)
  }

  /** The tenant's keys, read from the database when they are not known yet. */
  async tenantKeys(tenant: { tenantId: string; region: string }): Promise<TenantKeys> {
    return this.#lookups.tenantKeys(tenant)
  }

  /** Calls one of the directory's functions, which are all that may run before a tenant is known. */
  async directory<T>(call: SQL): Promise<T[]> {
    return this.#lookups.directory(call)
  }

  /**
   * Reads what a login, a refresh or a provider's post needs to decide whether there is a principal at all. Nothing of it
   * is answered; what it leads to is audited by the change that follows.
   */
  async lookup<T>(tenant: { tenantId: string; region: string }, statement: SQL): Promise<T[]> {
    return this.#lookups.rows(tenant, statement)
  }

  /** Every tenant, for the service's own work. */
  async tenants(): Promise<{ tenantId: string; region: string }[]> {
    return this.#lookups.tenants()
  }

  /** The tenants that events were committed for since this was asked last. */
  takeTouchedTenants(): ReadonlySet<string> {
    const taken = this.#touchedTenants
    this.#touchedTenants = new Set()
    return taken
  }

  /** A sealer's transaction; see sealing.ts, which says all that it can do. */
  async seal<T>(tenant: { tenantId: string; region: string }, work: (tables: SealingTables) => Promise<T>): Promise<T> {
    return this.#connections.use(tenant.region, (client) => sealing(client, tenant.tenantId, work))
  }

  /** Reads the tree over a tenant's events, and the events to hold against it. */
  async sealed<T>(
    tenant: { tenantId: string; region: string },
    work: (tables: CheckedTables) => Promise<T>,
  ): Promise<T> {
    return this.#connections.use(tenant.region, (client) => sealed(client, tenant.tenantId, work))
  }

  /** A change that makes the tenant it runs for; there is no standing to check and no key to read yet. */
  async create<T>(caller: Caller, entry: AuditEntry, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#run(caller, caller.principal, entry, work, true)
  }

  /** Whether the database answers. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#connections.ping(timeoutMs)
  }

  get pressure(): { total: number; idle: number; waiting: number } {
    return this.#connections.pressure
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }

  /** The first row of a read's statement. */
  async #row(
    { principal }: Caller,
    { statement, values, isAlone, noted }: PlannedRead,
    isAgain: boolean,
  ): Promise<Record<string, JsonRow[]> | undefined> {
    if (noted)
      return this.#connections.use(principal.region, (client) => notedRead(client, this.#prepared, principal, noted))
    return isAlone || isAgain
      ? this.#alone(principal, statement, values)
      : this.#reads.run(principal, statement, values)
  }

  async #alone(
    principal: Principal,
    statement: Compiled,
    values: Readonly<Record<string, unknown>>,
  ): Promise<Record<string, JsonRow[]> | undefined> {
    return this.#connections.use(principal.region, (client) =>
      oneStatement(client, this.#prepared, principal, statement, values),
    )
  }

  /** A plan, or a refusal by rights that the principal still has. */
  async #planned(
    { principal, meta }: Caller,
    { resource }: AuditEntry,
    plan: (principal: Principal) => ReadPlan | Promise<ReadPlan>,
  ): Promise<ReadPlan> {
    try {
      const made = await plan(principal)
      if (lacksPurpose(principal, meta))
        demandPurpose(principal, meta, [resource, ...made.parts().map((part) => part.resource)])
      return made
    } catch (error) {
      const standing = compile(standingSql(principal.credential))
      const values = { eventTenant: principal.tenantId, ...standingValues(principal) }
      const found = await this.#lookups.bare(principal, (client) => client.query(standing.text, fill(standing, values)))
      throw found.rows.length === 1 ? error : new Stale()
    }
  }

  async #run<T>(
    { meta }: Caller,
    principal: Principal,
    entry: AuditEntry,
    work: (tx: Tx, principal: Principal) => Promise<T | Finish<T>>,
    makesTenant: boolean,
  ): Promise<T> {
    const result = await this.#connections.use(principal.region, (client) => {
      const kept = (key: string, build: () => SQL): Compiled => keptStatement(principal, key, build)
      const known = { prepared: this.#prepared, keys: this.keys(principal.tenantId), kept, jobsAdded: this.#jobsAdded }
      return runChange({ client, principal, entry, meta, makesTenant, ...known }, work)
    })
    this.#touchedTenants.add(principal.tenantId)
    return result
  }

  async #fresh<T>(caller: Caller, run: (principal: Principal, isAgain: boolean) => Promise<T>): Promise<T> {
    return withFreshPrincipal(caller, (credential) => this.#principals.load(credential), run)
  }
}
