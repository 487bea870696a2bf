import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { tombstoneWhere } from '../../access/tombstone.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { missing } from '../../db/tombstone.ts'
import { brokenOff } from '../../http/broken-off.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { type Batch, type Found, type Place, reportBatch } from './batch.ts'
import { htmlEnd, htmlHead, htmlHeaders, htmlRows } from './html.ts'
import { accessReport, reportParameters } from './schema.ts'

const access = { action: 'read', resource: auditEvents.name } as const
const entry = { ...access, query: { accessReport: {} } } as const

/** Events of a batch, where all of them are asked for. */
const wholeBatch = 500
/** As of an export: the socket's own limit ends one that stands still. */
const wholeTimeoutMs = 24 * 3_600_000

/** "Who saw my data": the file that a company hands to the person who asks (GDPR art. 15). */
export function accessReportRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/contacts/:id/access-report', {
    config: { access },
    handlerTimeout: wholeTimeoutMs,
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
        'Everybody who had to do with a person’s data, by principal and purpose, and the single events with their places in the sealed log: reads of the contact and of its addresses, conversations, messages, notes, files and wishes about being contacted, lists that it was in, exports, reveals, the service’s own work, and refused attempts. For whoever may read audit events (all fields that the report is made of) and the contact, in the trash as far as one may restore it, or erased: the events stay. With `Accept: text/html` a page to print and hand over. An answer with several records names a field that was shown of at least one of them; records of others are left out where it is known whose they are. Reading the report is recorded. Check a report with `proofs=true` by `node verifier.mjs report`.',
    }),
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const { id } = idParams.parse(request.params)
      const { limit, cursor, proofs, whole, from = null, to = null } = reportParameters.parse(request.query)
      const isHtml = wantsHtml(request.headers.accept)
      reply.header('vary', 'accept')
      const batchOf = (at: Pick<Batch, 'limit' | 'checkpoint'>, afterOf: (principal: Principal) => Place | null) =>
        db.change(caller, entry, async (tx, principal) => {
          const isProven = proofs === undefined ? isHtml : proofs === 'true'
          const common = { contactId: id, from, to, proofs: isProven, erased: await isErased(tx, id) }
          return reportBatch(tx, { ...common, ...at, after: afterOf(principal) })
        })
      if (whole === 'true') {
        const next = (found: Found | null) =>
          batchOf({ limit: wholeBatch, checkpoint: found?.checkpoint }, () => found?.last ?? null)
        const broken = (error: unknown) => brokenOff(db, request, caller, entry, error)
        // What is refused is refused before anything is answered.
        const pieces = wholeReport(await next(null), next, broken, isHtml)
        reply.headers(isHtml ? htmlHeaders : { 'content-type': 'application/json; charset=utf-8' })
        return reply.send(request.method === 'HEAD' ? '' : Readable.from(pieces, { objectMode: false }))
      }
      const asked = JSON.stringify(['access-report', id, from, to])
      const { head, events, last } = await batchOf({ limit, checkpoint: undefined }, (principal) => {
        const position = cursor === undefined ? null : cursors.read(cursor, principal, asked)
        return position && { at: String(position.key), id: position.id }
      })
      if (isHtml)
        return reply.headers(htmlHeaders).send(`${htmlHead(head, events.length)}${htmlRows(events)}${htmlEnd(head)}`)
      const nextCursor = last && cursors.write({ key: last.at, id: last.id }, caller.principal, asked)
      return { ...head, events, nextCursor }
    },
  })
}

/** A report with all its events, piece by piece: memory holds one batch, each of which is on record before it is given out. */
async function* wholeReport(
  first: Found,
  next: (found: Found) => Promise<Found>,
  broken: (error: unknown) => Promise<unknown>,
  isHtml: boolean,
): AsyncGenerator<string> {
  const { head } = first
  yield isHtml ? htmlHead(head, head.summary.events) : `${JSON.stringify(head).slice(0, -1)},"events":[`
  for (let [found, isBegun] = [first, false]; ; isBegun = true) {
    const { events, last } = found
    const json = events.map((event) => JSON.stringify(event)).join()
    yield isHtml ? htmlRows(events) : `${isBegun && json !== '' ? ',' : ''}${json}`
    if (!last) break
    try {
      found = await next(found)
    } catch (error) {
      // There is no way left to say why, but that the file has no end.
      await broken(error)
      throw error
    }
  }
  yield isHtml ? htmlEnd(head) : '],"nextCursor":null}'
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
