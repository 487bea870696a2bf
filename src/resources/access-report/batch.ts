import type { Tx } from '../../db/database.ts'
import { utc } from '../../db/view.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { neededFields, personValues } from './concerning.ts'
import { namesOf } from './people.ts'
import { endorsementsOf, newestCheckpoint, proofsOf } from './proofs.ts'
import { doingsOf, eventsOf, type SingleDoing } from './queries.ts'
import { accesses, fieldsIn, refusedIn, sightsIn } from './report.ts'
import type { AccessReport, ReportEvent } from './schema.ts'

/** A report without its single events. */
export type ReportHead = Omit<AccessReport, 'events' | 'nextCursor'>

export interface Place {
  at: string
  id: string
}

export interface Batch {
  contactId: string
  erased: boolean
  from: string | null
  to: string | null
  limit: number
  proofs: boolean
  /** The last event of the batch before; null: there is none. */
  after: Place | null
  /** The checkpoint that the first batch was held against; undefined: this is the first. */
  checkpoint: { size: number; note: string } | null | undefined
}

export interface Found {
  head: ReportHead
  events: ReportEvent[]
  checkpoint: { size: number; note: string } | null
  /** The last event; null: no more follow. */
  last: Place | null
}

/** Some events of a report, and what it says of all of them. What is given back is on record as shown. */
export async function reportBatch(tx: Tx, batch: Batch): Promise<Found> {
  const { contactId, erased, from, to, limit, after } = batch
  const question = { person: await personValues(tx, contactId), from, to }
  const isFirst = batch.checkpoint === undefined
  const [doings, found, checkpoint] = await Promise.all([
    isFirst ? doingsOf(tx, question) : [],
    eventsOf(tx, question, { limit: limit + 1, after }),
    batch.checkpoint === undefined ? newestCheckpoint(tx) : batch.checkpoint,
  ])
  const page = found.slice(0, limit)
  const last = found.length > limit ? page.at(-1) : undefined
  const who = await namesOf(tx, isFirst ? doings : page)
  const leaves = page.flatMap(({ leafIndex }) => (leafIndex === null ? [] : [leafIndex]))
  const proven = batch.proofs && checkpoint ? await proofsOf(tx, leaves, checkpoint.size) : new Map<number, string[]>()
  tx.touch({
    resource: auditEvents.name,
    ids: page.map((one) => one.id),
    shown: ['id', ...neededFields],
    subjectIds: [contactId],
  })
  const principals = accesses(doings, who)
  const head = {
    contactId,
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
    checkpoint: checkpoint?.note ?? null,
    endorsements: isFirst && checkpoint ? await endorsementsOf(tx) : [],
  }
  return {
    head,
    events: page.map((one) => eventOf(one, who, proven)),
    checkpoint,
    last: last ? { at: last.at, id: last.id } : null,
  }
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
