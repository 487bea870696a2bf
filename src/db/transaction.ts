import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import { type Principal, readerOf } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import { type AuditEntry, eventStatement, eventValues, type Meta, type Touched, touchedValues } from './audit-event.ts'
import { oneWrite } from './connections.ts'
import type { PreparedStatements } from './prepared.ts'
import { standingSql, standingValues } from './principals.ts'
import { demandPurpose } from './purpose.ts'
import { type ContactKeys, sealChanges } from './seal-changes.ts'
import { type Note, noteForTouched } from './sealed-note.ts'
import { array, type Compiled, compile, fill, type SQL, sql } from './sql.ts'

export type JsonRow = Record<string, unknown>

declare const proof: unique symbol

/** An open transaction of a change. Only runChange makes one, for database.ts, so whoever holds it is audited. */
export interface Tx {
  readonly [proof]: true
  readonly principal: Principal
  readonly keys: TenantKeys
  /** The wrapped keys of contacts as they came along with rows; null: there is none yet. */
  readonly contactKeys: ContactKeys
  query<T = JsonRow>(statement: SQL | Compiled, values?: Readonly<Record<string, unknown>>): Promise<T[]>
  /** Says what the change touched; at least once before the end. */
  touch(touched: Touched): void
  /**
   * Demands the purpose of resources before they are touched. For a change that touches what it finds: whether it is
   * refused would tell what there is.
   * @throws Problem purpose_required
   */
  demandPurpose(resources: Iterable<string>): void
  /** Puts a note into the audit event, where it is kept sealed: under a contact's key where it is about one that has one. */
  note(note: Note): void
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
export class Stale extends Error {}

/** Nothing was wrong with the request: it is to be run once more. */
export class Again extends Error {}

/** What database.ts gives a change. */
export interface ChangeSetting {
  client: pg.PoolClient
  principal: Principal
  entry: AuditEntry
  meta: Meta
  prepared: PreparedStatements
  keys: { known: boolean; now: () => TenantKeys; load: (query: Tx['query']) => Promise<void> }
  kept: (key: string, build: () => SQL) => Compiled
  jobsAdded: (count: number) => void
  /** There is no standing to check and no key to read yet. */
  makesTenant: boolean
}

/** Runs a change on a connection: BEGIN and the check of the principal, the work, its audit event, COMMIT. */
export async function runChange<T>(
  setting: ChangeSetting,
  work: (tx: Tx, principal: Principal) => Promise<T | Finish<T>>,
): Promise<T> {
  const { client, principal, entry, meta, prepared, keys, kept, makesTenant } = setting
  const touched: Touched[] = []
  const contactKeys: ContactKeys = new Map()
  const said: Note = {}
  let jobsAdded = 0
  const asking = { eventTenant: principal.tenantId, reader: readerOf(principal) }
  const send = (statement: Compiled, values: Readonly<Record<string, unknown>>): Promise<pg.QueryResult> =>
    client.query(prepared.query(statement, fill(statement, { ...asking, ...values })))
  const standing = kept('standing', () => standingSql(principal.credential))
  const ready = together(client, () => [
    client.query(begin(principal)),
    send(standing, { eventTenant: principal.tenantId, ...standingValues(principal) }),
  ]).then(([, who]) => {
    if (who?.rows.length === 0 && !makesTenant) throw new Stale()
  })
  ready.catch(() => {})
  const query = async <R>(statement: SQL | Compiled, values: Readonly<Record<string, unknown>> = {}): Promise<R[]> => {
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
    contactKeys,
    query,
    kept,
    touch: (one: Touched) => void touched.push(one),
    demandPurpose: (resources: Iterable<string>) => demandPurpose(principal, meta, resources),
    note: (note: Note) => void Object.assign(said, note),
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
    demandPurpose(principal, meta, [entry.resource])
    let result = await work(tx, principal)
    await ready
    if (result instanceof Finish && typeof result.touched === 'function') result = await result.now(tx)
    const last = result instanceof Finish ? ({ ...compile(result.statement), kept: 'asked' } as const) : null
    if (result instanceof Finish && typeof result.touched !== 'function') touched.push(result.touched)
    if (touched.length === 0) throw new Error(`a change of ${entry.resource} touched nothing that it named`)
    const eventId = randomUUIDv7()
    const own = ownFirst(touched, entry.resource)
    demandPurpose(
      principal,
      meta,
      own.map((one) => one.resource),
    )
    const sealing = { tenantId: principal.tenantId, keys: keys.now, known: contactKeys, query }
    const { changes, behind, made } = await sealChanges(own, eventId, sealing)
    const noted = Object.keys(said).length > 0 ? { ...entry, note: { ...entry.note, ...said } } : entry
    const sealedNote = await noteForTouched(noted, meta, eventId, own, { ...sealing, made })
    const values = {
      ...eventValues(eventId, principal, entry, meta, sealedNote),
      ...touchedValues(own, 'allowed', entry.code ?? null, changes),
    }
    const answers = await together(client, () => [
      ...(last ? [send(last, {})] : []),
      ...(behind ? [send(compile(behind), {})] : []),
      send(eventStatement, values).catch((error: unknown) =>
        prepared.isLost(error) ? Promise.reject(new Again()) : unwritten(error),
      ),
      client.query('COMMIT'),
    ])
    committed(answers.at(-1))
    if (jobsAdded > 0) setting.jobsAdded(jobsAdded)
    return result instanceof Finish ? result.done(answers[0]?.rows ?? []) : result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    // A refusal by rights that are no longer the principal's is none.
    if (error instanceof Problem) await ready
    if (prepared.isLost(error)) throw new Again()
    throw error
  }
}

/** What the change is about comes first, and counts its rows; what happened beside it follows. */
const ownFirst = (touched: readonly Touched[], resource: string): Touched[] => [
  ...touched.filter((one) => one.resource === resource),
  ...touched.filter((one) => one.resource !== resource),
]

const uuid = /^[0-9a-f-]{36}$/

/** BEGIN and the settings that row-level security reads, in one message. The values are validated literals: SET takes no parameters. */
export function begin(principal: Principal): string {
  return beginFor(principal.tenantId, principal.units, '')
}

export function beginFor(tenantId: string, units: readonly string[] | '*', mode: string): string {
  const all = units === '*' ? [] : units
  for (const id of [tenantId, ...all]) if (!uuid.test(id)) throw new Error('not a UUID')
  return `BEGIN ${mode}; SET LOCAL app.tenant = '${tenantId}'; SET LOCAL app.units = '${all.join(',')}'; SET LOCAL app.all_units = '${units === '*' ? 'on' : 'off'}'`
}

/** A failed transaction answers COMMIT with ROLLBACK. Then nothing was written, the audit event neither. */
export function committed(result: pg.QueryResult | undefined): void {
  if (result?.command !== 'COMMIT')
    throw new Problem('unavailable', { cause: new Error(`COMMIT answered ${result?.command}`) })
}

/**
 * A statement that carries the audit event has failed: nothing may be answered. A value that the database cannot take
 * (class 22) is the request's own fault and stays what it is.
 */
export function unwritten(cause: unknown): never {
  if (cause instanceof Problem || (cause instanceof pg.DatabaseError && cause.code?.startsWith('22'))) throw cause
  throw new Problem('unavailable', { cause, headers: { 'retry-after': '1' } })
}

/** Waits for all of a pipeline, then throws the first error: the others are only "transaction is aborted". */
export async function together(
  client: pg.PoolClient,
  send: () => Promise<pg.QueryResult>[],
): Promise<pg.QueryResult[]> {
  const settled = await Promise.allSettled(oneWrite(client, send))
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}
