import { conditionSql, frameOf } from '../../access/condition-sql.ts'
import { filterable, rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { ListQuery } from '../../db/rows.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { viewOf } from '../../db/view.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { sealedPart, wholeWhere } from './sealed-part.ts'
import { checkpointPart, hashesPart, keysPart } from './tree-parts.ts'

export interface Batch {
  query: ListQuery
  /** Times between which events are asked for, where they are: the tree is entered near the first. */
  from: string | null
  to: string | null
  /** The leaf after the last one that was exported. */
  next: number
  /** The tree's size; null at the first batch, which takes the newest checkpoint's. */
  size: number | null
  limit: number
}

/** A node's clock may differ from the database's, by which events are stamped; this much it never does. */
const clockSlack = sql.raw(`interval '1 hour'`)

/**
 * The next events of an export in the order of the log, with their sealed forms and the hashes around them: one
 * statement, with its own audit event that names these events.
 */
export function batchPlan(principal: Principal, batch: Batch): ReadPlan {
  const { query, from, to, next, size, limit } = batch
  const frame = query.where && frameOf(query.where, principal.ability.fields(auditEvents))
  const isKept = frame !== null || query.where === null
  const shape = `${size === null ? 'first' : 'next'}/${from === null ? '' : 'from'}/${to === null ? '' : 'to'}/${limit}`
  return {
    key: isKept ? `audit/export/${shape}/${query.scope?.key ?? ''}/${frame?.shape ?? ''}` : null,
    isAskedFor: frame !== null,
    query: query.audited,
    // Each value asked for counts once, however many batches it takes.
    clearValues: size === null ? (query.maskedMatches ?? 0) : 0,
    values: {
      next,
      last: next > 0 ? next - 1 : null,
      size,
      fromTime: from,
      toTime: to,
      ...(query.scope ? { parentId: query.scope.id } : {}),
      ...frame?.values,
    },
    parts: () => {
      const fetch = sql.raw(String(limit + 1))
      const answer = sql.raw(String(limit))
      const view = viewOf(principal, auditEvents)
      const whole = wholeWhere(principal)
      const wholeSql = whole === true || whole === false ? sql.raw(String(whole)) : whole
      const isAsked = size === null ? sql`true` : sql`c.size = ${named('size')}::bigint`
      const answered = sql`(SELECT * FROM rows LIMIT ${answer})`
      return [
        checkpointPart('checkpoint', isAsked, sql`1`),
        {
          name: 'rows',
          resource: auditEvents.name,
          // Where all is shown in its sealed form, the fields need not be put together a second time.
          columns: sql`${whole === true ? sql`${readableEvent.eventId} AS id, NULL::uuid AS "_subject"` : view.columns},
            ${readableEvent.occurredAt} AS "_at", leaf.leaf_index AS "_index", encode(leaf.leaf_hash, 'base64') AS "_hash", (${wholeSql}) IS TRUE AS "_whole"`,
          from: sql`audit.leaf AS leaf JOIN ${auditEvents.table} ON ${readableEvent.tenantId} = leaf.tenant_id
            AND ${readableEvent.occurredAt} = leaf.occurred_at AND ${readableEvent.eventId} = leaf.event_id`,
          tenant: auditEvents.tenant,
          where: sql.join(conditions(principal, batch, frame), sql` AND `),
          orderBy: sql`leaf.leaf_index`,
          limit: { fetch, answer },
          shown: view.shown,
          masked: view.masked,
          byRow: view.byRow,
        },
        keysPart,
        sealedPart(sql`SELECT r.id, r."_at" FROM ${answered} AS r WHERE r."_whole"`),
        hashesPart(
          sql`SELECT r."_index" FROM ${answered} AS r UNION ALL SELECT ${named('last')}::bigint`,
          sql`(SELECT c.size FROM checkpoint AS c)`,
        ),
      ]
    },
  }
}

function conditions(
  principal: Principal,
  { query, from, to, size }: Batch,
  frame: ReturnType<typeof frameOf> | null,
): SQL[] {
  const tenant = sql`${named('eventTenant')}::uuid`
  const fromTime = sql`${named('fromTime')}::timestamptz`
  return [
    // Exporting takes both: the right to see a row, and to take it along.
    rowsWhere(principal, auditEvents, 'read') || sql`false`,
    rowsWhere(principal, auditEvents, 'export') || sql`false`,
    sql`leaf.tenant_id = ${tenant}`,
    sql`leaf.leaf_index >= ${named('next')}::bigint`,
    sql`leaf.leaf_index < (SELECT c.size FROM checkpoint AS c)`,
    ...(from === null ? [] : [sql`leaf.occurred_at >= ${fromTime}`]),
    // Where to begin: what a checkpoint had sealed before that time has happened before it.
    ...(from === null || size !== null
      ? []
      : [
          sql`leaf.leaf_index >= coalesce((SELECT b.size FROM audit.checkpoint AS b WHERE b.tenant_id = ${tenant}
            AND b.made_at < ${fromTime} - ${clockSlack} ORDER BY b.size DESC LIMIT 1), 0)`,
        ]),
    ...(to === null ? [] : [sql`leaf.occurred_at < ${named('toTime')}::timestamptz`]),
    ...(query.scope ? [query.scope.sql] : []),
    ...(query.where ? [conditionSql(query.where, filterable(principal, auditEvents).resolve, frame?.bind)] : []),
  ]
}
