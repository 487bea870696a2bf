import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { liveWhere, rowsWhere } from '../../access/door.ts'
import { tombstoneWhere } from '../../access/tombstone.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { missing } from '../../db/tombstone.ts'
import { utc } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { neededFields, personValues } from './concerning.ts'
import { htmlHeaders, htmlOf } from './html.ts'
import { namesOf } from './people.ts'
import { newestCheckpoint, proofsOf } from './proofs.ts'
import { doingsOf, eventsOf, type SingleDoing } from './queries.ts'
import { accesses, fieldsIn, refusedIn, sightsIn } from './report.ts'
import { type AccessReport, accessReport, type ReportEvent, reportParameters } from './schema.ts'

const access = { action: 'read', resource: auditEvents.name } as const

/** "Who saw my data": the file that a company hands to the person who asks (GDPR art. 15). */
export function accessReportRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/contacts/:id/access-report', {
    config: { access },
    schema: operation('contacts.accessReport', 'Who saw which data of a contact, when and why', {
      params: idParams,
      querystring: reportParameters,
      headers: z.object({
        accept: z.string().optional().meta({ description: '`text/html` for a page to print.', example: 'text/html' }),
      }),
      response: { 200: accessReport },
      produces: ['application/json', 'text/html'],
      errors: ['invalid_cursor', 'forbidden', 'gone'],
      description:
        'Everybody who had to do with a person’s data, by principal and purpose, and the single events with their places in the sealed log: reads of the contact and of its addresses, conversations, messages, notes and files, lists that it was in, exports, reveals, the service’s own work, and refused attempts. For whoever may read audit events (all fields that the report is made of) and the contact, in the trash as far as one may restore it, or erased: the events stay. With `Accept: text/html` a page to print and hand over. An answer with several records names a field that was shown of at least one of them; records of others are left out where it is known whose they are. Reading the report is recorded.',
    }),
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const { id } = idParams.parse(request.params)
      const { limit, cursor, proofs, from = null, to = null } = reportParameters.parse(request.query)
      const asked = JSON.stringify(['access-report', id, from, to])
      const entry = { ...access, query: { accessReport: {} } }
      const report = await db.change(caller, entry, async (tx, principal): Promise<AccessReport> => {
        const position = cursor === undefined ? null : cursors.read(cursor, principal, asked)
        const after = position && { at: String(position.key), id: position.id }
        const erased = await isErased(tx, id)
        const question = { person: await personValues(tx, id), from, to }
        const [doings, found, checkpoint] = await Promise.all([
          doingsOf(tx, question),
          eventsOf(tx, question, { limit: limit + 1, after }),
          newestCheckpoint(tx),
        ])
        const page = found.slice(0, limit)
        const last = found.length > limit ? page.at(-1) : undefined
        const who = await namesOf(tx, doings)
        const leaves = page.flatMap(({ leafIndex }) => (leafIndex === null ? [] : [leafIndex]))
        const proven =
          proofs === 'true' && checkpoint ? await proofsOf(tx, leaves, checkpoint.size) : new Map<number, string[]>()
        tx.touch({
          resource: auditEvents.name,
          ids: page.map((one) => one.id),
          shown: ['id', ...neededFields],
          subjectIds: [id],
        })
        const principals = accesses(doings, who)
        return {
          contactId: id,
          erased,
          generatedAt: new Date().toISOString(),
          from,
          to,
          summary: {
            principals: principals.filter((one) => one.purposes.some((purpose) => purpose.times > 0)).length,
            times: sightsIn(doings),
            refused: refusedIn(doings),
            events: doings.reduce((count, one) => count + one.count, 0),
          },
          principals,
          events: page.map((one) => eventOf(one, who, proven)),
          checkpoint: checkpoint?.note ?? null,
          nextCursor: last ? cursors.write({ key: last.at, id: last.id }, principal, asked) : null,
        }
      })
      reply.header('vary', 'accept')
      if (!wantsHtml(request.headers.accept)) return report
      return reply.headers(htmlHeaders).send(htmlOf(report))
    },
  })
}

/** A browser's page only for whoever names it before JSON. */
function wantsHtml(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase())
  const [html, json] = [types.indexOf('text/html'), types.indexOf('application/json')]
  return html >= 0 && (json < 0 || html < json)
}

/** Whether the person was erased. @throws Problem gone: it was merged; not_found: there is no such contact for the principal */
async function isErased(tx: Tx, id: string): Promise<boolean> {
  const { principal } = tx
  const rows = rowsWhere(principal, contacts, 'read')
  const live = rows ? sql`${rows} AND ${liveWhere(principal, contacts)}` : sql`false`
  const gone = tombstoneWhere(principal, contacts) ?? sql`false`
  const statement = tx.kept(
    'access-report/contact',
    () => sql`SELECT (${gone}) IS TRUE AS erased FROM ${contacts.table}
      WHERE ${contacts.tenant} = ${named('tenant')}::uuid AND ${contacts.id} = ${named('contact')}::uuid AND (${live} OR ${gone})`,
  )
  const [row] = await tx.query<{ erased: boolean }>(statement, { tenant: principal.tenantId, contact: id })
  if (!row) throw await missing(tx, contacts, id)
  return row.erased
}

function eventOf(
  one: SingleDoing,
  who: Awaited<ReturnType<typeof namesOf>>,
  proven: ReadonlyMap<number, string[]>,
): ReportEvent {
  const { id, at, actorKind, actorId, onBehalfOf, action, resource, outcome, code, purpose, leafIndex } = one
  const proof = leafIndex === null ? undefined : proven.get(leafIndex)
  return {
    eventId: id,
    occurredAt: utc(at),
    principal: who(actorKind, actorId),
    ...(onBehalfOf === null ? {} : { onBehalfOf: who('member', onBehalfOf) }),
    action,
    resource,
    outcome,
    ...(code === null ? {} : { code }),
    ...(purpose === null ? {} : { purpose }),
    ...fieldsIn(outcome === 'allowed' ? one.shape : []),
    sealed:
      leafIndex === null || one.checkpoint === null
        ? null
        : {
            leafIndex,
            checkpoint: one.checkpoint,
            ...(proof && one.leafHash ? { leafHash: one.leafHash.toString('base64'), proof } : {}),
          },
    proofUrl: `/v1/audit-events/${id}/proof`,
  }
}
