import type { Database } from '../db/database.ts'
import type { Checkpoint, SealedTables } from '../db/sealed-tables.ts'
import { acceptLoss, recordLoss } from './accept-loss.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { openNote } from './note.ts'
import { isRoot, keysFault, newestOutside, type OutsideCheckpoint, outsideKeys } from './outside.ts'
import { makeUp, sealableFault, type Tenant } from './seal.ts'
import { verifierKey } from './signing-keys.ts'

export interface StartCheckOptions {
  db: Database
  store: CheckpointStore
  /** Takes back the end of a tree that contradicts what was signed, down to a checkpoint. */
  cut: (tenantId: string, head: Checkpoint | null) => Promise<void>
  /** What an operator has given up: a tenant, and the size of the checkpoint outside that the database does not bear out. */
  accepted: readonly { tenantId: string; size: number }[]
  log: { warn: (fields: object, text: string) => void }
}

/** The database is not the one whose checkpoints lie outside it; a line for each tenant, for people. */
export class SealedEventsLost extends Error {
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'SealedEventsLost'
    this.lines = lines
  }
}

/**
 * Holds the database against the newest checkpoint outside it, for each tenant; quick, whatever there is of events. What
 * is missing outside is made up for. Whether each event is what was sealed, audit:verify says.
 * @throws {SealedEventsLost} when sealed events are missing or changed, and nobody has accepted that
 */
export async function checkSealedEvents({ db, store, cut, accepted, log }: StartCheckOptions): Promise<void> {
  const tenants = new Map((await db.tenants()).map((tenant) => [tenant.tenantId, tenant]))
  const lines: string[] = []
  for (const tenantId of new Set([...tenants.keys(), ...(await store.tenants())])) {
    const tenant = tenants.get(tenantId)
    const outside = await newestOutside(store, tenantId)
    const fault = tenant
      ? await db.sealed(tenant, (tables) => startFault(tables, store, outside))
      : unknownTenant(outside)
    if (fault === null) {
      if (tenant) await completeOutside(db, store, tenant, outside, log)
      continue
    }
    const size = outside?.size ?? 0
    if (!accepted.some((one) => one.tenantId === tenantId && one.size === size)) {
      lines.push(
        `Tenant ${tenantId}: ${fault}. Restore the database as it was; or, to come up without those events, set AUDIT_ACCEPT_LOSS=${tenantId}@${size}, which is recorded.`,
      )
      continue
    }
    const refusal = tenant ? await acceptLoss({ db, store, cut }, tenant, size) : null
    const recordedBy = tenant ?? (await recordLostTenant(db, tenantId, size))
    log.warn(
      { tenantId, size, recordedIn: recordedBy?.tenantId ?? 'no tenant' },
      'the loss of sealed audit events was accepted',
    )
    if (refusal !== null) lines.push(`Tenant ${tenantId}: ${fault}, and that cannot be accepted: ${refusal}.`)
  }
  if (lines.length > 0) throw new SealedEventsLost(lines)
}

/**
 * That a tenant is gone with its audit is an event of the tenant that the installation began with: there is no other
 * place that is sealed.
 * @returns that tenant; undefined where there is none
 */
async function recordLostTenant(db: Database, lost: string, size: number): Promise<Tenant | undefined> {
  const [first] = (await db.tenants()).sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
  if (first) await recordLoss(db, first, { tenant: lost, sealed: size, kept: 0 })
  return first
}

const unknownTenant = (outside: OutsideCheckpoint | null): string | null =>
  outside &&
  `the database does not know it, but ${outside.size} audit events of it were sealed according to the checkpoint outside`

/** What is wrong with the database of a tenant, in half a sentence; null when it bears out what is kept outside. */
export async function startFault(
  tables: SealedTables,
  store: CheckpointStore,
  outside: OutsideCheckpoint | null,
): Promise<string | null> {
  const keys = await tables.keys()
  const newest = await tables.newestCheckpoint()
  const keysWrong = keysFault(keys, await outsideKeys(store, tables.tenantId))
  if (keysWrong !== null) return keysWrong
  if (newest && !(await isRoot(tables, newest.size, newest.rootHash)))
    return `the tree in the database is not that of its own newest checkpoint (${newest.size} events)`
  if (!outside) return unsealable(tables)
  const inside = newest?.size ?? 0
  if (outside.size > inside)
    return `the database has lost sealed audit events: ${outside.size} were sealed according to the checkpoint outside, ${inside} are in the database`
  const known = keys.map((key) => verifierKey(tables.tenantId, key.publicKey))
  if (!openNote(outside.note, known))
    return `the checkpoint outside (${outside.size} events) is not signed by a key of the database`
  if (!(await isRoot(tables, outside.size, outside.rootHash)))
    return `sealed audit events were changed: the first ${outside.size} are not those of the checkpoint outside`
  return unsealable(tables)
}

async function unsealable(tables: SealedTables): Promise<string | null> {
  const why = await sealableFault(tables)
  return why && `the audit log cannot be sealed on: ${why}`
}

async function completeOutside(
  db: Database,
  store: CheckpointStore,
  tenant: Tenant,
  outside: OutsideCheckpoint | null,
  log: StartCheckOptions['log'],
): Promise<void> {
  const newest = await db.sealed(tenant, (tables) => tables.newestCheckpoint())
  if (!newest || newest.size === outside?.size) return
  // A crash between the commit and the file leaves one behind; none at all is another folder, or a loss.
  if (!outside)
    log.warn({ tenantId: tenant.tenantId, size: newest.size }, 'no checkpoints were kept outside; they are written now')
  await makeUp(db, store, tenant, outside?.size ?? 0)
}
