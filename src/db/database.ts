import { randomUUIDv7 } from 'node:crypto'
import type pg from 'pg'
import type { Models } from '../access/model.ts'
import { type Credential, type Principal, readerOf } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Keyring, TenantKeys } from '../privacy/keyring.ts'
import { type AuditEntry, eventStatement, eventValues, isUuid, touchedValues } from './audit-event.ts'
import type { CheckedTables } from './checked-tables.ts'
import { clearQuotaValues } from './clear-quota.ts'
import type { Connections } from './connections.ts'
import { insertStatement } from './insert-statement.ts'
import { type NotedRead, notedRead } from './noted-read.ts'
import type { Caller, InsertPlan, ReadPlan } from './plans.ts'
import { PreparedStatements } from './prepared.ts'
import { PrincipalStore } from './principal-store.ts'
import { ownPrincipal, type PrincipalRow, standingSql, standingValues } from './principals.ts'
import { demandPurpose, lacksPurpose } from './purpose.ts'
import { ReadBatches } from './read-batches.ts'
import { readStatement } from './read-statement.ts'
import { keysOf, noteForTouched, noteOf } from './sealed-note.ts'
import { type SealingTables, sealed, sealing } from './sealing.ts'
import { type Compiled, compile, fill, type SQL, sql } from './sql.ts'
import { KnownKeys, type TenantKeyring } from './tenant-keys.ts'
import { once } from './texts.ts'
import {
  Again,
  begin,
  beginFor,
  committed,
  type Finish,
  type JsonRow,
  runChange,
  Stale,
  type Tx,
  together,
  unwritten,
} from './transaction.ts'

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
  readonly #tenantKeys: KnownKeys
  #jobsAdded: (count: number) => void = () => {}
  #touchedTenants = new Set<string>()

  constructor(connections: Connections, keyring: Keyring, models: Models) {
    this.#connections = connections
    this.#keyring = keyring
    this.#reads = new ReadBatches(connections, this.#prepared)
    this.#tenantKeys = new KnownKeys(keyring)
    this.#models = models
    this.#principals = new PrincipalStore(
      models,
      (tenant, statement) => this.lookup<PrincipalRow>(tenant, statement),
      (tenantId, wrapped) => this.#tenantKeys.learn(tenantId, wrapped),
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
      const planned = await this.#planned(principal, async (who) => {
        const made = await plan(who)
        if (lacksPurpose(who, caller.meta))
          demandPurpose(who, caller.meta, [entry.resource, ...made.parts().map((part) => part.resource)])
        return made
      })
      const { key, isAskedFor, parts, values, wanted, query, clearValues = 0 } = planned
      const cacheKey = `read/${wanted === undefined ? 'many' : 'one'}/${clearValues > 0 ? 'counted/' : ''}${key}`
      const build = (): SQL =>
        readStatement(parts(), standingSql(principal.credential), wanted !== undefined, clearValues > 0)
      const statement = key === null ? compile(build()) : this.kept(principal, cacheKey, build, isAskedFor)
      const eventId = randomUUIDv7()
      const note = noteOf(entry, caller.meta)
      const all = {
        ...eventValues(eventId, principal, { ...entry, query: query ?? entry.query }, caller.meta, null),
        ...standingValues(principal),
        ...clearQuotaValues(principal),
        reader: readerOf(principal),
        clearValues,
        ...values,
        wanted,
      }
      // What counts holds a lock on its quota, and what requests shape may take long: neither is for others to wait for.
      const isAlone = isAgain || clearValues > 0 || statement.kept !== 'own'
      const row = await (note
        ? this.#noted(principal, { statement, values: all, eventId, note, keys: keysOf(caller.meta) })
        : isAlone
          ? this.#alone(principal, statement, all)
          : this.#reads.run(principal, statement, all))
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
    const { principal, meta } = caller
    const { fields: masked, subjectIds } = refused
    const standing = compile(standingSql(principal.credential))
    const eventId = randomUUIDv7()
    const touched = [{ resource: entry.resource, ids: ids.filter(isUuid), masked, subjectIds }]
    const sealedNote = await noteForTouched(entry, meta, eventId, touched, {
      tenantId: principal.tenantId,
      keys: () => keysOf(meta),
      query: (statement) => this.lookup(principal, statement),
    })
    const stands = await this.#connections.use(principal.region, async (client) => {
      const values = {
        ...eventValues(eventId, principal, entry, meta, sealedNote),
        ...touchedValues(touched, 'denied', code),
        ...standingValues(principal),
      }
      const [, who, , end] = await together(client, () => [
        client.query(begin(principal)),
        client.query(standing.text, fill(standing, values)),
        client.query(eventStatement.text, fill(eventStatement, values)).catch(unwritten),
        client.query('COMMIT'),
      ])
      committed(end)
      this.#touchedTenants.add(principal.tenantId)
      return who?.rows.length === 1
    })
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
    const known = principal.ability.cache.get(key) as Compiled | undefined
    if (known) return known
    const { text, params } = compile(build())
    const shared = once(text)
    const statement: Compiled = { text: shared.text, params, kept: isAskedFor ? 'asked' : 'own' }
    if (principal.ability.cache.size < (isAskedFor ? 300 : 500)) {
      principal.ability.cache.set(key, statement)
      principal.ability.weight += shared.cost
    }
    return statement
  }

  /** The tenant's keys; read inside the first transaction that needs them, then kept. */
  keys(tenantId: string): TenantKeyring {
    return this.#tenantKeys.of(tenantId)
  }

  /** The tenant's keys, read from the database when they are not known yet. */
  async tenantKeys(tenant: { tenantId: string; region: string }): Promise<TenantKeys> {
    const keys = this.keys(tenant.tenantId)
    if (!keys.known)
      await this.#bare(tenant, async (client) => {
        await keys.load(async (statement) => (await run(client, statement)).rows as { wrapped_key: Buffer }[])
      })
    return keys.now()
  }

  /** Calls one of the directory's functions, which are all that may run before a tenant is known. */
  async directory<T>(call: SQL): Promise<T[]> {
    return this.#connections.use(null, async (client) => (await run(client, sql`SELECT * FROM ${call}`)).rows as T[])
  }

  /**
   * Reads what a login, a refresh or a provider's post needs to decide whether there is a principal at all. Nothing of it
   * is answered; what it leads to is audited by the change that follows.
   */
  async lookup<T>(tenant: { tenantId: string; region: string }, statement: SQL): Promise<T[]> {
    return this.#bare(tenant, async (client) => (await run(client, statement)).rows as T[])
  }

  /** Every tenant, for the service's own work. */
  async tenants(): Promise<{ tenantId: string; region: string }[]> {
    const rows = await this.directory<{ tenant_id: string; region: string }>(sql`directory.tenants()`)
    return rows.map((row) => ({ tenantId: row.tenant_id, region: row.region }))
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

  /** One statement that holds its own audit event, between BEGIN and COMMIT, all sent at once; its first row. */
  async #alone(
    principal: Principal,
    statement: Compiled,
    values: Readonly<Record<string, unknown>>,
  ): Promise<Record<string, JsonRow[]> | undefined> {
    const prepared = this.#prepared.query(statement, fill(statement, values))
    return this.#connections.use(principal.region, async (client) => {
      const [, result, end] = await together(client, () => [
        client.query(begin(principal)),
        client.query(prepared),
        client.query('COMMIT'),
      ]).catch((error: unknown) => {
        throw this.#prepared.isLost(error) ? new Again() : unwritten(error)
      })
      committed(end)
      return result?.rows[0]
    })
  }

  async #noted(principal: Principal, read: NotedRead): Promise<Record<string, JsonRow[]> | undefined> {
    return this.#connections.use(principal.region, (client) => notedRead(client, this.#prepared, principal, read))
  }

  /** A plan, or a refusal by rights that the principal still has. */
  async #planned(
    principal: Principal,
    plan: (principal: Principal) => ReadPlan | Promise<ReadPlan>,
  ): Promise<ReadPlan> {
    try {
      return await plan(principal)
    } catch (error) {
      const standing = compile(standingSql(principal.credential))
      const values = { eventTenant: principal.tenantId, ...standingValues(principal) }
      const found = await this.#bare(principal, (client) => client.query(standing.text, fill(standing, values)))
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
    const keys = this.keys(principal.tenantId)
    const kept = (key: string, build: () => SQL): Compiled => this.kept(principal, key, build)
    const setting = {
      principal,
      entry,
      meta,
      prepared: this.#prepared,
      keys,
      kept,
      jobsAdded: this.#jobsAdded,
      makesTenant,
    }
    const result = await this.#connections.use(principal.region, (client) => runChange({ client, ...setting }, work))
    this.#touchedTenants.add(principal.tenantId)
    return result
  }

  async #bare<T>(
    tenant: { tenantId: string; region: string },
    work: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    return this.#connections.use(tenant.region, async (client) => {
      await client.query(beginFor(tenant.tenantId, '*', 'READ ONLY'))
      try {
        return await work(client)
      } finally {
        await client.query('ROLLBACK')
      }
    })
  }

  async #fresh<T>(caller: Caller, run: (principal: Principal, isAgain: boolean) => Promise<T>): Promise<T> {
    // Whoever sets up a tenant changes its policy many times at once; each change lets another one through.
    let isAgain = false
    for (let attempt = 0; attempt < 12; attempt++) {
      try {
        return await run(caller.principal, isAgain)
      } catch (error) {
        isAgain = error instanceof Again
        if (isAgain) continue
        if (!(error instanceof Stale)) throw error
        const renewed = caller.principal.credential ? await this.#principals.load(caller.principal.credential) : null
        if (!renewed) throw new Problem('unauthenticated')
        caller.principal = renewed
        if (caller.needs && !renewed.ability.may(caller.needs.action, caller.needs.resource))
          throw new Problem('forbidden')
      }
    }
    throw new Problem('unavailable', { detail: 'Rights are changing too quickly.', headers: { 'retry-after': '1' } })
  }
}

async function run(client: pg.PoolClient, statement: SQL): Promise<pg.QueryResult> {
  const { text, params } = compile(statement)
  return client.query(text, [...params])
}
