import pg from 'pg'
import type { Checkpoint } from './sealed-tables.ts'
import { beginFor, committed } from './transaction.ts'

/** How long the tree may be waited for. */
const lockTimeout = '10s'

/**
 * Takes back the end of a tenant's tree, so that its events are sealed anew from there on: where the tree contradicts
 * what was signed, nothing can be sealed behind it. For the database's owner, when an operator has accepted the loss;
 * the application's login may not, and neither may the owner without saying so.
 * @param head the checkpoint that is the newest from now on; null: the tree is empty
 */
export async function cutTree(ownerUrl: string, tenantId: string, head: Checkpoint | null): Promise<void> {
  const size = head?.size ?? 0
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'custodia-tree-cut' })
  await client.connect()
  const guards = async (state: 'DISABLE' | 'ENABLE'): Promise<void> => {
    for (const table of ['leaf', 'node', 'checkpoint'])
      await client.query(`ALTER TABLE audit.${table} ${state} TRIGGER append_only`)
  }
  try {
    await client.query(beginFor(tenantId, '*', ''))
    await client.query(`SET LOCAL lock_timeout = '${lockTimeout}'; SET LOCAL custodia.audit_ddl = 'on'`)
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`custodia.seal/${tenantId}`])
    await guards('DISABLE')
    const given = [tenantId, size]
    await client.query('DELETE FROM audit.leaf WHERE tenant_id = $1 AND leaf_index >= $2', given)
    await client.query(
      'DELETE FROM audit.node WHERE tenant_id = $1 AND (node_index + 1)::numeric * 256::numeric ^ level > $2',
      given,
    )
    await client.query('DELETE FROM audit.checkpoint WHERE tenant_id = $1 AND size >= $2', given)
    // As it stands outside: what the row here said may have been changed.
    if (head)
      await client.query(
        `INSERT INTO audit.checkpoint (tenant_id, size, root_hash, epoch, watermark, key_generation, note, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [tenantId, size, head.rootHash, head.epoch, head.watermark, head.keyGeneration, head.note, head.madeAt],
      )
    await guards('ENABLE')
    committed(await client.query('COMMIT'))
  } finally {
    // An open transaction goes with it.
    await client.end()
  }
}
