import type { Leaf, Place, StoredEvent } from '../db/sealed-tables.ts'
import { isSameTime } from './instant.ts'
import { leafText, oddLeafText } from './leaf.ts'
import { leafHash } from './merkle.ts'
import type { Shapes } from './shapes.ts'
import type { ShapePart } from './touched.ts'
import type { Run } from './verify.ts'
import type { DroppedMonths } from './verify-months.ts'
import type { Report } from './verify-report.ts'

/** More of them without a counterpart are looked up at once, so that what waits stays small. */
const pendingMax = 10_000
const lookupSize = 500

/**
 * Holds events against leaves. Both come in their own order, which is the same as long as nothing was done to either;
 * what has no counterpart beside it waits for one, and is asked for by its id in the end.
 */
export class EventCheck {
  readonly #run: Run
  readonly #report: Report
  readonly #shapes: Shapes
  /** All events below it are sealed. */
  readonly #below: Place
  readonly #months: DroppedMonths
  readonly #leaves = new Map<string, Leaf>()
  readonly #events = new Map<string, StoredEvent>()
  #last: { index: number; event: StoredEvent } | null = null

  constructor(run: Run, report: Report, shapes: Shapes, below: Place, months: DroppedMonths) {
    this.#run = run
    this.#report = report
    this.#shapes = shapes
    this.#below = below
    this.#months = months
  }

  /** Takes the next leaves and the next events; as many of each, or what is left of one. */
  async add(leaves: readonly Leaf[], events: readonly StoredEvent[]): Promise<void> {
    for (let i = 0; i < Math.max(leaves.length, events.length); i++) {
      const [leaf, event] = [leaves[i], events[i]]
      if (leaf) this.#months.countLeaf(leaf)
      if (leaf && leaf.eventId === event?.event_id) this.#pair(leaf, event)
      else {
        if (leaf) this.#placeLeaf(leaf)
        if (event) this.#placeEvent(event)
      }
    }
    if (this.#leaves.size > pendingMax || this.#events.size > pendingMax) await this.end()
  }

  /** Looks up what has found no counterpart. */
  async end(): Promise<void> {
    const leaves = [...this.#leaves.values()]
    const events = [...this.#events.values()]
    this.#leaves.clear()
    this.#events.clear()
    for (let at = 0; at < leaves.length; at += lookupSize) await this.#lookUpLeaves(leaves.slice(at, at + lookupSize))
    for (let at = 0; at < events.length; at += lookupSize) await this.#lookUpEvents(events.slice(at, at + lookupSize))
  }

  #placeLeaf(leaf: Leaf): void {
    const event = this.#events.get(leaf.eventId)
    if (!event && this.#leaves.has(leaf.eventId)) this.#report.fault(leaf.eventId, 'stands twice in the log')
    else if (!event) this.#leaves.set(leaf.eventId, leaf)
    else if (event && this.#events.delete(leaf.eventId)) this.#pair(leaf, event)
  }

  #placeEvent(event: StoredEvent): void {
    const leaf = this.#leaves.get(event.event_id)
    // A second row of the same event must not take the first one's place.
    if (!leaf && this.#events.has(event.event_id)) this.#report.fault(event.event_id, 'stands twice in the log')
    else if (!leaf) this.#events.set(event.event_id, event)
    else if (this.#leaves.delete(event.event_id)) this.#pair(leaf, event)
  }

  #pair(leaf: Leaf, event: StoredEvent): void {
    this.#report.events++
    const fault = this.#faultOf(leaf, event)
    if (fault !== null) this.#report.fault(event.event_id, fault)
    else this.#months.addEvent(event)
    const last = this.#last
    if (fault === null && last && last.index + 1 === leaf.index && !isAfter(event, last.event))
      this.#report.fault(
        event.event_id,
        `stands at leaf ${leaf.index}, but was written before the event at the leaf before`,
      )
    this.#last = { index: leaf.index, event }
  }

  #faultOf(leaf: Leaf, event: StoredEvent): string | null {
    const change = this.#changeOf(leaf, event)
    return change !== null && isOdd(event, leaf.hash)
      ? `was written by hand: the service writes no event in this form (leaf ${leaf.index})`
      : change
  }

  #changeOf(leaf: Leaf, event: StoredEvent): string | null {
    const shape = this.#shapes.find(event)
    if (!shape) return `was changed, or the names of its fields were (leaf ${leaf.index})`
    if (!isWellFormed(event, shape)) return `was changed: nobody writes events in this form (leaf ${leaf.index})`
    if (!isSameTime(event.occurred_at, leaf.occurredAt))
      return `was changed, or its leaf was: they name different times (leaf ${leaf.index})`
    return isSealed(event, shape, leaf.hash)
      ? null
      : `was changed, or its leaf was: it is not what was sealed (leaf ${leaf.index})`
  }

  #faultOfAll(leaf: Leaf, events: readonly StoredEvent[]): string {
    const [only, ...others] = events.map((event) => this.#faultOf(leaf, event))
    return only && others.length === 0 ? only : `was changed: it is not what was sealed (leaf ${leaf.index})`
  }

  async #lookUpLeaves(leaves: readonly Leaf[]): Promise<void> {
    const found = await this.#run((tables) => tables.eventsById(leaves.map((leaf) => leaf.eventId)))
    await this.#shapes.load(found)
    const rows = Map.groupBy(found, (event) => event.event_id)
    for (const leaf of leaves) {
      const events = rows.get(leaf.eventId) ?? []
      const same = events.find((event) => this.#faultOf(leaf, event) === null)
      if (events.length === 0) await this.#months.addMissing(leaf)
      else if (!same) this.#report.fault(leaf.eventId, this.#faultOfAll(leaf, events))
      else {
        this.#report.events++
        this.#months.addEvent(same)
      }
    }
  }

  async #lookUpEvents(events: readonly StoredEvent[]): Promise<void> {
    const ids = events.map((event) => event.event_id)
    const leaves = new Set((await this.#run((tables) => tables.leavesOf(ids))).map((leaf) => leaf.eventId))
    const rows = await this.#run((tables) => tables.eventsById(ids))
    const count = Map.groupBy(rows, (event) => event.event_id)
    for (const id of ids) {
      if (!leaves.has(id))
        this.#report.fault(
          id,
          `was inserted later, or its leaf was removed: it stands below ${this.#below.epoch}/${this.#below.transactionId}, but was never sealed`,
        )
      else if ((count.get(id)?.length ?? 0) > 1) this.#report.fault(id, 'stands twice in the log')
    }
  }
}

function isSealed(event: StoredEvent, shape: ShapePart[], hash: Buffer): boolean {
  try {
    return leafHash(leafText({ ...event, shape })).equals(hash)
  } catch {
    // Values that the service would never write, such as a query a thousand levels deep.
    return false
  }
}

const isOdd = (event: StoredEvent, hash: Buffer): boolean => leafHash(oddLeafText(event)).equals(hash)

function isAfter(event: StoredEvent, other: StoredEvent): boolean {
  if (event.epoch !== other.epoch) return event.epoch > other.epoch
  if (event.transaction_id !== other.transaction_id) return BigInt(event.transaction_id) > BigInt(other.transaction_id)
  return event.sequence > other.sequence
}

/** What the sealed line leaves open: these forms say the same as others, and only one of each is ever written. */
function isWellFormed(event: StoredEvent, shape: readonly { resource: string }[]): boolean {
  const { ids, counts, versions } = event
  if (versions && (versions.length !== shape.length || versions.every((version) => version === null))) return false
  if (!counts) return shape.length > 0 || ids.length === 0
  if (counts.some((count) => count < 0)) return false
  let at = 0
  const contacts = new Set<string>()
  for (const [i, { resource }] of shape.entries()) {
    const to = at + (counts[i] ?? 0)
    if (resource === 'contacts') for (const id of ids.slice(at, to)) contacts.add(id)
    at = to
  }
  const others = ids.slice(at)
  return new Set(others).size === others.length && !others.some((id) => contacts.has(id))
}
