import { type Touched, touches } from '../../db/audit-event.ts'
import { type Changed, recordChanges } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { conversations } from './schema.ts'
import { isHeard } from './unread.ts'

/*
 * Whoever answers a contact takes it that the contact is answered: nobody waits, nothing is unread. Each answer remembers
 * what it has settled so (`owed_since`, `owed_count`), and when it fails, that is owed again: to the answer behind it,
 * where there is one that may still do, else to the contact, who waits since the same moment as before.
 */

const inTalk = (alias: SQL, of: SQL): SQL =>
  sql`${alias}.tenant_id = ${of}.tenant_id AND ${alias}.conversation_id = ${of}.conversation_id`

/** An answer behind it that has not failed, whoever gave it, from here or from elsewhere; none by a machine, and no reaction. */
const nextAnswer = sql`(SELECT o.id FROM app.message o WHERE ${inTalk(sql`o`, sql`m`)} AND o.direction = 'outbound' AND o.status <> 'failed' AND NOT o.historical
    AND o.type NOT IN ('system', 'call', 'reaction') AND NOT o.content ? 'automated' AND (o.occurred_at, o.id) > (m.occurred_at, m.id) ORDER BY o.occurred_at, o.id LIMIT 1)`

/** What the contact has taken back meanwhile, nobody owes an answer to. */
const takenBack = sql`g.direction = 'inbound' AND NOT g.historical AND g.type NOT IN ('system', 'call') AND g.deleted_at IS NOT NULL`
const stillSince = sql`CASE WHEN EXISTS (SELECT FROM app.message g WHERE ${inTalk(sql`g`, sql`u`)} AND ${takenBack} AND g.occurred_at = u.since)
    THEN (SELECT min(h.occurred_at) FROM app.message h WHERE ${inTalk(sql`h`, sql`u`)} AND ${isHeard(sql`h`)} AND NOT h.content ? 'automated' AND h.occurred_at >= u.since)
    ELSE u.since END`
const stillCount = sql`greatest(u.owed - (SELECT count(*)::int FROM app.message g WHERE ${inTalk(sql`g`, sql`u`)} AND ${takenBack}
    AND g.occurred_at BETWEEN u.since AND u.answered_at AND g.deleted_at >= u.answered_at), 0)`

const failedSql =
  (): SQL => sql`WITH failed AS (SELECT m.id, m.tenant_id, m.conversation_id, m.occurred_at, m.owed_since, m.owed_count, ${nextAnswer} AS next_id
      FROM app.message m WHERE m.tenant_id = ${named('tenant')}::uuid AND m.id = ANY (${named('ids')}::uuid[]) AND m.status = 'failed' AND (m.owed_since IS NOT NULL OR m.owed_count > 0)),
    settled AS (UPDATE app.message m SET owed_since = NULL, owed_count = 0 FROM failed f WHERE m.tenant_id = f.tenant_id AND m.id = f.id),
    passed AS (UPDATE app.message m SET owed_since = least(m.owed_since, n.since), owed_count = m.owed_count + n.owed
      FROM (SELECT tenant_id, next_id, min(owed_since) AS since, sum(owed_count)::int AS owed FROM failed WHERE next_id IS NOT NULL GROUP BY 1, 2) AS n
      WHERE m.tenant_id = n.tenant_id AND m.id = n.next_id),
    unanswered AS (SELECT tenant_id, conversation_id, min(owed_since) AS since, sum(owed_count)::int AS owed, min(occurred_at) AS answered_at FROM failed WHERE next_id IS NULL GROUP BY 1, 2),
    again AS (SELECT u.tenant_id, u.conversation_id, ${stillSince} AS since, ${stillCount} AS owed FROM unanswered u)
  UPDATE app.conversation c SET waiting_since = least(c.waiting_since, a.since), unread_count = c.unread_count + a.owed,
      status = CASE WHEN c.status = 'closed' THEN 'open' ELSE c.status END, version = c.version + 1, updated_at = now()
    FROM again a, app.conversation o
    WHERE c.tenant_id = a.tenant_id AND c.id = a.conversation_id AND o.tenant_id = c.tenant_id AND o.id = c.id
      AND (a.since IS NOT NULL OR a.owed > 0 AND c.status <> 'closed')
    RETURNING c.id, c.version, c.contact_id AS "contactId", json_build_object('status', o.status) AS before, json_build_object('status', c.status) AS after`

/**
 * Has contacts wait again whose answers have failed. A conversation that was closed upon such an answer is open again: in
 * a closed one nobody waits.
 * @param messageIds of messages that are written down as failed by now; of others nothing follows
 * @returns what was touched, for the audit
 */
export async function answersFailed(tx: Tx, messageIds: readonly string[]): Promise<Touched[]> {
  const rows = await tx.query<Changed & { contactId: string } & Record<string, unknown>>(
    tx.kept('conversation/answers-failed', failedSql),
    { tenant: tx.principal.tenantId, ids: [...messageIds] },
  )
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  const changed = ['waitingSince', 'unreadCount', 'status']
  return touches('conversations', rows, changed, subjectOf, recordChanges(conversations, rows, subjectOf))
}
