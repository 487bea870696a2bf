import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { Caller, JsonRow, Tx } from '../../db/database.ts'
import { unknownField } from '../../db/rows.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce, type Made } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import { fault, invalid } from '../../http/problem.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { patiently } from '../contacts/patiently.ts'
import { contacts } from '../contacts/schema.ts'
import { countsToday } from './counts.ts'
import { type Side, singleFields } from './fields.ts'
import { type MergeOrder, type MergeOutcome, mergeContacts } from './merge.ts'
import { mergeListOfRequest } from './record.ts'
import { mergeAnswer, mergeBody, unmergeAnswer, unmergeBody } from './schema.ts'
import { seenContact, unmergeContacts } from './unmerge.ts'

const entry = { action: 'merge', resource: contacts.name } as const

/** What both have in common. */
const parts = {
  params: idParams,
  errors: ['conflict', 'erased', 'gone', 'unprocessable'],
  idempotent: true,
  ifMatch: 'optional',
} as const

/** Joining contacts into one, and taking that back. */
export function mergeRoutes(app: FastifyInstance, { db }: Deps): void {
  /** Once for each Idempotency-Key, and again where another change was in the way. @param before what came of it then */
  const once = async (
    request: FastifyRequest,
    reply: FastifyReply,
    work: (tx: Tx) => Promise<Made>,
    before: (caller: Caller, id: string) => Promise<JsonRow>,
  ): Promise<JsonRow> => {
    const caller = callerOf(request)
    const again = (id: string): Promise<JsonRow> => before(caller, id)
    const made = await patiently(() => changeOnce(db, caller, request, reply, entry, work, again))
    return made.record
  }

  app.post('/v1/contacts/:id/merge', {
    config: { access: entry },
    schema: operation('contacts.merge', 'Join contacts into one', {
      ...parts,
      body: mergeBody,
      response: { 200: mergeAnswer },
      description:
        'Addresses, conversations, messages, notes, files, consents, tags, custom fields and ids in other systems of the other contacts go to this one; from then on those answer 410 with `mergedIntoId`. It can be taken back with `unmerge`. With `dryRun` nothing is done: the answer says exactly what would come of it, and is recorded as a read. Only contacts of one business unit can be joined. Where a value that you do not see in clear on its own contact would become clear to you, both are refused with `would_reveal`: choose the side that you see, or leave it to somebody who sees both.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const body = mergeBody.parse(request.body)
      const caller = callerOf(request)
      const order: MergeOrder = {
        contactId: id,
        otherIds: othersOf(id, body),
        choices: choicesOf(caller.principal, body.fields),
        ifMatch: request.headers['if-match'],
      }
      if (body.dryRun)
        return patiently(() =>
          db.change(caller, { action: 'read', resource: contacts.name }, (tx) => dryRun(tx, order)),
        )
      return once(
        request,
        reply,
        async (tx) => {
          const outcome = await mergeContacts(tx, order)
          return { id: outcome.requestId, record: answerOf(outcome, order, false) }
        },
        (asking, requestId) => mergedBefore({ db }, asking, requestId),
      )
    },
  })

  app.post('/v1/contacts/:id/unmerge', {
    config: { access: entry },
    schema: operation('contacts.unmerge', 'Take a merge back', {
      ...parts,
      body: unmergeBody,
      response: { 200: unmergeAnswer },
      description:
        'Of either of the two contacts. The one that had gone into the other is what it was, with everything that was its own, and with what has come to its own addresses since; what was added to the other stays there, and of its fields what the merge had set is as before, unless somebody has set it since. A contact that went into one that was merged itself comes back when that one is back: 409 until then.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { mergeId = null } = unmergeBody.parse(request.body)
      return once(
        request,
        reply,
        async (tx) => {
          const outcome = await unmergeContacts(tx, { id, otherId: mergeId, ifMatch: request.headers['if-match'] })
          const { contact, unmerged } = outcome
          return {
            id: outcome.mergeId,
            record: { mergeId: outcome.mergeId, contactId: contact.id, unmergedId: unmerged.id, contact, unmerged },
          }
        },
        (asking, unmergedId) => unmergedBefore({ db }, asking, unmergedId),
      )
    },
  })
}

function othersOf(id: string, { mergeId, contactIds }: z.infer<typeof mergeBody>): string[] {
  if ((mergeId === undefined) === (contactIds === undefined))
    throw invalid(fault('/mergeId', 'required', 'Name one contact in `mergeId`, or several in `contactIds`.'))
  const all = contactIds ?? (mergeId === undefined ? [] : [mergeId])
  if (all.includes(id))
    throw new Problem('unprocessable', {
      errors: [fault(contactIds ? '/contactIds' : '/mergeId', 'same_contact', 'A contact does not go into itself.')],
    })
  return all
}

/** A field that does not exist and one that the caller does not see answer the same. */
function choicesOf(principal: Principal, fields: Readonly<Record<string, Side>>): Map<string, Side> {
  const known = new Set<string>([...singleFields, 'tags'])
  const faults = Object.entries(fields).flatMap(([name, side]) => {
    const path = `/fields/${name.slice(0, 100)}`
    if (!(known.has(name) || name.startsWith('customFields.')) || !sight(principal, contacts, name))
      return [unknownField(path, name)]
    return side === 'both' && name !== 'tags'
      ? [fault(path, 'invalid_value', 'Of this field one value stays: ours or theirs.')]
      : []
  })
  if (faults.length > 0) throw invalid(...faults)
  return new Map(Object.entries(fields))
}

const answerOf = (outcome: MergeOutcome, { contactId }: MergeOrder, isDry: boolean): JsonRow => ({
  contactId,
  dryRun: isDry,
  contact: outcome.contact,
  merges: outcome.merges.map((one) => ({
    ...(isDry ? {} : { id: one.id }),
    contactId: one.contactId,
    moved: one.counts,
  })),
  conflicts: outcome.conflicts,
})

/** Does it and takes it back within one transaction: nothing is closer to what would come. On record as a look. */
async function dryRun(tx: Tx, order: MergeOrder): Promise<JsonRow> {
  const silent: Tx = Object.create(tx, { touch: { value: () => {} } })
  await tx.query(sql`SAVEPOINT dry_run`)
  const outcome = await mergeContacts(silent, order)
  await tx.query(sql`ROLLBACK TO SAVEPOINT dry_run`)
  tx.contactKeys.clear()
  const subjectIds = [order.contactId, ...order.otherIds]
  for (const [id, seen] of outcome.seen) tx.touch({ resource: contacts.name, ids: [id], ...seen, subjectIds })
  return answerOf(outcome, order, true)
}

/** What an earlier request has joined, as the caller sees it today. */
async function mergedBefore({ db }: Pick<Deps, 'db'>, caller: Caller, requestId: string): Promise<JsonRow> {
  return db.change(caller, { action: 'read', resource: contacts.name }, async (tx) => {
    const merges = await mergeListOfRequest(tx, { requestId })
    const [first] = merges
    if (!first) throw new Problem('not_found')
    const { record, seen } = await seenContact(tx, first.contactId)
    const others = merges.map((one) => one.mergedId)
    const subjectIds = [first.contactId, ...others]
    tx.touch({ resource: contacts.name, ids: [first.contactId], ...seen, subjectIds })
    tx.touch({ resource: contacts.name, ids: others, subjectIds })
    return {
      contactId: first.contactId,
      dryRun: false,
      contact: record,
      merges: merges.map(({ id, mergedId, counts }) => ({
        id,
        contactId: mergedId,
        moved: countsToday(tx.principal, counts),
      })),
      conflicts: [],
    }
  })
}

async function unmergedBefore({ db }: Pick<Deps, 'db'>, caller: Caller, mergeId: string): Promise<JsonRow> {
  return db.change(caller, { action: 'read', resource: contacts.name }, async (tx) => {
    const [merge] = await mergeListOfRequest(tx, { id: mergeId })
    if (!merge) throw new Problem('not_found')
    const { contactId, mergedId } = merge
    const [contact, unmerged] = [await seenContact(tx, contactId), await seenContact(tx, mergedId)]
    for (const [id, one] of [
      [contactId, contact],
      [mergedId, unmerged],
    ] as const)
      tx.touch({ resource: contacts.name, ids: [id], ...one.seen, subjectIds: [contactId, mergedId] })
    return { mergeId, contactId, unmergedId: mergedId, contact: contact.record, unmerged: unmerged.record }
  })
}
