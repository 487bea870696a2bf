import { randomUUIDv7 } from 'node:crypto'
import { touches } from '../../db/audit-event.ts'
import { type Changed, recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, json, sql } from '../../db/sql.ts'
import { contacts } from '../contacts/schema.ts'
import { conversations } from '../conversations/schema.ts'

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
    { resource: contacts, table: sql`app.contact`, subject: sql`c.id` },
    { resource: conversations, table: sql`app.conversation`, subject: sql`c.contact_id` },
  ]
  const { tenantId } = tx.principal
  for (const { resource, table, subject } of carriers) {
    const rows = await tx.query<Changed & { subject: string }>(
      sql`WITH o AS (SELECT id, tags FROM ${table} WHERE tenant_id = ${tenantId}::uuid AND tags @> ARRAY[${old}::text] FOR NO KEY UPDATE)
        UPDATE ${table} AS c SET tags = array_replace(c.tags, ${old}::text, ${name}::text), version = c.version + 1, updated_at = now() FROM o
        WHERE c.tenant_id = ${tenantId}::uuid AND c.id = o.id
        RETURNING c.id, c.version, ${subject} AS subject, json_build_object('tags', o.tags) AS before, json_build_object('tags', c.tags) AS after`,
    )
    const subjects = new Map(rows.map((row) => [row.id, row.subject]))
    const subjectOf = (id: string) => subjects.get(id)
    for (const one of touches(resource.name, rows, ['tags'], subjectOf, recordChanges(resource, rows, subjectOf)))
      tx.touch(one)
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
