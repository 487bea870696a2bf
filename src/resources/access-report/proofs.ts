import { BLOCK, type HashReader, inclusionProof } from '../../audit/tree-reader.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'

/** The newest checkpoint: a signed note over the log of that size. */
export async function newestCheckpoint(tx: Tx): Promise<{ size: number; note: string } | null> {
  const statement = tx.kept(
    'audit/newest-checkpoint',
    () =>
      sql`SELECT size::int AS size, note FROM audit.checkpoint WHERE tenant_id = ${named('tenant')}::uuid ORDER BY size DESC LIMIT 1`,
  )
  const [row] = await tx.query<{ size: number; note: string }>(statement, { tenant: tx.principal.tenantId })
  return row ?? null
}

/** How the keys of the log follow from each other: signed notes, the first key's first. */
export async function endorsementsOf(tx: Tx): Promise<string[]> {
  const statement = tx.kept(
    'audit/endorsements',
    () => sql`SELECT endorsement FROM audit.signing_key WHERE tenant_id = ${named('tenant')}::uuid ORDER BY generation`,
  )
  const rows = await tx.query<{ endorsement: string }>(statement, { tenant: tx.principal.tenantId })
  return rows.map((row) => row.endorsement)
}

/** Inclusion proofs (RFC 6962) of several leaves; the blocks of the tree that they share are read once. */
export async function proofsOf(tx: Tx, leaves: readonly number[], size: number): Promise<Map<number, string[]>> {
  const reader = new BlockReader(tx, size)
  const proofs = new Map<number, string[]>()
  for (const leaf of leaves) {
    if (leaf >= size) continue
    const hashes = await inclusionProof(reader, leaf, size)
    proofs.set(
      leaf,
      hashes.map((hash) => hash.toString('base64')),
    )
  }
  return proofs
}

class BlockReader implements HashReader {
  readonly #tx: Tx
  readonly #size: number
  readonly #blocks = new Map<string, Promise<Buffer[]>>()

  constructor(tx: Tx, size: number) {
    this.#tx = tx
    this.#size = size
  }

  async hashes(level: number, from: number, to: number): Promise<Buffer[]> {
    const start = from - (from % BLOCK)
    const key = `${level}/${start}`
    const block = this.#blocks.get(key) ?? this.#read(level, start)
    this.#blocks.set(key, block)
    return (await block).slice(from - start, to - start)
  }

  async #read(level: number, start: number): Promise<Buffer[]> {
    const end = Math.min(start + BLOCK, Math.floor(this.#size / BLOCK ** level))
    const [table, hash, index] =
      level === 0 ? ['audit.leaf', 'leaf_hash', 'leaf_index'] : ['audit.node', 'hash', 'node_index']
    const at = level === 0 ? sql`` : sql`AND level = ${level}::int`
    const rows = await this.#tx.query<{ hash: Buffer }>(
      sql`SELECT ${sql.identifier(hash)} AS hash FROM ${sql.raw(table)} WHERE tenant_id = ${this.#tx.principal.tenantId}::uuid ${at}
        AND ${sql.identifier(index)} >= ${start}::bigint AND ${sql.identifier(index)} < ${end}::bigint ORDER BY ${sql.identifier(index)}`,
    )
    return rows.map((row) => row.hash)
  }
}
