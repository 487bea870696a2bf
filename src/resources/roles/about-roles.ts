import type { Part } from '../../db/read-statement.ts'
import { sql } from '../../db/sql.ts'

/** A question about what roles can say: on record as one about roles, of which none is read. */
export const aboutRoles: Part = {
  name: 'roles',
  resource: 'roles',
  columns: sql`NULL::uuid AS id, NULL::uuid AS "_subject"`,
  from: sql`(SELECT 1) AS nothing`,
  tenant: null,
  where: sql`false`,
  shown: [],
  masked: [],
  byRow: false,
}
