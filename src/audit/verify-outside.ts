import type { Checkpoint } from '../db/sealed-tables.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { readDrop } from './dropped-month.ts'
import { isLoss, isRoot, isWhole, type OutsideCheckpoint, readOutside } from './outside.ts'
import type { Run } from './verify.ts'
import type { CheckedKeys } from './verify-keys.ts'
import type { Report } from './verify-report.ts'

const atOnce = 500

/**
 * Holds the database against what is kept outside it. Of the notes before an accepted loss only those count that it
 * kept.
 * @param newest the newest checkpoint of the database in the beginning
 */
export async function checkOutside(
  run: Run,
  store: CheckpointStore,
  report: Report,
  keys: CheckedKeys,
  newest: Checkpoint | null,
): Promise<void> {
  const { tenantId } = report
  const losses: { at: number; size: number }[] = []
  let count = 0
  for await (const note of store.all(tenantId, 'checkpoints')) {
    const read = readOutside(tenantId, note)
    if (read && isLoss(read)) {
      if (await keys.signerOf(note)) {
        losses.push({ at: count, size: read.size })
        report.remark(
          `a loss of sealed events was accepted (${read.at ?? 'nobody says when'}): of what had been sealed until then, ${read.size} events were kept, and what came after them is sealed anew`,
        )
      } else report.fault(null, `outside the database, a loss of events is noted that no key has signed`)
    }
    count++
  }

  const comparison = new Comparison(run, report)
  let at = 0
  let batch: OutsideCheckpoint[] = []
  for await (const note of store.all(tenantId, 'checkpoints')) {
    const read = readOutside(tenantId, note)
    const isGivenUp = losses.some((loss) => loss.at > at && read && !isLoss(read) && read.size > loss.size)
    at++
    // What a crash has left of a note is none; whatever it said was written again.
    if (read === null && isWhole(note) && !readDrop(tenantId, note))
      report.fault(null, 'outside the database stands a note that is none of its')
    else if (read && !isLoss(read) && !isGivenUp) {
      const signer = await keys.signerOf(note)
      const last = signer ? keys.lastSizeOf(signer.generation) : 0
      if (!signer)
        report.fault(null, `the checkpoint of ${read.size} events outside is not signed by a key of the database`)
      else if (read.size > last)
        report.fault(
          null,
          `the checkpoint of ${read.size} events outside is signed by key ${signer.generation}, which had signed its last at ${last}`,
        )
      batch.push(read)
    }
    if (batch.length >= atOnce) {
      await comparison.compare(batch)
      batch = []
    }
  }
  await comparison.compare(batch)
  await comparison.end()
  if (newest && count === 0)
    report.fault(null, 'no checkpoint is kept outside the database: it could have been written anew as a whole')
}

/** Finds between which sizes the database begins to be another. */
class Comparison {
  readonly #run: Run
  readonly #report: Report
  #goodSize = 0
  #bad: OutsideCheckpoint | null = null
  #badCount = 0

  constructor(run: Run, report: Report) {
    this.#run = run
    this.#report = report
  }

  async compare(notes: readonly OutsideCheckpoint[]): Promise<void> {
    if (notes.length === 0) return
    const inside = new Map<number, Checkpoint>(
      (await this.#run((tables) => tables.checkpointsOf(notes.map((one) => one.size)))).map((one) => [one.size, one]),
    )
    for (const one of notes) {
      const same = inside.get(one.size)
      // The tree itself has been held against the checkpoints of the database; where one is missing, it is asked.
      const holds = same
        ? same.rootHash.equals(one.rootHash)
        : await this.#run((tables) => isRoot(tables, one.size, one.rootHash))
      if (holds && !same) this.#report.fault(null, `the checkpoint of ${one.size} events is missing in the database`)
      if (holds) this.#goodSize = Math.max(this.#goodSize, one.size)
      else {
        this.#badCount++
        if (!this.#bad || one.size < this.#bad.size) this.#bad = one
      }
    }
  }

  async end(): Promise<void> {
    const bad = this.#bad
    if (!bad) return
    const from = Math.min(this.#goodSize, bad.size - 1)
    const [first] = await this.#run((tables) => tables.leaves(from, 1))
    const [last] = await this.#run((tables) => tables.leaves(Math.max(0, bad.size - 1), 1))
    const others = this.#badCount > 1 ? `; so do ${this.#badCount - 1} other checkpoints outside` : ''
    if (last)
      this.#report.fault(
        first?.eventId ?? null,
        `sealed events were changed between leaf ${from} and leaf ${bad.size - 1}: the checkpoint of ${bad.size} events outside has another root${others}`,
      )
    else {
      const newest = await this.#run((tables) => tables.newestCheckpoint())
      const [end] = await this.#run((tables) => tables.leaves(Math.max(0, (newest?.size ?? 0) - 1), 1))
      this.#report.fault(
        end?.eventId ?? null,
        `sealed events are missing from leaf ${newest?.size ?? 0} on${end ? `, after event ${end.eventId}` : ''}: a checkpoint outside covers ${bad.size}${others}`,
      )
    }
  }
}
