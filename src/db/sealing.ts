import type pg from 'pg'
import { CheckedTables } from './checked-tables.ts'
import { type Checkpoint, type Leaf, one, SealedTables } from './sealed-tables.ts'
import { type SQL, sql } from './sql.ts'
import { beginFor, committed } from './transaction.ts'

/** One sealer of a tenant at a time, in all processes; a change of the key waits for it. Until the transaction ends. */
export const sealingLock = (tenantId: string): SQL =>
  sql`pg_advisory_xact_lock(hashtextextended(${`custodia.seal/${tenantId}`}, 0))`

/** What a sealer adds to the tree of a tenant. */
export class SealingTables extends SealedTables {
  /** @returns false when another sealer has it */
  async lock(): Promise<boolean> {
    const found = await this.ask<{ mine: boolean }>(
      'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine',
      [`custodia.seal/${this.tenantId}`],
    )
    return one(found).mine
  }

  /** Leaves beside each other, in their order. As few and large parameters as can be: this is the bulk of sealing. */
  async addLeaves(leaves: readonly Leaf[]): Promise<void> {
    const [first] = leaves
    if (!first) return
    await this.ask(
      `INSERT INTO audit.leaf (tenant_id, leaf_index, leaf_hash, event_id, occurred_at)
       SELECT $1, $2 + n - 1, substring($3::bytea FROM (32 * n - 31)::int FOR 32), event_id, occurred_at
         FROM unnest($4::uuid[], $5::timestamptz[]) WITH ORDINALITY AS l(event_id, occurred_at, n)`,
      [
        this.tenantId,
        first.index,
        Buffer.concat(leaves.map((leaf) => leaf.hash)),
        `{${leaves.map((leaf) => leaf.eventId).join(',')}}`,
        `{${leaves.map((leaf) => `"${leaf.occurredAt}"`).join(',')}}`,
      ],
    )
  }

  async addNodes(nodes: readonly { level: number; index: number; hash: Buffer }[]): Promise<void> {
    if (nodes.length === 0) return
    await this.ask(
      `INSERT INTO audit.node (tenant_id, level, node_index, hash)
       SELECT $1, level, node_index, hash FROM unnest($2::int[], $3::bigint[], $4::bytea[]) AS n(level, node_index, hash)`,
      [this.tenantId, nodes.map((node) => node.level), nodes.map((node) => node.index), nodes.map((node) => node.hash)],
    )
  }

  async addCheckpoint(made: Checkpoint): Promise<void> {
    await this.ask(
      `INSERT INTO audit.checkpoint (tenant_id, size, root_hash, epoch, watermark, key_generation, note, made_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [this.tenantId, made.size, made.rootHash, made.epoch, made.watermark, made.keyGeneration, made.note, made.madeAt],
    )
  }
}

/**
 * A transaction of a sealer. It can do nothing but read events and add to the tree. It writes no audit event:
 * the checkpoint is itself the record of the sealing, and an event of it would have to be sealed in turn, for ever.
 * READ COMMITTED, as the watermark must be read before what stands below it.
 */
export async function sealing<T>(
  client: pg.PoolClient,
  tenantId: string,
  work: (tables: SealingTables) => Promise<T>,
): Promise<T> {
  await client.query(beginFor(tenantId, '*', 'ISOLATION LEVEL READ COMMITTED'))
  try {
    const result = await work(new SealingTables(client, tenantId))
    committed(await client.query('COMMIT'))
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** Reads what is sealed, in one snapshot; nothing can be written. */
export async function sealed<T>(
  client: pg.PoolClient,
  tenantId: string,
  work: (tables: CheckedTables) => Promise<T>,
): Promise<T> {
  await client.query(beginFor(tenantId, '*', 'ISOLATION LEVEL REPEATABLE READ READ ONLY'))
  try {
    return await work(new CheckedTables(client, tenantId))
  } finally {
    await client.query('ROLLBACK').catch(() => {})
  }
}
