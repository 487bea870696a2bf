import { z } from 'zod'
import type { ParseContext } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import { touches } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { attachmentStore } from '../../resources/attachments/keep-file.ts'
import { removeAttachmentFiles } from '../../resources/attachments/queries.ts'
import { channelFetch } from '../../resources/channels/queries.ts'
import {
  awaitedHash,
  groupHash,
  laneRevive,
  laneSettle,
  laneTake,
  laneTakeBeside,
  laneWake,
  type SettledEvent,
  type StoredEvent,
} from '../../resources/inbound-events/lane.ts'
import { laneKey } from '../../resources/inbound-events/queries.ts'
import { ruleVersion } from '../../resources/routing-rules/queries.ts'
import { systemCaller } from '../../resources/tenants/create.ts'
import { countInbound } from '../../telemetry.ts'
import type { WorkContext } from '../task.ts'
import { loadRecords } from './load.ts'
import { applyAll, happeningsOf } from './outcomes.ts'
import { readEvents } from './read.ts'
import type { BatchChannel, Records } from './records.ts'
import { hasOccasions, routeOccasions } from './route.ts'
import { settledEvents } from './settle.ts'
import { together } from './together.ts'
import { writeRecords } from './write.ts'

/** Events that are normalised in order, one after the other. */
export interface Lane {
  tenantId: string
  region: string
  /** the channel whose post had it drained */
  channelId: string
  /** hexadecimal */
  lane: string
}

export interface BatchOptions {
  /** how many events at most */
  limit: number
  /** how long an event waits for what it is about, try by try */
  waitingDelaysMs: readonly number[]
  /** Whoever drains the lane stops after this batch: what is left is for another job. */
  isLast: boolean
  /** Many lanes wait: what of them can be dealt with beside is, so that each costs less. */
  withOthers: boolean
}

/** There was nothing to do: the transaction is undone, so that it leaves no trace. */
class NothingToDo extends Error {}

/** These events could not be dealt with, for a reason that lies in them or in our own code; nothing was done. */
export class BatchFailed extends Error {
  readonly eventIds: readonly string[]
  constructor(eventIds: readonly string[], cause: unknown) {
    super('a batch of inbound events failed', { cause })
    this.name = 'BatchFailed'
    this.eventIds = eventIds
  }
}

/**
 * Deals with the oldest events of a lane in one transaction: each of them is done with all that follows from it, or is
 * as it was. A crash leaves nothing half done.
 * @returns whether the lane goes on
 * @throws BatchFailed
 */
export async function normaliseBatch(
  { db, log, config }: WorkContext,
  lane: Lane,
  options: BatchOptions,
): Promise<boolean> {
  const caller = systemCaller(db, lane, null)
  let taken: StoredEvent[] = []
  try {
    const { goesOn, conflicts, settled } = await db.change(
      caller,
      { action: 'import', resource: 'inbound-events' },
      async (tx) => {
        const found = await laneTake(tx, lane.lane, options.limit)
        const own = leading(found)
        const [first] = own
        if (!first) throw new NothingToDo()
        const isAlone = !options.withOthers || first.channelId === null
        taken = isAlone ? own : [...own, ...(await laneTakeBeside(tx, lane.lane, String(first.channelId)))]
        // The audit names one cause, the first of them; all are among what was touched.
        caller.meta.causeId = first.id
        const readings = await readEvents(taken, tx.keys, attachmentStore(config), await parseContext(tx, first))
        const records = await loadRecords(tx, channelOf(first, lane), readings.flatMap(happeningsOf))
        const outcomes = applyAll(records, readings, options.waitingDelaysMs.length)
        const settled = await settledEvents(tx, records, readings, outcomes, options.waitingDelaysMs)
        const isWoken = first.nextDueMs !== null && records.messages.some((one) => one.made)
        const isCut = found.length > own.length && found[own.length]?.isHeld === false
        const isRevived = await revived(tx, taken, records)
        const goesOn = isWoken || isCut || isRevived || found.length === options.limit
        const dueMs = goesOn && options.isLast ? Date.now() : nextDueMs(first, settled.slice(0, own.length))
        await write(tx, lane, records, settled, first.isChannelQuiet, isWoken, dueMs)
        for (const [i, event] of taken.entries()) {
          const retryAt = i < own.length ? null : settled[i]?.retryAt
          if (retryAt) await setTimer(tx, { ...lane, lane: event.lane }, new Date(retryAt))
        }
        return { goesOn, conflicts: records.conflicts, settled }
      },
    )
    for (const { status } of settled) if (status !== 'stored') countInbound(status)
    for (const conflict of conflicts) log.info(conflict, 'an address belongs to another contact')
    return goesOn
  } catch (error) {
    if (error instanceof NothingToDo) return false
    const ids = taken.map((event) => event.id)
    throw ids.length === 0 ? error : new BatchFailed(ids, error)
  }
}

/** Takes up again what was given up for lack of what this batch has made. @returns whether there was any */
async function revived(tx: Tx, taken: readonly StoredEvent[], records: Records): Promise<boolean> {
  const { keys, channel, messages, conversations } = records
  const made = messages.flatMap(({ made, externalId }) =>
    made && externalId !== null ? awaitedHash(keys, channel.id, externalId) : [],
  )
  for (const { isNew, isGroup, threadKey } of conversations)
    if (isNew && isGroup) made.push(groupHash(keys, channel.id, threadKey))
  if (made.length === 0) return false
  const rows = await laneRevive(tx, [...new Set(taken.map((event) => event.lane))], made)
  for (const one of touches('inbound-events', rows, ['status', 'reason', 'attempts'], () => null)) tx.touch(one)
  return rows.length > 0
}

/** As many as can be dealt with together: up to one that holds the lane, and of one channel. */
function leading(found: readonly StoredEvent[]): StoredEvent[] {
  const end = found.findIndex((event) => event.isHeld || event.channelId !== found[0]?.channelId)
  return end === -1 ? [...found] : found.slice(0, end)
}

function channelOf(event: StoredEvent, lane: Lane): BatchChannel {
  return {
    id: event.channelId ?? lane.channelId,
    type: event.type,
    businessUnitId: event.businessUnitId ?? '',
    teamId: event.teamId,
  }
}

/** What the channel's type asks for beside its events, once for all of them; most ask for nothing. */
async function parseContext(tx: Tx, { type, channelId }: StoredEvent): Promise<ParseContext | undefined> {
  if (channelId === null || !channelType(type)?.parseNeedsSettings) return undefined
  const channel = await channelFetch(tx, channelId).catch((error: unknown) => {
    // Settings that do not fit the type any more: the events fail with that as their reason. The database's faults stay.
    if (error instanceof z.ZodError) return null
    throw error
  })
  return channel ? { settings: channel.settings } : undefined
}

/** When an event of the lane is to be looked at again; null: there is none. */
function nextDueMs(first: StoredEvent, settled: readonly SettledEvent[]): number | null {
  const all = settled.flatMap((one) => (one.retryAt === null ? [] : Date.parse(one.retryAt)))
  if (first.nextDueMs !== null) all.push(first.nextDueMs)
  return all.length === 0 ? null : Math.min(...all)
}

async function write(
  tx: Tx,
  lane: Lane,
  records: Records,
  settled: readonly SettledEvent[],
  isChannelQuiet: boolean,
  isWoken: boolean,
  dueMs: number | null,
): Promise<void> {
  // In this order, since events refer to contacts; sent without waiting in between.
  const isRouted = hasOccasions(records)
  const [touched, rows, ruled] = await together([
    writeRecords(tx, records, isChannelQuiet),
    laneSettle(tx, settled),
    isRouted ? ruleVersion(tx) : '',
    isWoken ? laneWake(tx, lane.lane) : undefined,
    dueMs === null ? undefined : setTimer(tx, lane, new Date(dueMs)),
  ])
  const contacts = new Map(settled.map((one) => [one.id, one.contactId]))
  const changed = ['status', 'reason', 'contactId', 'conversationId', 'messageId', 'processedAt']
  for (const one of touches('inbound-events', rows, changed, (id) => contacts.get(id))) tx.touch(one)
  for (const one of touched) tx.touch(one)
  if (isRouted) for (const one of await routeOccasions(tx, records, ruled)) tx.touch(one)
  if (records.emptied.size > 0)
    await removeAttachmentFiles(
      tx,
      sql`message_id = ANY (${array([...records.emptied], 'uuid')}) AND NOT id = ANY (${array(
        records.attachments.map((one) => one.id),
        'uuid',
      )})`,
    )
}

/** Moments that are so close are one. */
const slotMs = 1_000

/**
 * Has the lane looked at again later. Under a key of its own for each moment: a job that waits already keeps its time,
 * and neither may a new event of the lane wait until then, nor may this moment be missed for an earlier one.
 */
export async function setTimer(tx: Tx, { tenantId, region, channelId, lane }: Lane, at: Date): Promise<void> {
  const slot = new Date(Math.ceil(at.getTime() / slotMs) * slotMs)
  const key = `${laneKey(tenantId, lane)}/${slot.toISOString()}`
  await tx.enqueue('normalise', key, { tenantId, region, channelId, lane }, slot)
}
