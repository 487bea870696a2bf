import type { Changed } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'

const names = {
  teamId: 'team_id',
  assigneeId: 'assignee_id',
  status: 'status',
  snoozedUntil: 'snoozed_until',
  priority: 'priority',
  tags: 'tags',
  purpose: 'purpose',
}

/**
 * Sets what rules decided of conversations that the transaction has locked: by public names, the fields to be set.
 * Closing settles a conversation as it does when somebody closes it: nobody waits.
 */
export async function conversationRouteAll(
  tx: Tx,
  rows: readonly { id: string; set: JsonRow }[],
): Promise<(Changed & { contactId: string })[]> {
  const side = (row: string) =>
    sql.raw(
      Object.entries(names)
        .map(([name, column]) => `'${name}', ${row}.${column}`)
        .join(),
    )
  const given = (name: string, type: string) =>
    sql.raw(
      `CASE WHEN w.set ? '${name}' THEN (w.set->>'${name}')::${type} ELSE c.${names[name as keyof typeof names]} END`,
    )
  const statement = tx.kept(
    'conversation/route',
    () => sql`UPDATE app.conversation AS c SET team_id = ${given('teamId', 'uuid')}, assignee_id = ${given('assigneeId', 'uuid')},
        status = ${given('status', 'text')}, snoozed_until = CASE WHEN w.set ? 'status' THEN NULL ELSE c.snoozed_until END,
        waiting_since = CASE WHEN w.set->>'status' = 'closed' THEN NULL ELSE c.waiting_since END, unread_count = CASE WHEN w.set->>'status' = 'closed' THEN 0 ELSE c.unread_count END,
        priority = ${given('priority', 'text')}, purpose = coalesce(c.purpose, w.set->>'purpose'),
        tags = CASE WHEN w.set ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text(w.set->'tags')) ELSE c.tags END, version = c.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${sql.placeholder('rows')}::jsonb) AS w(id uuid, set jsonb), app.conversation AS o
      WHERE c.tenant_id = ${sql.placeholder('tenant')}::uuid AND c.id = w.id AND o.tenant_id = c.tenant_id AND o.id = c.id
      RETURNING c.id, c.version, c.contact_id AS "contactId", json_build_object(${side('o')}) AS before, json_build_object(${side('c')}) AS after`,
  )
  return tx.query(statement, { tenant: tx.principal.tenantId, rows: JSON.stringify(rows) })
}
