import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { formatCheckpoint, formatEndorsement } from '../../src/audit/checkpoint-note.ts'
import { type ExportedEvent, ExportLines } from '../../src/audit/export-lines.ts'
import { leafHash } from '../../src/audit/merkle.ts'
import { formatVkey, publicKeyBytes, signNote } from '../../src/audit/note.ts'
import { append } from '../../src/audit/tree-append.ts'
import { BLOCK, consistencyProof, inclusionProof, rootAt, StoredRanges } from '../../src/audit/tree-reader.ts'
import { StoredHashes } from './reference-tree.ts'

const tenantId = '01a202d7-05ad-78ba-911f-183f11be662b'
const origin = `custodia/${tenantId}`

/** A sealed log in memory, with what the service answers about it. */
export class SealedLog {
  readonly leaves: string[]
  readonly stored: StoredHashes
  readonly keys: { privateKey: KeyObject; vkey: string }[] = []
  readonly endorsements: string[] = []

  /** @param rotations after how many events the key was changed */
  constructor(size: number, rotations: readonly number[] = []) {
    this.leaves = Array.from({ length: size }, (_, i) => leafOf(i))
    const hashes = this.leaves.map(leafHash)
    this.stored = new StoredHashes(hashes)
    for (const { level, hash } of append({ size: 0, levels: [] }, hashes).nodes) {
      this.stored.levels[level] ??= []
      this.stored.levels[level].push(hash)
    }
    for (const after of [0, ...rotations]) this.#addKey(after)
  }

  vkey(generation = 1): string {
    return this.keys[generation - 1]?.vkey ?? ''
  }

  idOf(index: number): string {
    return idOf(index)
  }

  async checkpoint(size: number, generation = this.keys.length): Promise<string> {
    const rootHash = await rootAt(this.stored, size)
    const text = formatCheckpoint({ origin, size, rootHash, extensions: ['time 2026-11-22T15:04:05.123Z'] })
    const key = this.keys[generation - 1]
    if (!key) throw new Error('no such key')
    return signNote(text, { name: origin, privateKey: key.privateKey })
  }

  async proof(index: number, size = this.leaves.length): Promise<Record<string, unknown>> {
    const leaf = this.leaves[index] ?? ''
    return {
      eventId: idOf(index),
      leaf,
      leafHash: leafHash(leaf).toString('base64'),
      leafIndex: index,
      treeSize: size,
      proof: (await inclusionProof(this.stored, index, size)).map((hash) => hash.toString('base64')),
      checkpoint: await this.checkpoint(size),
      endorsements: this.endorsements,
    }
  }

  async consistency(from: number, to: number): Promise<Record<string, unknown>> {
    return {
      from: { size: from, checkpoint: await this.checkpoint(from) },
      to: { size: to, checkpoint: await this.checkpoint(to) },
      proof: (await consistencyProof(this.stored, from, to)).map((hash) => hash.toString('base64')),
      endorsements: this.endorsements,
    }
  }

  /** The lines of an export of these leaves, a proof after every few; `hidden` are those of which only hashes are shown. */
  async export(indexes: readonly number[], each = 7, hidden: ReadonlySet<number> = new Set()): Promise<string[]> {
    const size = this.leaves.length
    const stored = this.everything()
    const lines = new ExportLines(size)
    const pieces = [lines.head(await this.checkpoint(size), this.endorsements)]
    for (let at = 0; at === 0 || at < indexes.length; at += each) {
      const events = indexes.slice(at, at + each).map((index): ExportedEvent => {
        const leaf = this.leaves[index] ?? ''
        if (!hidden.has(index)) return { leafIndex: index, leaf }
        return { leafIndex: index, leafHash: leafHash(leaf), event: { id: idOf(index), action: 'read' } }
      })
      pieces.push(lines.events(events, stored), lines.proof(stored, at + each >= indexes.length))
    }
    return pieces.join('').trimEnd().split('\n')
  }

  everything(): StoredRanges {
    const ranges = new StoredRanges()
    for (const [level, hashes] of this.stored.levels.entries())
      for (let from = 0; from < hashes.length; from += BLOCK) ranges.add(level, from, hashes.slice(from, from + BLOCK))
    return ranges
  }

  #addKey(after: number): void {
    const { privateKey } = generateKeyPairSync('ed25519')
    const publicKey = publicKeyBytes(privateKey)
    const generation = this.keys.length + 1
    const text = formatEndorsement({
      origin,
      generation,
      publicKey,
      after,
      extensions: ['time 2026-11-22T15:04:05.123Z'],
    })
    const by = this.keys.at(-1)?.privateKey ?? privateKey
    this.endorsements.push(signNote(text, { name: origin, privateKey: by }))
    this.keys.push({ privateKey, vkey: formatVkey(origin, publicKey) })
  }
}

const idOf = (index: number): string => `0199f3a2-7c10-7a44-9d55-${index.toString(16).padStart(12, '0')}`

const leafOf = (index: number): string =>
  JSON.stringify({
    v: 1,
    tenantId,
    id: idOf(index),
    occurredAt: '2026-11-22T15:04:05.123456Z',
    epoch: 1,
    transactionId: `${1000 + index}`,
    sequence: index,
    actor: { kind: 'member', id: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' },
    action: 'read',
    resource: 'contacts',
    touched: [
      { resource: 'contacts', ids: ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'], shown: ['name'], masked: ['phone'] },
    ],
    subjectIds: ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'],
    rowCount: 1,
    outcome: 'allowed',
    purpose: 'a reason with “quotes” \\ and \u2028 lines',
  })
