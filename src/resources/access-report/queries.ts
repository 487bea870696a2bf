import { z } from 'zod'
import type { ShapePart } from '../../audit/touched.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { eventsConcerning, type personValues } from './concerning.ts'

const shapePart = z.object({ resource: z.string(), shown: z.array(z.string()), masked: z.array(z.string()) })

/** Who did something, and how it ended. */
export interface Doing {
  actorKind: string
  actorId: string | null
  onBehalfOf: string | null
  action: string
  outcome: string
  purpose: string | null
  /** The parts of the event that are about the contact. */
  shape: ShapePart[]
}

/** What was done in the same way again and again. */
export interface Doings extends Doing {
  count: number
  first: string
  last: string
}

export interface SingleDoing extends Doing {
  id: string
  at: string
  resource: string
  code: string | null
  leafIndex: number | null
  leafHash: Buffer | null
  checkpoint: number | null
}

export interface Question {
  person: Awaited<ReturnType<typeof personValues>>
  from: string | null
  to: string | null
}

const valuesOf = (tx: Tx, { person, from, to }: Question) => ({
  tenant: tx.principal.tenantId,
  ...person,
  from,
  to,
})

/** Everything that was done with a contact's data, the like of it together: few rows, however many events there are. */
export async function doingsOf(tx: Tx, question: Question): Promise<Doings[]> {
  const statement = tx.kept(
    'access-report/sums',
    () => sql`SELECT g.*, s.shape FROM (SELECT e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.on_behalf_of AS "onBehalfOf", e.action, e.outcome, e.purpose,
        e.shape_id, e.parts, count(*)::int AS count, min(e.occurred_at)::text AS first, max(e.occurred_at)::text AS last
        FROM (${eventsConcerning(tx.principal)}) AS e GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) AS g
      JOIN audit.shape AS s ON s.tenant_id = ${named('tenant')}::uuid AND s.shape_id = g.shape_id`,
  )
  return (await tx.query<Doings & { parts: number[] }>(statement, valuesOf(tx, question))).map(narrowed)
}

/** Single events, newest first. */
export async function eventsOf(
  tx: Tx,
  question: Question,
  page: { limit: number; after: { at: string; id: string } | null },
): Promise<SingleDoing[]> {
  const { limit, after } = page
  const statement = tx.kept(
    `access-report/events/${after ? 'after' : 'first'}`,
    () => sql`SELECT e.*, l.leaf_index::int AS "leafIndex", l.leaf_hash AS "leafHash",
        (SELECT min(c.size)::int FROM audit.checkpoint AS c WHERE c.tenant_id = ${named('tenant')}::uuid AND c.size > l.leaf_index) AS checkpoint
      FROM (SELECT e.event_id AS id, e.occurred_at::text AS at, e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.on_behalf_of AS "onBehalfOf", e.action, e.resource, e.outcome, e.code, e.purpose, e.parts,
          (SELECT s.shape FROM audit.shape AS s WHERE s.tenant_id = e.tenant_id AND s.shape_id = e.shape_id) AS shape, e.occurred_at
        FROM (${eventsConcerning(tx.principal)}) AS e
        WHERE ${after ? sql`(e.occurred_at, e.event_id) < (${named('afterAt')}::timestamptz, ${named('afterId')}::uuid)` : sql`true`}
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT ${named('fetch')}) AS e
      LEFT JOIN audit.leaf AS l ON l.tenant_id = ${named('tenant')}::uuid AND l.event_id = e.id ORDER BY e.occurred_at DESC, e.id DESC`,
  )
  const rows = await tx.query<SingleDoing & { parts: number[] }>(statement, {
    ...valuesOf(tx, question),
    afterAt: after?.at ?? null,
    afterId: after?.id ?? null,
    fetch: limit,
  })
  return rows.map(narrowed)
}

/** Without the parts of the event that are about others. */
function narrowed<T extends Doing & { parts: number[] }>(row: T): T {
  const shape = z.array(shapePart).parse(row.shape)
  return { ...row, shape: shape.filter((_, i) => row.parts.includes(i + 1)) }
}
