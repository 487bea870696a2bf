import { literal } from '../access/literal.ts'
import { eventSteps } from './audit-event.ts'
import { type SQL, sql } from './sql.ts'

/** New rows and what hangs on them, as one statement. */
export interface InsertParts {
  /** A row, as `who`, while the writer may write; without it nothing happens. */
  standing: SQL
  /** The statements by name, in order; each may refer to `who` and to those before it. */
  steps: readonly { name: string; statement: SQL }[]
  /** The step that gives back the ids of the new rows, and their resource. */
  made: { step: string; resource: string }
  /** Columns of the one row that is given back; `_jobs` is how many jobs were added, if any. */
  answer: SQL
}

/**
 * A whole audited change as one statement: may the writer write, the rows, the audit event made of them.
 * Gives one row: `_current` says whether it may, then the answer.
 */
export function insertStatement({ standing, steps, made, answer }: InsertParts): SQL {
  const ctes = steps.map(({ name, statement }) => sql`${sql.identifier(name)} AS (${statement})`)
  const rows = sql.identifier(made.step)
  const shape = JSON.stringify([{ resource: made.resource, shown: [], masked: [] }])
  const event = eventSteps({
    shape: sql`${sql.raw(literal(shape))}::jsonb`,
    ids: sql`(SELECT coalesce(array_agg(m.id), '{}') FROM ${rows} AS m)`,
    counts: sql`NULL::int[]`,
    versions: sql`'{1}'::int[]`,
    rowCount: sql`(SELECT count(*)::int FROM ${rows})`,
    outcome: sql`'allowed'`,
    code: sql`NULL`,
    from: sql`who`,
  })
  return sql`WITH who AS MATERIALIZED (${standing}), ${sql.join(ctes, sql`, `)}, ${event}
    SELECT EXISTS (SELECT FROM who) AS "_current", ${answer}`
}
