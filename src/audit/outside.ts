import type { SealedTables, SigningKey } from '../db/sealed-tables.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { type Checkpoint, originOf, parseCheckpoint } from './checkpoint-note.ts'
import { parseNote } from './note.ts'
import { rootAt } from './tree-reader.ts'

const signatureBytes = 64

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
  /** When it was accepted. */
  at: string | null
  note: string
}

export function formatLoss(
  tenantId: string,
  { size, generation }: Pick<Loss, 'size' | 'generation'>,
  more: readonly string[],
): string {
  const lines = [originOf(tenantId), 'events lost', `kept ${size}`, `kept key ${generation}`, ...more]
  return lines.map((line) => `${line}\n`).join('')
}

/** @returns null for what is neither a checkpoint nor a loss of this tenant */
export function readOutside(tenantId: string, note: string): OutsideCheckpoint | Loss | null {
  const text = isWhole(note) ? (parseNote(note)?.text ?? '') : ''
  const checkpoint = parseCheckpoint(text)
  if (checkpoint) return checkpoint.origin === originOf(tenantId) ? { ...checkpoint, note } : null
  const [origin, kind, size, generation, time] = text.split('\n')
  if (origin !== originOf(tenantId) || kind !== 'events lost') return null
  const kept = { size: number(/^kept (\d{1,15})$/, size), generation: number(/^kept key (\d{1,9})$/, generation) }
  const at = /^time (.+)$/.exec(time ?? '')?.[1] ?? null
  return kept.size === null || kept.generation === null
    ? null
    : { size: kept.size, generation: kept.generation, at, note }
}

/** Whether a note is more than what a crash has left of one: then its signature is cut, wherever that was. */
export const isWhole = (note: string): boolean =>
  parseNote(note)?.signatures.some(({ signature }) => signature.length === signatureBytes) ?? false

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

/** The endorsements kept outside that still count, by generation. */
export async function outsideKeys(store: CheckpointStore, tenantId: string): Promise<string[]> {
  let known: string[] = []
  for await (const note of store.all(tenantId, 'keys')) {
    const read = readOutside(tenantId, note)
    if (read && isLoss(read)) known = known.slice(0, read.generation)
    else if (isWhole(note) && !known.includes(note)) known.push(note)
  }
  return known
}

/** The keys outside are the first of those in the database; newer ones may not have got there. */
export function keysFault(keys: readonly SigningKey[], endorsements: readonly string[]): string | null {
  const wrong = endorsements.findIndex((note, i) => keys[i]?.endorsement !== note)
  if (wrong < 0) return null
  return keys[wrong]
    ? `signing key ${wrong + 1} in the database is not the one kept outside: somebody has signed the tree anew`
    : `the database has lost signing key ${wrong + 1}`
}

/** Whether the tree in the database had this root when it was of that size. */
export async function isRoot(tables: SealedTables, size: number, root: Buffer): Promise<boolean> {
  try {
    return (await rootAt(tables, size)).equals(root)
  } catch {
    // Hashes are missing.
    return false
  }
}

function number(form: RegExp, text: string | undefined): number | null {
  const digits = form.exec(text ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}
