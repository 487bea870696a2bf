import { z } from 'zod'
import { type SQL, sql } from '../../db/sql.ts'
import { workingHoursSchema } from '../members/working-hours.ts'
import type { RosterMember } from './roster.ts'

/** Of members as `m`, what a roster knows. @param counts how many conversations each has to answer, too */
export const memberColumns = (counts: boolean): SQL =>
  sql`m.id, m.team_ids AS "teamIds", m.business_unit_ids AS "unitIds", m.languages, m.working_hours AS "workingHours", m.is_away AS "isAway",
    EXISTS (SELECT FROM app.role AS r WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.role_ids) AND r.state = 'active' AND r.sees_all_business_units) AS "seesAllUnits",
    ${counts ? sql`(SELECT count(*)::int FROM app.conversation AS c WHERE c.tenant_id = m.tenant_id AND c.assignee_id = m.id AND c.status <> 'closed' AND c.state = 'active')` : sql`NULL::int`} AS open`

/** A row of those columns, as it is read from an answer that knows no types. */
export const memberRow = z.object({
  id: z.string(),
  teamIds: z.array(z.string()),
  unitIds: z.array(z.string()),
  seesAllUnits: z.boolean(),
  languages: z.array(z.string()),
  workingHours: workingHoursSchema.nullable(),
  isAway: z.boolean(),
  open: z.number().nullable(),
}) satisfies z.ZodType<RosterMember>

/** Of the turns of teams as `u`. */
export const turnColumns = sql`u.team_id AS "teamId", u.turn, u.turns`

export const turnRow = z.object({
  teamId: z.string(),
  // A bigint: a number in JSON, a text in a row.
  turn: z.union([z.number(), z.string()]),
  turns: z.record(z.string(), z.number()),
})

export type StoredTurns = z.infer<typeof turnRow>
