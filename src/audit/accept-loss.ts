import type { Database } from '../db/database.ts'
import type { Checkpoint, SigningKey } from '../db/sealed-tables.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { type DroppedMonth, formatDrop, readDrop } from './dropped-month.ts'
import { openNote, signNote } from './note.ts'
import { formatLoss, isLoss, isRoot, type OutsideCheckpoint, outsideKeys, readOutside } from './outside.ts'
import { makeUp, sealableFault, type Tenant } from './seal.ts'
import { SealingFault } from './sealing-fault.ts'
import { signerOf, timeLine, verifierKey } from './signing-keys.ts'

export interface Acceptance {
  db: Database
  store: CheckpointStore
  /** Takes back the end of a tree, down to a checkpoint. */
  cut: (tenantId: string, head: Checkpoint | null) => Promise<void>
}

/**
 * Puts on record that sealed events were given up: as an event of the tenant, and as a signed note outside, from which
 * on only what the database still bears out counts. Where the tree in the database contradicts what was signed, it is
 * taken back to there, and what is left of the events is sealed anew.
 * @param size of the checkpoint outside that is given up
 * @returns why it cannot be put on record, or null
 */
export async function acceptLoss({ db, store, cut }: Acceptance, tenant: Tenant, size: number): Promise<string | null> {
  const { tenantId } = tenant
  const tenantKeys = await db.tenantKeys(tenant)
  const keys = await db.sealed(tenant, (tables) => tables.keys())
  const secret = await db.sealed(tenant, (tables) => tables.secret())
  const newestKey = keys.at(-1)
  if (!newestKey) return 'the database has no signing key of it'
  let signer: ReturnType<typeof signerOf>
  try {
    signer = signerOf(tenantKeys, newestKey, secret)
  } catch (error) {
    if (error instanceof SealingFault) return 'its signing key cannot be used'
    throw error
  }
  const kept = await borneOut(db, store, tenant)
  const drops = await dropsBorneOut(db, store, tenant)
  const endorsements = await outsideKeys(store, tenantId)
  const differing = endorsements.findIndex((note, i) => keys[i]?.endorsement !== note)
  const generation = differing < 0 ? endorsements.length : differing
  const isContradicting = (await db.sealed(tenant, sealableFault)) !== null
  const head = isContradicting && kept ? headOf(kept, tenantId, keys) : null
  if (isContradicting && kept && !head) return 'the checkpoint that it bears out does not say up to where it sealed'

  await recordLoss(db, tenant, { sealed: size, kept: kept?.size ?? 0, ...(isContradicting ? { anew: true } : {}) })
  const at = timeLine(new Date().toISOString())
  const note = signNote(formatLoss(tenantId, { size: kept?.size ?? 0, generation }, [at]), signer)
  await store.append(tenantId, 'keys', [note])
  await store.append(tenantId, 'checkpoints', [
    note,
    ...drops.map((drop) => signNote(formatDrop(tenantId, drop, [at]), signer)),
    ...(kept ? [kept.note] : []),
  ])
  if (isContradicting) await cut(tenantId, head)
  await makeUp(db, store, tenant, kept?.size ?? 0)
  return null
}

/** An event of a tenant that says that sealed events were given up: its own, or `tenant`'s. */
export async function recordLoss(
  db: Database,
  tenant: Tenant,
  query: { tenant?: string; sealed: number; kept: number; anew?: true },
): Promise<void> {
  const caller = { principal: db.own('system', tenant), meta: { requestId: null, ip: null, purpose: null } }
  const entry = { action: 'administer', resource: 'audit-events', code: 'sealed_events_lost' } as const
  await db.change(caller, { ...entry, query }, async (tx) => {
    tx.touch({ resource: 'audit-events', ids: [] })
  })
}

/** A checkpoint as its row has it, out of its note; null where the note does not say all of it. */
function headOf(kept: OutsideCheckpoint, tenantId: string, keys: readonly SigningKey[]): Checkpoint | null {
  const by = openNote(
    kept.note,
    keys.map((key) => verifierKey(tenantId, key.publicKey)),
  )?.key.publicKey
  const keyGeneration = keys.find((key) => by?.equals(key.publicKey))?.generation
  const [, epoch, watermark] = kept.extensions.flatMap((line) => /^below (\d+)\/(\d+)$/.exec(line) ?? [])
  const [, madeAt] = kept.extensions.flatMap((line) => /^time (.+)$/.exec(line) ?? [])
  if (keyGeneration === undefined || watermark === undefined || madeAt === undefined) return null
  const { size, rootHash, note } = kept
  return { size, rootHash, epoch: Number(epoch), watermark, keyGeneration, note, madeAt }
}

/** Of the notes that a month was dropped, those that are as true of this database: it lacks the month, and says so. */
async function dropsBorneOut(db: Database, store: CheckpointStore, tenant: Tenant): Promise<DroppedMonth[]> {
  const noted = new Map<string, DroppedMonth>()
  for await (const note of store.all(tenant.tenantId, 'checkpoints')) {
    const drop = readDrop(tenant.tenantId, note)
    if (drop) noted.set(`${drop.month} ${drop.events}`, drop)
  }
  if (noted.size === 0) return []
  return db.sealed(tenant, async (tables) => {
    const said = new Set(
      (await tables.droppedFrom({ epoch: 0, transactionId: '0' })).map((one) => `${one.purpose} ${one.row_count}`),
    )
    const borne: DroppedMonth[] = []
    for (const [name, drop] of noted) if (said.has(name) && !(await tables.hasEventsOf(drop.month))) borne.push(drop)
    return borne
  })
}

/** The largest checkpoint outside whose events the database still has; null where there is none. */
async function borneOut(db: Database, store: CheckpointStore, tenant: Tenant): Promise<OutsideCheckpoint | null> {
  const keys = await db.sealed(tenant, (tables) => tables.keys())
  const known = keys.map((key) => verifierKey(tenant.tenantId, key.publicKey))
  let notes: OutsideCheckpoint[] = []
  for await (const text of store.all(tenant.tenantId, 'checkpoints')) {
    const read = readOutside(tenant.tenantId, text)
    if (read && isLoss(read)) notes = notes.filter((one) => one.size <= read.size)
    else if (read) notes.push(read)
  }
  notes.sort((a, b) => a.size - b.size)
  const holds = (one: OutsideCheckpoint): Promise<boolean> =>
    db.sealed(
      tenant,
      async (tables) => openNote(one.note, known) !== undefined && isRoot(tables, one.size, one.rootHash),
    )
  // A tree whose beginning is another is another from there on: halving finds the last that holds.
  let [from, to] = [0, notes.length]
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const one = notes[middle]
    if (one && (await holds(one))) from = middle + 1
    else to = middle
  }
  return notes[from - 1] ?? null
}
