import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'
import { tombstoneWhere } from '../../access/tombstone.ts'
import type { Caller, JsonRow, ReadPlan, Tx } from '../../db/database.ts'
import { lockRow } from '../../db/row-changes.ts'
import { named, sql } from '../../db/sql.ts'
import { erasure } from '../../db/tables/erasure.ts'
import { utc } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce, type Made } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import { fault, invalid } from '../../http/problem.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { type ErasureOrder, eraseContact } from '../../privacy/erase.ts'
import { erasurePlan } from '../../privacy/erasure-plan.ts'
import type { ErasureTraces } from '../../privacy/erasure-reason.ts'
import { text, word } from '../values.ts'
import { patiently } from './patiently.ts'
import { contacts } from './schema.ts'

const body = z
  .strictObject({
    reason: text(
      500,
      'Why; kept sealed in the audit and in the ledger of erasures, where it outlives the person: it must not repeat a name, an address or an id of theirs.',
      'Asked for it by email',
    ),
    ticket: word('Where it was asked for; must not name the person either.', 'DSR-2026-118').optional(),
    suppress: z.boolean().default(false).meta({
      description: 'Also keeps their addresses out from now on: whoever writes from one does not become a contact.',
      example: false,
    }),
  })
  .meta({ id: 'ContactErase', description: 'An order to erase a person.' })

const kinds = erasurePlan.flatMap(({ kind }) => kind ?? [])
const answer = z
  .object({
    id: idOf('The entry in the ledger of erasures.'),
    contactId: idOf('The contact, of which only this id is left.'),
    erasedAt: time('When.'),
    counts: z
      .object(
        Object.fromEntries(
          kinds.map((kind) => [kind, z.int().meta({ description: `How many ${words(kind)}.`, example: 1 })]),
        ),
      )
      .meta({ id: 'ErasureCounts', description: 'How much there was, by kind.' }),
    suppressed: z.boolean().meta({ description: 'Whether their addresses are kept out from now on.', example: false }),
  })
  .meta({ id: 'Erasure', description: 'What was erased.' })

const entry = { action: 'erase', resource: contacts.name } as const

export function eraseRoute(app: FastifyInstance, deps: Deps): void {
  app.post('/v1/contacts/:id/erase', {
    config: { access: entry },
    schema: operation('contacts.erase', 'Erase a person', {
      params: idParams,
      body,
      response: { 200: answer },
      errors: ['conflict', 'erased', 'held', 'unprocessable'],
      idempotent: true,
      description:
        'Takes away for good what is known of a person: the contact’s fields, addresses, conversations, messages, notes, files and raw events, and the key under which the audit keeps what was said about them. The id stays, and answers 410. Waiting messages are not sent; while one is with its provider, 409. It cannot be undone. A person who comes back is a new contact.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { reason, ticket, suppress } = body.parse(request.body)
      const caller = callerOf(request)
      const order = { contactId: id, reason, ticket: ticketOf(caller, ticket), suppress, traces: tracesOf(request) }
      const again = (erasureId: string) => erasureFetch(deps, caller, erasureId)
      const made = await patiently(() =>
        changeOnce(deps.db, caller, request, reply, entry, (tx) => erase(tx, order), again),
      )
      return made.record
    },
  })
}

/** The request's own ticket goes into the audit as well, where it must not name the person either. */
function ticketOf({ meta }: Caller, named: string | undefined): string | null {
  if (meta.ticket && named !== undefined && named !== meta.ticket)
    throw invalid(fault('/ticket', 'contradiction', 'The header names another ticket.'))
  return named ?? meta.ticket ?? null
}

/** What the request itself says of it for the audit; an id of ours says nothing. */
function tracesOf({ id, headers }: FastifyRequest): ErasureTraces {
  const isGiven = [headers['request-id'], headers['x-request-id']].some((given) => String(given).toLowerCase() === id)
  const purpose = headers['custodia-purpose'] ?? headers['x-purpose']
  return { 'x-purpose': purpose === undefined ? null : String(purpose), 'request-id': isGiven ? id : null }
}

async function erase(tx: Tx, order: ErasureOrder): Promise<Made> {
  // Also in the trash, for whoever sees it there.
  const record = await eraseContact(tx, order, async () => {
    await lockRow(tx, contacts, order.contactId, 'erase', { trashed: 'also' })
  })
  return { id: record.id, record: { ...record } }
}

/** What an earlier request has erased, for whoever may be told of the tombstone. */
async function erasureFetch({ db }: Deps, caller: Caller, id: string): Promise<JsonRow> {
  const { rows } = await db.read(caller, entry, (principal): ReadPlan => {
    const erased = tombstoneWhere(principal, contacts) ?? sql`false`
    return {
      key: 'erasures/fetch',
      wanted: id,
      values: { id },
      parts: () => [
        {
          name: 'rows',
          resource: 'erasures',
          columns: sql`${erasure.id} AS id, ${erasure.contactId} AS "contactId", ${erasure.erasedAt} AS "erasedAt", ${erasure.counts} AS counts,
            ${erasure.suppressed} AS suppressed, ${erasure.contactId} AS "_subject"`,
          from: sql`${erasure}`,
          tenant: erasure.tenantId,
          where: sql`${erasure.id} = ${named('id')}::uuid AND EXISTS (SELECT FROM ${contacts.table}
            WHERE ${contacts.tenant} = ${erasure.tenantId} AND ${contacts.id} = ${erasure.contactId} AND ${erased})`,
          shown: ['counts', 'erasedAt', 'suppressed'],
          masked: [],
          byRow: false,
        },
      ],
    }
  })
  const [found] = rows ?? []
  if (!found) throw new Problem('not_found', { audited: true })
  const { _subject, ...record } = found
  return { ...record, erasedAt: utc(String(found.erasedAt)) }
}

/** "externalIds" -> "external ids" */
function words(kind: string): string {
  return kind.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
