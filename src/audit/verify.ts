import type { CheckedTables } from '../db/checked-tables.ts'
import type { Leaf, Place, StoredEvent } from '../db/sealed-tables.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { keysFault, outsideKeys } from './outside.ts'
import { isShape, Shapes } from './shapes.ts'
import { EventCheck } from './verify-events.ts'
import { CheckedKeys } from './verify-keys.ts'
import { DroppedMonths } from './verify-months.ts'
import { checkOutside } from './verify-outside.ts'
import { type Fault, Report } from './verify-report.ts'
import { TreeCheck } from './verify-tree.ts'

/** Asks the database for a tenant; each time for itself, so that nothing is held open for long. */
export type Run = <T>(work: (tables: CheckedTables) => Promise<T>) => Promise<T>

export interface VerifyOptions {
  tenantId: string
  run: Run
  store: CheckpointStore
  /** Called for each fault, as they are found. */
  fault: (fault: Fault) => void
}

const portionSize = 4_000

/**
 * Holds every sealed event of a tenant against its leaf, the leaves against the tree, the tree against the signed
 * checkpoints inside and outside the database, and the signatures against the keys. Everything is computed here, out of
 * plain rows: what the database itself would say of them, whoever owns it could have it say. Works while the service
 * runs: what is settled does not change, and what comes later is not looked at. Memory is bounded, whatever there is.
 */
export async function verifyTenant({ tenantId, run, store, fault }: VerifyOptions): Promise<Report> {
  const report = new Report(tenantId, fault)
  const { newest, beyond } = await run((tables) => tables.head())
  for (const leaf of beyond)
    report.fault(leaf.eventId, `stands at leaf ${leaf.index}, beyond the newest checkpoint: nobody signed that`)
  // First those outside: a key that is made in between stands in the database before it stands there.
  const endorsements = await outsideKeys(store, tenantId)
  const keys = await CheckedKeys.read(run, report)
  const wrong = keysFault(keys.all, endorsements)
  if (wrong !== null) report.fault(null, wrong)
  await checkShapes(run, report)

  const below: Place = { epoch: newest?.epoch ?? 0, transactionId: newest?.watermark ?? '0' }
  const shapes = new Shapes(run)
  const size = newest?.size ?? 0
  const tree = new TreeCheck(run, report, keys, size)
  const months = new DroppedMonths(run, store, report, keys, below)
  const events = new EventCheck(run, report, shapes, below, months)
  const rows = new Portions<StoredEvent>((last) =>
    run((tables) =>
      tables.events(
        last ? { epoch: last.epoch, transactionId: last.transaction_id, sequence: last.sequence } : null,
        below,
        portionSize,
      ),
    ),
  )
  const leaves = new Portions<Leaf>((last) =>
    run(async (tables) => {
      const found = await tables.leaves(last ? last.index + 1 : 0, portionSize)
      return found.filter((leaf) => leaf.index < size)
    }),
  )
  for (;;) {
    const [leafRows, eventRows] = [await leaves.next(), await rows.next()]
    if (leafRows.length === 0 && eventRows.length === 0) break
    await shapes.load(eventRows)
    await events.add(leafRows, eventRows)
    await tree.add(leafRows)
  }
  await events.end()
  await months.end()
  await tree.end()
  for (const { eventId, isAhead } of await run((tables) => tables.misdated(below, 1_000)))
    report.fault(
      eventId,
      isAhead
        ? 'is of a transaction that there has not been yet'
        : 'carries the number of a transaction that did not write it',
    )
  for (const id of await run((tables) => tables.sealedTwice(1_000)))
    report.fault(id, 'was written by hand: another event has its id')
  await checkOutside(run, store, report, keys, newest)
  return report
}

async function checkShapes(run: Run, report: Report): Promise<void> {
  for (let last = '00000000-0000-0000-0000-000000000000'; ; ) {
    const shapes = await run((tables) => tables.shapesAfter(last, portionSize))
    for (const { id, text } of shapes)
      if (!isShape(id, text))
        report.fault(null, `the shape ${id} was changed: the events that have it do not say what they said`)
    const end = shapes.at(-1)
    if (!end) return
    last = end.id
  }
}

/** Rows in portions, the next one asked for while the one before is worked on. */
class Portions<Row> {
  readonly #ask: (last: Row | null) => Promise<Row[]>
  #next: Promise<Row[]>

  constructor(ask: (last: Row | null) => Promise<Row[]>) {
    this.#ask = ask
    this.#next = ask(null)
    this.#next.catch(() => {})
  }

  async next(): Promise<Row[]> {
    const rows = await this.#next
    const last = rows.at(-1)
    this.#next = last === undefined ? Promise.resolve([]) : this.#ask(last)
    // Awaited later, or never where another stream has failed.
    this.#next.catch(() => {})
    return rows
  }
}

export type { Fault, Report }
