import pg from 'pg'

/** Where in the log an attack happened: the events, by id, that must be named; none where no event is concerned. */
export interface Attack {
  what: string
  events: string[]
  /** The first leaf from which on things are not what they were, where a checkpoint outside is all that tells. */
  fromLeaf?: number
}

interface EventRow {
  event_id: string
  leaf_index: number
}

/** Numbers that are the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Other values for a column, as SQL over the old one, c; `other` is another event's. */
const changes: Record<string, readonly string[]> = {
  uuid: ['gen_random_uuid()', 'NULL', 'other'],
  text: [`coalesce(c, '') || 'x'`, 'upper(c)', 'NULL', 'other', `''`],
  integer: ['coalesce(c, 0) + 1', 'c - 1', 'other'],
  bigint: ['c + 1', 'c + 100000', 'c - 1', 'other'],
  xid8: ['(c::text::numeric + 1)::text::xid8', '(c::text::numeric - 1)::text::xid8', `'9000000000'::xid8`, 'other'],
  'timestamp with time zone': [
    `c + interval '1 microsecond'`,
    `c - interval '1 second'`,
    `c + interval '40 days'`,
    `c - interval '3 years'`,
    `'infinity'`,
    `'0044-03-15 12:00 BC'`,
    'other',
  ],
  jsonb: [`coalesce(c, '{}') || '{"z":1}'`, 'NULL', 'other', `'[]'`],
  'uuid[]': [
    `coalesce(c, '{}') || gen_random_uuid()`,
    'c || c[1]',
    'c || NULL::uuid',
    'ARRAY[c, c]',
    `array_fill(c[1], ARRAY[cardinality(c)], ARRAY[0])`,
    'c[2:]',
    'NULL',
    'other',
    '(SELECT array_agg(u ORDER BY o DESC) FROM unnest(c) WITH ORDINALITY AS a(u, o))',
  ],
  'integer[]': [`coalesce(c, '{}') || 1`, `coalesce(c, '{}') || NULL::int`, 'c[2:]', 'NULL', 'other', `'{1}'`, `'{0}'`],
  bytea: [`set_byte(c, 0, get_byte(c, 0) # 1)`, `coalesce(c, '') || '\\x00'`, 'NULL', 'other'],
  'bytea[]': [`coalesce(c, '{}') || '\\x00'::bytea`, 'NULL', 'other', 'c[2:]'],
  inet: [`'10.9.8.7'`, 'NULL', `c + 1`, 'other', `set_masklen(c, 8)`],
}

const treeTables: Record<string, string> = {
  leaf: 'leaf_index',
  node: 'node_index',
  checkpoint: 'size',
  signing_key: 'generation',
  shape: 'shape_id',
}

/** The database's superuser, with guards switched off, in a transaction that somebody rolls back. */
export class Attacker {
  readonly #client: pg.Client
  readonly #tenantId: string
  readonly #below: (below: number) => number
  readonly #columns = new Map<string, { name: string; type: string; isNullable: boolean }[]>()
  #events: EventRow[] = []

  constructor(client: pg.Client, tenantId: string, below: (below: number) => number) {
    this.#client = client
    this.#tenantId = tenantId
    this.#below = below
  }

  async learn(): Promise<void> {
    // Its owner's to drop.
    await this.#client.query(
      `BEGIN; SET LOCAL custodia.audit_ddl = 'on'; ALTER TABLE audit.event DROP CONSTRAINT readable; ALTER TABLE audit.shape DROP CONSTRAINT readable; COMMIT`,
    )
    const columns = await this.#client.query<{ tab: string; name: string; type: string; nullable: boolean }>(
      `SELECT c.relname AS tab, a.attname AS name, format_type(a.atttypid, NULL) AS type, NOT a.attnotnull AS nullable
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'audit' AND c.relname = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped`,
      [['event', ...Object.keys(treeTables)]],
    )
    for (const { tab, name, type, nullable } of columns.rows)
      this.#columns.set(tab, [...(this.#columns.get(tab) ?? []), { name, type, isNullable: nullable }])
    const events = await this.#client.query<EventRow>(
      'SELECT event_id, leaf_index::int FROM audit.leaf WHERE tenant_id = $1 ORDER BY leaf_index',
      [this.#tenantId],
    )
    this.#events = events.rows
  }

  /** Does one thing at random. */
  async attack(): Promise<Attack> {
    const ways = [
      () => this.#editEvent(),
      () => this.#editEvent(),
      () => this.#editEvent(),
      () => this.#editEvent(),
      () => this.#deleteEvents(),
      () => this.#swapEvents(),
      () => this.#swapEvents(),
      () => this.#insertEvent(),
      () => this.#insertEvent(),
      () => this.#editTree(),
      () => this.#editTree(),
      () => this.#deleteFromTree(),
      () => this.#addToTree(),
      () => this.#cutTail(),
    ]
    for (;;) {
      await this.#client.query('SAVEPOINT attack')
      const done = await ways[this.#below(ways.length)]?.()
      if (done) return done
      // It would have changed nothing.
      await this.#client.query('ROLLBACK TO SAVEPOINT attack')
    }
  }

  #some<T>(all: readonly T[]): T {
    const one = all[this.#below(all.length)]
    if (one === undefined) throw new Error('there is none')
    return one
  }

  /** A new value for a column of one row; how many rows it changed. */
  async #change(table: string, where: string, values: unknown[]): Promise<{ name: string; value: string } | null> {
    const { name, type, isNullable } = this.#some(this.#columns.get(table) ?? [])
    const value = this.#some((changes[type] ?? ['other']).filter((one) => one !== 'NULL' || isNullable))
    const other = `(SELECT o.${name} FROM audit.${table} AS o WHERE o.tenant_id = $1 AND o.${name} IS DISTINCT FROM t.${name} LIMIT 1 OFFSET ${this.#below(5)})`
    const sql = value.replaceAll(/\bc\b/g, `t.${name}`).replace(/^other$/, other)
    try {
      const { rowCount } = await this.#client.query(
        `UPDATE audit.${table} AS t SET ${name} = ${sql} WHERE t.tenant_id = $1 AND ${where} AND (${sql}) IS DISTINCT FROM t.${name}`,
        [this.#tenantId, ...values],
      )
      return rowCount === 1 ? { name, value } : null
    } catch (error) {
      // What not even a superuser can store.
      if (error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '')) return null
      throw error
    }
  }

  async #editEvent(): Promise<Attack | null> {
    const { event_id } = this.#some(this.#events)
    const done = await this.#change('event', 't.event_id = $2', [event_id])
    return done && { what: `event.${done.name} := ${done.value}`, events: [event_id] }
  }

  async #deleteEvents(): Promise<Attack | null> {
    const count = 1 + this.#below(3)
    const events = [...new Set(Array.from({ length: count }, () => this.#some(this.#events).event_id))]
    await this.#client.query('DELETE FROM audit.event WHERE tenant_id = $1 AND event_id = ANY ($2)', [
      this.#tenantId,
      events,
    ])
    return { what: `${count} events deleted`, events }
  }

  /** Two events take each other's id, place, time, or what they say. */
  async #swapEvents(): Promise<Attack | null> {
    const [one, two] = [this.#some(this.#events).event_id, this.#some(this.#events).event_id]
    const groups = [
      ['event_id'],
      ['occurred_at'],
      ['sequence'],
      ['transaction_id', 'sequence'],
      ['actor_id'],
      ['ids', 'shape_id', 'counts'],
      ['epoch', 'transaction_id', 'sequence', 'occurred_at'],
      (this.#columns.get('event') ?? []).map(({ name }) => name).filter((name) => name !== 'event_id'),
    ]
    const names = this.#some(groups)
    const { rowCount } = await this.#client.query(
      `WITH both_rows AS MATERIALIZED (SELECT * FROM audit.event WHERE tenant_id = $1 AND event_id IN ($2::uuid, $3::uuid))
       UPDATE audit.event AS t SET (${names.join(', ')}) = ROW (${names.map((name) => `o.${name}`).join(', ')})
         FROM both_rows AS o WHERE t.tenant_id = $1 AND t.event_id IN ($2::uuid, $3::uuid) AND o.event_id <> t.event_id
          AND (${names.map((name) => `o.${name}`).join(', ')}) IS DISTINCT FROM (${names.map((name) => `t.${name}`).join(', ')})`,
      [this.#tenantId, one, two],
    )
    return rowCount === 2 ? { what: `two events swapped ${names.join(', ')}`, events: [one, two] } : null
  }

  /** A copy of an event under a new id or time, at a place where it was never written. */
  async #insertEvent(): Promise<Attack | null> {
    const { event_id } = this.#some(this.#events)
    const variants: Record<string, string>[] = [
      { event_id: 'gen_random_uuid()' },
      { occurred_at: `occurred_at + interval '1 second'` },
      { event_id: 'gen_random_uuid()', occurred_at: `occurred_at - interval '70 days'` },
      { event_id: 'gen_random_uuid()', sequence: '-5' },
      { event_id: 'gen_random_uuid()', transaction_id: `'3'::xid8` },
      { event_id: 'gen_random_uuid()', transaction_id: `(transaction_id::text::numeric - 1)::text::xid8` },
      { event_id: 'gen_random_uuid()', transaction_id: `'4000000000'::xid8` },
      { event_id: 'gen_random_uuid()', transaction_id: `pg_snapshot_xmin(pg_current_snapshot())` },
      { event_id: 'gen_random_uuid()', epoch: 'epoch + 1' },
      { event_id: 'gen_random_uuid()', epoch: 'epoch - 1' },
    ]
    const variant = this.#some(variants)
    const names = (this.#columns.get('event') ?? []).map(({ name }) => name)
    const { rows } = await this.#client.query<{ event_id: string }>(
      `INSERT INTO audit.event (${names.join(', ')}) SELECT ${names.map((name) => variant[name] ?? name).join(', ')}
         FROM audit.event WHERE tenant_id = $1 AND event_id = $2 RETURNING event_id`,
      [this.#tenantId, event_id],
    )
    return { what: `an event inserted with ${JSON.stringify(variant)}`, events: rows.map((row) => row.event_id) }
  }

  async #treeRow(table: string): Promise<unknown> {
    const key = treeTables[table] ?? ''
    const { rows } = await this.#client.query<{ key: unknown }>(
      `SELECT ${key} AS key FROM audit.${table} WHERE tenant_id = $1 ORDER BY 1`,
      [this.#tenantId],
    )
    return rows.length > 0 ? this.#some(rows).key : null
  }

  async #editTree(): Promise<Attack | null> {
    const table = this.#some(Object.keys(treeTables))
    const key = await this.#treeRow(table)
    // Its owner's to drop.
    if (table === 'shape') await this.#client.query('ALTER TABLE audit.shape DROP CONSTRAINT IF EXISTS shape_is_its_id')
    const done = await this.#change(table, `t.${treeTables[table]} = $2`, [key])
    return done && { what: `${table}.${done.name} of ${key} := ${done.value}`, events: [] }
  }

  async #deleteFromTree(): Promise<Attack | null> {
    const table = this.#some(Object.keys(treeTables))
    const key = await this.#treeRow(table)
    const { rowCount } = await this.#client.query(
      `DELETE FROM audit.${table} WHERE tenant_id = $1 AND ${treeTables[table]} = $2`,
      [this.#tenantId, key],
    )
    return rowCount === 0 ? null : { what: `${table} ${key} deleted`, events: [] }
  }

  async #addToTree(): Promise<Attack | null> {
    const statements = [
      `INSERT INTO audit.leaf SELECT tenant_id, leaf_index + 1, leaf_hash, gen_random_uuid(), occurred_at FROM audit.leaf WHERE tenant_id = $1 ORDER BY leaf_index DESC LIMIT 1`,
      `INSERT INTO audit.node SELECT tenant_id, level, node_index + 1, hash FROM audit.node WHERE tenant_id = $1`,
      `INSERT INTO audit.node SELECT tenant_id, level + 1, node_index, hash FROM audit.node WHERE tenant_id = $1`,
      `INSERT INTO audit.checkpoint SELECT tenant_id, size - 1, root_hash, epoch, watermark, key_generation, note, made_at FROM audit.checkpoint WHERE tenant_id = $1 ORDER BY size DESC LIMIT 1`,
      `INSERT INTO audit.checkpoint SELECT tenant_id, size + 1, root_hash, epoch, watermark, key_generation, note, made_at FROM audit.checkpoint WHERE tenant_id = $1 ORDER BY size DESC LIMIT 1`,
      `INSERT INTO audit.signing_key SELECT tenant_id, generation + 1, public_key, endorsement, made_at FROM audit.signing_key WHERE tenant_id = $1 ORDER BY generation DESC LIMIT 1`,
      `UPDATE audit.checkpoint SET watermark = '8000000000' WHERE tenant_id = $1 AND size = (SELECT max(size) FROM audit.checkpoint WHERE tenant_id = $1)`,
    ]
    const statement = this.#some(statements)
    const { rowCount } = await this.#client.query(statement, [this.#tenantId])
    return rowCount === 0 ? null : { what: statement.slice(0, 90), events: [] }
  }

  /** All of the log behind a checkpoint goes, events, leaves, nodes and checkpoints: an old copy of the database. */
  async #cutTail(): Promise<Attack | null> {
    const { rows } = await this.#client.query<{ size: number; epoch: number; watermark: string }>(
      'SELECT size::int, epoch, watermark FROM audit.checkpoint WHERE tenant_id = $1 ORDER BY size',
      [this.#tenantId],
    )
    rows.pop()
    if (rows.length === 0) return null
    const { size, epoch, watermark } = this.#some(rows)
    const given = [this.#tenantId, size]
    await this.#client.query(
      'DELETE FROM audit.event WHERE tenant_id = $1 AND (epoch, transaction_id) >= ($2::int, $3::xid8)',
      [this.#tenantId, epoch, watermark],
    )
    await this.#client.query('DELETE FROM audit.leaf WHERE tenant_id = $1 AND leaf_index >= $2', given)
    await this.#client.query(
      'DELETE FROM audit.node WHERE tenant_id = $1 AND (node_index + 1) * 256 ^ level > $2',
      given,
    )
    await this.#client.query('DELETE FROM audit.checkpoint WHERE tenant_id = $1 AND size > $2', given)
    const last = this.#events[size - 1]
    return { what: `an old copy of ${size} events`, events: last ? [last.event_id] : [], fromLeaf: size }
  }
}
