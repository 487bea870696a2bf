import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { rowsWhere } from '../../access/door.ts'
import { clearQuota, clearQuotaValues } from '../../db/clear-quota.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { type Note, openNote } from '../../db/sealed-note.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { text } from '../values.ts'
import { auditEvents } from './schema.ts'

const noted = ['reason', 'ticket'] as const
const said = (description: string, example: string) => z.string().nullable().optional().meta({ description, example })

const body = z
  .strictObject({
    fields: z
      .array(z.enum(noted))
      .min(1)
      .max(noted.length)
      .overwrite((names) => [...new Set(names)].sort())
      .meta({ description: 'What to see.', example: ['reason'] }),
    reason: text(500, 'Why; kept sealed in the audit like the one that is asked for.', 'Question of the works council'),
  })
  .meta({ id: 'AuditEventReveal', description: 'A wish to see what was said beside an access.' })

const answer = z
  .object({
    id: z.uuid().meta({ description: 'The event’s id.' }),
    fields: z
      .object({
        reason: said('Why, in words.', 'Customer asked to be called back'),
        ticket: said('Where it was asked for.', 'SUP-2026-118'),
      })
      .meta({
        description: 'What was said; null where nothing was.',
        example: { reason: 'Customer asked to be called back' },
      }),
    readable: z.boolean().meta({
      description: 'Whether it can be read: what was said about a person who has been erased cannot be any more.',
      example: true,
    }),
  })
  .meta({ id: 'AuditEventRevealed', description: 'What was said beside an access, this once.' })

const entry = { action: 'reveal', resource: auditEvents.name } as const

/**
 * Reasons and tickets are free text about people, written for the day when somebody must ask: who reads the audit does
 * not read them with it. They are seen like masked fields: by whoever may reveal, one event at a time, with a reason,
 * counted, on record.
 */
export function auditEventRevealRoute(app: FastifyInstance, { db }: Deps): void {
  app.post('/v1/audit-events/:id/reveal', {
    config: { access: entry },
    schema: operation('audit-events.reveal', 'See the reason and the ticket of an audit event', {
      params: idParams,
      body,
      response: { 200: answer },
      errors: ['quota_exceeded'],
      idempotent: true,
      description:
        'For whoever reads the audit and must know what was said beside an access: with a reason, counted against the quota for clear values, and recorded.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { fields, reason } = body.parse(request.body)
      const caller = callerOf(request)
      const noting = { ...entry, note: { reason } }
      const work = async (tx: Tx) => ({ id, record: await reveal(tx, id, fields) })
      const again = async () => (await db.change(caller, noting, work)).record
      return (await changeOnce(db, caller, request, reply, noting, work, again)).record
    },
  })
}

interface Found {
  sealed: Buffer | null
  subject_ids: string[]
  wrapped_key: Buffer | null
}

async function reveal(tx: Tx, id: string, fields: readonly (keyof Note)[]): Promise<JsonRow> {
  const { principal } = tx
  const [readable, revealable] = [
    rowsWhere(principal, auditEvents, 'read'),
    rowsWhere(principal, auditEvents, 'reveal'),
  ]
  if (!readable || !revealable) throw new Problem('not_found', { recordIds: [id] })
  const statement = tx.kept('audit-events/reveal', () => foundSql(readable, revealable))
  const [found] = await tx.query<Found>(statement, { id, eventTenant: principal.tenantId })
  if (!found) throw new Problem('not_found', { recordIds: [id] })
  const { sealed, subject_ids: subjectIds, wrapped_key: wrapped } = found
  const counted = tx.kept('clear-quota', () => clearQuota(sql`${named('count')}::int`, sql`(SELECT 1) AS one`))
  const [use] = await tx.query(counted, { ...clearQuotaValues(principal), count: fields.length })
  if (!use) throw new Problem('quota_exceeded', { recordIds: [id], refused: { fields, subjectIds } })
  tx.touch({ resource: auditEvents.name, ids: [id], shown: fields, subjectIds })
  const [contactId] = subjectIds
  const contact = contactId && wrapped ? { id: contactId, wrapped } : null
  const note: Note | null = sealed ? openNote(tx.keys, { id, sealed }, contact) : {}
  return {
    id,
    fields: Object.fromEntries(fields.map((name) => [name, note?.[name] ?? null])),
    readable: note !== null,
  }
}

/** The event, and the key of its contact, where it is about one. */
function foundSql(readable: SQL, revealable: SQL): SQL {
  const { table, tenant, id } = auditEvents
  return sql`SELECT sealed_note AS sealed, subject_ids::text[] AS subject_ids, k.wrapped_key FROM ${table}
    LEFT JOIN app.contact_key AS k ON k.tenant_id = ${tenant} AND cardinality(subject_ids) = 1 AND k.contact_id = subject_ids[1]
    WHERE ${tenant} = ${named('eventTenant')}::uuid AND ${id} = ${named('id')}::uuid AND ${readable} AND ${revealable}`
}
