import { fieldSql, liveWhere, rowsWhere, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { auditShape, readableEvent } from '../../db/tables/audit.ts'
import { contact } from '../../db/tables/contact.ts'
import { Problem } from '../../errors.ts'
import { contacts } from '../contacts/schema.ts'
import { auditEvents } from './schema.ts'

export interface AffectedQuestion {
  actorId: string
  from: string
  to: string
  limit: number
  /** The last contact of the page before. */
  afterId: string | null
}

/** What the answer is made of: whoever may not read all of it in clear would be told by the sums. */
const needed = ['occurredAt', 'actorId', 'onBehalfOf', 'outcome', 'touched', 'subjectIds']

/**
 * Which contacts somebody saw in a window of time, as one statement: the events of the actor by its index, then their
 * contacts, then the page and the sums over all of it.
 * @throws Problem forbidden where the principal may not read all that the answer is made of
 */
export function affectedPlan(principal: Principal, question: AffectedQuestion): ReadPlan {
  const rows = rowsWhere(principal, auditEvents, 'read')
  if (!rows || needed.some((name) => sight(principal, auditEvents, name)?.clear !== true))
    throw new Problem('forbidden')
  return {
    key: `affected/${question.limit}/${question.afterId === null ? 'first' : 'after'}`,
    isAskedFor: true,
    values: { actor: question.actorId, from: question.from, to: question.to, afterId: question.afterId },
    parts: () => [seen(rows), sums(principal), page(principal, question)],
  }
}

/** One row for each contact and each set of fields that were shown of it. */
function seen(rows: SQL): Part {
  const { tenantId, actorId, onBehalfOf, occurredAt, outcome, shapeId, subjectIds } = readableEvent
  const mine = (
    actor: SQL,
  ): SQL => sql`SELECT s.subject, ${shapeId} AS shape_id, count(*)::int AS times, min(${occurredAt}) AS first, max(${occurredAt}) AS last
    FROM ${readableEvent}, unnest(${subjectIds}) AS s(subject)
    WHERE ${tenantId} = ${named('eventTenant')}::uuid AND ${actor} AND ${occurredAt} >= ${named('from')}::timestamptz AND ${occurredAt} < ${named('to')}::timestamptz
      AND ${outcome} = 'allowed' AND ${rows} GROUP BY 1, 2`
  const who = sql`${named('actor')}::uuid`
  return {
    name: 'seen',
    resource: null,
    columns: sql`g.subject, g.shape_id, g.times, g.first, g.last, k.shape`,
    from: sql`(${mine(sql`${actorId} = ${who}`)} UNION ALL ${mine(sql`${onBehalfOf} = ${who}`)}) AS g
      JOIN ${auditShape} AS k ON k.tenant_id = ${named('eventTenant')}::uuid AND k.shape_id = g.shape_id`,
    tenant: null,
    where: sql`jsonb_path_exists(k.shape, '$[*] ? (@.shown[*] != "" || @.masked[*] != "")')`,
    shown: [],
    masked: [],
    byRow: false,
  }
}

/** Of a contact, what the principal itself may know: its country and unit. */
function own(principal: Principal): { country: SQL; unit: SQL; where: SQL } {
  const rows = rowsWhere(principal, contacts, 'read')
  const where = rows ? sql`${rows} AND ${liveWhere(principal, contacts)}` : sql`false`
  const of = (name: string): SQL => {
    const it = sight(principal, contacts, name)
    // Clear or not at all: a mask of a country would count as another one.
    return (it && fieldSql(it, 'filter')) ?? sql`NULL`
  }
  return { country: of('country'), unit: of('businessUnitId'), where }
}

function sums(principal: Principal): Part {
  const { country, where } = own(principal)
  return {
    name: 'sums',
    resource: null,
    columns: sql`(SELECT count(DISTINCT subject)::int FROM seen) AS contacts, (SELECT coalesce(sum(times), 0)::int FROM seen) AS times,
      (SELECT coalesce(json_object_agg(coalesce(c.country, 'unknown'), c.n), '{}') FROM (
        SELECT (SELECT ${country}::text FROM ${contact} WHERE ${contact.tenantId} = ${named('eventTenant')}::uuid AND ${contact.id} = d.subject AND ${where}) AS country, count(*)::int AS n
          FROM (SELECT DISTINCT subject FROM seen) AS d GROUP BY 1) AS c) AS countries`,
    from: sql`(SELECT 1) AS one`,
    tenant: null,
    where: sql`true`,
    shown: [],
    masked: [],
    byRow: false,
  }
}

function page(principal: Principal, { limit, afterId }: AffectedQuestion): Part {
  const { country, unit, where } = own(principal)
  const fetch = sql.raw(String(limit + 1))
  return {
    name: 'rows',
    resource: 'contacts',
    columns: sql`p.subject AS id, p.subject AS "_subject", p.times, p.first, p.last, p.shapes, k.country, k.unit,
      array_remove(ARRAY[CASE WHEN k.country IS NOT NULL THEN 'country' END, CASE WHEN k.unit IS NOT NULL THEN 'businessUnitId' END], NULL) AS "_shown",
      '{}'::text[] AS "_masked"`,
    from: sql`(SELECT subject, sum(times)::int AS times, min(first) AS first, max(last) AS last, jsonb_agg(shape) AS shapes FROM seen
        WHERE ${afterId === null ? sql`${named('afterId')}::uuid IS NULL` : sql`subject > ${named('afterId')}::uuid`}
        GROUP BY subject ORDER BY subject LIMIT ${fetch}) AS p
      LEFT JOIN LATERAL (SELECT ${country}::text AS country, ${unit}::uuid AS unit FROM ${contact}
        WHERE ${contact.tenantId} = ${named('eventTenant')}::uuid AND ${contact.id} = p.subject AND ${where}) AS k ON true`,
    tenant: null,
    where: sql`true`,
    orderBy: sql`p.subject`,
    limit: { fetch, answer: sql.raw(String(limit)) },
    shown: [],
    masked: [],
    byRow: true,
  }
}
