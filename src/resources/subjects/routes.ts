import type { FastifyInstance } from 'fastify'
import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { missed } from '../../db/tombstone.ts'
import { present, viewOf } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { subjectAnswer, subjects } from './schema.ts'

/** A human with all that they are to the business units. */
export function subjectRoutes(app: FastifyInstance, { db }: Deps): void {
  const entry = { action: 'read', resource: subjects.name } as const
  app.get('/v1/subjects/:id', {
    config: { access: entry },
    schema: operation('subjects.fetch', 'Fetch a human with their contacts', {
      params: idParams,
      response: { 200: subjectAnswer },
      description:
        'The same human in every business unit that knows them, by verified addresses; contacts that were merged stand for those that went into them. A contact’s field `subjectId` leads here. For whoever may read subjects: privacy work. Nobody else is told that two contacts are one human.',
    }),
    handler: async (request) => {
      const { id } = idParams.parse(request.params)
      const caller = callerOf(request)
      const result = await db.read(caller, entry, (principal) => plan(principal, id))
      const [row] = result.rows ?? []
      if (!row) throw missed(result)
      const record = present(subjects, viewOf(caller.principal, subjects), row)
      const view = viewOf(caller.principal, contacts)
      return { ...record, contacts: (result.contacts ?? []).map((one) => present(contacts, view, one)) }
    },
  })
}

function plan(principal: Principal, id: string): ReadPlan {
  return {
    key: 'subjects/fetch',
    wanted: id,
    values: { id },
    parts: () => [subjectPart(principal), contactsPart(principal)],
  }
}

function subjectPart(principal: Principal): Part {
  const view = viewOf(principal, subjects)
  return {
    name: 'rows',
    resource: subjects.name,
    columns: view.columns,
    from: sql`${subjects.table}`,
    tenant: subjects.tenant,
    where: sql`${rowsWhere(principal, subjects, 'read') || sql`false`} AND ${subjects.id} = ${named('id')}::uuid`,
    shown: view.shown,
    masked: view.masked,
    byRow: view.byRow,
  }
}

function contactsPart(principal: Principal): Part {
  const view = viewOf(principal, contacts)
  return {
    name: 'contacts',
    resource: contacts.name,
    columns: view.columns,
    from: sql`${contacts.table}`,
    tenant: contacts.tenant,
    where: sql`${rowsWhere(principal, contacts, 'read') || sql`false`} AND ${liveWhere(principal, contacts)} AND EXISTS (SELECT FROM rows) AND ${contacts.id} IN (${members()})`,
    orderBy: sql`${contacts.id}`,
    shown: view.shown,
    masked: view.masked,
    byRow: view.byRow,
    isAside: true,
  }
}

/** The contacts of a human: those that stand for it, and whoever they were merged with stands for the same. */
function members(): SQL {
  const tenant = sql`${named('eventTenant')}::uuid`
  const root = (id: SQL): SQL =>
    sql`(SELECT coalesce(s.merged_into_id, s.id) FROM app.subject s WHERE s.tenant_id = ${tenant} AND s.id = ${id})`
  const own = (id: SQL): SQL =>
    sql`SELECT c.id, c.subject_id, c.merged_into_id FROM app.contact c WHERE c.tenant_id = ${tenant}
      AND c.subject_id IN (SELECT s.id FROM app.subject s WHERE s.tenant_id = ${tenant} AND (s.id = ${id} OR s.merged_into_id = ${id}))`
  return sql`WITH RECURSIVE human AS (${own(root(sql`${named('id')}::uuid`))}
    UNION SELECT n.id, n.subject_id, n.merged_into_id FROM human h CROSS JOIN LATERAL (
      SELECT c.id, c.subject_id, c.merged_into_id FROM app.contact c WHERE c.tenant_id = ${tenant} AND c.id = h.merged_into_id
      UNION ALL SELECT c.id, c.subject_id, c.merged_into_id FROM app.contact c WHERE c.tenant_id = ${tenant} AND c.merged_into_id = h.id
      UNION ALL ${own(root(sql`h.subject_id`))}) AS n)
    SELECT human.id FROM human`
}
