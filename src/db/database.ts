import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import type { Action } from '../access/actions.ts'
import type { Models } from '../access/model.ts'
import type { Credential, Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Keyring, TenantKeys } from '../privacy/keyring.ts'
import { type AuditEntry, eventStatement, eventValues, type Meta, type Touched, touchedValues } from './audit-event.ts'
import { type Connections, oneWrite } from './connections.ts'
import { type InsertParts, insertStatement } from './insert-statement.ts'
import { PreparedStatements } from './prepared.ts'
import {
  ownPrincipal,
  type PrincipalRow,
  principalOf,
  principalSql,
  standingSql,
  standingValues,
} from './principals.ts'
import { type Part, readStatement } from './read-statement.ts'
import { array, type Compiled, compile, fill, type SQL, sql } from './sql.ts'

/** Whoever asks, with where the request came from. The principal is renewed when its standing has changed. */
export interface Caller {
  principal: Principal
  readonly meta: Meta
  /** The right that let it in; asked for again when the principal is renewed. */
  readonly needs?: { action: Action; resource: string }
}

/** A read: its parts are built once per ability and key, its values given at each run. */
export interface ReadPlan {
  /** Names the statement among those of the same ability, for parts that depend on nothing else; null: not kept. */
  key: string | null
  /** Requests decide which statements of this kind there are: only those used often are worth a place at the server. */
  isAskedFor?: boolean
  parts: () => readonly Part[]
  values: Readonly<Record<string, unknown>>
  /** The one id that is asked for: finding nothing is a refusal. */
  wanted?: string
  query?: unknown
}

/** A change whose rows are all new; built once per key, its values given at each run. */
export interface InsertPlan {
  key: string
  /** Whether its steps add jobs. */
  addsJobs: boolean
  parts: () => InsertParts
  values: Readonly<Record<string, unknown>>
}

export type JsonRow = Record<string, unknown>

declare const proof: unique symbol

/** An open transaction of a change. Only database.ts makes one, so whoever holds it is audited. */
export interface Tx {
  readonly [proof]: true
  readonly principal: Principal
  readonly keys: TenantKeys
  query<T = JsonRow>(statement: SQL | Compiled, values?: Readonly<Record<string, unknown>>): Promise<T[]>
  /** Says what the change touched; at least once before the end. */
  touch(touched: Touched): void
  /** A statement built once per ability, for what depends on nothing but the principal's rights and `key`. */
  kept(key: string, build: () => SQL): Compiled
  /** Adds a job in this transaction. A waiting job of the same key is kept instead. */
  enqueue(task: string, key: string, payload: Record<string, string>, runAfter?: Date): Promise<void>
  /**
   * Adds jobs, in the order of their keys: two transactions that add the same ones in different orders would wait for
   * each other.
   */
  enqueueAll(task: string, jobs: readonly NewJob[]): Promise<void>
}

export interface NewJob {
  key: string
  payload: Record<string, string>
}

/**
 * The last statement of a change, sent together with the audit event and COMMIT; or before them, where only its rows
 * tell what was touched and whether it may stay.
 */
export class Finish<T> {
  readonly statement: SQL
  readonly touched: Touched | ((rows: JsonRow[]) => Touched)
  readonly done: (rows: JsonRow[]) => T
  constructor(statement: SQL, touched: Finish<T>['touched'], done: (rows: JsonRow[]) => T) {
    this.statement = statement
    this.touched = touched
    this.done = done
  }

  map<R>(then: (result: T) => R): Finish<R> {
    return new Finish(this.statement, this.touched, (rows) => then(this.done(rows)))
  }

  /** Runs it at once, where more is to come after it. */
  async now(tx: Tx): Promise<T> {
    const rows = await tx.query(this.statement)
    tx.touch(typeof this.touched === 'function' ? this.touched(rows) : this.touched)
    return this.done(rows)
  }
}

/** The principal is no longer what it was when its ability was built. */
class Stale extends Error {}

/** Nothing was wrong with the request: it is to be run once more. */
class Again extends Error {}

/**
 * The choke point: the only way to the data. A read or a change is bound to a principal, and nothing is given back
 * before its audit event is committed.
 */
export class Database {
  readonly #connections: Connections
  readonly #keyring: Keyring
  readonly #models: Models
  readonly #principals = new Map<string, Principal>()
  readonly #prepared = new PreparedStatements()
  readonly #tenants = new Map<string, Buffer>()
  #jobsAdded: (count: number) => void = () => {}

  constructor(connections: Connections, keyring: Keyring, models: Models) {
    this.#connections = connections
    this.#keyring = keyring
    this.#models = models
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
   * One round trip: BEGIN with the tenant; one statement that checks, selects and audits; COMMIT.
   * @throws Problem unauthenticated, or unavailable when the event could not be committed
   */
  async read(
    caller: Caller,
    entry: AuditEntry,
    plan: (principal: Principal) => ReadPlan | Promise<ReadPlan>,
  ): Promise<Record<string, JsonRow[]>> {
    return this.#fresh(caller, async (principal) => {
      const { key, isAskedFor, parts, values, wanted, query } = await this.#planned(principal, plan)
      const cacheKey = `read/${wanted === undefined ? 'many' : 'one'}/${key}`
      const build = (): SQL => readStatement(parts(), standingSql(principal.credential), wanted !== undefined)
      const statement = key === null ? compile(build()) : this.kept(principal, cacheKey, build, isAskedFor)
      const all = {
        ...eventValues(randomUUIDv7(), principal, { ...entry, query: query ?? entry.query }, caller.meta),
        ...standingValues(principal),
        ...values,
        wanted,
      }
      const row = await this.#alone(principal, statement, all)
      if (!row?._current) throw new Stale()
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
      if (plan.addsJobs) this.#jobsAdded(1)
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
  async denied(caller: Caller, entry: AuditEntry, code: string, ids: readonly string[] = []): Promise<void> {
    const { principal, meta } = caller
    const standing = compile(standingSql(principal.credential))
    const stands = await this.#connections.use(principal.region, async (client) => {
      const values = {
        ...eventValues(randomUUIDv7(), principal, entry, meta),
        ...touchedValues([{ resource: entry.resource, ids }], 'denied', code),
        ...standingValues(principal),
      }
      const [, who, , end] = await together(client, () => [
        client.query(begin(principal)),
        client.query(standing.text, fill(standing, values)),
        client.query(eventStatement.text, fill(eventStatement, values)).catch(unwritten),
        client.query('COMMIT'),
      ])
      committed(end)
      return who?.rows.length === 1
    })
    // Whoever is let in no longer is not told what was wrong with the request.
    if (!stands && !(await this.renewed(principal))) throw new Problem('unauthenticated', { audited: true })
  }

  /** The principal of a verified credential, from memory while its standing holds; null when it is no longer good. */
  async principal(credential: Credential): Promise<Principal | null> {
    const known = this.#principals.get(nameOf(credential))
    if (known?.credential && sameSecret(known.credential, credential)) return known
    return this.#load(credential)
  }

  /** The principal as it is now, whatever memory says; null when its credential is no longer good. */
  async renewed({ credential }: Principal): Promise<Principal | null> {
    return credential ? this.#load(credential) : null
  }

  /** A principal that the service itself is: no token names it, the code at hand says what it may. */
  own(
    kind: 'system' | 'connector' | 'anonymous',
    tenant: { tenantId: string; region: string },
    id: string | null = null,
  ): Principal {
    return ownPrincipal(kind, tenant, id, [], this.#models)
  }

  /** A statement kept with the ability, by name: see ReadPlan.key. */
  kept(principal: Principal, key: string, build: () => SQL, isAskedFor = false): Compiled {
    const known = principal.ability.cache.get(key) as Compiled | undefined
    if (known) return isAskedFor ? this.#prepared.used(known) : known
    const statement = isAskedFor ? compile(build()) : this.#prepared.name(compile(build()))
    if (principal.ability.cache.size < (isAskedFor ? 300 : 500)) principal.ability.cache.set(key, statement)
    return statement
  }

  /** The tenant's keys; read inside the first transaction that needs them, then kept. */
  keys(tenantId: string): {
    known: boolean
    now: () => TenantKeys
    load: (query: (statement: SQL) => Promise<{ wrapped_key: Buffer }[]>) => Promise<void>
  } {
    const wrapped = this.#tenants.get(tenantId)
    return {
      known: wrapped !== undefined,
      now: () => {
        const key = this.#tenants.get(tenantId)
        if (!key) throw new Error('the tenant’s key has not been read')
        return this.#keyring.tenant(tenantId, key)
      },
      load: async (query) => {
        const [row] = await query(sql`SELECT wrapped_key FROM app.tenant WHERE tenant_id = ${tenantId}::uuid`)
        if (row) this.#tenants.set(tenantId, row.wrapped_key)
      },
    }
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
    caller: Caller,
    principal: Principal,
    entry: AuditEntry,
    work: (tx: Tx, principal: Principal) => Promise<T | Finish<T>>,
    makesTenant: boolean,
  ): Promise<T> {
    return this.#connections.use(principal.region, async (client) => {
      const touched: Touched[] = []
      let jobsAdded = 0
      const keys = this.keys(principal.tenantId)
      const send = (statement: Compiled, values: Readonly<Record<string, unknown>>): Promise<pg.QueryResult> =>
        client.query(this.#prepared.query(statement, fill(statement, values)))
      const standing = this.kept(principal, 'standing', () => standingSql(principal.credential))
      const ready = together(client, () => [
        client.query(begin(principal)),
        send(standing, { eventTenant: principal.tenantId, ...standingValues(principal) }),
      ]).then(([, who]) => {
        if (who?.rows.length === 0 && !makesTenant) throw new Stale()
      })
      ready.catch(() => {})
      const query = async <R>(
        statement: SQL | Compiled,
        values: Readonly<Record<string, unknown>> = {},
      ): Promise<R[]> => {
        const sent = send('text' in statement ? statement : compile(statement), values)
        // Sent at once behind what is under way; believed only when the principal has been found unchanged.
        sent.catch(() => {})
        await ready
        return (await sent).rows as R[]
      }
      const tx = {
        principal,
        get keys() {
          return keys.now()
        },
        query,
        kept: (key: string, build: () => SQL) => this.kept(principal, key, build),
        touch: (one: Touched) => void touched.push(one),
        enqueue: async (task: string, key: string, payload: Record<string, string>, runAfter?: Date) => {
          await query(
            sql`SELECT app.enqueue(${task}, ARRAY[${key}]::text[], ARRAY[${JSON.stringify(payload)}]::jsonb[], ${runAfter?.toISOString() ?? null}::timestamptz)`,
          )
          if (!runAfter) jobsAdded++
        },
        enqueueAll: async (task: string, jobs: readonly NewJob[]) => {
          if (jobs.length === 0) return
          const sorted = [...jobs].sort((a, b) => (a.key < b.key ? -1 : 1))
          const names = sorted.map((job) => job.key)
          const payloads = sorted.map((job) => JSON.stringify(job.payload))
          await query(sql`SELECT app.enqueue(${task}, ${array(names, 'text')}, ${array(payloads, 'text')}::jsonb[])`)
          jobsAdded += jobs.length
        },
      } as unknown as Tx
      try {
        if (!keys.known && !makesTenant) await keys.load(query)
        let result = await work(tx, principal)
        await ready
        if (result instanceof Finish && typeof result.touched === 'function') result = await result.now(tx)
        const last = result instanceof Finish ? this.#prepared.name(compile(result.statement)) : null
        if (result instanceof Finish && typeof result.touched !== 'function') touched.push(result.touched)
        if (touched.length === 0) throw new Error(`a change of ${entry.resource} touched nothing that it named`)
        const values = {
          ...eventValues(randomUUIDv7(), principal, entry, caller.meta),
          ...touchedValues(touched, 'allowed', null),
        }
        const answers = await together(client, () => [
          ...(last ? [send(last, {})] : []),
          send(this.#prepared.name(eventStatement), values).catch((error: unknown) =>
            this.#prepared.isLost(error) ? Promise.reject(new Again()) : unwritten(error),
          ),
          client.query('COMMIT'),
        ])
        committed(answers.at(-1))
        if (jobsAdded > 0) this.#jobsAdded(jobsAdded)
        return result instanceof Finish ? result.done(answers[0]?.rows ?? []) : result
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        // A refusal by rights that are no longer the principal's is none.
        if (error instanceof Problem) await ready
        if (this.#prepared.isLost(error)) throw new Again()
        throw error
      }
    })
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

  async #load(credential: Credential): Promise<Principal | null> {
    const region = 'default'
    const rows = await this.lookup<PrincipalRow>({ tenantId: credential.tenantId, region }, principalSql(credential))
    const name = nameOf(credential)
    const row = rows[0]
    if (!row) {
      this.#principals.delete(name)
      return null
    }
    this.#tenants.set(credential.tenantId, Buffer.from(row.wrapped_key, 'base64'))
    const principal = principalOf(credential, { ...row, policy_version: Number(row.policy_version) }, this.#models)
    if (this.#principals.size >= 10_000) this.#principals.delete(this.#principals.keys().next().value ?? '')
    this.#principals.set(name, principal)
    return principal
  }

  async #fresh<T>(caller: Caller, run: (principal: Principal) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < 4; attempt++) {
      try {
        return await run(caller.principal)
      } catch (error) {
        if (error instanceof Again) continue
        if (!(error instanceof Stale)) throw error
        const renewed = caller.principal.credential ? await this.#load(caller.principal.credential) : null
        if (!renewed) throw new Problem('unauthenticated')
        caller.principal = renewed
        if (caller.needs && !renewed.ability.may(caller.needs.action, caller.needs.resource))
          throw new Problem('forbidden')
      }
    }
    throw new Problem('unavailable', { detail: 'Rights are changing too quickly.', headers: { 'retry-after': '1' } })
  }
}

const uuid = /^[0-9a-f-]{36}$/

/** BEGIN and the settings that row-level security reads, in one message. The values are validated literals: SET takes no parameters. */
function begin(principal: Principal): string {
  return beginFor(principal.tenantId, principal.units, '')
}

function beginFor(tenantId: string, units: readonly string[] | '*', mode: string): string {
  const all = units === '*' ? [] : units
  for (const id of [tenantId, ...all]) if (!uuid.test(id)) throw new Error('not a UUID')
  return `BEGIN ${mode}; SET LOCAL app.tenant = '${tenantId}'; SET LOCAL app.units = '${all.join(',')}'; SET LOCAL app.all_units = '${units === '*' ? 'on' : 'off'}'`
}

/** A failed transaction answers COMMIT with ROLLBACK. Then nothing was written, the audit event neither. */
function committed(result: pg.QueryResult | undefined): void {
  if (result?.command !== 'COMMIT')
    throw new Problem('unavailable', { cause: new Error(`COMMIT answered ${result?.command}`) })
}

/**
 * A statement that carries the audit event has failed: nothing may be answered. A value that the database cannot take
 * (class 22) is the request's own fault and stays what it is.
 */
function unwritten(cause: unknown): never {
  if (cause instanceof Problem || (cause instanceof pg.DatabaseError && cause.code?.startsWith('22'))) throw cause
  throw new Problem('unavailable', { cause, headers: { 'retry-after': '1' } })
}

/** Waits for all of a pipeline, then throws the first error: the others are only "transaction is aborted". */
async function together(client: pg.PoolClient, send: () => Promise<pg.QueryResult>[]): Promise<pg.QueryResult[]> {
  const settled = await Promise.allSettled(oneWrite(client, send))
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

async function run(client: pg.PoolClient, statement: SQL): Promise<pg.QueryResult> {
  const { text, params } = compile(statement)
  return client.query(text, [...params])
}

function nameOf(credential: Credential): string {
  if (credential.kind === 'apiKey') return `${credential.tenantId}/key/${credential.apiKeyId}`
  return `${credential.tenantId}/session/${credential.sessionId}`
}

function sameSecret(one: Credential, other: Credential): boolean {
  if (one.kind === 'apiKey' && other.kind === 'apiKey') return one.secretHash.equals(other.secretHash)
  if (one.kind === 'apiKey' || other.kind === 'apiKey' || one.kind !== other.kind) return false
  return (
    one.memberId === other.memberId &&
    (one.kind !== 'exchange' || other.kind !== 'exchange' || one.apiKeyId === other.apiKeyId)
  )
}
