import type { CheckpointStore } from './checkpoint-files.ts'
import { type Checkpoint, originOf, parseCheckpoint } from './checkpoint-note.ts'
import { parseNote } from './note.ts'

/** A checkpoint as it is kept outside the database; its signature has not been looked at. */
export interface OutsideCheckpoint extends Checkpoint {
  note: string
}

/**
 * That sealed events were given up: what an operator accepted when the database came back without them. Of what was kept
 * outside before it, only checkpoints up to `size` and keys up to `generation` count any more.
 *
 *     custodia/01a202d7-05ad-78ba-911f-183f11be662b
 *     events lost
 *     kept 120312
 *     kept key 2
 */
export interface Loss {
  size: number
  generation: number
  note: string
}

export function formatLoss(
  tenantId: string,
  { size, generation }: Omit<Loss, 'note'>,
  more: readonly string[],
): string {
  const lines = [originOf(tenantId), 'events lost', `kept ${size}`, `kept key ${generation}`, ...more]
  return lines.map((line) => `${line}\n`).join('')
}

/** @returns null for what is neither a checkpoint nor a loss of this tenant */
export function readOutside(tenantId: string, note: string): OutsideCheckpoint | Loss | null {
  const text = parseNote(note)?.text ?? ''
  const checkpoint = parseCheckpoint(text)
  if (checkpoint) return checkpoint.origin === originOf(tenantId) ? { ...checkpoint, note } : null
  const [origin, kind, size, generation] = text.split('\n')
  if (origin !== originOf(tenantId) || kind !== 'events lost') return null
  const kept = { size: number(/^kept (\d{1,15})$/, size), generation: number(/^kept key (\d{1,9})$/, generation) }
  return kept.size === null || kept.generation === null ? null : { size: kept.size, generation: kept.generation, note }
}

export const isLoss = (one: OutsideCheckpoint | Loss): one is Loss => 'generation' in one

/** The largest checkpoint outside the database that still counts; null where nothing is kept. */
export async function newestOutside(store: CheckpointStore, tenantId: string): Promise<OutsideCheckpoint | null> {
  let newest: OutsideCheckpoint | null = null
  for (const note of await store.last(tenantId, 'checkpoints')) {
    const read = readOutside(tenantId, note)
    if (read === null) continue
    if (isLoss(read)) newest = null
    else if (newest === null || read.size >= newest.size) newest = read
  }
  return newest
}

function number(form: RegExp, text: string | undefined): number | null {
  const digits = form.exec(text ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}
