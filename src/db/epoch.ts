import type pg from 'pg'

const clusterSql = 'SELECT system_identifier::text AS id FROM pg_control_system()'

/**
 * Starts a new epoch of the audit's order where the database is not in the cluster that it was in: after dump and
 * restore, transaction ids that are in it may exceed those to come, and no watermark would be above them. Inside the
 * start's transaction, as the owner.
 */
export async function renewEpoch(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ database: string; may: boolean }>(
    `SELECT oid::text AS database, has_function_privilege('pg_control_system()', 'EXECUTE') AS may
       FROM pg_database WHERE datname = current_database()`,
  )
  const [here] = rows
  // Whoever hosts the database may keep that to themselves.
  const cluster = here?.may ? await client.query<{ id: string }>(clusterSql) : null
  const id = `${cluster?.rows[0]?.id ?? 'unknown'}/${here?.database}`
  const known = await client.query<{ epoch: number; system_id: string }>(
    'SELECT epoch, system_id FROM directory.installation',
  )
  const current = known.rows[0]
  const isSame = current?.system_id === id && (cluster || !(await isAhead(client, current.epoch)))
  if (isSame) return
  const next = current ? current.epoch + 1 : 1
  await client.query(
    'INSERT INTO directory.installation (epoch, system_id) VALUES ($1, $2) ON CONFLICT (single) DO UPDATE SET epoch = EXCLUDED.epoch, system_id = EXCLUDED.system_id',
    [next, id],
  )
  await client.query(`ALTER TABLE audit.event ALTER COLUMN epoch SET DEFAULT ${next}`)
}

/**
 * Whether there is an event of a transaction that has not begun yet, or events were sealed up to beyond it, where the
 * sealed ones may have been dropped: where the cluster may not say who it is, this tells that it is another one. Tenant
 * by tenant, as row-level security binds the owner too.
 */
async function isAhead(client: pg.Client, epoch: number): Promise<boolean> {
  const { rows } = await client.query<{ tenant_id: string }>('SELECT tenant_id FROM directory.tenant')
  for (const { tenant_id } of rows) {
    await client.query(`SELECT set_config('app.tenant', $1, true)`, [tenant_id])
    const found = await client.query(
      `SELECT WHERE EXISTS (SELECT FROM audit.event
                WHERE tenant_id = $1 AND epoch = $2 AND transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))
          OR EXISTS (SELECT FROM audit.checkpoint
                WHERE tenant_id = $1 AND epoch = $2 AND watermark > pg_snapshot_xmax(pg_current_snapshot()))`,
      [tenant_id, epoch],
    )
    if (found.rows.length > 0) return true
  }
  return false
}
