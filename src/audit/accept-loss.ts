import type { Database } from '../db/database.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { openNote, signNote } from './note.ts'
import { formatLoss, isLoss, isRoot, type OutsideCheckpoint, outsideKeys, readOutside } from './outside.ts'
import { makeUp, type Tenant } from './seal.ts'
import { SealingFault } from './sealing-fault.ts'
import { signerOf, timeLine, verifierKey } from './signing-keys.ts'

/**
 * Puts on record that sealed events were given up: as an event of the tenant, and as a signed note outside, from which
 * on only what the database still bears out counts.
 * @param size of the checkpoint outside that is given up
 * @returns why it cannot be put on record, or null
 */
export async function acceptLoss(
  db: Database,
  store: CheckpointStore,
  tenant: Tenant,
  size: number,
): Promise<string | null> {
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
  const endorsements = await outsideKeys(store, tenantId)
  const differing = endorsements.findIndex((note, i) => keys[i]?.endorsement !== note)
  const generation = differing < 0 ? endorsements.length : differing

  const caller = { principal: db.own('system', tenant), meta: { requestId: null, ip: null, purpose: null } }
  const entry = { action: 'administer', resource: 'audit-events', code: 'sealed_events_lost' } as const
  await db.change(caller, { ...entry, query: { sealed: size, kept: kept?.size ?? 0 } }, async (tx) => {
    tx.touch({ resource: 'audit-events', ids: [] })
  })
  const text = formatLoss(tenantId, { size: kept?.size ?? 0, generation }, [timeLine(new Date().toISOString())])
  const note = signNote(text, signer)
  await store.append(tenantId, 'keys', [note])
  await store.append(tenantId, 'checkpoints', [note, ...(kept ? [kept.note] : [])])
  await makeUp(db, store, tenant, kept?.size ?? 0)
  return null
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
