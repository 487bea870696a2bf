import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import { literal } from '../access/literal.ts'
import { eventSteps, type TouchedSql } from './audit-event.ts'
import { clearQuota } from './clear-quota.ts'
import { named, type SQL, sql } from './sql.ts'

/**
 * One set of rows of a read: the wanted rows first, then what is included with them. A later part may refer to an
 * earlier one by its name. Columns are named as in the JSON; those that begin with "_" are for the service only:
 * _subject (the contact concerned), _shown and _masked (the names that differ by row), _hidden, _key (for the cursor).
 */
export interface Part {
  name: string
  /** null: rows that only steer the other parts, such as which ones make up a page; the audit leaves them out. */
  resource: string | null
  columns: SQL
  from: SQL
  /** null where the rows come from statements that name the tenant themselves. */
  tenant: PgColumn | null
  where: SQL
  orderBy?: SQL
  /** How many rows are fetched, and how many of them are answered (one more tells whether there is a next page). */
  limit?: { fetch: SQL; answer: SQL }
  shown: readonly string[]
  masked: readonly string[]
  /** Whether the columns hold _shown and _masked: names of fields beside `shown` and `masked`, which hold for every row. */
  byRow: boolean
  /** The audit names it only where it has rows: it comes along with another part unasked. */
  isAside?: boolean
  /** Of the part that is asked for by id: whether it has no row because it was erased, as far as the principal may know. */
  erased?: SQL
  /** Likewise of one that was merged: {into} as jsonb, else NULL. */
  merged?: SQL
}

/**
 * A whole audited read as one statement: is the principal still what it was, the rows, the audit event made of them.
 * `standing` yields a row while the principal's standing is unchanged; everything hangs on it.
 * With `isWanted`, finding no row of the first part is a refusal of that id; with `isCounted`, the read counts against
 * the quota of clear values and shows nothing above it. The part called "rows" is counted.
 */
export function readStatement(parts: readonly Part[], standing: SQL, isWanted: boolean, isCounted = false): SQL {
  const first = parts[0]
  if (!first) throw new Error('a read has at least one part')
  // The quota is counted for whoever stands, and only then: where it yields a row, the principal does too.
  const letIn = isCounted ? sql`quota` : sql`who`
  const ctes = parts.map(
    (part) => sql`${sql.identifier(part.name)} AS MATERIALIZED (SELECT ${part.columns} FROM ${part.from}
      WHERE ${part.tenant ? sql`${part.tenant} = ${named('eventTenant')}::uuid AND ` : sql``}EXISTS (SELECT FROM ${letIn}) AND ${part.where}
      ${part.orderBy ? sql`ORDER BY ${part.orderBy}` : sql``} ${part.limit ? sql`LIMIT ${part.limit.fetch}` : sql``})`,
  )
  const records = parts.filter((part) => part.resource !== null)
  const counted = parts.find((part) => part.name === 'rows') ?? first
  const found = sql`EXISTS (SELECT FROM ${sql.identifier(first.name)})`
  const whys = [
    ...(first.erased ? [sql`WHEN ${first.erased} THEN 'erased'`] : []),
    ...(first.merged ? [sql`WHEN ${first.merged} IS NOT NULL THEN 'gone'`] : []),
  ]
  const why = whys.length > 0 ? sql`CASE ${sql.join(whys, sql` `)} ELSE 'not_found' END` : sql`'not_found'`
  const missing = isWanted ? sql`CASE WHEN NOT ${found} THEN ${why} END` : sql`NULL::text`
  const code = isCounted
    ? sql`CASE WHEN NOT EXISTS (SELECT FROM quota) THEN 'quota_exceeded' ELSE ${missing} END`
    : missing
  const event = eventSteps({
    ...touchedBy(records, isWanted),
    versions: sql`NULL::int[]`,
    rowCount: sql`(SELECT count(*)::int FROM ${answered(counted)} AS c)`,
    outcome: sql`CASE WHEN ${code} IS NULL THEN 'allowed' ELSE 'denied' END`,
    code,
    from: sql`who`,
  })
  const results = parts.map(
    (part) =>
      sql`(SELECT coalesce(json_agg(o), '[]') FROM ${sql.identifier(part.name)} AS o) AS ${sql.identifier(part.name)}`,
  )
  const quota = isCounted ? sql`quota AS (${clearQuota(sql`${named('clearValues')}::int`, sql`who`)}), ` : sql``
  const refused = isCounted ? sql`, NOT EXISTS (SELECT FROM quota) AS "_refused"` : sql``
  const erased = isWanted && first.erased ? sql`, NOT ${found} AND ${first.erased} AS "_erased"` : sql``
  const merged = isWanted && first.merged ? sql`, CASE WHEN NOT ${found} THEN ${first.merged} END AS "_merged"` : sql``
  return sql`WITH who AS MATERIALIZED (${standing}), ${quota}${sql.join(ctes, sql`, `)}, ${event}
    SELECT EXISTS (SELECT FROM who) AS "_current"${refused}${erased}${merged}, ${sql.join(results, sql`, `)}`
}

/** The rows of a part that are answered. */
const answered = (part: Part): SQL =>
  part.limit
    ? sql`(SELECT * FROM ${sql.identifier(part.name)} LIMIT ${part.limit.answer})`
    : sql.identifier(part.name).getSQL()

/** What a read touched: the rows of its parts, each under the names of the fields that it showed. */
function touchedBy(records: readonly Part[], isWanted: boolean): Omit<TouchedSql, 'versions'> {
  const [only] = records
  // By far most reads: what is concerned is among the ids already, and no lists need putting together.
  if (only?.resource === 'contacts' && records.length === 1 && !only.isAside)
    return {
      shape: sql`(SELECT jsonb_build_array(${shapeOf(only)}) FROM ${answered(only)} AS a)`,
      ids: sql`(SELECT ${idsOf(isWanted)} FROM ${answered(only)} AS a)`,
      counts: sql`NULL::int[]`,
    }
  const rows = records.map(
    (part, i) => sql`SELECT ${sql.raw(String(i))} AS n, ${shapeOf(part)} AS shape, ${idsOf(isWanted && i === 0)} AS ids,
      coalesce(array_agg(a._subject), '{}') AS subjects, ${sql.raw(String(part.resource === 'contacts'))} AS "isContacts"
      FROM ${answered(part)} AS a ${part.isAside ? sql`HAVING count(*) > 0` : sql``}`,
  )
  return {
    before: sql`touched AS MATERIALIZED (${sql.join(rows, sql` UNION ALL `)})`,
    shape: sql`(SELECT coalesce(jsonb_agg(t.shape ORDER BY t.n), '[]') FROM touched AS t)`,
    ids: sql`(SELECT coalesce(array_agg(u.id ORDER BY t.n, u.o), '{}') FROM touched AS t, unnest(t.ids) WITH ORDINALITY AS u(id, o))
      || ARRAY(SELECT s.id FROM touched AS t, unnest(t.subjects) AS s(id) WHERE s.id IS NOT NULL
        EXCEPT SELECT u.id FROM touched AS t, unnest(t.ids) AS u(id) WHERE t."isContacts")`,
    counts: sql`(SELECT coalesce(array_agg(cardinality(t.ids) ORDER BY t.n), '{}') FROM touched AS t)`,
  }
}

const idsOf = (isWanted: boolean): SQL =>
  isWanted
    ? sql`CASE WHEN count(*) = 0 THEN ARRAY[${named('wanted')}::uuid] ELSE array_agg(a.id) END`
    : sql`coalesce(array_agg(a.id), '{}')`

function shapeOf(part: Part): SQL {
  const names = (column: string, fixed: readonly string[]): SQL =>
    sql`CASE WHEN count(*) = 0 THEN '[]'::jsonb ELSE ${sql.raw(literal(JSON.stringify(fixed)))}::jsonb ${
      part.byRow
        ? sql`|| coalesce((SELECT jsonb_agg(DISTINCT n) FROM ${answered(part)} AS r, unnest(r.${sql.identifier(column)}) AS n), '[]')`
        : sql``
    } END`
  return sql`jsonb_build_object('resource', ${part.resource}::text, 'shown', ${names('_shown', part.shown)}, 'masked', ${names('_masked', part.masked)})`
}
