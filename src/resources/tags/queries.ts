import { randomUUIDv7 } from 'node:crypto'
import { touches, type Versioned } from '../../db/audit-event.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, json, sql } from '../../db/sql.ts'

/** Tags that are used for the first time join the tenant's catalogue. */
export async function catalogueTags(tx: Tx, body: JsonRow): Promise<void> {
  if (!Array.isArray(body.tags) || body.tags.length === 0) return
  const rows = body.tags.map((name) => ({ id: randomUUIDv7(), name }))
  const made = await tx.query<{
    id: string
  }>(sql`INSERT INTO app.tag (tenant_id, id, name) SELECT ${tx.principal.tenantId}::uuid, t.id, t.name
    FROM jsonb_to_recordset(${json(rows)}) AS t(id uuid, name text) ORDER BY t.name ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id`)
  const ids = made.map((row) => row.id)
  if (ids.length > 0) tx.touch({ resource: 'tags', ids, changed: ['name'], version: 1 })
}

/** Gives whoever carries a tag its new name, in every business unit and whatever its state. */
export async function renameTag(tx: Tx, old: string, name: string): Promise<void> {
  const carriers = [
    { resource: 'contacts', table: sql`app.contact`, subject: sql`id` },
    { resource: 'conversations', table: sql`app.conversation`, subject: sql`contact_id` },
  ]
  for (const { resource, table, subject } of carriers) {
    const rows = await tx.query<Versioned & { subject: string }>(
      sql`UPDATE ${table} SET tags = array_replace(tags, ${old}::text, ${name}::text), version = version + 1, updated_at = now()
        WHERE tenant_id = ${tx.principal.tenantId}::uuid AND tags @> ARRAY[${old}::text] RETURNING id, version, ${subject} AS subject`,
    )
    const subjects = new Map(rows.map((row) => [row.id, row.subject]))
    for (const one of touches(resource, rows, ['tags'], (id) => subjects.get(id))) tx.touch(one)
  }
}

/**
 * Takes out of the catalogue what an erased person alone carried and nobody has said anything more about: such a word
 * may say who they were. It comes back with its next use.
 */
export async function forgetTags(tx: Tx, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const { tenantId } = tx.principal
  const rows = await tx.query<{ id: string }>(
    sql`DELETE FROM app.tag t WHERE t.tenant_id = ${tenantId}::uuid AND t.name = ANY (${array(names, 'text')}) AND t.version = 1 AND t.color IS NULL AND t.description IS NULL
      AND NOT app.tag_is_carried(t.tenant_id, t.name) RETURNING t.id`,
  )
  if (rows.length > 0) tx.touch({ resource: 'tags', ids: rows.map((row) => row.id), changed: ['name'] })
}
