import pg from 'pg'

/**
 * An event as it lies in audit.event. Times are texts as PostgreSQL writes them, with all their digits.
 */
export interface EventColumns {
  tenant_id: string
  event_id: string
  occurred_at: string
  epoch: number
  /** xid8: may be beyond what a number holds. */
  transaction_id: string
  sequence: number
  actor_kind: string
  actor_id: string | null
  on_behalf_of: string | null
  action: string
  resource: string
  ids: string[]
  counts: number[] | null
  versions: (number | null)[] | null
  row_count: number
  outcome: string
  code: string | null
  purpose: string | null
  query: unknown
  sealed_note: Buffer | null
  change_subjects: string[] | null
  sealed_changes: Buffer[] | null
  cause_id: string | null
  request_id: string | null
  ip: string | null
  /** Random; see leaf.ts. */
  salt: string
}

export interface StoredEvent extends EventColumns {
  shape_id: string
}

/** Where events stand: those of one transaction are beside each other, in their sequence. */
export interface Place {
  epoch: number
  transactionId: string
}

export interface Leaf {
  index: number
  hash: Buffer
  eventId: string
  occurredAt: string
}

export interface Checkpoint {
  size: number
  rootHash: Buffer
  /** All events below this place are leaves below `size`. */
  epoch: number
  watermark: string
  keyGeneration: number
  note: string
  madeAt: string
}

export interface SigningKey {
  generation: number
  /** 32 bytes. */
  publicKey: Buffer
  endorsement: string
  madeAt: string
}

/** What a `SealedTables` speaks through: a connection in a transaction that has its tenant set. */
export type Connection = Pick<pg.ClientBase, 'query'>

const eventColumns =
  'tenant_id, event_id, occurred_at, epoch, transaction_id, sequence, actor_kind, actor_id, on_behalf_of, action, resource,' +
  ' shape_id, ids, counts, versions, row_count, outcome, code, purpose, query, sealed_note, change_subjects, sealed_changes,' +
  ' cause_id, request_id, ip, salt'
const checkpointColumns =
  'size, root_hash AS "rootHash", epoch, watermark, key_generation AS "keyGeneration", note, made_at AS "madeAt"'
const leafColumns = 'leaf_index AS index, leaf_hash AS hash, event_id AS "eventId", occurred_at AS "occurredAt"'

/**
 * The events of a tenant and the tree over them, for whoever seals and whoever checks: these statements and no others.
 * Nothing read here is shown to anybody but ids and places in the tree, so it writes no event; what people see of the
 * audit goes through `Database.read`.
 */
export class SealedTables {
  readonly tenantId: string
  readonly #connection: Connection

  constructor(connection: Connection, tenantId: string) {
    this.#connection = connection
    this.tenantId = tenantId
  }

  /** The epoch of now, and the oldest transaction that is still open: whatever is below both is settled. */
  async horizon(): Promise<Place> {
    return one(
      await this.ask<Place>(
        `SELECT directory.epoch() AS epoch, pg_snapshot_xmin(pg_current_snapshot()) AS "transactionId"`,
      ),
    )
  }

  /** Stored hashes [from, to) of a level of the tree; fewer where some are missing. */
  async hashes(level: number, from: number, to: number): Promise<Buffer[]> {
    const rows =
      level === 0
        ? await this.ask<{ hash: Buffer }>(
            'SELECT leaf_hash AS hash FROM audit.leaf WHERE tenant_id = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index',
            [this.tenantId, from, to],
          )
        : await this.ask<{ hash: Buffer }>(
            'SELECT hash FROM audit.node WHERE tenant_id = $1 AND level = $2 AND node_index >= $3 AND node_index < $4 ORDER BY node_index',
            [this.tenantId, level, from, to],
          )
    return rows.map((row) => row.hash)
  }

  async newestCheckpoint(): Promise<Checkpoint | null> {
    return (await this.checkpointsWhere('true ORDER BY size DESC LIMIT 1', []))[0] ?? null
  }

  /** The checkpoints above a size, smallest first. */
  checkpoints(above: number, limit: number): Promise<Checkpoint[]> {
    return this.checkpointsWhere('size > $2 ORDER BY size LIMIT $3', [above, limit])
  }

  keys(): Promise<SigningKey[]> {
    return this.ask(
      `SELECT generation, public_key AS "publicKey", endorsement, made_at AS "madeAt" FROM audit.signing_key
        WHERE tenant_id = $1 ORDER BY generation`,
      [this.tenantId],
    )
  }

  /** The newest key's private part, sealed. */
  async secret(): Promise<{ generation: number; sealed: Buffer } | null> {
    const sql = `SELECT generation, sealed_private_key AS sealed FROM app.signing_secret WHERE tenant_id = $1 ORDER BY generation DESC LIMIT 1`
    return (await this.ask<{ generation: number; sealed: Buffer }>(sql, [this.tenantId]))[0] ?? null
  }

  /** Events in their order, after one of them and below a place. */
  events(after: (Place & { sequence: number }) | null, below: Place, limit: number): Promise<StoredEvent[]> {
    const from = after ? 'AND (epoch, transaction_id, sequence) > ($5::int, $6::xid8, $7::bigint)' : ''
    return this.eventsWhere(
      `(epoch, transaction_id) < ($2::int, $3::xid8) ${from} ORDER BY epoch, transaction_id, sequence LIMIT $4`,
      [below.epoch, below.transactionId, limit, ...(after ? [after.epoch, after.transactionId, after.sequence] : [])],
    )
  }

  /** How many events there are from a place on, up to a number, and the age of the oldest. */
  async unsealed(from: Place, countMax: number): Promise<{ count: number; oldestSeconds: number }> {
    return one(
      await this.ask<{ count: number; oldestSeconds: number }>(
        `SELECT count(*)::int AS count, coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 AS "oldestSeconds"
           FROM (SELECT occurred_at FROM audit.event WHERE tenant_id = $1 AND (epoch, transaction_id) >= ($2::int, $3::xid8)
                  ORDER BY epoch, transaction_id LIMIT $4) AS e`,
        [this.tenantId, from.epoch, from.transactionId, countMax],
      ),
    )
  }

  /** Shapes as they are written, by id. */
  shapes(ids: readonly string[]): Promise<{ id: string; text: string }[]> {
    const sql =
      'SELECT shape_id AS id, shape::text AS text FROM audit.shape WHERE tenant_id = $1 AND shape_id = ANY ($2)'
    return this.ask(sql, [this.tenantId, [...ids]])
  }

  /** Leaves from an index on. */
  leaves(from: number, limit: number): Promise<Leaf[]> {
    return this.leavesWhere('leaf_index >= $2 ORDER BY leaf_index LIMIT $3', [from, limit])
  }

  protected eventsWhere(rest: string, values: readonly unknown[]): Promise<StoredEvent[]> {
    return this.ask(`SELECT ${eventColumns} FROM audit.event WHERE tenant_id = $1 AND ${rest}`, [
      this.tenantId,
      ...values,
    ])
  }

  protected leavesWhere(rest: string, values: readonly unknown[]): Promise<Leaf[]> {
    return this.ask(`SELECT ${leafColumns} FROM audit.leaf WHERE tenant_id = $1 AND ${rest}`, [
      this.tenantId,
      ...values,
    ])
  }

  protected checkpointsWhere(rest: string, values: readonly unknown[]): Promise<Checkpoint[]> {
    const text = `SELECT ${checkpointColumns} FROM audit.checkpoint WHERE tenant_id = $1 AND ${rest}`
    return this.ask(text, [this.tenantId, ...values])
  }

  /** Asks with dates, times and large numbers as this project has them, whatever connection it is. */
  protected async ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#connection.query({ text, values: [...values], types })
    return rows
  }
}

/** The one row of an aggregate. */
export function one<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (!row) throw new Error('an aggregate gave no row')
  return row
}

const uuidArray = 2951

/** Lists of ids are most of what an event holds, and nothing in them is ever quoted. A forged one may come out odd. */
const uuids = (text: string): string[] => (text === '{}' ? [] : text.slice(1, -1).split(','))

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') => {
    if (oid === pg.types.builtins.TIMESTAMPTZ) return String
    if (oid === pg.types.builtins.INT8) return Number
    if (oid === uuidArray) return uuids
    return pg.types.getTypeParser(oid, format as 'text')
  }) as pg.CustomTypesConfig['getTypeParser'],
}
