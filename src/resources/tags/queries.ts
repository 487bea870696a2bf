import { randomUUIDv7 } from 'node:crypto'
import type { JsonRow, Tx } from '../../db/database.ts'
import { json, sql } from '../../db/sql.ts'

/** Tags that are used for the first time join the tenant's catalogue. */
export async function catalogueTags(tx: Tx, body: JsonRow): Promise<void> {
  if (!Array.isArray(body.tags) || body.tags.length === 0) return
  const rows = body.tags.map((name) => ({ id: randomUUIDv7(), name }))
  await tx.query(sql`INSERT INTO app.tag (tenant_id, id, name) SELECT ${tx.principal.tenantId}::uuid, t.id, t.name
    FROM jsonb_to_recordset(${json(rows)}) AS t(id uuid, name text) ORDER BY t.name ON CONFLICT (tenant_id, name) DO NOTHING`)
}
