import { z } from 'zod'
import { HASH_BYTES } from '../../audit/merkle.ts'
import { StoredRanges } from '../../audit/tree-reader.ts'
import type { JsonRow } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'

/**
 * The tenant's tree as parts of an audited read, so that an event, its proof and the signed root come in one statement
 * and of one moment. Nothing in them is about a person: the audit names the events beside them.
 */
const mine = (alias: string): SQL => sql`${sql.identifier(alias)}.tenant_id = ${named('eventTenant')}::uuid`

/** Rows that belong to no resource. */
const bare = { resource: null, tenant: null, shown: [], masked: [], byRow: false } as const

/** Says in the audit that something of it was read, where no single event was. */
export const nothingTouched: Part = {
  ...bare,
  name: 'events',
  resource: 'audit-events',
  columns: sql`NULL::uuid AS id, NULL::uuid AS "_subject"`,
  from: sql`(SELECT) AS nothing`,
  where: sql`false`,
}

export const checkpointRow = z.object({ size: z.int(), note: z.string(), generation: z.int(), madeAt: z.string() })

/** Checkpoints: those of `where`, the newest first. */
export const checkpointPart = (name: string, where: SQL, limit: SQL): Part => ({
  ...bare,
  name,
  columns: sql`c.size, c.note, c.key_generation AS generation, c.made_at AS "madeAt"`,
  from: sql`audit.checkpoint AS c`,
  where: sql`${mine('c')} AND ${where}`,
  orderBy: sql`c.size DESC`,
  limit: { fetch: limit, answer: limit },
})

/** The newest checkpoint. */
export const newestPart: Part = checkpointPart('checkpoint', sql`true`, sql`1`)

export const keyRow = z.object({
  generation: z.int(),
  publicKey: z.string().transform((text) => Buffer.from(text, 'base64')),
  endorsement: z.string(),
  madeAt: z.string(),
})

/** All signing keys, the first one first. */
export const keysPart: Part = {
  ...bare,
  name: 'keys',
  columns: sql`k.generation, encode(k.public_key, 'base64') AS "publicKey", k.endorsement, k.made_at AS "madeAt"`,
  from: sql`audit.signing_key AS k`,
  where: mine('k'),
  orderBy: sql`k.generation`,
}

/**
 * The stored hashes around some leaves and at the end of a tree: of each level the blocks on the way up from them. Every
 * proof about these leaves is made of them.
 * @param leaves a SELECT of their indexes; NULL counts for nothing
 * @param size a scalar SELECT; NULL for no tree
 */
export const hashesPart = (leaves: SQL, size: SQL): Part => ({
  ...bare,
  name: 'hashes',
  columns: sql`b.level, b.low, CASE WHEN b.level = 0
      THEN (SELECT encode(string_agg(l.leaf_hash, '' ORDER BY l.leaf_index), 'base64') FROM audit.leaf AS l
             WHERE ${mine('l')} AND l.leaf_index >= b.low AND l.leaf_index < b.high)
      ELSE (SELECT encode(string_agg(n.hash, '' ORDER BY n.node_index), 'base64') FROM audit.node AS n
             WHERE ${mine('n')} AND n.level = b.level AND n.node_index >= b.low AND n.node_index < b.high) END AS hashes`,
  // 256 hashes to a block: eight bits of the index to a level.
  from: sql`(SELECT DISTINCT k.level, i.index >> (8 * (k.level + 1)) << 8 AS low,
        least(((i.index >> (8 * (k.level + 1))) + 1) << 8, t.size >> (8 * k.level)) AS high
      FROM (SELECT ${size} AS size) AS t, generate_series(0, 6) AS k(level),
        LATERAL (SELECT t.size AS index UNION ALL ${leaves}) AS i) AS b`,
  where: sql`b.low < b.high`,
})

const hashesRow = z.object({ level: z.int(), low: z.int(), hashes: z.string() })

/** The hashes of a `hashesPart`. */
export function storedRanges(rows: readonly JsonRow[]): StoredRanges {
  const ranges = new StoredRanges()
  for (const row of rows) {
    const { level, low, hashes } = hashesRow.parse(row)
    const bytes = Buffer.from(hashes, 'base64')
    const each = Array.from({ length: bytes.length / HASH_BYTES }, (_, i) =>
      bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    )
    ranges.add(level, low, each)
  }
  return ranges
}
