import type { Database } from '../db/database.ts'
import type { Checkpoint, Place, SealedTables, SigningKey, StoredEvent } from '../db/sealed-tables.ts'
import type { SealingTables } from '../db/sealing.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { formatCheckpoint, originOf, parseCheckpoint, parseEndorsement } from './checkpoint-note.ts'
import { sealedForm } from './leaf.ts'
import { leafHash } from './merkle.ts'
import { openNote, type Signer, signNote } from './note.ts'
import { newestOutside } from './outside.ts'
import { SealingFault } from './sealing-fault.ts'
import { Shapes } from './shapes.ts'
import { ensureKey, keyFault, signerOf, timeLine, verifierKey } from './signing-keys.ts'
import { append } from './tree-append.ts'
import { type Edge, edgeAt, MissingHashes, rootOf } from './tree-reader.ts'

export interface Tenant {
  tenantId: string
  region: string
}

/** What a run has come to. */
export interface Sealed {
  /** false: another sealer is at it. */
  isDone: boolean
  events: number
  /** There are more settled events than one checkpoint takes: to be run again without a pause. */
  isMore: boolean
  /** Events that are not sealed, as of the end of this run; transactions that are still open hold them back. */
  unsealed: { count: number; oldestSeconds: number }
}

/** Events of one checkpoint, unless one transaction alone has more. */
const usualBatchSize = 20_000
/** Events in memory at once. */
const portionSize = 5_000
const unsealedCountMax = 100_000

/**
 * Seals what is settled of one tenant's events: one transaction, one checkpoint, then its note outside the database. An
 * event is settled when no transaction of a number up to its own is open any more, so that none can come before it; this
 * takes no lock from writers. (By the highest number instead, 3,781 of 7,250 committed events were missed.)
 * @throws {SealingFault} where what was sealed before is not what it was; nothing is signed then
 */
export async function seal(
  db: Database,
  store: CheckpointStore,
  tenant: Tenant,
  batchSize = usualBatchSize,
): Promise<Sealed> {
  const keys = await db.tenantKeys(tenant)
  // Before the transaction: what is outside then, the database has committed.
  const outside = await newestOutside(store, tenant.tenantId)
  const done = await db.seal(tenant, async (tables) => {
    if (!(await tables.lock())) return null
    const last = await checkedHead(tables)
    if (outside && outside.size > (last?.size ?? 0))
      throw new SealingFault('sealed_events_lost', 'a checkpoint outside the database is larger than its newest')
    const extension = await extend(tables, keys, last, batchSize)
    return extension === 'keyless' ? extension : { last, ...extension }
  })
  if (done === 'keyless') {
    await ensureKey(db, tenant)
    return seal(db, store, tenant, batchSize)
  }
  if (!done) return { isDone: false, events: 0, isMore: false, unsealed: { count: 0, oldestSeconds: 0 } }
  const { last, made, ...result } = done
  // What is missing there: a crash after the commit, a new folder; and a new key's endorsement.
  const isBehind = (outside?.size ?? 0) < (last?.size ?? 0)
  if (isBehind || (made && made.keyGeneration !== last?.keyGeneration))
    await makeUp(db, store, tenant, outside?.size ?? 0)
  else if (made) await store.append(tenant.tenantId, 'checkpoints', [made.note])
  return { isDone: true, ...result }
}

/** Adds the checkpoints above a size, and the keys that are missing, to what is kept outside. */
export async function makeUp(db: Database, store: CheckpointStore, tenant: Tenant, above: number): Promise<void> {
  const { tenantId } = tenant
  const known = new Set<string>()
  for await (const note of store.all(tenantId, 'keys')) known.add(note)
  const endorsements = await db.sealed(tenant, async (tables) => (await tables.keys()).map((key) => key.endorsement))
  await store.append(
    tenantId,
    'keys',
    endorsements.filter((note) => !known.has(note)),
  )
  for (let size = above; ; ) {
    const missing = await db.sealed(tenant, (tables) => tables.checkpoints(size, 1_000))
    await store.append(
      tenantId,
      'checkpoints',
      missing.map((one) => one.note),
    )
    const newest = missing.at(-1)
    if (!newest) return
    size = newest.size
  }
}

interface Extension extends Omit<Sealed, 'isDone'> {
  made: Checkpoint | null
}

async function extend(
  tables: SealingTables,
  tenantKeys: TenantKeys,
  last: Checkpoint | null,
  batchSize: number,
): Promise<Extension | 'keyless'> {
  const horizon = await tables.horizon()
  const from: Place = last ? { epoch: last.epoch, transactionId: last.watermark } : { epoch: 0, transactionId: '0' }
  const settled = new SettledEvents(tables, from, horizon, batchSize)
  let portion = await settled.next()
  if (portion.length === 0) {
    const unsealed = await tables.unsealed(from, unsealedCountMax)
    return { made: null, events: 0, isMore: false, unsealed }
  }
  const newest = (await tables.keys()).at(-1)
  if (!newest) return 'keyless'
  const signer = signerOf(tenantKeys, newest, await tables.secret())
  let edge = await checkedEdge(tables, last)
  const shapes = new Shapes((work) => work(tables))
  const before = edge.size
  // The database writes one portion and reads the next but one while this process hashes.
  let written: Promise<unknown> = Promise.resolve()
  while (portion.length > 0) {
    await shapes.load(portion)
    const next = settled.next()
    next.catch(() => {})
    const first = edge.size
    const leaves = portion.map((event, i) => ({
      index: first + i,
      hash: leafHash(sealedForm(event, shapes.of(event))),
      eventId: event.event_id,
      occurredAt: event.occurred_at,
    }))
    const hashes = leaves.map((leaf) => leaf.hash)
    const grown = append(edge, hashes)
    await written
    written = Promise.all([tables.addLeaves(leaves), tables.addNodes(grown.nodes)])
    written.catch(() => {})
    edge = grown.edge
    portion = await next
  }
  await written
  const below = settled.end
  const made = checkpointOf(signer, edge, below, newest.generation)
  await tables.addCheckpoint(made)
  const unsealed = await tables.unsealed(below, unsealedCountMax)
  return { made, events: edge.size - before, isMore: settled.isMore, unsealed }
}

/** The settled events of a tenant, portion by portion, up to the end of a transaction. */
class SettledEvents {
  readonly #tables: SealedTables
  readonly #horizon: Place
  readonly #batchSize: number
  /** All events below it have been given. */
  end: Place
  isMore = false
  #last: StoredEvent | null = null
  #count = 0

  constructor(tables: SealedTables, from: Place, horizon: Place, batchSize: number) {
    this.#tables = tables
    this.#horizon = horizon
    this.#batchSize = batchSize
    this.end = from
  }

  async next(): Promise<StoredEvent[]> {
    if (this.#horizon.epoch === this.end.epoch && BigInt(this.#horizon.transactionId) <= BigInt(this.end.transactionId))
      return []
    const last = this.#last
    const full = this.#count >= this.#batchSize
    // A checkpoint ends with a transaction: the place below which all is sealed can be said then.
    const below = full && last ? after(last) : this.#horizon
    const from = last
      ? { epoch: last.epoch, transactionId: last.transaction_id, sequence: last.sequence }
      : { ...this.end, sequence: -1 }
    const events = await this.#tables.events(from, below, Math.min(portionSize, this.#batchSize))
    this.#last = events.at(-1) ?? last
    this.#count += events.length
    if (events.length === 0) {
      this.end = below
      this.isMore = full
    }
    return events
  }
}

const after = (event: StoredEvent): Place => ({
  epoch: event.epoch,
  transactionId: (BigInt(event.transaction_id) + 1n).toString(),
})

/**
 * The right edge of the tree, when it is the one that was signed last: a tree that was changed behind our back must not
 * get a signature.
 */
async function checkedEdge(tables: SealedTables, last: Checkpoint | null): Promise<Edge> {
  const size = last?.size ?? 0
  const edge = await edgeAt(tables, size)
  const [beyond] = await tables.leaves(size, 1)
  if (beyond) throw new SealingFault('tree_changed', 'there are leaves beyond the newest checkpoint')
  if (last && !rootOf(edge).equals(last.rootHash))
    throw new SealingFault('tree_changed', 'the tree is not what its newest checkpoint says')
  return edge
}

/** Why a tree cannot be sealed on, in half a sentence; null when it can. */
export async function sealableFault(tables: SealedTables): Promise<string | null> {
  try {
    await checkedEdge(tables, await checkedHead(tables))
    return null
  } catch (error) {
    if (error instanceof SealingFault || error instanceof MissingHashes) return error.message
    throw error
  }
}

/** The newest checkpoint, when its columns are what was signed: up to where events are sealed is one of them. */
async function checkedHead(tables: SealedTables): Promise<Checkpoint | null> {
  const last = await tables.newestCheckpoint()
  if (!last) return null
  const keys = await tables.keys()
  const signed = openNote(
    last.note,
    keys.map((key) => verifierKey(tables.tenantId, key.publicKey)),
  )
  const head = signed && parseCheckpoint(signed.text)
  const isSame =
    head?.origin === originOf(tables.tenantId) &&
    head.size === last.size &&
    head.rootHash.equals(last.rootHash) &&
    head.extensions.includes(watermarkLine(last))
  if (!signed || !isSame) throw new SealingFault('tree_changed', 'the newest checkpoint is not what was signed')
  const by = keys.findIndex((key) => key.publicKey.equals(signed.key.publicKey))
  const [key, next] = keys.slice(by)
  // Whoever has a retired key could sign another end of the tree with it.
  if (key && next && last.size > lastSizeOf(tables.tenantId, key, next))
    throw new SealingFault('tree_changed', 'the newest checkpoint is signed by a key that was retired before it')
  return last
}

/** The size of the last checkpoint that a key signed, as it said itself when it went over to the next one. */
function lastSizeOf(tenantId: string, key: SigningKey, next: SigningKey): number {
  const fault = keyFault(tenantId, next, key)
  const signed = openNote(next.endorsement, [verifierKey(tenantId, key.publicKey)])
  const said = signed && parseEndorsement(signed.text)
  if (fault !== null || !said) throw new SealingFault('tree_changed', `the signing key ${next.generation} ${fault}`)
  return said.after
}

/** The line that says up to where events are sealed; without it, whoever owns the database could hide events behind it. */
export const watermarkLine = ({ epoch, watermark }: Pick<Checkpoint, 'epoch' | 'watermark'>): string =>
  `below ${epoch}/${watermark}`

function checkpointOf(signer: Signer, edge: Edge, below: Place, keyGeneration: number): Checkpoint {
  const madeAt = new Date().toISOString()
  const head = { size: edge.size, rootHash: rootOf(edge), epoch: below.epoch, watermark: below.transactionId }
  const text = formatCheckpoint({
    origin: signer.name,
    size: head.size,
    rootHash: head.rootHash,
    extensions: [timeLine(madeAt), watermarkLine(head)],
  })
  return { ...head, keyGeneration, note: signNote(text, signer), madeAt }
}
