import type { Leaf, Place, StoredEvent } from '../db/sealed-tables.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { readDrop } from './dropped-month.ts'
import { microseconds } from './instant.ts'
import { isLoss, readOutside } from './outside.ts'
import type { Run } from './verify.ts'
import type { CheckedKeys } from './verify-keys.ts'
import type { Report } from './verify-report.ts'

/** A month that was dropped leaves few stretches without events; one with more of them was not dropped. */
const stretchesMax = 10_000
const portionSize = 4_000

interface Month {
  /** Sealed events that it had. */
  leaves: number
  /** Leaves [from, to) whose events are missing. */
  missing: { from: number; to: number }[]
}

/**
 * Tells events that are gone with their month from others that are missing. An event that says that a month was dropped
 * can be written by whoever owns the database, and is sealed like any other; so it excuses nothing unless the month is
 * gone as a whole, with as many events as it says, and a signed note outside the database says the same.
 */
export class DroppedMonths {
  readonly #run: Run
  readonly #store: CheckpointStore
  readonly #report: Report
  readonly #keys: CheckedKeys
  readonly #below: Place
  readonly #months = new Map<string, Month>()
  /** Events that say so, by month: how many events each says there were. */
  readonly #said = new Map<string, number[]>()

  constructor(run: Run, store: CheckpointStore, report: Report, keys: CheckedKeys, below: Place) {
    this.#run = run
    this.#store = store
    this.#report = report
    this.#keys = keys
    this.#below = below
  }

  /** Takes each leaf, once. */
  countLeaf(leaf: Leaf): void {
    const month = monthOf(leaf)
    if (month === null) return
    const known = this.#months.get(month)
    if (known) known.leaves++
    else this.#months.set(month, { leaves: 1, missing: [] })
  }

  /** Takes each event that is what was sealed. */
  addEvent({ resource, action, code, outcome, purpose, row_count }: StoredEvent): void {
    if (code !== 'month_dropped' || resource !== 'audit-events' || action !== 'delete' || outcome !== 'allowed') return
    if (purpose !== null) this.#said.set(purpose, [...(this.#said.get(purpose) ?? []), row_count])
  }

  /** Takes a leaf whose event is missing; whether that is a fault is known in the end. */
  async addMissing(leaf: Leaf): Promise<void> {
    const month = this.#months.get(monthOf(leaf) ?? '')
    const last = month?.missing.at(-1)
    if (!month) this.#name(leaf)
    else if (last?.to === leaf.index) last.to++
    else month.missing.push({ from: leaf.index, to: leaf.index + 1 })
    if (month && month.missing.length > stretchesMax) await this.#nameAll(month)
  }

  /** When all leaves and events are in. */
  async end(): Promise<void> {
    if (![...this.#months.values()].some(({ missing }) => missing.length > 0)) return
    // What was dropped just now may not be sealed yet.
    for (const event of await this.#run((tables) => tables.droppedFrom(this.#below))) this.addEvent(event)
    const outside = await this.#outside()
    for (const [name, month] of this.#months)
      if (month.missing.length > 0 && !(await this.#isDropped(name, month, outside))) await this.#nameAll(month)
  }

  async #isDropped(name: string, { leaves }: Month, outside: ReadonlySet<string>): Promise<boolean> {
    const said = this.#said.get(name) ?? []
    if (said.reduce((sum, events) => sum + events, 0) !== leaves) return false
    if (!said.every((events) => outside.has(`${name} ${events}`))) return false
    return !(await this.#run((tables) => tables.hasEventsOf(name)))
  }

  /** Months and numbers of events of which a signed note outside says that they were dropped. */
  async #outside(): Promise<Set<string>> {
    const found = new Set<string>()
    for await (const note of this.#store.all(this.#report.tenantId, 'checkpoints')) {
      const read = readOutside(this.#report.tenantId, note)
      // What was noted before a loss was accepted may be of a month that came back with an old copy.
      if (read && isLoss(read) && (await this.#keys.signerOf(note))) found.clear()
      const drop = readDrop(this.#report.tenantId, note)
      if (drop && (await this.#keys.signerOf(note))) found.add(`${drop.month} ${drop.events}`)
    }
    return found
  }

  async #nameAll(month: Month): Promise<void> {
    for (const { from, to } of month.missing.splice(0))
      for (let at = from; at < to; at += portionSize) {
        const limit = Math.min(portionSize, to - at)
        for (const leaf of await this.#run((tables) => tables.leaves(at, limit))) if (leaf.index < to) this.#name(leaf)
      }
  }

  #name(leaf: Leaf): void {
    this.#report.fault(leaf.eventId, `is missing: it was sealed as leaf ${leaf.index}`)
  }
}

/** The month in UTC, as the partitions have it; null for what is no time of an event. */
function monthOf({ occurredAt }: Leaf): string | null {
  try {
    return microseconds(occurredAt).slice(0, 7)
  } catch {
    return null
  }
}
