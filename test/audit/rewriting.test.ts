import { generateKeyPairSync } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { formatCheckpoint, formatEndorsement, originOf } from '../../src/audit/checkpoint-note.ts'
import { sealedForm } from '../../src/audit/leaf.ts'
import { leafHash } from '../../src/audit/merkle.ts'
import { publicKeyBytes, type Signer, signNote } from '../../src/audit/note.ts'
import { newestOutside } from '../../src/audit/outside.ts'
import { watermarkLine } from '../../src/audit/seal.ts'
import { Shapes } from '../../src/audit/shapes.ts'
import { signerOf, timeLine } from '../../src/audit/signing-keys.ts'
import { startFault } from '../../src/audit/start-check.ts'
import { append } from '../../src/audit/tree-append.ts'
import { rootOf } from '../../src/audit/tree-reader.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { CheckedTables } from '../../src/db/checked-tables.ts'
import { sized } from '../harness/size.ts'
import { random } from './attacker.ts'
import { smallLog } from './small-log.ts'

/** How far whoever writes the log anew goes. */
const ways = {
  'the leaves only': { tree: false, signer: 'none' },
  'leaves, nodes and the roots, without a signature': { tree: true, signer: 'none' },
  'all, with a new key in the place of the first': { tree: true, signer: 'new' },
  'all, with a second key that the first has not endorsed': { tree: true, signer: 'second' },
  'all, with the true key, stolen': { tree: true, signer: 'stolen' },
} as const

t.test('a log that was written anew as a whole is found out, and where it begins is named', async (t) => {
  const { service, tenant, store } = await smallLog(t, 9)
  const { tenantId } = tenant
  const origin = originOf(tenantId)
  const client = new pg.Client({ connectionString: service.ownerUrl })
  await client.connect()
  t.teardown(() => client.end())
  const tables = new CheckedTables(client, tenantId)
  let before: Promise<unknown> = Promise.resolve()
  const run = <T>(work: (tables: CheckedTables) => Promise<T>): Promise<T> => {
    const next = before.then(() => work(tables))
    before = next.catch(() => {})
    return next
  }
  const keys = await tables.keys()
  const [first] = keys
  if (!first) throw new Error('there is no key')
  const stolen = signerOf(await service.db.tenantKeys(tenant), first, await tables.secret())
  const outside = await newestOutside(store, tenantId)
  const size = outside?.size ?? 0

  /** Changes an event and writes everything anew that stands on it. */
  const rewrite = async (index: number, { tree, signer }: (typeof ways)[keyof typeof ways]): Promise<string> => {
    const [target] = await tables.leaves(index, 1)
    if (!target) throw new Error('no such leaf')
    await client.query(`UPDATE audit.event SET actor_id = gen_random_uuid() WHERE event_id = $1`, [target.eventId])
    const shapes = new Shapes((work) => work(tables))
    const events = await tables.events(null, { epoch: 9, transactionId: '0' }, 10_000)
    await shapes.load(events)
    const hashes = events.slice(0, size).map((event) => leafHash(sealedForm(event, shapes.of(event))))
    await client.query('UPDATE audit.leaf SET leaf_hash = $1 WHERE leaf_index = $2', [hashes[index], index])
    if (!tree) return target.eventId
    for (const { level, index: at, hash } of append({ size: 0, levels: [] }, hashes).nodes)
      await client.query('UPDATE audit.node SET hash = $1 WHERE level = $2 AND node_index = $3', [hash, level, at])
    const forged: Signer | null =
      signer === 'none'
        ? null
        : signer === 'stolen'
          ? stolen
          : { name: origin, privateKey: generateKeyPairSync('ed25519').privateKey }
    const generation = signer === 'second' ? 2 : 1
    if (forged && signer !== 'stolen') {
      const publicKey = publicKeyBytes(forged.privateKey)
      const text = formatEndorsement({ origin, generation, publicKey, after: 0, extensions: [timeLine(first.madeAt)] })
      await client.query('DELETE FROM audit.signing_key WHERE generation = $1', [generation])
      await client.query('INSERT INTO audit.signing_key VALUES ($1, $2, $3, $4, $5)', [
        tenantId,
        generation,
        publicKey,
        signNote(text, forged),
        first.madeAt,
      ])
    }
    for (const one of await tables.checkpoints(index, 1_000)) {
      const rootHash = rootOf(append({ size: 0, levels: [] }, hashes.slice(0, one.size)).edge)
      const extensions = [timeLine(one.madeAt), watermarkLine(one)]
      const text = formatCheckpoint({ origin, size: one.size, rootHash, extensions })
      await client.query('UPDATE audit.checkpoint SET root_hash = $1, note = $2, key_generation = $3 WHERE size = $4', [
        rootHash,
        forged ? signNote(text, forged) : one.note,
        forged ? generation : one.keyGeneration,
        one.size,
      ])
    }
    return target.eventId
  }

  const below = random(Number(process.env.SEED ?? Date.now() % 1e9))
  for (const [what, way] of Object.entries(ways)) {
    for (let n = 0; n < sized(2, 40); n++) {
      await client.query('BEGIN; SET LOCAL session_replication_role = replica')
      const index = below(size)
      const eventId = await rewrite(index, way)
      const faults: Fault[] = []
      await verifyTenant({ tenantId, store, run, fault: (one) => faults.push(one) })
      const [from, to] = rangeOf(faults)
      t.ok(faults.length > 0 && from <= index && index <= to, `${what}: found between leaf ${from} and leaf ${to}`, {
        eventId,
        index,
        faults,
      })
      t.ok(to - from < 60, 'which is no more than one checkpoint covers')
      // A leaf alone that is another is not seen under a node that is still the same.
      if (way.tree) t.not(await startFault(tables, store, outside), null, `${what}: does not come up`)
      await client.query('ROLLBACK')
    }
  }
})

/** The leaves that are named where a root is another. */
function rangeOf(faults: readonly Fault[]): [number, number] {
  for (const { text } of faults) {
    const [, from, to] =
      /leaf (\d+) and leaf (\d+)|leaves (\d+) to (\d+)/.exec(text)?.filter((one) => one !== undefined) ?? []
    if (from !== undefined && to !== undefined) return [Number(from), Number(to)]
  }
  return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
}
