import { rowsWhere, sight } from '../../access/door.ts'
import type { ResourceModel } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import type { Tx } from '../../db/database.ts'
import { tableName } from '../../db/row-changes.ts'
import { array, named, type SQL, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { contactsOf } from '../../privacy/erasure-locks.ts'
import { auditEvents } from '../audit-events/schema.ts'

/**
 * The contacts that a person is, as values for the events that concern them: the contact, those that were merged into it,
 * and for as long as it was merged itself, the one that it had gone into: whoever saw that one saw the person.
 */
export async function personValues(tx: Tx, contactId: string) {
  const [merged, erased] = await Promise.all([
    contactsOf(tx, contactId),
    tx.query<{ id: string }>(
      sql`SELECT unnest(merged_ids) AS id FROM app.erasure WHERE tenant_id = ${tx.principal.tenantId}::uuid AND contact_id = ${contactId}::uuid`,
    ),
  ])
  const contacts = [...merged, ...erased.map((row) => row.id)]
  const spans = await tx.query<{ id: string; since: string; until: string }>(
    sql`SELECT contact_id AS id, merged_at::text AS since, unmerged_at::text AS until FROM app.contact_merge
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND merged_id = ANY (${array(contacts, 'uuid')}) AND unmerged_at IS NOT NULL`,
  )
  return {
    contacts,
    spanIds: spans.map((one) => one.id),
    spanFrom: spans.map((one) => one.since),
    spanTo: spans.map((one) => one.until),
  }
}

/** What the report is made of: whoever may not read all of it in clear would be told by the report. */
export const neededFields = [
  ...['occurredAt', 'actor', 'actorId', 'onBehalfOf', 'action', 'resource', 'touched', 'subjectIds'],
  ...['outcome', 'code', 'purpose'],
]

/**
 * The events that concern a person, as SQL with the columns of audit.event and `parts`: which parts of the shape are
 * about the person, from 1 on. It takes the placeholders `tenant`, `from` and `to`, and those of `personValues`.
 *
 * Whoever may read the audit and the contact sees all of them, also those that concern contacts of other business units
 * besides: of these it is told nothing. The rules that roles set on audit events hold.
 * @throws Problem forbidden
 */
export function eventsConcerning(principal: Principal): SQL {
  const rows = rowsWhere(principal, { ...auditEvents, rows: null }, 'read')
  if (!rows || neededFields.some((name) => sight(principal, auditEvents, name)?.clear !== true))
    throw new Problem('forbidden')
  const allowed = principal.ability.dependsOnRow(auditEvents.name)
    ? sql`AND EXISTS (SELECT FROM ${auditEvents.table} WHERE ${auditEvents.tenant} = e.tenant_id AND ${auditEvents.id} = e.event_id AND ${rows})`
    : sql``
  const own = sql`${named('contacts')}::uuid[]`
  const all = sql`(${own} || ${named('spanIds')}::uuid[])`
  const subjects = sql`audit.subjects(s.shape, e.ids, e.counts)`
  const within = sql`EXISTS (SELECT FROM unnest(${named('spanIds')}::uuid[], ${named('spanFrom')}::timestamptz[], ${named('spanTo')}::timestamptz[]) AS t(contact, since, until)
    WHERE e.ids @> ARRAY[t.contact] AND e.occurred_at BETWEEN t.since AND t.until)`
  return sql`SELECT e.*, p.parts FROM audit.event AS e
      JOIN audit.shape AS s ON s.tenant_id = e.tenant_id AND s.shape_id = e.shape_id
      CROSS JOIN LATERAL (SELECT CASE WHEN e.counts IS NULL THEN CASE WHEN s.shape #>> '{0,resource}' = 'contacts' THEN '{1}'::int[] END
        WHEN ${subjects} && ${all} THEN (${partsSql(principal, own, all)}) END AS parts) AS p
     WHERE e.tenant_id = ${named('tenant')}::uuid AND e.ids && ${all} AND (e.ids && ${own} OR ${within})
       AND e.occurred_at >= coalesce(${named('from')}::timestamptz, '-infinity') AND e.occurred_at < coalesce(${named('to')}::timestamptz, 'infinity')
       AND p.parts IS NOT NULL ${allowed}`
}

/**
 * Of an event about several contacts, the parts with records of this one. Of a record that is gone nobody knows any
 * more whose it was: it may have been this one's. One of a business unit that whoever asks does not see is not gone.
 */
function partsSql(principal: Principal, own: SQL, all: SQL): SQL {
  const models = [...principal.ability.models.values()].filter((model) => model.subject && model.name !== 'contacts')
  const slice = sql`e.ids[o.beyond - o.size + 1 : o.beyond]`
  const isOwn = (model: ResourceModel): SQL => {
    const { name, table, tenant, id, subject } = model
    return sql`WHEN ${name} THEN EXISTS (SELECT FROM ${table} WHERE ${tenant} = e.tenant_id AND ${id} = ANY (${slice}) AND ${subject} = ANY (${own}))
      OR app.are_some_gone(e.tenant_id, ${`app.${tableName(model)}`}::regclass, ${slice})`
  }
  return sql`SELECT coalesce(array_agg(o.n ORDER BY o.n) FILTER (WHERE CASE o.resource WHEN 'contacts' THEN ${slice} && ${all}
      ${sql.join(models.map(isOwn), sql` `)} ELSE true END), '{}')
    FROM (SELECT d.n, d.resource, d.size, sum(d.size) OVER (ORDER BY d.n) AS beyond
      FROM (SELECT t.n::int AS n, t.part->>'resource' AS resource, e.counts[t.n] AS size FROM jsonb_array_elements(s.shape) WITH ORDINALITY AS t(part, n)) AS d) AS o
    WHERE o.size > 0`
}
